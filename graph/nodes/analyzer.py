"""analyzer: runs the detections over the rows of the case and drafts findings."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.runtime import Runtime

from soc_analyst.graph.budgets import Stopwatch
from soc_analyst.graph.catalogs import catalog_for
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk import Desk, open_desk
from soc_analyst.graph.progress import tell
from soc_analyst.graph.rules import known_good_for, rules_for
from soc_analyst.state.case import CaseState
from soc_analyst.tools.detections import detect
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst

__all__ = ["analyzer"]


async def analyzer(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return draft findings over all the rows that the case has so far."""
    watch = Stopwatch()
    async with open_desk(runtime.context, state.get("lacking")) as desk:
        analysis, fired, faults = await asyncio.to_thread(_analysed, state, desk)
    tell(runtime, {"event": "detections", "node": "analyzer", "count": fired})
    return {
        "findings": analysis.findings,
        "warnings": (*faults, *analysis.warnings),
        "usage": watch.added_to(state["usage"]),
    }


def _analysed(state: CaseState, desk: Desk) -> tuple[Analysis, int, tuple[str, ...]]:
    evidence = desk.evidence(state["records"])
    rules = rules_for(desk)
    good = known_good_for(desk, state["reading"].window.end)
    detections = good.weighed(detect(evidence, rules=rules, tables=desk.tables), evidence, desk.tables)
    case = CaseFile(state["reading"], evidence, detections, state["coverage"], desk.tables)
    return RulesAnalyst(catalog_for(desk.context)).analyse(case), len(detections), (*rules.warnings, *good.warnings)
