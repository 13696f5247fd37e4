"""analyzer: runs the detections over the rows of the case and drafts findings."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.runtime import Runtime

from soc_analyst.graph.budgets import Stopwatch
from soc_analyst.graph.catalogs import catalog_for
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk import Desk, open_desk
from soc_analyst.graph.examining import examined
from soc_analyst.graph.models import open_model
from soc_analyst.graph.progress import tell
from soc_analyst.state.case import CaseState
from soc_analyst.state.findings import Hypothesis
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_model.analyst import ModelAnalyst

__all__ = ["analyzer"]


async def analyzer(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return draft findings over all the rows that the case has so far."""
    watch = Stopwatch()
    async with open_desk(runtime.context, state.get("lacking")) as desk:
        case, floor, faults = await asyncio.to_thread(examined, state, desk)
        analysis = await _by_model(case, floor, state, desk)
    fired = len(case.detections)
    tell(runtime, {"event": "detections", "node": "analyzer", "count": fired})
    return {
        "findings": analysis.findings,
        "hypotheses": _merged(state["hypotheses"], analysis.hypotheses),
        "warnings": (*faults, *analysis.warnings),
        "usage": watch.added_to(state["usage"]).with_calls(analysis.calls),
    }


async def _by_model(case: CaseFile, floor: Analysis, state: CaseState, desk: Desk) -> Analysis:
    """Return what a model adds to the rules' analysis, or that analysis as it is where there is no model."""
    async with open_model(state, desk) as model:
        if model is None:
            return floor
        analyst = ModelAnalyst(model.asker, model.pseudonyms, catalog_for(desk.context))
        return await analyst.analyse(case, floor)


def _merged(old: tuple[Hypothesis, ...], new: tuple[Hypothesis, ...]) -> tuple[Hypothesis, ...]:
    """Return the hypotheses, each as it was told last."""
    return tuple({one.statement: one for one in (*old, *new)}.values())
