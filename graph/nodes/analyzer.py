"""analyzer: runs the detections over the rows of the case and drafts findings."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from soc_analyst.graph.concluding.judging import judged
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.budgets import Stopwatch
from soc_analyst.graph.desk.desk import open_desk
from soc_analyst.graph.telling import tell_detections
from soc_analyst.state.case import CaseState
from soc_analyst.state.findings import Hypothesis

__all__ = ["analyzer"]


async def analyzer(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return draft findings over all the rows that the case has so far."""
    watch = Stopwatch()
    async with open_desk(runtime.context, state.get("lacking")) as desk:
        found = await judged(state, desk)
    analysis = found.analysis
    tell_detections(runtime, found.fired)
    return {
        "findings": analysis.findings,
        "hypotheses": _merged(state["hypotheses"], analysis.hypotheses),
        "warnings": (*found.faults, *analysis.warnings),
        "earlier": found.earlier,
        "usage": watch.added_to(state["usage"]).with_calls(analysis.calls),
    }


def _merged(old: tuple[Hypothesis, ...], new: tuple[Hypothesis, ...]) -> tuple[Hypothesis, ...]:
    """Return the hypotheses, each as it was told last."""
    return tuple({one.statement: one for one in (*old, *new)}.values())
