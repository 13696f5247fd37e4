"""All the rows a case has of one table, each with the handle it is cited by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soc_analyst.state.findings import EvidenceRef
from soc_analyst.tools.logs.tables import load_tables

from .handles import Named, Numbers, places_of
from .joining import first_of_each, picked
from .packing import alike, packed

__all__ = ["Evidence", "TableRows", "row_digest", "row_json", "taken"]

QUERY, ROW = "_query", "_row"
FEW = 64
KNOWN = 4_096
"""Rows of a table that are kept as plain values, so that whole tables are not."""

Places = npt.NDArray[np.int64]
NOWHERE: Places = np.zeros(0, np.int64)


def row_json(row: Mapping[str, Any]) -> str:
    """Return a row as the JSON of its non-empty fields, times in ISO 8601 UTC."""
    kept = {name: value for name, value in row.items() if value is not None and value != ""}
    return json.dumps(kept, ensure_ascii=False, default=_plain)


def row_digest(line: str) -> str:
    """Return a short digest of a row's JSON, whatever the order of its fields."""
    told = json.dumps(json.loads(line), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:16]


def _plain(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def taken(column: pa.ChunkedArray, rows: Sequence[int]) -> list[Any]:
    """Return a column's values in these rows, in the order given.

    Each chunk is asked for its own: Arrow joins all chunks of a column before it takes anything, whatever their size.
    A few values are sooner read one by one.
    """
    if len(rows) <= FEW:
        return [column[int(row)].as_py() for row in rows]
    starts = np.cumsum([0, *map(len, column.chunks)])
    at = np.asarray(rows, np.int64)
    chunk_of = np.searchsorted(starts, at, side="right") - 1
    found: list[Any] = [None] * len(at)
    for number in set(chunk_of.tolist()):
        places = np.flatnonzero(chunk_of == number)
        values = column.chunk(number).take(pa.array(at[places] - starts[number])).to_pylist()
        for place, value in zip(places.tolist(), values, strict=True):
            found[place] = value
    return found


@dataclass(frozen=True)
class TableRows:
    """Distinct rows of one log table; a row returned by several queries stands once, under its first handle.

    `rows` holds the table's own columns first, in the catalogue's order whatever order a backend or a query gave them,
    so that the same row is told alike; columns of many rows whose texts repeat may be packed. `queries[i]` and
    `positions[i]` are the handle of row i.
    """

    table: str
    rows: pa.Table
    queries: Sequence[str]
    positions: Sequence[int]
    made: bool = False
    """Whether a query made these rows, so that they are no events of the table."""

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @classmethod
    def collect(cls, table: str, parts: Iterable[tuple[str, pa.Table]], *, made: bool = False) -> TableRows:
        """Join the results of several queries over one table, in the order given.

        A column that a query computed under a name that holds another type in an earlier result is left out.
        """
        held = [(query, rows) for query, rows in _alike(parts) if rows.num_rows]
        if not held:
            return cls(table, pa.table({}), (), (), made)
        sizes = [rows.num_rows for _, rows in held]
        joined = packed(pa.concat_tables((rows for _, rows in held), promote_options="permissive"))
        own = joined.select(_in_order(table, joined.column_names))
        names = tuple(query for query, _ in held)
        if len(held) == 1:
            return cls(table, own, Named.alone(names[0], sizes[0]), range(sizes[0]), made)
        part, position = np.repeat(np.arange(len(held)), sizes), np.concatenate([np.arange(size) for size in sizes])
        firsts = first_of_each(own)
        if len(firsts) < own.num_rows:
            own, part, position = picked(own, firsts), part[firsts], position[firsts]
        return cls(table, own, Named(names, part), Numbers(position), made)

    def returned_by(self, queries: Collection[str]) -> TableRows:
        """Return the rows that these queries returned."""
        kept = [i for i, query in enumerate(self.queries) if query in queries]
        if len(kept) == len(self):
            return self
        rows = self.rows.take(pa.array(kept, pa.int64())) if self.rows.num_columns else self.rows
        own, positions = tuple(self.queries[i] for i in kept), tuple(self.positions[i] for i in kept)
        return TableRows(self.table, rows, own, positions, self.made)

    def ref(self, index: int) -> EvidenceRef:
        """Return the handle of row `index`."""
        return self.refs([index])[0]

    def refs(self, indexes: Iterable[int]) -> tuple[EvidenceRef, ...]:
        """Return the handles of these rows, in the order given."""
        wanted = [int(index) for index in indexes]
        known = "TimeGenerated" in self.rows.column_names
        times = taken(self.rows["TimeGenerated"], wanted) if known else [None] * len(wanted)
        moments = (time if isinstance(time, datetime) else None for time in times)
        return tuple(
            EvidenceRef(query_id=self.queries[index], table=self.table, row=self.positions[index], time=time)
            for index, time in zip(wanted, moments, strict=True)
        )

    def row(self, index: int) -> dict[str, Any]:
        """Return row `index` as plain Python values, in a dict of the caller's own."""
        known = self._known.get(index)
        if known is None:
            known = {name: self.rows[name][index].as_py() for name in self.rows.column_names}
            if len(self._known) < KNOWN:
                self._known[index] = known
        return dict(known)

    @cached_property
    def _known(self) -> dict[int, dict[str, Any]]:
        """Rows read before: one that is cited is looked at by every step of a proof."""
        return {}

    def strings(self, column: str) -> list[str]:
        """Return a column as text, empty where it is null or missing."""
        if column not in self.rows.column_names:
            return [""] * len(self)
        return [_as_text(value) for value in self.rows[column].to_pylist()]

    def distinct(self, *columns: str) -> list[tuple[str, ...]]:
        """Return the distinct combinations of these columns as text, empty where null or missing, in order of rows."""
        known = [name for name in dict.fromkeys(columns) if name in self.rows.column_names]
        if any(pa.types.is_nested(self.rows.schema.field(name).type) for name in known):
            return list(dict.fromkeys(zip(*map(self.strings, columns), strict=True)))
        if not known:
            return [("",) * len(columns)] if len(self) else []
        found = self.rows.select(known).group_by(known, use_threads=False).aggregate([]).to_pylist()
        return list(dict.fromkeys(tuple(_as_text(one.get(name)) for name in columns) for one in found))

    def index_of(self, query: str, position: int) -> int | None:
        """Return which row has a handle, or None where none has."""
        positions, rows = self._by_query.get(query, (NOWHERE, NOWHERE))
        at = int(np.searchsorted(positions, position))
        return int(rows[at]) if at < len(positions) and positions[at] == position else None

    @cached_property
    def _by_query(self) -> Mapping[str, tuple[Places, Places]]:
        """The positions that each query's rows have, ascending, and which rows those are."""
        positions = np.fromiter(self.positions, np.int64, len(self))
        found: dict[str, tuple[Places, Places]] = {}
        for query, rows in places_of(self.queries).items():
            ordered = rows[np.argsort(positions[rows], kind="stable")]
            found[query] = positions[ordered], ordered
        return found


def _as_text(value: object) -> str:
    return "" if value is None else str(value)


def _alike(parts: Iterable[tuple[str, pa.Table]]) -> Iterator[tuple[str, pa.Table]]:
    """Yield the results without the columns that cannot stand under one another."""
    known = pa.schema([])
    held = list(parts)
    for (query, _), rows in zip(held, alike(rows for _, rows in held), strict=True):
        clashing = [field.name for field in rows.schema if _united(known, pa.schema([field])) is None]
        kept = rows.drop_columns([*clashing, *(name for name in (QUERY, ROW) if name in rows.column_names)])
        known = _united(known, kept.schema) or known
        yield query, kept


def _in_order(table: str, names: Sequence[str]) -> list[str]:
    """Return the columns without the handles: those of the catalogue in its order, then the others as they came."""
    known = load_tables()[table].columns if table in load_tables() else {}
    own = [name for name in known if name in names]
    return own + [name for name in names if name not in known and name not in (QUERY, ROW)]


def _united(known: pa.Schema, other: pa.Schema) -> pa.Schema | None:
    try:
        return pa.unify_schemas([known, other], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None


class Evidence(Mapping[str, TableRows]):
    """The rows of a case by table."""

    def __init__(self, tables: Iterable[TableRows] = ()) -> None:
        self._tables = {rows.table: rows for rows in tables}

    def __getitem__(self, table: str) -> TableRows:
        return self._tables[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    @property
    def events(self) -> Evidence:
        """Return the rows that stand in a table as they are, without what queries made of them."""
        return Evidence(rows for rows in self._tables.values() if not rows.made)

    def row(self, ref: EvidenceRef) -> dict[str, Any] | None:
        """Return the row behind a handle, or None where there is none."""
        rows = self._tables.get(ref.table)
        index = None if rows is None else rows.index_of(ref.query_id, ref.row)
        return None if rows is None or index is None else rows.row(index)
