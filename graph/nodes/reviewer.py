"""reviewer: proves what was drafted, follows leads, and ends the case with a report."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from soc_analyst.graph.concluding.agreeing import ALONE, agreement_on
from soc_analyst.graph.concluding.judging import after_review, composed, dossier_of, proved_of, reviewed, said_of
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.budgets import Stopwatch, queries_left, used_up
from soc_analyst.graph.desk.desk import Desk, open_desk, wall_clock
from soc_analyst.graph.telling import tell_report
from soc_analyst.state.case import CaseState
from soc_analyst.state.report import Report, ended_by
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.models import parse_model_spec
from soc_analyst.tools.reasoning.by_rules.pivots import Pursuit, Trail, leads_from
from soc_analyst.tools.records.threats import Logged

from .planner import ANSWERER

__all__ = ["reviewer"]

NO_MORE = "nothing more was to be asked"
"""Why a case stops whose user wants no query, or whose question is answered from what there is."""


async def reviewer(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return leads to follow, or the report of a finished case, whose findings are logged once."""
    watch = Stopwatch()
    context = runtime.context or Context()
    async with open_desk(context, state.get("lacking")) as desk:
        evidence = await asyncio.to_thread(desk.evidence, state["records"])
        proved = await asyncio.to_thread(proved_of, state["findings"], state, desk, evidence)
        findings = proved.findings
        over = state.get("declined", False) or state["reading"].follows == "why"
        trail = _trail(state, context, desk)
        pursuit = Pursuit(stopped=NO_MORE) if over else leads_from(findings, trail, evidence)
        leads = pursuit.leads
        reached = state["budget_reached"] or (used_up(state, context) if leads else "")
        if leads and not reached:
            usage = watch.added_to(state["usage"])
            return {"findings": findings, "leads": leads, "warnings": proved.warnings, "usage": usage, "stage": "open"}
        stopped = f"{ended_by(reached)} ended it" if reached else pursuit.stopped
        outcome = await reviewed({**state, "findings": findings}, desk)
        usage = watch.added_to(state["usage"]).with_calls(outcome.calls)
        current = after_review({**state, "usage": usage, "budget_reached": reached, "stopped": stopped}, outcome)
        report = await asyncio.to_thread(composed, current, desk, evidence, said_of(proved, leads, reached))
        ended: CaseState = {**state, "leads": leads, "budget_reached": reached, "stopped": stopped}
        if context.repeat > 1:
            report = await _repeated(report, {**ended, "usage": usage}, desk, evidence)
            usage = report.usage
        await asyncio.to_thread(_keep, report, ended, desk)
    tell_report(runtime, report)
    return {
        "findings": current["findings"],
        "warnings": report.warnings,
        "usage": usage,
        "hypotheses": report.hypotheses,
        "outcome": report.outcome,
        "budget_reached": reached,
        "leads": leads,
        "stopped": stopped,
        "stage": "finished",
        "report": report,
        "messages": [AIMessage(content=report.summary, name=ANSWERER, id=f"{state['thread_id']}-{state['asked']}")],
    }


async def _repeated(report: Report, state: CaseState, desk: Desk, evidence: Evidence) -> Report:
    """Return the report with how far several judgements of its evidence agree."""
    if parse_model_spec(desk.context.model).kind == "none":
        return report.model_copy(update={"warnings": (*report.warnings, ALONE)})
    agreement, usage = await agreement_on(report, state, desk, evidence)
    return report.model_copy(update={"agreement": agreement, "usage": usage})


def _trail(state: CaseState, context: Context, desk: Desk) -> Trail:
    return Trail(
        reading=state["reading"],
        tables=desk.tables,
        records=state["records"],
        followed=state.get("followed", ()),
        volumes=state.get("volumes", ()),
        queries_left=queries_left(state, context),
    )


def _keep(report: Report, state: CaseState, desk: Desk) -> None:
    """Keep the report with what it was made of, and log its findings. Blocks."""
    desk.case(state).close(report, dossier_of(state, desk))
    logged = Logged(
        logged_at=wall_clock(),
        thread_id=report.thread_id,
        question=report.question,
        workspace=desk.context.workspace,
        model=report.model,
        policy_hash=report.policy_hash,
    )
    desk.data.threats_log.append(report.findings, logged)
