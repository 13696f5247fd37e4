"""What the statistics share: rows as columns of text and time, windows over them, and detections with their proof."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from math import ceil, isnan
from statistics import median
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection, Level, Rule
from soc_analyst.state.queries import Condition, Scalar
from soc_analyst.tools.evidence import Evidence, TableRows

from .coded import Coded, Mask, Seconds, coded
from .lines import Lines, hardly_repeats

__all__ = ["Frame", "Framed", "Sighting", "busiest", "differs", "equals", "one_of", "regular", "widest"]

MAX_CITED = 25
"""Rows that a detection cites; its claims count all of them."""

MANY = 100_000
"""Distinct texts of a column from which on it weighs in the memory."""


def equals(column: str, value: Scalar) -> Condition:
    """Require a column to hold a value, without regard to the case of text."""
    return Condition(column=column, op="=~" if isinstance(value, str) else "==", values=(value,))


def differs(column: str, value: str) -> Condition:
    """Require a column not to hold a text, without regard to case."""
    return Condition(column=column, op="!~", values=(value,))


def one_of(column: str, values: Iterable[str]) -> Condition:
    """Require a column to hold one of these texts, without regard to case."""
    return Condition(column=column, op="in~", values=tuple(sorted(values)))


def busiest(times: Sequence[float], seconds: float) -> tuple[int, int]:
    """Return the half-open range of sorted times that holds the most within this many seconds."""
    best, start = (0, 0), 0
    for end, time in enumerate(times, 1):
        while time - times[start] > seconds:
            start += 1
        if end - start > best[1] - best[0]:
            best = (start, end)
    return best


def widest(times: Sequence[float], values: Sequence[str], seconds: float) -> tuple[int, int]:
    """Return the half-open range of sorted times that holds the most distinct values within this many seconds."""
    best, most, start = (0, 0), 0, 0
    inside: Counter[str] = Counter()
    for end, time in enumerate(times, 1):
        inside[values[end - 1]] += 1
        while time - times[start] > seconds:
            inside[values[start]] -= 1
            inside += Counter()
            start += 1
        if len(inside) > most:
            best, most = (start, end), len(inside)
    return best


def regular(times: Sequence[float], tolerance: float) -> float:
    """Return the usual gap in seconds of sorted times that keep to it within this share, or 0 where they do not.

    Four of five gaps may stray by no more than `tolerance` times the median gap: jitter is borne, bursts are not.
    """
    gaps = [later - earlier for earlier, later in pairwise(times)]
    usual = median(gaps) if gaps else 0.0
    if usual <= 0:
        return 0.0
    strays = sorted(abs(gap - usual) for gap in gaps)
    return usual if strays[ceil(0.8 * len(strays)) - 1] <= tolerance * usual else 0.0


class Times(Sequence[float | None]):
    """Seconds by row as numbers of Python, made when one is asked for: a million of them take four times the room."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds

    def __len__(self) -> int:
        return len(self._seconds)

    @overload
    def __getitem__(self, at: int) -> float | None: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[float | None]: ...
    def __getitem__(self, at: int | slice) -> float | Sequence[float | None] | None:
        if isinstance(at, slice):
            return Times(self._seconds[at])
        time = float(self._seconds[at])
        return None if isnan(time) else time


class Frame:
    """The rows of one table as columns; rows without a time take no part."""

    def __init__(self, rows: TableRows) -> None:
        self.rows = rows
        self._coded: dict[str, Coded] = {}
        self._lines: dict[str, Lines] = {}
        self._repeats: dict[str, bool] = {}

    @classmethod
    def of(cls, evidence: Evidence, table: str, needed: Iterable[str]) -> Frame | None:
        """Return a table of the evidence, or None where it has no rows or lacks a column that is needed."""
        rows = evidence.get(table)
        if rows is None or not len(rows) or not {"TimeGenerated", *needed} <= set(rows.rows.column_names):
            return None
        return evidence.frame(table) if isinstance(evidence, Framed) else cls(rows)

    @cached_property
    def times(self) -> Times:
        """Seconds since 1970 by row; none where the column holds something else than times."""
        return Times(self.seconds)

    @cached_property
    def seconds(self) -> Seconds:
        """Seconds since 1970 by row, not a number where a row has no time."""
        kept = self.rows.rows["TimeGenerated"]
        if not pa.types.is_timestamp(kept.type):
            return np.full(len(self.rows), np.nan)
        column = pc.cast(kept, pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64())
        micros = pc.cast(column, pa.float64(), safe=False).to_numpy()
        return np.asarray(micros, np.float64) / 1e6

    @cached_property
    def timed(self) -> Mask:
        """Rows that have a time."""
        return ~np.isnan(self.seconds)

    def coded(self, column: str) -> Coded:
        """Return a column as distinct texts and their numbers, read once."""
        if column not in self._coded:
            self._coded[column] = coded(self.rows, column)
        return self._coded[column]

    def forget(self) -> None:
        """Let go of columns with very many distinct texts; they are read again when asked for."""
        for column in [name for name, kept in self._coded.items() if len(kept.values) > MANY]:
            del self._coded[column]

    def lines(self, column: str) -> Lines:
        """Return a column of texts that hardly repeat, by row and without numbers."""
        if column not in self._lines:
            self._lines[column] = Lines(self.rows, column)
        return self._lines[column]

    def repeats(self, column: str) -> bool:
        """Tell whether numbering a column's texts pays: they repeat, or it was done already."""
        if column not in self._repeats:
            self._repeats[column] = not hardly_repeats(self.rows, column)
        return self._repeats[column] or column in self._coded

    def text(self, column: str) -> Sequence[str]:
        """Return a column as text by row."""
        return self.coded(column).by_row if self.repeats(column) else self.lines(column)

    def lower(self, column: str) -> Sequence[str]:
        """Return a column as lower-case text by row."""
        return self.coded(column).lowered.by_row

    def numbers(self, column: str) -> list[float]:
        """Return a column as numbers, 0 where it is null, missing or no number."""
        numbers: list[float] = self.amounts(column).tolist()
        return numbers

    def amounts(self, column: str) -> Seconds:
        """Return a column as an array of numbers, 0 where it is null, missing or no number."""
        kept = self.rows.rows[column] if column in self.rows.rows.column_names else None
        if kept is not None and (pa.types.is_floating(kept.type) or pa.types.is_integer(kept.type)):
            filled = pc.fill_null(pc.cast(kept, pa.float64(), safe=False), 0.0)
            return np.asarray(np.nan_to_num(filled.to_numpy(), nan=0.0, posinf=np.inf, neginf=-np.inf), np.float64)
        texts = self.coded(column)
        return np.fromiter(map(_number, texts.values), np.float64, len(texts.values))[texts.codes]

    def grouped(self, key: Callable[[int], str], among: Iterable[int] | None = None) -> dict[str, list[int]]:
        """Return row indexes in time order by key; rows with an empty key are left out."""
        groups = defaultdict[str, list[int]](list)
        for index in self.order if among is None else self.in_order(among):
            if name := key(index):
                groups[name].append(index)
        return groups

    @cached_property
    def order(self) -> list[int]:
        """Row indexes by time, without those that have none."""
        return self.in_order(range(len(self.rows)))

    def in_order(self, indexes: Iterable[int]) -> list[int]:
        """Return row indexes by time, leaving out those without one."""
        rows = np.fromiter(indexes, np.int64)
        rows = rows[self.timed[rows]]
        ordered: list[int] = rows[np.argsort(self.seconds[rows], kind="stable")].tolist()
        return ordered

    def at(self, indexes: Iterable[int]) -> list[float]:
        """Return the times of rows that have one."""
        rows = np.fromiter(indexes, np.int64)
        times: list[float] = self.seconds[rows[self.timed[rows]]].tolist()
        return times

    def moment(self, index: int) -> str:
        """Return the time of a row in ISO 8601 UTC to the second."""
        return f"{datetime.fromtimestamp(self.times[index] or 0.0, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def counted(self, what: str, *where: Condition) -> Claim:
        """Claim how many rows of the evidence meet the conditions, at whatever time."""
        count = int(np.logical_and.reduce([self._meeting(condition) for condition in where]).sum())
        statement = f"{count} {what} in evidence"
        return Claim(kind="count", statement=statement, table=self.rows.table, where=where, expected=count)

    def before(self, index: int) -> Condition:
        """Require a row to be earlier than this one."""
        moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.times[index] or 0.0)
        return Condition(column="TimeGenerated", op="<", values=(moment.isoformat(),))

    def _meeting(self, condition: Condition) -> Mask:
        """Evaluate one of the few conditions that this room makes."""
        first, wanted = condition.values[0], {str(value).lower() for value in condition.values}
        if condition.op == "<":
            return self.seconds < datetime.fromisoformat(str(first)).timestamp()
        if condition.op in ("=~", "in~") and not self.repeats(condition.column):
            return self.lines(condition.column).equal_to(wanted)
        column = self.coded(condition.column)
        if condition.op == "==":
            return column.rows_where(lambda value: value != "" and _number(value) == first)
        if condition.op == "contains":
            return column.lowered.rows_where(lambda value: str(first).lower() in value)
        if condition.op == "!~":
            return column.lowered.rows_where(lambda value: value not in wanted)
        return column.lowered.rows_where(lambda value: value in wanted)

    def ordered(self, statement: str, first: int, last: int) -> Claim:
        """Claim that one row comes no later than another."""
        return Claim(kind="order", statement=statement, rows=self.rows.refs((first, last)))

    def shared(self, statement: str, indexes: Sequence[int], column: str, value: str) -> Claim:
        """Claim that all these rows hold the value."""
        return Claim(
            kind="same_entity",
            statement=statement,
            rows=self.rows.refs(indexes[:MAX_CITED]),
            column=column,
            value=value,
        )


class Framed(Evidence):
    """Evidence whose tables are read into one frame each, which all statistics share; they change nothing in it."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence.values())
        self._frames: dict[str, Frame] = {}

    def frame(self, table: str) -> Frame:
        """Return a table's frame."""
        if table not in self._frames:
            self._frames[table] = Frame(self[table])
        return self._frames[table]

    def forget(self) -> None:
        """Let go of what fills the memory of every table."""
        for frame in self._frames.values():
            frame.forget()
        pa.default_memory_pool().release_unused()


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


@dataclass(frozen=True)
class Sighting:
    """What a statistic reports, by one call to `detection`."""

    id: str
    title: str
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    false_positives: tuple[str, ...]
    description: str = ""

    def detection(
        self,
        frame: Frame,
        level: Level,
        statement: str,
        cited: Sequence[int],
        *,
        entities: Iterable[Entity] = (),
        claims: Iterable[Claim] = (),
        techniques: tuple[str, ...] = (),
    ) -> Detection:
        """Return the detection; `cited` are row indexes, the most telling first."""
        return Detection(
            rule=Rule(id=self.id, title=self.title, level=level, author="soc-analyst", license="MIT"),
            description=self.description,
            statement=statement,
            techniques=techniques or self.techniques,
            tactics=self.tactics,
            rows=frame.rows.refs(dict.fromkeys(cited[:MAX_CITED])),
            entities=tuple(entities),
            claims=tuple(claims),
            false_positives=self.false_positives,
            tags=("statistic",),
        )
