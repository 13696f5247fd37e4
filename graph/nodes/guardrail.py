"""guardrail: proves each planned query harmless, or sends it back with the reasons."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.runtime import Runtime

from soc_analyst.graph.approval.asking import asked, awaiting, waits
from soc_analyst.graph.approval.proving import judge
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.budgets import Stopwatch, used_up
from soc_analyst.graph.desk.desk import Desk, open_desk
from soc_analyst.graph.telling import tell_approved, tell_cost, tell_refused, tell_waiting
from soc_analyst.state.case import CaseState

__all__ = ["guardrail"]


async def guardrail(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return what was approved; what was refused becomes feedback and a record.

    Where a person must say yes, the plan is put down first, and the node comes again to ask: so an answer is bound to
    what was put down, and nothing is done before it.
    """
    context = runtime.context or Context()
    async with open_desk(context, state.get("lacking")) as desk:
        if waits(state):
            return _answered(await asyncio.to_thread(asked, state, desk), state, runtime)
        return await _proved(state, runtime, desk)


def _answered(update: dict[str, Any], state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Tell what the guard refused of a person's edit, and return the update."""
    planned = {query.id: query for query in state["plan"].queries}
    for record in update.get("records", ()):
        if record.status == "refused":
            tell_refused(runtime, planned[record.id], record.diagnostics[0].message)
    return update


async def _proved(state: CaseState, runtime: Runtime[Context], desk: Desk) -> dict[str, Any]:
    watch = Stopwatch()
    queries = state["plan"].queries
    judged = await asyncio.to_thread(judge, queries, state, desk)
    passed = [one.weighed for one in judged if one.weighed is not None]
    for query, one in zip(queries, judged, strict=True):
        if one.feedback is None:
            tell_approved(runtime, query)
        else:
            tell_refused(runtime, query, one.feedback.message)
    approved = tuple(one.query for one in passed)
    tell_cost(runtime, approved)
    feedback = tuple(one.feedback for one in judged if one.feedback is not None)
    put_down = awaiting(passed, state, desk)
    if put_down is not None:
        tell_waiting(runtime, put_down.why)
    nothing_left = bool(feedback) and not approved
    return {
        "approved": approved,
        "awaiting": put_down,
        "feedback": feedback,
        "records": tuple(one.record for one in judged if one.record is not None),
        "warnings": tuple(dict.fromkeys(note for one in judged for note in one.notes)),
        "usage": watch.added_to(state["usage"]),
        "budget_reached": state["budget_reached"] or (used_up(state, desk.context) if nothing_left else ""),
    }
