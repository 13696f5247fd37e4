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
from soc_analyst.tools.guard import Verdict, Weighed, check, weigh

__all__ = ["guardrail"]


async def guardrail(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return what was approved; what was refused becomes feedback and a record."""
    watch = Stopwatch()
    context = runtime.context or Context()
    async with open_desk(context, state.get("lacking")) as desk:
        verdicts = await asyncio.to_thread(_verdicts, state, desk)
        weighed = _weighed(verdicts, state, desk)
    approved: list[ApprovedQuery] = []
    feedback: list[Feedback] = []
    records: list[QueryRecord] = []
    for query, verdict, cost in zip(state["plan"].queries, verdicts, weighed, strict=True):
        if cost is not None and not cost.faults:
            approved.append(cost.query)
            tell(runtime, {"event": "query_approved", "node": "guardrail", "id": query.id, "text": query.purpose})
            continue
        faults, fits = (cost.faults, cost.fits) if cost is not None else (verdict.diagnostics, ())
        message = "; ".join(diagnostic.message for diagnostic in faults)
        feedback.append(Feedback(kind="refused", query=query, message=message, diagnostics=faults, fits=fits))
        records.append(refused_record(query, faults, state["plan"].round, verdict.approved))
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


def _weighed(verdicts: list[Verdict], state: CaseState, desk: Desk) -> list[Weighed | None]:
    """Return what each approved query will read, in the order planned: what one reads is not left for the next."""
    ran = (record for record in state["records"] if record.status not in ("refused", "skipped"))
    spent = sum((record.estimate.bytes or 0) for record in ran if record.estimate is not None)
    weighed: list[Weighed | None] = []
    for verdict in verdicts:
        if verdict.approved is None:
            weighed.append(None)
            continue
        cost = weigh(verdict.approved, state.get("volumes", ()), desk.policy, spent=spent)
        if not cost.faults and cost.query.estimate is not None:
            spent += cost.query.estimate.bytes or 0
        weighed.append(cost)
    return weighed


def _warnings(verdicts: list[Verdict]) -> tuple[str, ...]:
    """Say what the approved queries cannot see of what was asked."""
    notes = (note for verdict in verdicts if verdict.approved is not None for note in verdict.diagnostics)
    return tuple(dict.fromkeys(f"{note.message[:1].upper()}{note.message[1:]}; {note.hint}." for note in notes))


def refused_record(
    query: PlannedQuery, diagnostics: tuple[Diagnostic, ...], round_: int, approved: ApprovedQuery | None = None
) -> QueryRecord:
    """Return the record of a query that was not run; `approved` where the guard itself had nothing against it."""
    table = query.typed.table if query.typed is not None else approved.tables[0] if approved is not None else ""
    return QueryRecord(
        id=query.id,
        round=round_,
        purpose=query.purpose,
        table=table,
        key=asked_key(query),
        status="refused",
        diagnostics=diagnostics,
        hypothesis=query.hypothesis,
        leads_from=query.leads_from,
        start=approved.start if approved is not None else None,
        end=approved.end if approved is not None else None,
    )


def _verdicts(state: CaseState, desk: Desk) -> list[Verdict]:
    cap = max(1, min(desk.policy.row_cap, rows_left(state, desk.context)))
    window = state["reading"].window
    return [
        check(query, policy=desk.policy, tables=desk.tables, window=window, row_cap=cap)
        for query in state["plan"].queries
    ]
