"""The rows of a case under all rules, before any model reads them."""

from __future__ import annotations

from soc_analyst.state.case import CaseState
from soc_analyst.tools.detections import detect
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst

from .catalogs import catalog_for
from .desk import Desk
from .rules import known_good_for, rules_for

__all__ = ["examined"]


def examined(state: CaseState, desk: Desk) -> tuple[CaseFile, Analysis, tuple[str, ...]]:
    """Return the case with its detections, what the rules make of it, and what is wrong with rules. Blocks."""
    evidence = desk.evidence(state["records"])
    rules = rules_for(desk)
    good = known_good_for(desk, state["reading"].window.end)
    detections = good.weighed(detect(evidence, rules=rules, tables=desk.tables), evidence, desk.tables)
    case = CaseFile(state["reading"], evidence, detections, state["coverage"], desk.tables, state["question"])
    return case, RulesAnalyst(catalog_for(desk.context)).analyse(case), (*rules.warnings, *good.warnings)
