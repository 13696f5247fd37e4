"""From the rows of a case to its report: what the analyzer and the reviewer do, in a hunt and when it is replayed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from soc_analyst.state.case import CaseState
from soc_analyst.state.findings import Finding
from soc_analyst.state.memory import Earlier
from soc_analyst.state.plans import Lead
from soc_analyst.state.report import Report, ended_by
from soc_analyst.tools.detections import fired_again
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.findings import Proved, merged, prove, rules_named
from soc_analyst.tools.proof.standing import BY_MODEL
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_model.analyst import ModelAnalyst
from soc_analyst.tools.reasoning.by_model.critic import ModelCritic, Reviewed, on_a_word
from soc_analyst.tools.reasoning.by_model.subjects import names_of
from soc_analyst.tools.records.composing import ClosedCase, compose
from soc_analyst.tools.records.dossier import Dossier
from soc_analyst.tools.records.memory import remembered, signals_of

from ..desk.catalogs import catalog_for
from ..desk.desk import Desk
from ..desk.models import open_model
from ..desk.rules import rules_for
from .examining import examined

__all__ = ["Judged", "after_review", "composed", "dossier_of", "judged", "proved_of", "reviewed", "said_of"]


@dataclass(frozen=True)
class Judged:
    """What rules and, where there is one, a model make of the rows."""

    analysis: Analysis
    faults: tuple[str, ...]
    """What is wrong with rules."""
    fired: int
    """How many detections fired."""
    earlier: tuple[Earlier, ...] = ()
    """What accepted reports say of the same things."""


async def judged(state: CaseState, desk: Desk) -> Judged:
    """Return draft findings over all the rows that the case has so far."""
    case, floor, faults = await examined(state, desk)
    earlier = await asyncio.to_thread(_remembered, case, state, desk)
    analysis = await _by_model(case, floor, earlier, state, desk)
    return Judged(analysis, faults, len(case.detections), earlier)


def _remembered(case: CaseFile, state: CaseState, desk: Desk) -> tuple[Earlier, ...]:
    """Return what accepted reports say of what was asked about and fired; as it was, where a case is made again."""
    if desk.recorded_only or desk.attempt:
        return state.get("earlier", ())
    if not desk.context.memory:
        return ()
    named = (entity for detection in case.detections for entity in detection.entities)
    about = dict.fromkeys([*case.reading.entities, *named])
    return remembered(
        desk.data.cases,
        about,
        workspace=desk.context.workspace,
        besides=state["thread_id"],
        seal=desk.data.seal,
    )


async def _by_model(
    case: CaseFile, floor: Analysis, earlier: tuple[Earlier, ...], state: CaseState, desk: Desk
) -> Analysis:
    """Return what a model adds to the rules' analysis, or that analysis as it is where there is no model."""
    async with open_model(state, desk) as model:
        if model is None:
            return floor
        analyst = ModelAnalyst(model.asker, model.pseudonyms, catalog_for(desk.context))
        return await analyst.analyse(case, floor, signals=signals_of(earlier))


def proved_of(drafts: tuple[Finding, ...], state: CaseState, desk: Desk, evidence: Evidence) -> Proved:
    """Return what the stored rows bear out of draft findings, the rules that they name run again. Blocks."""
    again = fired_again(rules_named(drafts), evidence.events, rules=rules_for(desk), tables=desk.tables)
    by_model = any(BY_MODEL in draft.tags for draft in drafts)
    names = names_of(evidence, desk.schemas(state["records"])) if by_model else frozenset()
    proved = prove(drafts, evidence, state["coverage"], again, names=names)
    return replace(proved, findings=merged(proved.findings))


async def reviewed(state: CaseState, desk: Desk) -> Reviewed:
    """Return the findings after a model tried to refute what a model found; as they are where there is none."""
    async with open_model(state, desk) as model:
        if model is None or not any(on_a_word(finding) for finding in state["findings"]):
            return Reviewed(state["findings"])
        case, _, _ = await examined(state, desk)
        return await ModelCritic(model.asker, model.pseudonyms, catalog_for(desk.context)).refute(
            state["findings"], case
        )


def after_review(state: CaseState, outcome: Reviewed) -> CaseState:
    """Return the case with what its review left standing, and what it said."""
    return {
        **state,
        "findings": outcome.findings,
        "hypotheses": (*state["hypotheses"], *outcome.hypotheses),
        "warnings": (*state["warnings"], *outcome.said),
    }


def said_of(proved: Proved, leads: tuple[Lead, ...], reached: str) -> tuple[str, ...]:
    """Return what the reader of a report should know of its proof and of what was not followed."""
    said = list(proved.warnings)
    if reached:
        said.append(f"{_capital(ended_by(reached))} ended the investigation early; this report is partial.")
        said.extend(f"Not followed: {lead.reason}." for lead in leads)
    return tuple(said)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _left_aside(stopped: str) -> tuple[str, ...]:
    """Return why a hunt stopped where something was left that could have been looked into."""
    return (f"{_capital(stopped)}.",) if "not looked into" in stopped else ()


def composed(state: CaseState, desk: Desk, evidence: Evidence, warnings: tuple[str, ...]) -> Report:
    """Return the report of a case whose findings are proved. Blocks."""
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
        warnings=(*state["warnings"], *warnings, *_left_aside(state.get("stopped", ""))),
        budget_reached=state["budget_reached"],
        attack_version=catalog_for(desk.context).version,
        stopped=state.get("stopped", ""),
    )
    report = compose(closed, evidence, texts=desk.data.evidence, tables=desk.schemas(state["records"]))
    return report.model_copy(update={"earlier": tuple(state.get("earlier", ()))})


def dossier_of(state: CaseState, desk: Desk) -> Dossier:
    """Return what a report can be made of again. Blocks."""
    return Dossier(
        asked=state["asked"],
        reading=state["reading"],
        records=state["records"],
        coverage=state["coverage"],
        hypotheses=state["hypotheses"],
        rounds=state["rounds"],
        warnings=state["warnings"],
        leads=state["leads"],
        budget_reached=state["budget_reached"],
        earlier=state.get("earlier", ()),
        stopped=state.get("stopped", ""),
        lacking=state.get("lacking", {}),
        rules=rules_for(desk).digest,
    )
