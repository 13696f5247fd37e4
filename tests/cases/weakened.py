"""The graph with one part of it taken out, to see what that part earns. The product knows nothing of it."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from langgraph.runtime import Runtime

from soc_analyst.graph import build
from soc_analyst.graph.context import Context
from soc_analyst.graph.nodes import reviewer as reviewing
from soc_analyst.state.case import CaseState
from soc_analyst.tools.proof.findings import Proved

__all__ = ["WEAKENED", "weakened"]

Node = Callable[[CaseState, Runtime[Context]], Awaitable[dict[str, Any]]]
WEAKENED = ("no refine", "no pivots", "no reviewer")


@contextmanager
def weakened(how: str) -> Iterator[None]:
    """Hunt without a part of the graph while the context lasts; with all of it where `how` is empty."""
    if not how:
        yield
        return
    with {"no refine": _no_refine, "no pivots": _no_pivots, "no reviewer": _no_reviewer}[how]():
        yield


def _no_refine() -> Any:
    """Let nothing that came back empty, failed or cut go to the planner again."""
    whole: Node = build.NODES["executor"]

    @functools.wraps(whole)
    async def executor(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
        return {**await whole(state, runtime), "feedback": ()}

    return patch.dict(build.NODES, executor=executor)


def _no_pivots() -> Any:
    """End the case at its first review, as if a person wanted nothing more to be run."""
    whole: Node = build.NODES["reviewer"]

    @functools.wraps(whole)
    async def reviewer(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
        return await whole({**state, "declined": True}, runtime)

    return patch.dict(build.NODES, reviewer=reviewer)


def _no_reviewer() -> Any:
    """Take drafts as they are, nothing proved and nothing followed."""

    @contextmanager
    def both() -> Iterator[None]:
        unproved = patch.object(reviewing, "proved_of", lambda drafts, *_: Proved(tuple(drafts), ()))
        with unproved, _no_pivots():
            yield

    return both()
