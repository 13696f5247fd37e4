"""Findings and what proves them."""

from __future__ import annotations

from typing import Literal

from .base import UtcTime, Value
from .entities import Entity
from .queries import Condition

__all__ = [
    "EXPLAINED",
    "Claim",
    "Confidence",
    "Detection",
    "EvidenceRef",
    "Finding",
    "Hypothesis",
    "Level",
    "Mitre",
    "Outcome",
    "Recommendation",
    "Rule",
    "TimelineEvent",
]

Confidence = Literal["Low", "Medium", "High"]
Level = Literal["informational", "low", "medium", "high", "critical"]
Recommendation = Literal["pivot", "create incident", "monitor", "ignore"]
Outcome = Literal["confirmed", "suspected", "benign", "not_found", "could_not_look"]


class EvidenceRef(Value):
    """A row by handle: the query that returned it and its position there, from 0."""

    query_id: str
    table: str
    row: int
    time: UtcTime | None = None


class Mitre(Value):
    """An ATT&CK technique as the catalogue names it."""

    tactic: str = ""
    technique: str = ""
    sub_technique: str = ""
    id: str = ""
    description: str = ""


class Rule(Value):
    """The detection that fired."""

    id: str
    title: str
    level: Level
    author: str = ""
    license: str = ""
    references: tuple[str, ...] = ()


class Claim(Value):
    """A statement that code evaluates again on the stored rows.

    exists: every one of `rows` is stored. count: exactly `expected` distinct rows of `table` in evidence meet all of
    `where`. order: the first of `rows` is no later than the last. same_entity: all `rows` hold `value` in `column`,
    without regard to case. absent: no row of `table` in evidence meets `where`, and the table was covered: for the time
    that `where` bounds, where it bounds one. value: the row of `rows` holds exactly `value` in `column`. first, last:
    of the rows of `table` in evidence that meet `where`, none is earlier, or later, than the row of `rows`.

    With a `rule` it is one that a rule makes, evaluated by running that rule again over the stored rows: count is how
    many rows of a subject it matches; detected is what a correlation or statistic says in its own numbers.
    """

    kind: Literal["exists", "count", "order", "same_entity", "absent", "value", "first", "last", "detected"]
    statement: str
    verified: bool = False
    detail: str = ""
    rows: tuple[EvidenceRef, ...] = ()
    table: str = ""
    where: tuple[Condition, ...] = ()
    column: str = ""
    value: str = ""
    expected: int | None = None
    rule: str = ""


class Detection(Value):
    """One rule or statistic that fired on rows, before anybody judged it."""

    rule: Rule
    description: str = ""
    statement: str
    """What was seen, in one line with its numbers."""
    techniques: tuple[str, ...] = ()
    """ATT&CK ids, most telling first, such as T1059.001."""
    tactics: tuple[str, ...] = ()
    """ATT&CK tactic short names, such as execution."""
    rows: tuple[EvidenceRef, ...]
    """Most telling rows first."""
    entities: tuple[Entity, ...] = ()
    claims: tuple[Claim, ...] = ()
    false_positives: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    weighed_as: Level | None = None
    """The level that the tenant's own knowledge leaves it, where that is not the rule's."""
    notes: tuple[str, ...] = ()
    """Why it is weighed so."""

    @property
    def level(self) -> Level:
        """Return what it counts as here."""
        return self.weighed_as or self.rule.level


EXPLAINED = "explained"
"""The tag of a finding whose signals would be suspicious, and that context or the tenant's own knowledge explains."""


class Finding(Value):
    """What an analyst can act on."""

    title: str
    description: str
    mitre: Mitre = Mitre()
    log_lines: tuple[str, ...] = ()
    """JSON of the returned rows, copied by code; `log_lines[i]` is `evidence[i]`."""
    confidence: Confidence
    recommendations: tuple[Recommendation, ...] = ()
    indicators_of_compromise: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str = ""
    id: str
    time: UtcTime
    entities: tuple[Entity, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()
    detections: tuple[Rule, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def proof(self) -> str:
        """Return how many claims it makes, and how many of them hold."""
        return f"{len(self.claims)} claims, {sum(claim.verified for claim in self.claims)} verified"


class Hypothesis(Value):
    """An explanation under test, the benign one among them."""

    statement: str
    status: Literal["supported", "refuted", "open"] = "open"
    evidence: tuple[EvidenceRef, ...] = ()


class TimelineEvent(Value):
    """One line of the story."""

    time: UtcTime
    event: str
    evidence: EvidenceRef
