"""What came of an analyst's own query, shown harmlessly wherever a notebook shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
from markupsafe import Markup, escape

from soc_analyst.state.queries import Diagnostic
from soc_analyst.tools.evidence.rows import row_digest, row_json
from soc_analyst.tools.records.safe_text import inert

__all__ = ["Answer"]

SHOWN = 20
LONGEST = 120
"""Characters of a cell that are shown."""


@dataclass(frozen=True, repr=False)
class Answer:
    """The rows of a query that the guard let run, or why it did not."""

    allowed: bool
    table: pa.Table
    """The rows, as Arrow keeps them."""
    kql: str = ""
    """The canonical text that ran; empty where none did."""
    truncated: bool = False
    """Whether there are more rows than could be kept."""
    diagnostics: tuple[Diagnostic, ...] = ()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def rows(self) -> list[dict[str, object]]:
        """Return the rows as plain Python values."""
        return list(self.table.to_pylist())

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the rows as JSON without empty fields, as findings cite them."""
        return tuple(row_json(row) for row in self.rows)

    @property
    def digests(self) -> tuple[str, ...]:
        """Return a short digest of each row, by which it is compared with one that a finding cites."""
        return tuple(row_digest(line) for line in self.lines)

    def __repr__(self) -> str:
        return "\n".join(self._told())

    def _repr_html_(self) -> str:
        columns, rows = self._shown()
        head = Markup("").join(Markup("<th>{}</th>").format(name) for name in columns)
        cells = (Markup("").join(Markup("<td>{}</td>").format(escape(cell)) for cell in row) for row in rows)
        body = Markup("").join(Markup("<tr>{}</tr>").format(row) for row in cells)
        table = Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)
        said = Markup("").join(Markup("<p>{}</p>").format(line) for line in self._said())
        return str(table + said if columns else said)

    def _told(self) -> Iterator[str]:
        columns, rows = self._shown()
        yield from (json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in rows)
        yield from self._said()

    def _said(self) -> Iterator[str]:
        if self.allowed:
            rest = f", the first {SHOWN} shown" if len(self) > SHOWN else ""
            yield f"{len(self):,} row{'' if len(self) == 1 else 's'}{rest}{', cut' if self.truncated else ''}"
        else:
            yield "Refused by the guard; nothing ran."
        yield from (inert(one.message) for one in self.diagnostics)

    def _shown(self) -> tuple[list[str], list[list[str]]]:
        """Return the columns that hold something in the first rows, and the text of these."""
        rows: list[Mapping[str, object]] = self.table.slice(0, SHOWN).to_pylist()
        columns = [name for name in self.table.column_names if any(row[name] not in (None, "") for row in rows)]
        return [inert(name) for name in columns], [[_cell(row[name]) for name in columns] for row in rows]


def _cell(value: object) -> str:
    text = "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
    return inert(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…").replace("\n", " ")
