"""The floor: what rules drafted stays, whatever a model says; a model adds to it and never takes from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from soc_analyst.state.findings import (
    Claim,
    Confidence,
    Detection,
    EvidenceRef,
    Finding,
    Hypothesis,
    Recommendation,
    Rule,
)
from soc_analyst.tools.evidence.rows import row_json
from soc_analyst.tools.proof.indicators import occurs_in
from soc_analyst.tools.proof.standing import BY_MODEL, plainly
from soc_analyst.tools.reasoning.base import Analysis

from .claiming import bears_on
from .drafting import Draft, Explanation, Reading
from .referee import Referee
from .subjects import entities_of

__all__ = ["BY_MODEL", "lifted"]

MOST_OWN = 8
MOST_TIED = 6
ORDER: Mapping[Confidence, int] = {"Low": 0, "Medium": 1, "High": 2}
ACTIVE: Mapping[Recommendation, int] = {"ignore": 0, "monitor": 1, "pivot": 2, "create incident": 3}
SPAN = timedelta(hours=1)
"""How far from a finding's rows a row may be that is tied to it."""
KINDS_FOR_HIGH = 2
"""Kinds of claims that must hold to lift a rule's Medium to High."""

Handle = tuple[str, int]
Status = Literal["supported", "refuted", "open"]


@dataclass(frozen=True)
class _Base:
    """A rules' finding, with all the rows of the detections that it is made of."""

    id: str
    rows: frozenset[Handle]
    rules: frozenset[Rule]
    confidence: Confidence
    said: tuple[str, ...]
    """What code said of it, before any model."""
    settled: bool
    """Whether the tenant's own knowledge ranked it: then no model ranks it otherwise."""


def lifted(floor: Analysis, reading: Reading, referee: Referee) -> Analysis:
    """Return the rules' analysis with what a model's reading adds to it."""
    bases = [_base(finding, referee) for finding in floor.findings if finding.detections]
    findings = {finding.id: finding for finding in floor.findings}
    own: dict[str, Finding] = {}
    for draft in reading.drafts:
        base = _floor_of(draft.refs, draft.detections, bases)
        rest: Draft | None = draft
        if base is not None:
            findings[base.id] = _improved(findings[base.id], draft, base, referee)
            rest = _beyond(draft, findings[base.id], base, referee)
        if rest is not None:
            finding = _own(rest, referee)
            own.setdefault(finding.id, finding)
    told = _explained(reading.explanations, bases, findings, referee)
    referee.dropped["findings beyond eight"] += max(0, len(own) - MOST_OWN)
    kept = sorted(own.values(), key=lambda one: -ORDER[one.confidence])[:MOST_OWN]
    return replace(floor, findings=(*findings.values(), *kept), hypotheses=(*floor.hypotheses, *told))


def _base(finding: Finding, referee: Referee) -> _Base:
    cited = {_handle(ref) for ref in finding.evidence}
    made_of = [
        one
        for one in referee.case.detections
        if one.rule in finding.detections and cited & {_handle(ref) for ref in one.rows}
    ]
    rows = cited | {_handle(ref) for one in made_of for ref in one.rows}
    settled = any(one.weighed_as is not None for one in made_of)
    said = (finding.title, finding.description, finding.notes, *(claim.statement for claim in finding.claims))
    return _Base(finding.id, frozenset(rows), frozenset(finding.detections), finding.confidence, said, settled)


def _floor_of(refs: Iterable[EvidenceRef], detections: Iterable[Detection], bases: Sequence[_Base]) -> _Base | None:
    """Return the rules' finding that shares the most with what is cited, the first of equals; None where none does."""
    cited, rules = {_handle(ref) for ref in refs}, {one.rule for one in detections}
    shared = [
        (len(cited & base.rows) + len(rules & base.rules), -at) for at, base in enumerate(bases) if cited & base.rows
    ]
    return bases[-max(shared)[1]] if shared else None


def _beyond(draft: Draft, told: Finding, base: _Base, referee: Referee) -> Draft | None:
    """Return what a draft shows beside a rules' finding where a claim that holds says something of it."""
    known = base.rows | {_handle(ref) for ref in told.evidence}
    rest = tuple(ref for ref in draft.refs if _handle(ref) not in known)
    if not any(bears_on(claim, rest, referee) for claim in draft.claims):
        return None
    held = tuple(one for one in draft.indicators if occurs_in(one, referee.rows(rest)))
    return replace(draft, refs=rest, detections=(), indicators=held)


def _handle(ref: EvidenceRef) -> Handle:
    return ref.query_id, ref.row


def _improved(finding: Finding, draft: Draft, base: _Base, referee: Referee) -> Finding:
    """Add a model's words, claims and tied rows; the rules' own words, rows and rank stay."""
    refs = (*finding.evidence, *_tied(finding, draft))
    claims = (*finding.claims, *(claim for claim in draft.claims if claim not in finding.claims))
    rows = referee.rows(refs)
    title = referee.borne_out(draft.title, rows, claims, base.said, spoken="as finding")
    told = referee.borne_out(draft.description, rows, claims, base.said, spoken="as finding")
    notes = referee.borne_out(draft.notes, rows, claims, base.said, spoken="as finding")
    confidence = max(finding.confidence, _lifted_to(base, draft, refs, referee), key=lambda one: ORDER[one])
    higher = confidence != finding.confidence
    why = f"Lifted from {finding.confidence} by claims of the model that hold." if higher else ""
    seen = (one for one in draft.indicators if occurs_in(one, rows))
    named = finding.mitre.id or not draft.technique
    return finding.model_copy(
        update={
            "description": _joined(finding.description, "The model reads it so:", title, told),
            "notes": _joined(finding.notes, "The model notes:" if notes else "", notes, why),
            "confidence": confidence,
            "recommendations": _recommended(finding, draft.recommendations),
            "evidence": refs,
            "claims": claims,
            "indicators_of_compromise": tuple(dict.fromkeys([*finding.indicators_of_compromise, *seen])),
            "mitre": finding.mitre if named else referee.catalog.mitre(draft.technique),
        }
    )


def _joined(before: str, lead: str, *parts: str) -> str:
    added = " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part)
    if not added or added in before:
        return before
    return " ".join(part for part in (before, lead, added) if part)


def _tied(base: Finding, draft: Draft) -> tuple[EvidenceRef, ...]:
    """Return the rows that a claim which holds ties to a row of the finding."""
    known = set(base.evidence)
    ties = [claim for claim in draft.claims if claim.kind in ("order", "same_entity") and known & set(claim.rows)]
    rows = dict.fromkeys(ref for claim in ties for ref in claim.rows if ref in draft.refs and ref not in known)
    return tuple(ref for ref in rows if _soon(ref, base))[:MOST_TIED]


def _soon(ref: EvidenceRef, base: Finding) -> bool:
    times = [one.time for one in base.evidence if one.time is not None]
    return ref.time is not None and bool(times) and min(times) - SPAN <= ref.time <= max(times) + SPAN


def _lifted_to(base: _Base, draft: Draft, refs: Sequence[EvidenceRef], referee: Referee) -> Confidence:
    """Return the confidence that claims bear, one step above the rules' at most and never below it."""
    bearing = set() if referee.spoken_to else {one.kind for one in draft.claims if bears_on(one, refs, referee)}
    if base.settled or ORDER[draft.confidence] <= ORDER[base.confidence] or not bearing:
        return base.confidence
    if base.confidence == "Low":
        return "Medium"
    return "High" if len(bearing) >= KINDS_FOR_HIGH else base.confidence


def _recommended(base: Finding, wanted: Iterable[Recommendation]) -> tuple[Recommendation, ...]:
    """Add what asks for more than the rules do, never for less."""
    least = max((ACTIVE[one] for one in base.recommendations), default=0)
    return tuple(dict.fromkeys([*base.recommendations, *(one for one in wanted if ACTIVE[one] > least)]))


def _own(draft: Draft, referee: Referee) -> Finding:
    """Return a finding that stands on a model's word and verified claims alone: Medium at most."""
    rows = referee.rows(draft.refs)
    pairs = list(zip((ref.table for ref in draft.refs), rows, strict=True))
    bearing = not referee.spoken_to and any(bears_on(claim, draft.refs, referee) for claim in draft.claims)
    confidence: Confidence = "Medium" if bearing and draft.confidence != "Low" else "Low"
    mitre = referee.catalog.mitre(draft.technique)
    name = mitre.sub_technique or mitre.technique or "Activity that the model holds suspicious"
    time = min((ref.time for ref in draft.refs if ref.time), default=referee.case.reading.window.start)
    return Finding(
        id=_id(draft, rows),
        title=referee.borne_out(draft.title, rows, draft.claims, (), spoken="as finding") or name,
        description=referee.borne_out(draft.description, rows, draft.claims, (), spoken="as finding")
        or plainly(draft.refs, rows),
        mitre=mitre,
        confidence=confidence,
        recommendations=_wanted(draft, confidence),
        indicators_of_compromise=draft.indicators,
        tags=(
            BY_MODEL,
            *([f"attack.{mitre.id.lower()}"] if mitre.id else []),
            *(t for t in draft.tags if t != BY_MODEL),
        ),
        notes=_joined(
            _why(confidence, draft, referee),
            "",
            referee.borne_out(draft.notes, rows, draft.claims, (), spoken="as finding"),
        ),
        time=time,
        entities=entities_of(pairs, referee.case.tables),
        evidence=draft.refs,
        claims=(*draft.claims, _exists(draft.refs)),
    )


def _wanted(draft: Draft, confidence: Confidence) -> tuple[Recommendation, ...]:
    kept = [one for one in draft.recommendations if confidence != "Low" or one != "create incident"]
    return tuple(kept) or ("monitor",)


def _why(confidence: Confidence, draft: Draft, referee: Referee) -> str:
    told = f"{confidence}: no rule fired; a model reads it so, and {len(draft.claims)} of its claims hold."
    return f"{told} Log text of this case speaks to a model, so its word lifts nothing." if referee.spoken_to else told


def _id(draft: Draft, rows: Sequence[Mapping[str, object]]) -> str:
    """Name a finding by its technique and earliest event, so that another run names it alike."""
    text = "\n".join([BY_MODEL, draft.technique, min(row_json(row) for row in rows)])
    return f"f-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _exists(refs: tuple[EvidenceRef, ...]) -> Claim:
    return Claim(kind="exists", statement=f"The {len(refs)} cited row(s) were returned by the queries.", rows=refs)


def _explained(
    explanations: Iterable[Explanation], bases: Sequence[_Base], findings: dict[str, Finding], referee: Referee
) -> tuple[Hypothesis, ...]:
    """Return the hypotheses, and write into `findings` what is held to be ordinary work."""
    told: dict[str, Hypothesis] = {}
    for one in explanations:
        refs = tuple(dict.fromkeys([*one.refs, *one.about]))
        statement = referee.borne_out(one.statement, referee.rows(refs), one.claims, ())
        if not statement:
            continue
        base = _floor_of(one.about, one.detections, bases) if one.kind == "benign" else None
        if base is not None:
            findings[base.id] = _contested(findings[base.id], statement)
            statement = f"“{findings[base.id].title}” is ordinary work: {statement}"
        status = _status(one, refs, bases, referee)
        told.setdefault(statement, Hypothesis(statement=statement, status=status, evidence=refs))
    return tuple(told.values())


def _contested(finding: Finding, statement: str) -> Finding:
    notes = _joined(finding.notes, "The model holds that this is ordinary work; the rule's rank stands:", statement)
    return finding.model_copy(update={"notes": notes})


def _status(one: Explanation, refs: Sequence[EvidenceRef], bases: Sequence[_Base], referee: Referee) -> Status:
    """Return a model's verdict only where a claim bears it and no rule's finding on the same rows speaks against it."""
    says_benign = one.status == ("supported" if one.kind == "benign" else "refuted")
    against = says_benign and _floor_of(refs, (), bases) is not None
    borne = any(bears_on(claim, refs, referee) for claim in one.claims)
    return one.status if borne and not against and not referee.spoken_to else "open"
