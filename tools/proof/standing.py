"""One draft finding at the gate: what of its claims, rules, sentences and confidence the stored rows bear out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soc_analyst.state.findings import Claim, Confidence, Detection, EvidenceRef, Finding, Level, Rule
from soc_analyst.state.queries import Coverage
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.describing import describe
from soc_analyst.tools.privacy import fenced

from .claims import Again, check
from .grounds import Grounds
from .indicators import occurs_in
from .wording import borne_out

__all__ = ["BY_MODEL", "CONFIDENCE", "Standing", "plainly", "stands"]

BY_MODEL = "by-model"
"""The tag of a finding that no rule drafted."""
CONFIDENCE: Mapping[Level, Confidence] = {
    "critical": "High", "high": "High", "medium": "Medium", "low": "Low", "informational": "Low",
}  # fmt: skip
ORDER: Sequence[Confidence] = ("Low", "Medium", "High")
BEARING = frozenset({"count", "order", "same_entity"})
"""Kinds of claims that can lift; any row is there, has its values, and is the first of something."""
KINDS_FOR_HIGH = 2
"""Kinds of claims, beside those of rules, that lift a rule's Medium to High."""
SIGNALS_FOR_MEDIUM = 4
"""Rules of level low that are a finding together."""

LONGEST = 400


@dataclass(frozen=True)
class Standing:
    """A finding as far as it stands, None where nothing of it does; and what was taken out."""

    finding: Finding | None
    failed: tuple[Claim, ...] = ()
    removed: tuple[str, ...] = ()


def stands(
    draft: Finding,
    refs: tuple[EvidenceRef, ...],
    evidence: Evidence,
    coverage: Mapping[str, Coverage],
    again: Again | None,
    names: Collection[str],
) -> Standing:
    """Return a draft with the claims that hold, and the sentences and the confidence that they bear.

    `refs` are the rows it cites that are stored. What `again` is not given for, no rule can be run again: then rules
    stand as they are named, and their claims fail.
    """
    rows = tuple(row for ref in refs if (row := evidence.row(ref)) is not None)
    claims = tuple(check(claim, evidence, coverage, again) for claim in draft.claims)
    held, failed = (tuple(one for one in claims if one.verified is wanted) for wanted in (True, False))
    rules = draft.detections if again is None else tuple(_proved_rules(draft.detections, held, again))
    grounds = Grounds(rows, held, (*_said(draft, held, again or {}), plainly(refs, rows)))
    title, description, notes, removed = _worded(draft, grounds, failed, names)
    if not _anything(draft, rules, held, title, description):
        return Standing(None, failed, removed)
    return Standing(
        draft.model_copy(
            update={
                "title": title or _plain_title(draft, rules),
                "description": description,
                "notes": notes,
                "evidence": refs,
                "claims": held,
                "detections": rules,
                "confidence": _confidence(draft, rules, held),
                "indicators_of_compromise": tuple(i for i in draft.indicators_of_compromise if occurs_in(i, rows)),
            }
        ),
        failed,
        removed,
    )


def _proved_rules(rules: Sequence[Rule], held: Sequence[Claim], again: Again) -> list[Rule]:
    """Return the rules of which a claim holds, as the rule set tells them and not as the draft does."""
    fired = {claim.rule: again[claim.rule][claim.statement].rule for claim in held if claim.rule}
    return [fired[rule.id] for rule in rules if rule.id in fired]


def _said(draft: Finding, held: Sequence[Claim], again: Again) -> list[str]:
    """Return what code itself says: the words of rules that fire again, and of the technique."""
    fired: list[Detection] = [again[claim.rule][claim.statement] for claim in held if claim.rule]
    told = [text for one in fired for text in (one.rule.title, one.description, one.statement)]
    mitre = draft.mitre
    return [*told, mitre.id, mitre.technique, mitre.sub_technique, *(claim.statement for claim in held)]


def plainly(refs: Sequence[EvidenceRef], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what rows are cited, in words of code."""
    table = refs[0].table
    return fenced(f"{len(rows)} rows cited, the first of {table}: {describe(table, rows[0])}", limit=LONGEST)


def _worded(
    draft: Finding, grounds: Grounds, failed: Sequence[Claim], names: Collection[str]
) -> tuple[str, str, str, tuple[str, ...]]:
    """Return title, description and notes without the sentences that nothing bears out, and those sentences.

    The notes of a rule's finding tell of rules, of earlier days and of other findings, which are in no row: from them
    goes only what rests on a failed claim.
    """
    removed: list[str] = []
    told: list[str] = []
    for text, checked in (
        (draft.title, True),
        (draft.description, True),
        (draft.notes, BY_MODEL in draft.tags and bool(failed)),
    ):
        worded = borne_out(
            text,
            grounds,
            names=names,
            denied=[one.statement for one in failed],
            checked=checked,
            spoken="as finding" if BY_MODEL in draft.tags else "by code",
        )
        told.append(worded.text)
        removed += worded.removed
    return told[0], told[1], told[2], tuple(removed)


def _anything(draft: Finding, rules: Sequence[Rule], held: Sequence[Claim], title: str, description: str) -> bool:
    """Return whether anything is left of a finding: a rule that fires, a claim beside its rows, or a sentence."""
    if draft.detections and not rules and BY_MODEL not in draft.tags:
        return False
    return bool(rules or title or description or any(claim.kind != "exists" for claim in held))


def _plain_title(draft: Finding, rules: Sequence[Rule]) -> str:
    named = (rules[0].title if rules else "", draft.mitre.sub_technique, draft.mitre.technique)
    return next(filter(None, named), "Rows that are worth a look")


def _confidence(draft: Finding, rules: Sequence[Rule], held: Sequence[Claim]) -> Confidence:
    """Return what is proved, at most what was drafted: the context of a tenant may have lowered that by rights.

    Rules give the confidence of their level, four weak ones together Medium. Claims beside theirs lift by one step: one
    kind from Low, two from Medium. What stands on claims alone is Medium at most.
    """
    best = max((ORDER.index(CONFIDENCE[rule.level]) for rule in rules), default=0)
    kinds = {claim.kind for claim in held if not claim.rule and claim.kind in BEARING}
    if best == 0 and (kinds or len({rule.id for rule in rules}) >= SIGNALS_FOR_MEDIUM):
        best = 1
    elif best == 1 and rules and len(kinds) >= KINDS_FOR_HIGH:
        best = 2
    return ORDER[min(best, ORDER.index(draft.confidence))]
