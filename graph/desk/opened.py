"""What a run keeps: workspaces, so that a live one is signed in to once, and the answers to its small questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar

from soc_analyst.tools.logs.base import QueryResult, Workspace

__all__ = ["kept_open", "remembered", "shared"]

PASSING = frozenset({"throttled", "unreachable", "server"})
"""Troubles after which the same question may be answered a round later."""
Opening = Callable[[], AbstractAsyncContextManager[Workspace]]


class _Kept:
    """What a run has opened so far."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._alone = asyncio.Lock()
        self._open: dict[Hashable, Workspace] = {}
        self.answers: dict[str, QueryResult] = {}

    async def workspace(self, key: Hashable, opening: Opening) -> Workspace:
        async with self._alone:
            if key not in self._open:
                self._open[key] = await self._stack.enter_async_context(opening())
            return self._open[key]


_kept: ContextVar[_Kept | None] = ContextVar("kept", default=None)


@asynccontextmanager
async def kept_open() -> AsyncIterator[None]:
    """Keep each workspace that is opened within open until the end; tasks begun within share it."""
    async with AsyncExitStack() as stack:
        before = _kept.set(_Kept(stack))
        try:
            yield
        finally:
            _kept.reset(before)


@asynccontextmanager
async def shared(key: Hashable, opening: Opening) -> AsyncIterator[Workspace]:
    """Return the workspace that the run has open under a key, opened now if need be; outside of a run, a new one."""
    kept = _kept.get()
    if kept is not None:
        yield await kept.workspace(key, opening)
        return
    async with opening() as workspace:
        yield workspace


async def remembered(kql: str, ask: Callable[[], Awaitable[QueryResult]]) -> QueryResult:
    """Return what a run was answered to a question before, else ask it; what may pass is asked again the next time."""
    kept = _kept.get()
    if kept is None:
        return await ask()
    if kql not in kept.answers:
        result = await ask()
        if result.status == "failed" and any(why.code in PASSING for why in result.diagnostics):
            return result
        kept.answers[kql] = result
    return kept.answers[kql]
