"""One way to ask the service: in turn, again where that can help, and never for longer than is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from azure.core.credentials_async import AsyncTokenCredential
from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult, LogsQueryResult
from azure.monitor.query.aio import LogsQueryClient
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from .spec import AzureSpec
from .troubles import is_transient, retry_after

__all__ = ["Answer", "Service"]

T = TypeVar("T")
Answer = LogsQueryResult | LogsQueryPartialResult

AT_ONCE = 5
"""Queries of one user that the service runs at the same time (Azure Monitor service limits)."""
TRIES = 4
LONGEST_WAIT = 60.0
"""Seconds between two tries, unless the service itself names more."""
LONGEST_QUERY = 600
"""Seconds that the service lets a query run at most."""
EDGE = timedelta(milliseconds=1)
"""The timespan is sent in milliseconds, rounded down: a margin keeps the last of them inside."""


@dataclass(frozen=True)
class Service:
    """An open client. `query` and `batch` raise what the client raises, once no further try can help."""

    client: LogsQueryClient
    places: asyncio.Semaphore

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, spec: AzureSpec, credential: AsyncTokenCredential, *, authority: Path | None
    ) -> Service:
        """Open the client for as long as the stack is; `authority` is a file of certificates to trust."""
        trusted = {"connection_verify": str(authority)} if authority is not None else {}
        # Tries are counted here: the client would ask a query again that the gateway gave up on.
        client = LogsQueryClient(credential, endpoint=spec.endpoint, retry_total=0, **trusted)
        return cls(await stack.enter_async_context(client), asyncio.Semaphore(AT_ONCE))

    async def query(self, workspace: str, kql: str, start: datetime, end: datetime, *, timeout: float) -> Answer:  # noqa: ASYNC109
        """Run one query; the whole of it, tries and waits, takes at most `timeout` seconds."""

        async def once() -> Answer:
            return await self.client.query_workspace(
                workspace,
                kql,
                timespan=(start - EDGE, end + EDGE),
                server_timeout=max(1, min(LONGEST_QUERY, int(timeout))),
                include_statistics=True,
            )

        async with asyncio.timeout(timeout):
            return await self._again_and_again(once)

    async def batch(self, queries: Sequence[LogsBatchQuery], *, timeout: float) -> list[Answer | LogsQueryError]:  # noqa: ASYNC109
        """Run several small queries by one request."""

        async def once() -> list[Answer | LogsQueryError]:
            return list(await self.client.query_batch(queries))

        async with asyncio.timeout(timeout):
            return await self._again_and_again(once)

    async def _again_and_again(self, once: Callable[[], Awaitable[T]]) -> T:
        tries = AsyncRetrying(
            retry=retry_if_exception(is_transient), stop=stop_after_attempt(TRIES), wait=_wait, reraise=True
        )
        async for attempt in tries:
            with attempt:
                async with self.places:
                    return await once()
        raise AssertionError("tenacity ends by returning or raising")


_backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)


def _wait(state: RetryCallState) -> float:
    """Return the seconds that the service names, else a random and growing number."""
    error = state.outcome.exception() if state.outcome else None
    named = retry_after(error) if error is not None else None
    return named if named is not None else _backoff(state)
