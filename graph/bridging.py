"""Async nodes for hosts that call the graph synchronously; each ends with a line that says what it did."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from langchain_core.runnables import RunnableLambda
from langgraph.runtime import Runtime, get_runtime

from soc_analyst.settings import reading_from
from soc_analyst.state.case import CaseState
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.reviving import revived

from .checkpoints.reading import require_readable
from .context import Context
from .progress import NodeName
from .served import Served
from .steps import summary, tell_step

__all__ = ["both_ways", "outside_loop"]

T = TypeVar("T")
Node = Callable[[CaseState, Runtime[Context]], Awaitable[dict[str, Any]]]


def both_ways(
    name: NodeName, node: Node, environment: Mapping[str, str], served: Served | None = None
) -> RunnableLambda[CaseState, dict[str, Any]]:
    """Return a node that runs in the host's event loop, or in one of its own where the host has none.

    What a server holds fast is applied here, so that no way in passes it by. Settings and keys are those of the
    environment that the graph was built in: a node reads none itself.
    """

    async def in_loop(state: CaseState) -> dict[str, Any]:
        state = revived(state)
        require_readable(state)
        runtime = _held(get_runtime(Context), state, served)
        with reading_from(environment):
            update = await node(state, runtime)
        did = summary(name, state, update)
        tell_step(runtime, name, did, state, update)
        return {"did": did, **update}

    def without_loop(state: CaseState) -> dict[str, Any]:
        return outside_loop(lambda: in_loop(state))

    return RunnableLambda(without_loop, afunc=in_loop, name=name)


def _held(runtime: Runtime[Context], state: CaseState, served: Served | None) -> Runtime[Context]:
    """Return the runtime with the context that the server allows whoever asks."""
    if served is None:
        return runtime
    if fault := served.fault_of(state.get("question", ""), state.get("messages", ())):
        raise OperatorError(fault, where="request")
    user = runtime.server_info.user if runtime.server_info is not None else None
    return runtime.override(context=served.context_for(runtime.context, user.identity if user is not None else None))


def outside_loop(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end in an event loop of its own: in a thread beside, where the caller is in one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())
    here = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(here.run, lambda: asyncio.run(make())).result()
