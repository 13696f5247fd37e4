"""reviewer: proves what was drafted, follows leads, and ends the case with a report."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from soc_analyst.graph.budgets import Stopwatch, used_up
from soc_analyst.graph.catalogs import catalog_for
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk import Desk, open_desk, wall_clock
from soc_analyst.graph.examining import examined
from soc_analyst.graph.models import open_model
from soc_analyst.graph.progress import tell
from soc_analyst.state.case import CaseState
from soc_analyst.state.plans import Lead
from soc_analyst.state.report import Report
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.findings import Proved, merged, prove
from soc_analyst.tools.proof.leads import leads_from
from soc_analyst.tools.reasoning.by_model.critic import ModelCritic, Reviewed, on_a_word
from soc_analyst.tools.records.composing import ClosedCase, compose
from soc_analyst.tools.records.threats import Logged, ThreatsLog

from .planner import ANSWERER

__all__ = ["reviewer"]


async def reviewer(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return leads to follow, or the report of a finished case, whose findings are logged once."""
    watch = Stopwatch()
    context = runtime.context or Context()
    async with open_desk(context, state.get("lacking")) as desk:
        evidence = await asyncio.to_thread(desk.evidence, state["records"])
        proved = await asyncio.to_thread(prove, state["findings"], evidence, state["coverage"])
        findings = merged(proved.findings)
        leads = leads_from(findings, state["pursued"], depth=state["rounds"])
        reached = state["budget_reached"] or (used_up(state, context) if leads else "")
        if leads and not reached:
            usage = watch.added_to(state["usage"])
            return {"findings": findings, "leads": leads, "warnings": proved.warnings, "usage": usage, "stage": "open"}
        reviewed = await _reviewed({**state, "findings": findings}, desk)
        usage = watch.added_to(state["usage"]).with_calls(reviewed.calls)
        findings = reviewed.findings
        current: CaseState = {
            **state,
            "findings": findings,
            "hypotheses": (*state["hypotheses"], *reviewed.hypotheses),
            "usage": usage,
            "warnings": (*state["warnings"], *reviewed.said),
            "budget_reached": reached,
        }
        report = await asyncio.to_thread(_closed, current, desk, evidence, _warnings(proved, leads, reached))
    for finding in report.findings:
        tell(runtime, {"event": "finding", "node": "reviewer", "text": finding.title, "confidence": finding.confidence})
    return {
        "findings": findings,
        "warnings": report.warnings,
        "usage": usage,
        "hypotheses": report.hypotheses,
        "outcome": report.outcome,
        "budget_reached": reached,
        "leads": leads,
        "stage": "finished",
        "report": report,
        "messages": [AIMessage(content=report.summary, name=ANSWERER, id=f"{state['thread_id']}-{state['asked']}")],
    }


async def _reviewed(state: CaseState, desk: Desk) -> Reviewed:
    """Return the findings after a model tried to refute what a model found; as they are where there is none."""
    async with open_model(state, desk) as model:
        if model is None or not any(on_a_word(finding) for finding in state["findings"]):
            return Reviewed(state["findings"])
        case, _, _ = await asyncio.to_thread(examined, state, desk)
        return await ModelCritic(model.asker, model.pseudonyms, catalog_for(desk.context)).refute(
            state["findings"], case
        )


def _warnings(proved: Proved, leads: tuple[Lead, ...], reached: str) -> tuple[str, ...]:
    said = list(proved.warnings)
    if reached:
        said.append(f"The budget of {reached} ended the investigation early; this report is partial.")
        said.extend(f"Not followed: {lead.reason}." for lead in leads)
    return tuple(said)


def _closed(state: CaseState, desk: Desk, evidence: Evidence, warnings: tuple[str, ...]) -> Report:
    """Compose the report, keep it, and log its findings. Blocks."""
    closed = ClosedCase(
        thread_id=state["thread_id"],
        question=state["question"],
        reading=state["reading"],
        policy_hash=state["policy_hash"],
        findings=state["findings"],
        hypotheses=state["hypotheses"],
        records=state["records"],
        coverage=state["coverage"],
        rounds=state["rounds"],
        usage=state["usage"],
        warnings=(*state["warnings"], *warnings),
        budget_reached=state["budget_reached"],
        attack_version=catalog_for(desk.context).version,
    )
    report = compose(closed, evidence, texts=desk.data.evidence, tables=desk.tables)
    desk.case(state).close(report)
    logged = Logged(
        logged_at=wall_clock(),
        thread_id=state["thread_id"],
        question=state["question"],
        workspace=desk.context.workspace,
        model=report.model,
        policy_hash=report.policy_hash,
    )
    ThreatsLog(desk.data.threats).append(report.findings, logged)
    return report
