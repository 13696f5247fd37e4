"""A Log Analytics workspace, or several asked as one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from soc_analyst.state.errors import BackendDenied, UnreachableError
from soc_analyst.state.queries import ApprovedQuery, Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.logs.base import QueryResult, Survey
from soc_analyst.tools.logs.volumes import added_up

from .asking import Service
from .bodies import Body
from .joining import joined
from .schema import FATAL, Seen, read_schema
from .signing_in import found_credential
from .spec import AzureSpec
from .statistics import scanned_by
from .survey import survey
from .troubles import of_exception, of_told

__all__ = ["AzureWorkspace", "open_azure"]

LAST_WORDS = 0.25
"""Seconds that the loop gets to end connections which were cut off: aiohttp closes them behind its own back."""


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
        self._running: set[asyncio.Task[Body]] = set()
        self._closed = False

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
        result = await asyncio.to_thread(joined, dict(zip(self._where.ids, parts, strict=True)), query)
        return replace(result, elapsed_ms=1000 * (time.monotonic() - begun))

    def allowance(self, table: str) -> timedelta | None:
        """Return what the catalogue allows a row of the table for its way here."""
        return timedelta(minutes=self.tables[table].arrives_within_minutes) if table in self.tables else None

    async def survey(self, tables: Sequence[str], start: datetime, end: datetime) -> Survey:
        """Look up what tables hold in a window, in all workspaces together."""
        known = [name for name in tables if name in self.tables]
        found = [await survey(self._service, one, known, start, end) for one in self._where.ids]
        if len(found) > 1:
            found = [
                replace(part, notes=tuple(f"{one}: {note}" for note in part.notes))
                for part, one in zip(found, self._where.ids, strict=True)
            ]
        return added_up(found)

    async def aclose(self) -> None:
        """Stop what still runs, close the client and the credential, and see their connections end."""
        self._closed = True
        for one in self._running:
            one.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._stack.aclose()

    async def _asked(self, workspace: str, query: ApprovedQuery, timeout: float) -> QueryResult:  # noqa: ASYNC109
        asked = asyncio.create_task(
            self._service.query(workspace, query.kql, query.start, query.end, most=query.row_cap + 1, timeout=timeout)
        )
        self._running.add(asked)
        asked.add_done_callback(self._running.discard)
        try:
            return _result(await asked, query.row_cap)
        except asyncio.CancelledError:
            if not (self._closed and asked.cancelled()):
                raise
            return QueryResult.failed(Diagnostic(code="closed", message="the workspace was closed while it ran"))
        except (AzureError, TimeoutError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            return QueryResult.failed(of_exception(error))


def _result(body: Body, row_cap: int) -> QueryResult:
    """Return what a response says; rows that are missing are said."""
    further, scanned = ((_further(body.apart),) if body.apart else ()), scanned_by(body.statistics)
    if body.error is None:
        result = QueryResult.of(body.rows, row_cap=row_cap, elapsed_ms=0.0)
        return replace(result, diagnostics=further, scanned=scanned)
    rows = body.rows.slice(0, row_cap) if body.rows.num_columns else body.rows
    why = (of_told(body.error), *further)
    status: Literal["partial", "failed"] = "partial" if rows.num_rows else "failed"
    return QueryResult(status, rows, truncated=bool(rows.num_rows), diagnostics=why, scanned=scanned)


def _further(names: Sequence[str]) -> Diagnostic:
    message = f"the answer holds further tables, which are not read: {', '.join(names)[:200]}"
    return Diagnostic(code="more-tables", message=message, hint="Ask for one table at a time.")


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
        if credential is None:
            found = await stack.enter_async_context(found_credential(authority))
            credential = found
        service = await Service.open(stack, where, credential, authority=authority)
        seen = await _seen(service, where, tables, now()) if lacking is None else Seen.known(tables, lacking)
        return AzureWorkspace(spec, where, service, seen, policy_hash, now, stack.pop_all())


async def _seen(service: Service, where: AzureSpec, tables: Mapping[str, TableSchema], now: datetime) -> Seen:
    try:
        return _common([await read_schema(service, one, tables, now) for one in where.ids], tables)
    except (AzureError, TimeoutError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _cannot_open(of_exception(error)) from error


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
