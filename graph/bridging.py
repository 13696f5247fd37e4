"""Async nodes for hosts that call the graph synchronously."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from langchain_core.runnables import RunnableLambda
from langgraph.runtime import Runtime, get_runtime

from soc_analyst.state.case import CaseState

from .checkpoints.reading import require_readable
from .context import Context

__all__ = ["both_ways", "outside_loop"]

T = TypeVar("T")
Node = Callable[[CaseState, Runtime[Context]], Awaitable[dict[str, Any]]]


def both_ways(node: Node) -> RunnableLambda[CaseState, dict[str, Any]]:
    """Return a node that runs in the host's event loop, or in one of its own where the host has none."""

    async def in_loop(state: CaseState) -> dict[str, Any]:
        require_readable(state)
        return await node(state, get_runtime(Context))

    def without_loop(state: CaseState) -> dict[str, Any]:
        return outside_loop(lambda: in_loop(state))

    return RunnableLambda(without_loop, afunc=in_loop, name=node.__name__)


def outside_loop(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end in an event loop of its own: in a thread beside, where the caller is in one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())
    here = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(here.run, lambda: asyncio.run(make())).result()
