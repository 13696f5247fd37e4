"""One way to ask the service: in turn, again where that can help, and never for longer than is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline import PipelineResponse
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult, LogsQueryResult
from azure.monitor.query.aio import LogsQueryClient
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from .bodies import Body, BodyReader
from .spec import AzureSpec
from .troubles import ForeignAnswer, is_transient, passes, retry_after

__all__ = ["InBatch", "Service"]

T = TypeVar("T")
InBatch = LogsQueryResult | LogsQueryPartialResult | LogsQueryError

AT_ONCE = 5
"""Queries of one user that the service runs at the same time (Azure Monitor service limits)."""
TRIES = 4
LONGEST_WAIT = 60.0
"""Seconds between two tries, unless the service itself names more."""
LONGEST_QUERY = 600
"""Seconds that the service lets a query run at most."""
GATHERED = 256 * 1024
"""Bytes that are taken from the connection before they are read, off the event loop."""
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

    async def query(
        self,
        workspace: str,
        kql: str,
        start: datetime,
        end: datetime,
        *,
        most: int,
        timeout: float,  # noqa: ASYNC109
    ) -> Body:
        """Run one query and read its first `most` rows; all of it, tries and waits, takes at most `timeout` seconds."""

        async def once() -> Body:
            caught: list[tuple[_Response, AsyncIterator[bytes]]] = []

            def caught_as_it_comes(response: _Response, body: AsyncIterator[bytes], _headers: object) -> dict[str, Any]:
                caught.append((response, body))
                return {}

            # The client would make four objects of each value; it is left to send, to sign in and to tell what failed.
            await self.client.query_workspace(
                workspace,
                kql,
                timespan=(start - EDGE, end + EDGE),
                server_timeout=max(1, min(LONGEST_QUERY, int(timeout))),
                include_statistics=True,
                stream=True,
                cls=caught_as_it_comes,
            )
            ((response, body),) = caught
            try:
                kind = response.http_response.content_type or "application/json"
                if "json" not in kind:
                    raise ForeignAnswer(f"its type is {kind.partition(';')[0][:60]}")
                return await _read(body, BodyReader(most=most))
            except BaseException:
                _cut_off(response.http_response)
                raise
            finally:
                await response.http_response.close()

        async with asyncio.timeout(timeout):
            return await self._again_and_again(once, timeout)

    async def batch(self, queries: Sequence[LogsBatchQuery], *, timeout: float) -> list[InBatch]:  # noqa: ASYNC109
        """Run several small queries by one request; those that failed for a passing reason are asked again."""
        answers: list[InBatch | None] = [None] * len(queries)

        async def once() -> list[InBatch]:
            open_ = [n for n, answer in enumerate(answers) if answer is None or _is_passing(answer)]
            said = await self.client.query_batch([queries[n] for n in open_])
            for n, answer in zip(open_, said, strict=True):
                answers[n] = answer
            return [answer for answer in answers if answer is not None]

        async with asyncio.timeout(timeout):
            return await self._again_and_again(once, timeout, again=lambda told: any(map(_is_passing, told)))

    async def _again_and_again(
        self, once: Callable[[], Awaitable[T]], seconds: float, *, again: Callable[[T], bool] = lambda _: False
    ) -> T:
        """Ask until it comes back, has failed for good, or the next try would be too late."""
        tries = AsyncRetrying(
            retry=retry_if_exception(is_transient) | retry_if_result(again),
            stop=stop_after_attempt(TRIES) | stop_before_delay(seconds),
            wait=_wait,
            retry_error_callback=_last,
        )

        async def in_turn() -> T:
            async with self.places:
                return await once()

        told: T = await tries(in_turn)
        return told


_Response = PipelineResponse[HttpRequest, AsyncHttpResponse]


async def _read(body: AsyncIterator[bytes], reader: BodyReader) -> Body:
    gathered = bytearray()
    async for piece in body:
        gathered += piece
        if len(gathered) >= GATHERED:
            await asyncio.to_thread(reader.feed, bytes(gathered))
            gathered.clear()
    await asyncio.to_thread(reader.feed, bytes(gathered))
    return await asyncio.to_thread(reader.finish)


def _cut_off(response: AsyncHttpResponse) -> None:
    """End the connection of an answer that nobody reads to its end: TLS would wait for the service's farewell."""
    inner = getattr(response, "internal_response", None)
    connection = inner.connection if isinstance(inner, aiohttp.ClientResponse) else None
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _is_passing(answer: InBatch) -> bool:
    return isinstance(answer, LogsQueryError) and passes(answer)


def _last(state: RetryCallState) -> Any:
    """Return what the last try gave, or raise what it raised."""
    assert state.outcome is not None
    return state.outcome.result()


_backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)


def _wait(state: RetryCallState) -> float:
    """Return the seconds that the service names, else a random and growing number."""
    error = state.outcome.exception() if state.outcome else None
    named = retry_after(error) if error is not None else None
    return named if named is not None else _backoff(state)
