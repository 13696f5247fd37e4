"""Why a finding is held for as sure as it is: the level of what fired, weighed by its context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soc_analyst.state.findings import Confidence, Detection, EvidenceRef
from soc_analyst.tools.detections.grouping import NOBODY
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.standing import CONFIDENCE

from .ordinary.actors import acting_account, is_service

__all__ = ["CONFIDENCE", "Weight", "person", "weigh"]


@dataclass(frozen=True)
class Weight:
    """A confidence and the reasons for it."""

    confidence: Confidence
    reasons: tuple[str, ...]


def weigh(ordered: Sequence[Detection]) -> Weight:
    """Weigh detections of one technique on one subject, the highest level first."""
    first = ordered[0]
    confidence = CONFIDENCE[first.level]
    reasons = [f"{confidence} by “{first.rule.title}”, a rule of level {first.rule.level}"]
    if len(ordered) > 1:
        reasons.append(f"{len(ordered)} rules speak of the same technique here")
    return Weight(confidence, tuple(reasons))


def person(refs: Sequence[EvidenceRef], evidence: Evidence) -> str:
    """Return the account that acted in the first row, in lower case; empty where it is no person's."""
    row = next((row for ref in refs if (row := evidence.row(ref)) is not None), None)
    name = acting_account(row).lower() if row is not None else ""
    return "" if name in NOBODY or is_service(name) else name
