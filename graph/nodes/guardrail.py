"""guardrail: proves each planned query harmless, or sends it back with the reasons."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.runtime import Runtime

from soc_analyst.graph.budgets import Stopwatch, rows_left, used_up
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk import Desk, open_desk
from soc_analyst.graph.progress import tell, tell_cost
from soc_analyst.state.case import CaseState
from soc_analyst.state.plans import Feedback
from soc_analyst.state.queries import ApprovedQuery, Diagnostic, PlannedQuery, QueryRecord, asked_key
from soc_analyst.tools.guard import Verdict, check, estimated

__all__ = ["guardrail"]


async def guardrail(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return what was approved; what was refused becomes feedback and a record."""
    watch = Stopwatch()
    context = runtime.context or Context()
    async with open_desk(context, state.get("lacking")) as desk:
        verdicts = await asyncio.to_thread(_verdicts, state, desk)
    approved: list[ApprovedQuery] = []
    feedback: list[Feedback] = []
    records: list[QueryRecord] = []
    for query, verdict in zip(state["plan"].queries, verdicts, strict=True):
        if verdict.approved is not None:
            estimate = estimated(verdict.approved, state.get("volumes", ()), desk.policy)
            approved.append(verdict.approved.model_copy(update={"estimate": estimate}))
            tell(runtime, {"event": "query_approved", "node": "guardrail", "id": query.id, "text": query.purpose})
            continue
        message = "; ".join(diagnostic.message for diagnostic in verdict.diagnostics)
        feedback.append(Feedback(kind="refused", query=query, message=message, diagnostics=verdict.diagnostics))
        records.append(refused_record(query, verdict.diagnostics, state["plan"].round))
        tell(runtime, {"event": "query_refused", "node": "guardrail", "id": query.id, "text": message})
    tell_cost(runtime, approved)
    nothing_left = bool(feedback) and not approved
    return {
        "approved": tuple(approved),
        "feedback": tuple(feedback),
        "records": tuple(records),
        "warnings": _warnings(verdicts),
        "usage": watch.added_to(state["usage"]),
        "budget_reached": state["budget_reached"] or (used_up(state, context) if nothing_left else ""),
    }


def _warnings(verdicts: list[Verdict]) -> tuple[str, ...]:
    """Say what the approved queries cannot see of what was asked."""
    notes = (note for verdict in verdicts if verdict.approved is not None for note in verdict.diagnostics)
    return tuple(dict.fromkeys(f"{note.message[:1].upper()}{note.message[1:]}; {note.hint}." for note in notes))


def refused_record(query: PlannedQuery, diagnostics: tuple[Diagnostic, ...], round_: int) -> QueryRecord:
    """Return the record of a query that was not run."""
    return QueryRecord(
        id=query.id,
        round=round_,
        purpose=query.purpose,
        table=query.typed.table if query.typed is not None else "",
        key=asked_key(query),
        status="refused",
        diagnostics=diagnostics,
        hypothesis=query.hypothesis,
        leads_from=query.leads_from,
    )


def _verdicts(state: CaseState, desk: Desk) -> list[Verdict]:
    cap = max(1, min(desk.policy.row_cap, rows_left(state, desk.context)))
    window = state["reading"].window
    return [
        check(query, policy=desk.policy, tables=desk.tables, window=window, row_cap=cap)
        for query in state["plan"].queries
    ]
