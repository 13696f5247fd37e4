"""Async nodes for hosts that call the graph synchronously."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_core.runnables import RunnableLambda
from langgraph.runtime import Runtime, get_runtime

from soc_analyst.state.case import CaseState

from .checkpoints.reading import require_readable
from .context import Context

__all__ = ["both_ways"]

Node = Callable[[CaseState, Runtime[Context]], Awaitable[dict[str, Any]]]


def both_ways(node: Node) -> RunnableLambda[CaseState, dict[str, Any]]:
    """Return a node that runs in the host's event loop, or in one of its own where the host has none."""

    async def in_loop(state: CaseState) -> dict[str, Any]:
        require_readable(state)
        return await node(state, get_runtime(Context))

    def without_loop(state: CaseState) -> dict[str, Any]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(in_loop(state))
        here = contextvars.copy_context()
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(here.run, asyncio.run, in_loop(state)).result()

    return RunnableLambda(without_loop, afunc=in_loop, name=node.__name__)
