"""The rows of one table as a brief reads them: key columns, subjects and times, each read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.evidence.packing import is_text

from .coding import Coded, Indexes, coded, seconds_of
from .looks import Look, SubjectKind, look_of
from .subjects import PLAIN_NAME

__all__ = ["TableView", "columns_read", "view_of"]


@dataclass(frozen=True)
class TableView:
    """One table's rows."""

    rows: TableRows
    look: Look
    filled: tuple[str, ...]
    """Columns that hold anything."""

    @cached_property
    def seconds(self) -> Indexes:
        """Times of the rows in seconds since 1970."""
        return seconds_of(self.rows.rows)

    @cached_property
    def keys(self) -> Mapping[str, Coded]:
        """The key columns as the log has them."""
        return {name: self.column(name) for name in self.look.keys}

    @cached_property
    def _columns(self) -> dict[str, Coded]:
        return {}

    def column(self, name: str) -> Coded:
        """Return a column as the log has it."""
        if name not in self._columns:
            self._columns[name] = coded(self.rows.rows[name])
        return self._columns[name]

    @cached_property
    def subjects(self) -> Mapping[SubjectKind, tuple[Coded, ...]]:
        """The subject columns by plain name."""
        return {
            kind: tuple(self.column(name).mapped(PLAIN_NAME[kind]) for name in names)
            for kind, names in self.look.subjects.items()
        }


def view_of(rows: TableRows, schema: TableSchema | None) -> TableView:
    """Return the view of a table's rows."""
    filled = tuple(name for name in rows.rows.column_names if _holds_anything(rows.rows[name]))
    return TableView(rows, look_of(rows.table, schema, filled), filled)


def columns_read(rows: TableRows, schema: TableSchema | None) -> tuple[str, ...]:
    """Return the columns of a table by which a brief tells what its rows are about, its time, and its hashes."""
    view = view_of(rows, schema)
    hashes = [name for name in (schema.columns_of("hash") if schema is not None else ()) if name in view.filled]
    time = [name for name in ("TimeGenerated",) if name in view.filled]
    return tuple(dict.fromkeys([*time, *view.look.columns, *hashes]))


def _holds_anything(column: pa.ChunkedArray) -> bool:
    if len(column) == column.null_count:
        return False
    if is_text(column.type):
        return bool(pc.any(pc.not_equal(column, "")).as_py())
    return True
