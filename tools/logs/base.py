"""What every workspace can do, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import pyarrow as pa

from soc_analyst.state.costs import Scanned, Volume
from soc_analyst.state.queries import ApprovedQuery, Diagnostic
from soc_analyst.state.tables import TableSchema

__all__ = ["WORKSPACE", "QueryResult", "Survey", "Workspace", "lacking_of"]

WORKSPACE = "_Workspace"
"""The column that names the workspace of each row, where several are asked."""


@dataclass(frozen=True)
class QueryResult:
    """What a query came back with; `rows` holds at most its row cap, and `truncated` says that there were more.

    ok: rows came back. empty: none did. partial: the backend itself says that rows are missing. failed: it could not
    be run or finished, for the reason in `diagnostics`.
    """

    status: Literal["ok", "empty", "partial", "failed"]
    rows: pa.Table
    truncated: bool = False
    elapsed_ms: float = 0.0
    diagnostics: tuple[Diagnostic, ...] = ()
    scanned: Scanned | None = None
    """What the service says it took, where it says so."""
    requests: int = 1
    """How often the workspace was asked for it: more than once where it was asked in parts."""

    @classmethod
    def failed(cls, diagnostic: Diagnostic, *, elapsed_ms: float = 0.0) -> QueryResult:
        """Return a result without rows that says why."""
        return cls("failed", pa.table({}), elapsed_ms=elapsed_ms, diagnostics=(diagnostic,))

    @classmethod
    def of(cls, rows: pa.Table, *, row_cap: int, elapsed_ms: float) -> QueryResult:
        """Return the result of a query that asked for one row more than its cap."""
        kept = rows.slice(0, row_cap) if rows.num_columns else rows  # a slice of no columns would count rows
        status: Literal["ok", "empty"] = "ok" if kept.num_rows else "empty"
        return cls(status, kept, truncated=rows.num_rows > row_cap, elapsed_ms=elapsed_ms)


@dataclass(frozen=True)
class Survey:
    """What tables hold in a window, found without reading their rows as far as that goes; `notes` say what was not."""

    volumes: tuple[Volume, ...] = ()
    notes: tuple[str, ...] = ()


class Workspace(Protocol):
    """Logs that can be asked. Nothing here blocks the event loop."""

    @property
    def spec(self) -> str:
        """How the user named it."""
        ...

    @property
    def name(self) -> str:
        """A short name for people."""
        ...

    @property
    def tables(self) -> Mapping[str, TableSchema]:
        """The tables that can be asked, with the columns that can be seen."""
        ...

    @property
    def lacking(self) -> Mapping[str, tuple[str, ...]]:
        """What policy allows and the workspace has not: columns by table, or a whole table where none is named."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the data: ignored columns, bad rows, missing tables."""
        ...

    async def now(self) -> datetime:
        """Return the workspace's clock, UTC: what "the last day" counts back from."""
        ...

    async def run(self, query: ApprovedQuery, *, timeout: float) -> QueryResult:  # noqa: ASYNC109 - the engine is told
        """Run an approved query for at most `timeout` seconds. What goes wrong is a result, never an exception."""
        ...

    def allowance(self, table: str) -> timedelta | None:
        """Return how long a row of a table may take to come in, or None where no more rows come in."""
        ...

    async def survey(self, tables: Sequence[str], start: datetime, end: datetime) -> Survey:
        """Look up what tables hold in a window. A table that nobody can tell of is a note, never an exception."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds."""
        ...


def lacking_of(tables: Iterable[str], workspace: Workspace) -> tuple[str, ...]:
    """Return what the workspace's notes say of what it lacks of these tables."""
    wanted = tuple(f"{table}:" for table in tables if table in workspace.lacking)
    return tuple(note for note in workspace.notes if note.startswith(wanted)) if wanted else ()
