"""The rows that prove a finding, as tables: telling columns, cited cells marked, all fields at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from soc_analyst.state.findings import EvidenceRef, Finding
from soc_analyst.tools.evidence.describing import TELLING

from .events import Row, row_of
from .wording import clipped, defanged_indicator, moment

__all__ = ["Allotment", "Cell", "ProofRow", "ProofTable", "allotted", "proof_of"]

ROWS_IN_ALL = 2_400
"""Rows of all findings together that are shown."""
CELLS_IN_ALL, ROW = 1_200_000, 1_500
"""Characters of the rows of all findings together, and how many of a row count at most: the longest cells are cut."""
FIELDS_IN_ALL = 1_000_000
"""Characters of log lines of all findings together whose fields are shown one by one."""
COLUMNS = 10
FIRST_COLUMNS = 6
"""Of a table that nobody described."""
CELL, FIELD = 240, 4_000
LEAST_INDICATOR = 4
TIME = "TimeGenerated"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a row; `mark` says why it is marked, empty where it is not."""

    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class ProofRow:
    """A cited row: its handle, its telling cells, and all its fields where there is room."""

    handle: str
    time: str
    cells: tuple[Cell, ...]
    fields: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class ProofTable:
    """The rows of one log table."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[ProofRow, ...]


@dataclass(frozen=True, slots=True)
class Allotment:
    """How many rows of each finding are shown, and of how many of them all fields."""

    rows: int
    fields: int


def allotted(findings: Sequence[Finding]) -> Allotment:
    """Return the most for each finding with which all of them keep within the page."""
    longest = max((len(finding.evidence) for finding in findings), default=0)
    rows = _most(longest, ROWS_IN_ALL, [[1] * len(finding.evidence) for finding in findings])
    rows = _most(rows, CELLS_IN_ALL, [[min(len(line), ROW) for line in one.log_lines[:rows]] for one in findings])
    fields = _most(rows, FIELDS_IN_ALL, [[len(line) for line in finding.log_lines[:rows]] for finding in findings])
    return Allotment(max(1, rows), fields)


def _most(most: int, room: int, sizes: Sequence[Sequence[int]]) -> int:
    """Return the largest number of first ones of each that together fit into the room."""
    used = 0
    for count in range(most):
        used += sum(own[count] for own in sizes if count < len(own))
        if used > room:
            return count
    return most


def proof_of(finding: Finding, allotment: Allotment) -> tuple[ProofTable, ...]:
    """Return the cited rows by table, in the finding's own order."""
    shown: dict[str, list[tuple[int, EvidenceRef, Row]]] = {}
    for at, ref in enumerate(finding.evidence[: allotment.rows]):
        row = row_of(finding.log_lines[at]) if at < len(finding.log_lines) else {}
        shown.setdefault(ref.table, []).append((at, ref, row))
    return tuple(_table(finding, table, rows, allotment.fields) for table, rows in shown.items())


def _table(finding: Finding, table: str, rows: Sequence[tuple[int, EvidenceRef, Row]], fields: int) -> ProofTable:
    marks = _Marks(finding, table)
    columns = _columns(table, [row for _, _, row in rows], marks)
    told = []
    for at, ref, row in rows:
        cells = tuple(marks.cell(column, row.get(column), CELL) for column in columns)
        every = tuple((name, marks.cell(name, value, FIELD)) for name, value in row.items() if value not in (None, ""))
        told.append(ProofRow(f"{ref.query_id} #{ref.row}", moment(ref.time), cells, every if at < fields else ()))
    return ProofTable(table, columns, tuple(told))


def _columns(table: str, rows: Sequence[Row], marks: _Marks) -> tuple[str, ...]:
    """Return the columns that tell what a row is about and those that are cited, as far as any row fills them."""
    filled = dict.fromkeys(name for row in rows for name, value in row.items() if value not in (None, ""))
    cited = [name for name in filled if any(marks.why(name, row.get(name)) for row in rows)]
    first = TELLING.get(table) or [name for name in filled if name != TIME][:FIRST_COLUMNS]
    wanted = dict.fromkeys(["DeviceName", *first, *cited])
    return tuple(name for name in wanted if name in filled and name != TIME)[:COLUMNS]


class _Marks:
    """Which cells of a finding's rows its claims and indicators cite."""

    def __init__(self, finding: Finding, table: str) -> None:
        self._claimed = dict(_claimed(finding, table))
        found = [value for value in finding.indicators_of_compromise if len(value) >= LEAST_INDICATOR]
        self._indicators = [value.casefold() for value in found]

    def why(self, column: str, value: object) -> str:
        """Return why a cell is cited, empty where it is not."""
        text = _text(value).casefold()
        if not text:
            return ""
        if any(indicator in text for indicator in self._indicators):
            return "holds an indicator of compromise"
        return "a claim is checked on it" if self._claims(column, text) else ""

    def cell(self, column: str, value: object, longest: int) -> Cell:
        """Return a value as it is shown."""
        text = _text(value)
        shown = defanged_indicator(text) if text.casefold() in self._indicators else clipped(text, longest)
        return Cell(shown, self.why(column, value))

    def _claims(self, column: str, text: str) -> bool:
        values = self._claimed.get(column)
        return values is not None and (not values or any(value in text for value in values))


def _claimed(finding: Finding, table: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the columns that claims test, with the values that they name."""
    found: dict[str, tuple[str, ...]] = {}
    for claim in finding.claims:
        if claim.column and claim.table in ("", table):
            found[claim.column] = (*found.get(claim.column, ()), claim.value.casefold())
        for condition in claim.where if claim.table == table else ():
            values = tuple(str(value).casefold() for value in condition.values)
            found[condition.column] = (*found.get(condition.column, ()), *values)
    yield from found.items()


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Mapping | list):
        return orjson.dumps(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
