"""Whether a verdict stands: the same evidence judged several times by the model, and how far the times agree."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from soc_analyst.state.case import CaseState
from soc_analyst.state.report import Agreement, Report, Usage
from soc_analyst.tools.evidence import Evidence

from ..desk.desk import Desk
from .judging import after_review, composed, judged, proved_of, reviewed

__all__ = ["ALONE", "agreement_on"]

ALONE = "Rules judge alike each time: without a model --repeat has nothing to repeat."


async def agreement_on(report: Report, state: CaseState, desk: Desk, evidence: Evidence) -> tuple[Agreement, Usage]:
    """Judge the evidence of a report again, as often as the context says, and return how far the times agree."""
    usage, times = state["usage"], [report]
    for attempt in range(1, desk.context.repeat):
        again, usage = await _again({**state, "usage": usage}, replace(desk, attempt=attempt), evidence)
        times.append(again)
    return _compared(report, times), usage


async def _again(state: CaseState, desk: Desk, evidence: Evidence) -> tuple[Report, Usage]:
    found = await judged(state, desk)
    proved = await asyncio.to_thread(proved_of, found.analysis.findings, state, desk, evidence)
    usage = state["usage"].with_calls(found.analysis.calls)
    fresh: CaseState = {**state, "usage": usage, "findings": proved.findings}
    outcome = await reviewed(fresh, desk)
    current = after_review(fresh, outcome)
    again = await asyncio.to_thread(composed, current, desk, evidence, ())
    return again, usage.with_calls(outcome.calls)


def _compared(report: Report, times: Sequence[Report]) -> Agreement:
    held = Counter(finding.id for one in times for finding in one.findings)
    ids = {finding.id for finding in report.findings}
    others = dict.fromkeys(
        finding.title
        for one in times
        for finding in one.findings
        if finding.id not in ids and finding.confidence != "Low"
    )
    serious = [finding.id for finding in report.findings if finding.confidence != "Low"]
    same = sum(one.outcome == report.outcome for one in times)
    shares = [held[id] / len(times) for id in serious]
    return Agreement(
        times=len(times),
        outcomes=dict(Counter(one.outcome for one in times)),
        same_outcome=same,
        findings={id: held[id] for id in serious},
        others=tuple(others),
        share=round((sum(shares) + same / len(times)) / (len(shares) + 1), 3),
    )
