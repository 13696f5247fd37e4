"""The schema as it is: which of the catalogue's tables and columns the workspaces have, read once by one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult, LogsQueryResult, LogsTable

from soc_analyst.state.errors import BackendDenied, UnreachableError
from soc_analyst.state.queries import Diagnostic
from soc_analyst.state.tables import TableSchema

from .asking import Service
from .troubles import of_error

__all__ = ["Seen", "read_schema"]

SECONDS = 60.0
FATAL = frozenset({"denied", "no-workspace", "no-credential"})


@dataclass(frozen=True)
class Seen:
    """The allowed tables with the columns that are there, and what is missing of what policy allows."""

    tables: Mapping[str, TableSchema]
    lacking_tables: tuple[str, ...] = ()
    lacking_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def known(cls, tables: Mapping[str, TableSchema], lacking: Mapping[str, tuple[str, ...]]) -> Seen:
        """Return what is there of these tables, given what is not."""
        kept = {
            name: schema.model_copy(
                update={"columns": {n: c for n, c in schema.columns.items() if n not in lacking.get(name, ())}}
            )
            for name, schema in tables.items()
            if lacking.get(name) != ()
        }
        columns = {name: gone for name, gone in lacking.items() if gone}
        return cls(kept, tuple(name for name in tables if name not in kept), columns)

    @property
    def lacking(self) -> Mapping[str, tuple[str, ...]]:
        """Columns by table, or a whole table where none is named."""
        return {**dict.fromkeys(self.lacking_tables, ()), **self.lacking_columns}

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what is missing, in a line a table."""
        gone = [f"{table}: the workspace has no such table; it cannot be looked into." for table in self.lacking_tables]
        gone += [
            f"{table}: the workspace lacks {', '.join(columns)}; what rests on them is not seen."
            for table, columns in self.lacking_columns.items()
        ]
        return tuple(gone)


async def read_schema(service: Service, workspace: str, tables: Mapping[str, TableSchema], now: datetime) -> Seen:
    """Ask for no row of each table: the head of the answer tells its columns. A table that is missing is no failure."""
    span = (now - timedelta(hours=1), now)
    queries = [LogsBatchQuery(workspace, f"{name}\n| take 0", timespan=span) for name in tables]
    answers = await service.batch(queries, timeout=SECONDS)
    seen: dict[str, TableSchema] = {}
    lacking: dict[str, tuple[str, ...]] = {}
    for (name, schema), answer in zip(tables.items(), answers, strict=True):
        if isinstance(answer, LogsQueryError):
            _require_absence(of_error(answer))
            continue
        there = {column for table in _tables(answer) for column in table.columns}
        seen[name] = schema.model_copy(update={"columns": {n: c for n, c in schema.columns.items() if n in there}})
        if gone := tuple(column for column in schema.columns if column not in there):
            lacking[name] = gone
    return Seen(seen, tuple(name for name in tables if name not in seen), lacking)


def _tables(answer: LogsQueryResult | LogsQueryPartialResult) -> list[LogsTable]:
    found = answer.partial_data if isinstance(answer, LogsQueryPartialResult) else answer.tables
    return list(found or ())


def _require_absence(why: Diagnostic) -> None:
    """Raise unless the error says that the table is not there: any other one is no answer to the question."""
    if why.code in FATAL:
        raise BackendDenied(f"the workspace cannot be asked: {why.message}; {why.hint}")
    if why.code != "no-table":
        raise UnreachableError(f"the workspace's tables could not be read ({why.message}); {why.hint}")
