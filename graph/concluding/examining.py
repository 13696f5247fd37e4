"""The rows of a case under all rules, before any model reads them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from soc_analyst.state.case import CaseState
from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.detections import detect
from soc_analyst.tools.proof.leads import same_thing
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst

from ..desk.budgets import seconds_left
from ..desk.catalogs import catalog_for
from ..desk.desk import Desk
from ..desk.rules import known_good_for, rules_for
from ..looking.recalling import recalled, to_ask

__all__ = ["examined"]

LEAST_SECONDS = 60.0
"""Seconds that must be left for a look at earlier days."""


async def examined(state: CaseState, desk: Desk) -> tuple[CaseFile, Analysis, tuple[str, ...]]:
    """Return the case with its detections, what the rules make of it, and what is wrong with rules.

    Rules read events alone; what a query made of them is for a model to read.
    """
    case, warnings = await asyncio.to_thread(_detected, state, desk)
    asked = await to_ask(case.detections, case.evidence, desk)
    if asked:
        may_ask = not desk.recorded_only and seconds_left(state, desk.context) >= LEAST_SECONDS
        opened = desk.workspace if may_ask else None
        case = replace(case, past=await recalled(asked, case.reading.window, desk, opened, desk.case(state)))
    analyst = RulesAnalyst(catalog_for(desk.context))
    of_events = replace(case, evidence=case.evidence.events)
    return case, await asyncio.to_thread(analyst.analyse, of_events), warnings


def _detected(state: CaseState, desk: Desk) -> tuple[CaseFile, tuple[str, ...]]:
    evidence = desk.evidence(state["records"])
    rules = rules_for(desk)
    good = known_good_for(desk, state["reading"].window.end)
    events = evidence.events
    detections = good.weighed(detect(events, rules=rules, tables=desk.tables), events, desk.tables)
    detections = tuple(one for one in detections if not _left_out(one, state["reading"].excluded))
    tables = desk.schemas(state["records"])
    case = CaseFile(state["reading"], evidence, detections, state["coverage"], tables, state["question"])
    return case, (*rules.warnings, *good.warnings)


def _left_out(detection: Detection, excluded: tuple[Entity, ...]) -> bool:
    """Return whether a detection is about something that the user wants left out."""
    return any(same_thing(entity, one) for entity in detection.entities for one in excluded)
