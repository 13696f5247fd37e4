"""A Log Analytics workspace, or several asked as one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.monitor.query import LogsQueryPartialResult

from soc_analyst.state.errors import BackendDenied, UnreachableError
from soc_analyst.state.queries import ApprovedQuery, Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.logs.base import QueryResult

from .asking import Answer, Service
from .results import as_arrow
from .schema import FATAL, Seen, read_schema
from .spec import AzureSpec
from .troubles import of_error, of_exception

__all__ = ["AzureWorkspace", "open_azure"]

Status = Literal["ok", "empty", "partial", "failed"]
LAST_WORDS = 0.25
"""Seconds that the loop gets to end connections which were cut off: aiohttp closes them behind its own back."""
WORKSPACE = "_Workspace"
"""The column that names the workspace of each row, where several are asked."""


class AzureWorkspace:
    """One or several live workspaces; open it with `open_azure`, which closes all it opened if that fails."""

    def __init__(
        self,
        spec: str,
        where: AzureSpec,
        service: Service,
        seen: Seen,
        policy_hash: str,
        now: Callable[[], datetime],
        stack: AsyncExitStack,
    ) -> None:
        self.spec = spec
        self.name = ", ".join(where.ids)
        self.tables: Mapping[str, TableSchema] = seen.tables
        self.lacking = seen.lacking
        self.notes = seen.notes
        self._where = where
        self._service = service
        self._policy_hash = policy_hash
        self._now = now
        self._stack = stack

    async def now(self) -> datetime:
        """Return the injected clock, or the wall clock."""
        return self._now()

    async def run(self, query: ApprovedQuery, *, timeout: float) -> QueryResult:  # noqa: ASYNC109 - the service is told
        """Run an approved query in each workspace; what goes wrong is a result, never an exception."""
        begun = time.monotonic()
        if query.policy_hash != self._policy_hash:
            reason = "the query was approved under another policy than the one this workspace was opened with"
            return QueryResult.failed(Diagnostic(code="other-policy", message=reason, hint="Plan the query again."))
        parts = await asyncio.gather(*(self._asked(one, query, timeout) for one in self._where.ids))
        if len(parts) > 1:
            parts = [_named(part, one) for part, one in zip(parts, self._where.ids, strict=True)]
        return _joined(parts, query, 1000 * (time.monotonic() - begun))

    async def aclose(self) -> None:
        """Close the client and the credential, and see their connections end."""
        await self._stack.aclose()

    async def _asked(self, workspace: str, query: ApprovedQuery, timeout: float) -> QueryResult:  # noqa: ASYNC109
        try:
            answer = await self._service.query(workspace, query.kql, query.start, query.end, timeout=timeout)
            return await asyncio.to_thread(_read, answer, query.row_cap)
        except (AzureError, TimeoutError, ValueError, TypeError, KeyError, AttributeError) as error:
            return QueryResult.failed(of_exception(error))


def _read(answer: Answer, row_cap: int) -> QueryResult:
    """Return the rows of an answer. Blocks."""
    if not isinstance(answer, LogsQueryPartialResult):
        rows = as_arrow(answer.tables[0], most=row_cap + 1) if answer.tables else pa.table({})
        return QueryResult.of(rows, row_cap=row_cap, elapsed_ms=0.0)
    tables = answer.partial_data or []
    rows = as_arrow(tables[0], most=row_cap) if tables else pa.table({})
    why = (of_error(answer.partial_error),) if answer.partial_error is not None else ()
    return QueryResult("partial" if rows.num_rows else "failed", rows, truncated=bool(rows.num_rows), diagnostics=why)


def _named(part: QueryResult, workspace: str) -> QueryResult:
    """Return a result whose rows say where they are from, and whose troubles do."""
    rows = part.rows
    if rows.num_rows:
        rows = rows.append_column(WORKSPACE, pa.array([workspace] * rows.num_rows, pa.string()))
    said = tuple(why.model_copy(update={"message": f"{workspace}: {why.message}"}) for why in part.diagnostics)
    return replace(part, rows=rows, diagnostics=said)


def _joined(parts: Sequence[QueryResult], query: ApprovedQuery, elapsed: float) -> QueryResult:
    """Return the results of several workspaces as one: the newest rows up to the cap, and all that went wrong."""
    rows = _together([part.rows for part in parts if part.rows.num_rows] or [parts[0].rows])
    kept = rows.slice(0, query.row_cap) if rows.num_columns else rows
    failed = [part for part in parts if part.status == "failed"]
    return QueryResult(
        _status(parts, kept.num_rows, len(failed)),
        kept,
        truncated=rows.num_rows > query.row_cap or any(part.truncated for part in parts),
        elapsed_ms=elapsed,
        diagnostics=tuple(dict.fromkeys(why for part in parts for why in part.diagnostics)),
    )


def _status(parts: Sequence[QueryResult], rows: int, failed: int) -> Status:
    if failed == len(parts):
        return "failed"
    if failed or any(part.status == "partial" for part in parts):
        return "partial" if rows else "failed"
    return "ok" if rows else "empty"


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    if len(tables) == 1:
        return tables[0]
    rows = pa.concat_tables(tables, promote_options="permissive")
    return rows.sort_by([("TimeGenerated", "descending")]) if "TimeGenerated" in rows.column_names else rows


async def open_azure(
    spec: str,
    where: AzureSpec,
    *,
    tables: Mapping[str, TableSchema],
    policy_hash: str,
    now: Callable[[], datetime],
    lacking: Mapping[str, tuple[str, ...]] | None = None,
    credential: AsyncTokenCredential | None = None,
    authority: Path | None = None,
) -> AzureWorkspace:
    """Sign in, open the workspaces and read which of the tables they have, unless `lacking` says it.

    Without a credential, azure-identity finds one: environment, workload or managed identity, Azure CLI. Raise
    UnreachableError or BackendDenied in one line.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.sleep, LAST_WORDS)
        signed_in = credential
        if signed_in is None:
            signed_in = await stack.enter_async_context(_found_credential(authority))
        service = await Service.open(stack, where, signed_in, authority=authority)
        seen = await _seen(service, where, tables, now()) if lacking is None else Seen.known(tables, lacking)
        return AzureWorkspace(spec, where, service, seen, policy_hash, now, stack.pop_all())


async def _seen(service: Service, where: AzureSpec, tables: Mapping[str, TableSchema], now: datetime) -> Seen:
    try:
        return _common([await read_schema(service, one, tables, now) for one in where.ids], tables)
    except (AzureError, TimeoutError) as error:
        raise _cannot_open(of_exception(error)) from error


def _found_credential(authority: Path | None) -> AsyncTokenCredential:
    from azure.identity.aio import DefaultAzureCredential

    trusted = {"connection_verify": str(authority)} if authority is not None else {}
    return DefaultAzureCredential(exclude_interactive_browser_credential=True, **trusted)


def _cannot_open(why: Diagnostic) -> BackendDenied | UnreachableError:
    kind = BackendDenied if why.code in FATAL else UnreachableError
    return kind(f"the workspace cannot be asked: {why.message}; {why.hint}")


def _common(seen: Sequence[Seen], tables: Mapping[str, TableSchema]) -> Seen:
    """Return what all workspaces have: a query is one text for all of them."""
    if len(seen) == 1:
        return seen[0]
    kept: dict[str, TableSchema] = {}
    lacking: dict[str, tuple[str, ...]] = {}
    for name, schema in tables.items():
        if not all(name in one.tables for one in seen):
            continue
        columns = {n: c for n, c in schema.columns.items() if all(n in one.tables[name].columns for one in seen)}
        kept[name] = schema.model_copy(update={"columns": columns})
        if gone := tuple(column for column in schema.columns if column not in columns):
            lacking[name] = gone
    return Seen(kept, tuple(name for name in tables if name not in kept), lacking)
