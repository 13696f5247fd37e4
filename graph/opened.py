"""Workspaces kept open over a run: a live one signs in once, and the nodes share its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar

from soc_analyst.tools.logs.base import Workspace

__all__ = ["kept_open", "shared"]

Opening = Callable[[], AbstractAsyncContextManager[Workspace]]


class _Kept:
    """What a run has opened so far."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._alone = asyncio.Lock()
        self._open: dict[Hashable, Workspace] = {}

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
