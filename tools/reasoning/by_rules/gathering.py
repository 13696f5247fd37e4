"""One act told from both ends is told once: what a finding counts is not told again of each account or host it met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from soc_analyst.state.findings import Claim, EvidenceRef, Finding
from soc_analyst.tools.amounts import counted
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.claims import meets
from soc_analyst.tools.proof.leads import named_once

from .alerts import ALERTS
from .companions import RANK, Told

__all__ = ["gathered"]

STATISTIC = "stat-"
LEAST = 5
"""Rows that a finding counts, from which on it gathers what is told of some of them."""
MOST_NAMED = 5
DOERS = frozenset({"host", "account", "ip"})
ALONE = frozenset({"==", "=~"})


def gathered(told: Sequence[Told], evidence: Evidence) -> list[Told]:
    """Return the findings without those that another one tells of already.

    A spray is one act, not one on each account: a finding goes where it cites none but rows that the statistic of
    another one counted, is of the same technique or a sibling, no surer, and counts less itself. One alert is one
    finding, not one on each thing that it names. What stays keeps the rules of what goes.
    """
    seen = [_Seen(finding, evidence) for _, finding in told]
    into = {at: whole for at in range(len(seen)) if (whole := _whole(at, seen)) is not None}
    parts: dict[int, list[Finding]] = {}
    for at, whole in into.items():
        while whole in into:
            whole = into[whole]
        parts.setdefault(whole, []).append(told[at][1])
    return [
        (subject, _with(finding, parts.get(at, ()))) for at, (subject, finding) in enumerate(told) if at not in into
    ]


@dataclass(frozen=True)
class _Seen:
    """A finding and what its rows hold."""

    finding: Finding
    evidence: Evidence

    @cached_property
    def technique(self) -> str:
        return self.finding.mitre.id.partition(".")[0]

    @cached_property
    def counts(self) -> tuple[Claim, ...]:
        """What its statistics count of the rows themselves."""
        return tuple(_counts(self.finding))

    @cached_property
    def most(self) -> int:
        return max((claim.expected or 0 for claim in self.counts), default=0)

    @cached_property
    def alerts(self) -> frozenset[str]:
        """The alerts that it cites."""
        rows = (self.evidence.row(ref) for ref in self.finding.evidence if ref.table in ALERTS)
        return frozenset(str(row["AlertId"]) for row in rows if row and row.get("AlertId"))

    @cached_property
    def only_alerts(self) -> bool:
        return bool(self.alerts) and all(ref.table in ALERTS for ref in self.finding.evidence)

    def told_by_alerts_of(self, other: _Seen) -> bool:
        """Return whether it rests on nothing but alerts that the other one cites too."""
        return self.only_alerts and self.alerts <= other.alerts and self.most <= other.most

    def counted_by(self, other: _Seen) -> bool:
        """Return whether all its rows are among those that a statistic of the other one counted."""
        return any(
            self.most < (claim.expected or 0) and all(self._meets(ref, claim) for ref in self.finding.evidence)
            for claim in other.counts
        )

    def _meets(self, ref: EvidenceRef, claim: Claim) -> bool:
        row = self.evidence.row(ref) if ref.table == claim.table else None
        return row is not None and meets(row, claim.where)


def _whole(at: int, seen: Sequence[_Seen]) -> int | None:
    """Return the finding that tells of this one already, if any does."""
    one = seen[at]
    for to, other in enumerate(seen):
        if (
            to == at
            or one.technique != other.technique
            or RANK[one.finding.confidence] > RANK[other.finding.confidence]
        ):
            continue
        of_one_alert = one.told_by_alerts_of(other) and (to < at or not other.only_alerts)
        if of_one_alert or one.counted_by(other):
            return to
    return None


def _counts(finding: Finding) -> Iterator[Claim]:
    """Yield what its statistics count of its own doer: a baseline counts what others do, which is none of its act."""
    doers = {entity.value.casefold() for entity in finding.entities if entity.kind in DOERS}
    if any(rule.id.startswith(STATISTIC) for rule in finding.detections):
        for claim in finding.claims:
            if claim.kind == "count" and not claim.rule and (claim.expected or 0) >= LEAST and _bounded(claim, doers):
                yield claim


def _bounded(claim: Claim, doers: Set[str]) -> bool:
    """Return whether a claim counts the rows of one of these alone."""
    alone = (one for one in claim.where if one.op in ALONE and len(one.values) == 1)
    return any(str(one.values[0]).casefold() in doers for one in alone)


def _with(finding: Finding, parts: Sequence[Finding]) -> Finding:
    """Keep the rules of the parts, the things that an alert among them names, and how often each would have spoken."""
    if not parts:
        return finding
    surest = sorted(parts, key=lambda part: -RANK[part.confidence])
    titles = Counter(part.detections[0].title for part in surest)
    named = ", ".join(f"“{title}” {counted(times, 'time')}" for title, times in [*titles.items()][:MOST_NAMED])
    alerts = [part for part in parts if all(ref.table in ALERTS for ref in part.evidence)]
    return finding.model_copy(
        update={
            "detections": tuple(dict.fromkeys([*finding.detections, *(r for part in parts for r in part.detections)])),
            "entities": named_once([*finding.entities, *(entity for part in alerts for entity in part.entities)]),
            "notes": f"{finding.notes} Part of it: {named}.".strip(),
        }
    )
