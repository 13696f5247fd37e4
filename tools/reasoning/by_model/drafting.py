"""Drafts: a model's findings and explanations with rows for handles and only the claims that hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from soc_analyst.state.findings import Claim, Confidence, Detection, EvidenceRef, Recommendation
from soc_analyst.tools.proof.indicators import occurs_in

from .analysis_answer import AnalysisAnswer, FindingForm, HypothesisForm, IndicatorForm
from .brief import Brief
from .claiming import verified
from .referee import Referee
from .subjects import related

__all__ = ["Draft", "Explanation", "Reading", "read"]

TITLE, DESCRIPTION, NOTES, STATEMENT = 160, 1_500, 600, 400
SHORTEST_INDICATOR = 4
_TAG = re.compile(r"[a-z][a-z-]{1,38}[a-z]\Z")


@dataclass(frozen=True)
class Draft:
    """A finding as a model sees it. Its texts are inert but not yet held against the rows."""

    title: str
    description: str
    notes: str
    technique: str
    """Of the current release of ATT&CK; empty where the model named none that it knows."""
    confidence: Confidence
    recommendations: tuple[Recommendation, ...]
    tags: tuple[str, ...]
    indicators: tuple[str, ...]
    refs: tuple[EvidenceRef, ...]
    detections: tuple[Detection, ...] = ()
    claims: tuple[Claim, ...] = ()
    """Those that hold."""


@dataclass(frozen=True)
class Explanation:
    """A hypothesis as a model sees it: what it is about, and the rows and claims that are to bear it out."""

    statement: str
    kind: Literal["attack", "benign"]
    status: Literal["supported", "refuted", "open"]
    about: tuple[EvidenceRef, ...]
    detections: tuple[Detection, ...]
    refs: tuple[EvidenceRef, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Reading:
    """What was drafted from one brief or several."""

    drafts: tuple[Draft, ...] = ()
    explanations: tuple[Explanation, ...] = ()


def read(answer: AnalysisAnswer, brief: Brief, referee: Referee) -> Reading:
    """Return what an answer holds that stands on stored rows."""
    drafts = (_draft(form, brief, referee) for form in answer.findings)
    explained = (_explanation(form, brief, referee) for form in answer.hypotheses)
    return Reading(
        tuple(draft for draft in drafts if draft is not None),
        tuple(one for one in explained if one is not None),
    )


def _draft(form: FindingForm, brief: Brief, referee: Referee) -> Draft | None:
    cited = referee.cited(form.evidence, brief)
    refs = _of_one_story(cited.refs, referee)
    if not refs:
        referee.dropped["findings without a row"] += 1
        return None
    draft = Draft(
        title=referee.prose(form.title, TITLE),
        description=referee.prose(form.description, DESCRIPTION),
        notes=referee.prose(form.notes, NOTES),
        technique=referee.technique(form.technique_id),
        confidence=form.confidence,
        recommendations=tuple(dict.fromkeys(form.recommendations)),
        tags=tuple(dict.fromkeys(tag for tag in (one.strip().lower() for one in form.tags) if _TAG.match(tag))),
        indicators=(),
        refs=refs,
        detections=cited.detections,
        claims=verified(form.claims, brief, referee),
    )
    return replace(draft, indicators=_indicators(form.indicators, refs, brief, referee))


def _explanation(form: HypothesisForm, brief: Brief, referee: Referee) -> Explanation | None:
    statement = referee.prose(form.statement, STATEMENT)
    if not statement:
        return None
    about = referee.cited(form.about, brief)
    return Explanation(
        statement=statement,
        kind=form.kind,
        status=form.status,
        about=about.refs,
        detections=about.detections,
        refs=referee.cited(form.evidence, brief).refs,
        claims=verified(form.claims, brief, referee),
    )


def _of_one_story(refs: Sequence[EvidenceRef], referee: Referee) -> tuple[EvidenceRef, ...]:
    """Leave out rows that name nothing which leads to the others: they are of another story, whatever is said."""
    kept = related(refs, referee.case.evidence, referee.case.tables)
    referee.dropped["rows about something else"] += len(refs) - len(kept)
    return tuple(refs[i] for i in kept)


def _indicators(
    forms: Iterable[IndicatorForm], refs: Sequence[EvidenceRef], brief: Brief, referee: Referee
) -> tuple[str, ...]:
    """Return the values that occur in the rows cited; what does not is counted."""
    rows = referee.rows(refs)
    kept: dict[str, None] = {}
    for form in forms:
        value = _value(form, brief, referee)
        if value is not None and len(value) >= SHORTEST_INDICATOR and occurs_in(value, rows):
            kept[value] = None
        else:
            referee.dropped["indicators that do not occur"] += 1
    return tuple(kept)


def _value(form: IndicatorForm, brief: Brief, referee: Referee) -> str | None:
    if form.handle and form.column:
        row = next(iter(referee.rows(referee.cited([form.handle], brief).refs)), {})
        return str(row[form.column]) if row.get(form.column) not in (None, "") else None
    return referee.revealed(form.value.strip()) if form.value else None
