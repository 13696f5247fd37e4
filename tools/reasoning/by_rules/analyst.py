"""The analyst that needs no model: detections become findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import (
    EXPLAINED,
    Claim,
    Confidence,
    Detection,
    EvidenceRef,
    Finding,
    Level,
    Mitre,
    Recommendation,
)
from soc_analyst.state.names import short_name
from soc_analyst.tools.attack import KILL_CHAIN, AttackCatalog
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.rows import row_json
from soc_analyst.tools.proof.indicators import indicators_in
from soc_analyst.tools.proof.leads import named_once
from soc_analyst.tools.reasoning.base import Analysis, CaseFile

from .alerts import ALERTS, alert_title, as_their_product_tells
from .answering import observation
from .claiming import claimed_once
from .companions import joined
from .gathering import gathered
from .grouping import grouped, technique
from .naming import Row, on, one_named, subject, title
from .ordinary import weighed
from .stories import SPAN, Chain, chains, told_together
from .weighing import person, weigh

__all__ = ["RulesAnalyst"]

RANK: dict[Level, int] = {"informational": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
RECOMMENDED: dict[Confidence, tuple[Recommendation, ...]] = {
    "High": ("create incident", "pivot"),
    "Medium": ("pivot", "monitor"),
    "Low": ("monitor",),
}
NOTHING_KNOWN = frozenset({"None known", "None known.", "Unknown", "Unlikely", "None"})
"""What rules say where they know of nothing benign."""
MOST_ROWS = 12
MOST_LOW = 10
WORTH_A_NOTE = frozenset({"host", "account", "ip"})
WITH_HASHES = frozenset({"DeviceProcessEvents", "DeviceFileEvents"})


class RulesAnalyst:
    """Group what fired by technique and subject; say no more than the rules do."""

    def __init__(self, catalog: AttackCatalog) -> None:
        self.catalog = catalog

    def analyse(self, case: CaseFile) -> Analysis:
        """Return a finding for each technique on each subject, and the plain answer to a plain question."""
        told_of = weighed(case.detections, case.evidence, case.past)
        of_alerts = as_their_product_tells(told_of, case.evidence, self.catalog)
        groups = grouped([detection for detection in of_alerts if detection.level != "informational"])
        told = [(about, self._finding(group, case.evidence)) for about, group in groups]
        told += [(chain.subject, self._chain(chain, case.evidence)) for chain in _unexplained(case, told)]
        findings = told_together(claimed_once(gathered(joined(told), case.evidence)))
        kept, warnings = _without_most_of_the_low(findings, case.reading.entities)
        if not findings and (seen := observation(case)) is not None:
            kept = (seen,)
        return Analysis(findings=kept, warnings=(*self._unknown_techniques(case.detections), *warnings))

    def _unknown_techniques(self, detections: Iterable[Detection]) -> Iterator[str]:
        told = {(id, each.rule.title) for each in detections for id in each.techniques}
        for id, rule in sorted(told):
            if self.catalog.current(id) is None:
                yield f"{id} of the rule “{rule}” is no technique of ATT&CK {self.catalog.version}."

    def _mitre(self, detection: Detection) -> Mitre:
        """Return the first technique that the catalogue knows."""
        known = (self.catalog.mitre(technique, _tactic(detection)) for technique in detection.techniques)
        return next((mitre for mitre in known if mitre.id), Mitre())

    def _claimed(self, detections: Sequence[Detection]) -> list[str]:
        """Return the techniques that these show, by their ids of today; none whose sub-technique is shown too."""
        told = (technique.upper() for detection in detections for technique in detection.techniques)
        ids = list(dict.fromkeys(now.id for one in told if (now := self.catalog.current(one)) is not None))
        return [one for one in ids if not any(other.startswith(f"{one}.") for other in ids)]

    def _tags(self, ordered: Sequence[Detection]) -> tuple[str, ...]:
        """Return the techniques that the surest detections show, and what else the rules are tagged with."""
        techniques = [f"attack.{id.lower()}" for id in self._claimed(_surest(ordered))]
        own = [tag for detection in ordered for tag in detection.tags if not tag.startswith("attack.t")]
        explained = [EXPLAINED] if _is_explained(ordered) else []
        return tuple(dict.fromkeys([*techniques, *own, *explained]))

    def _notes(
        self, ordered: Sequence[Detection], reasons: Sequence[str], claimed: Sequence[Detection] | None = None
    ) -> str:
        """Tell what may be benign, techniques that come to mind but are not claimed, and the reasons."""
        carry = claimed or _surest(ordered)
        benign = dict.fromkeys(text for one in carry for text in one.false_positives if text not in NOTHING_KNOWN)
        told = [f"Benign when: {'; '.join(benign)}."] if benign else []
        sure = self._claimed(carry)
        others = [id for id in self._claimed(ordered) if id not in sure]
        related = [f"Related, not claimed: {', '.join(others)}."] if others else []
        why = [f"Why: {'; '.join(reasons)}."] if reasons else []
        own = (note for detection in ordered for note in detection.notes)
        return " ".join(dict.fromkeys([*told, *own, *related, *why]))

    def _chain(self, chain: Chain, evidence: Evidence) -> Finding:
        """Return weak signals that are a finding together, named by the one furthest into an intrusion."""
        furthest = max(
            chain.signals, key=lambda one: KILL_CHAIN.index(one.tactics[0]) if one.tactics[0] in KILL_CHAIN else -1
        )
        first, *others = [furthest, *(one for one in chain.signals if one is not furthest)]
        draft = self._finding([first, *others], evidence)
        tactics = ", ".join(self.catalog.tactic_name(short) or short for short in chain.tactics)
        why = (
            f"Medium: {len(chain.signals)} weak signals over {len(chain.tactics)} tactics ({tactics}) "
            f"within {chain.minutes} minutes; each alone is Low."
        )
        return draft.model_copy(
            update={
                "id": f"{draft.id[:-2]}ch",
                "title": f"Several weak signals together{on(first)}",
                "confidence": "Medium",
                "recommendations": RECOMMENDED["Medium"],
                "tags": self._tags([first]),
                "notes": f"{why} {self._notes([first, *others], (), claimed=[first])}".strip(),
            }
        )

    def _finding(self, group: Sequence[Detection], evidence: Evidence) -> Finding:
        ordered = sorted(group, key=lambda d: -RANK[d.level])
        first = ordered[0]
        refs = _telling(ordered)
        rows = [(ref, row) for ref in refs if (row := evidence.row(ref)) is not None]
        bearing = {ref for detection in _surest(ordered) for ref in detection.rows}
        telling = [(ref, row) for ref, row in rows if ref in bearing]
        times = [ref.time for ref, _ in telling if ref.time]
        weight = weigh(ordered)
        confidence = weight.confidence
        claims = (*_merged_claims(ordered), _exists(refs))
        return Finding(
            id=_finding_id(first, rows),
            title=title(first, telling, alert_title(refs, evidence)),
            description=_description(ordered),
            mitre=self._mitre(first),
            confidence=confidence,
            recommendations=RECOMMENDED[confidence],
            indicators_of_compromise=indicators_in(
                [row for ref, row in rows if ref in bearing or _beside(ref, times)],
                hashes=confidence == "High" and refs[0].table in WITH_HASHES,
            ),
            tags=self._tags(ordered),
            notes=self._notes(ordered, weight.reasons),
            time=min(times, default=datetime.min.replace(tzinfo=UTC)),
            entities=named_once(entity for detection in ordered for entity in detection.entities),
            evidence=refs,
            detections=tuple(dict.fromkeys(detection.rule for detection in ordered)),
            claims=claims,
        )


def _is_explained(ordered: Sequence[Detection]) -> bool:
    """Return whether something here would be suspicious by its rule, and nothing is once it is weighed."""
    lowered = any(RANK[one.rule.level] >= RANK["medium"] and RANK[one.level] < RANK["medium"] for one in ordered)
    return lowered and all(RANK[one.level] < RANK["medium"] for one in ordered)


def _telling(ordered: Sequence[Detection]) -> tuple[EvidenceRef, ...]:
    """Take rows from each detection in turn, so that none is left without a row."""
    queues = [list(detection.rows) for detection in ordered]
    taken: dict[tuple[str, int], EvidenceRef] = {}
    for position in range(max(len(queue) for queue in queues)):
        for queue in queues:
            if position < len(queue) and len(taken) < MOST_ROWS:
                taken.setdefault((queue[position].query_id, queue[position].row), queue[position])
    return tuple(taken.values())


def _beside(ref: EvidenceRef, times: Sequence[datetime]) -> bool:
    """Return whether a row of a weak signal is of the time of what carries the finding."""
    return ref.time is not None and bool(times) and min(times) - SPAN <= ref.time <= max(times) + SPAN


def _merged_claims(ordered: Sequence[Detection]) -> tuple[Claim, ...]:
    claims = (claim for detection in ordered for claim in detection.claims if claim.kind != "exists")
    return tuple({(claim.rule, claim.statement): claim for claim in claims}.values())


def _exists(refs: tuple[EvidenceRef, ...]) -> Claim:
    return Claim(kind="exists", statement=f"The {len(refs)} cited row(s) were returned by the queries.", rows=refs)


def _finding_id(first: Detection, rows: Sequence[Row]) -> str:
    """Name a finding by what it says and of which event, so that a repeated run names it alike."""
    earliest = min((row_json(row) for _, row in rows), default="")
    text = "\n".join([first.rule.id, technique(first), subject(first.entities), earliest])
    return f"f-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _unexplained(case: CaseFile, told: Iterable[tuple[str, Finding]]) -> Iterator[Chain]:
    """Yield chains of weak signals on subjects of which nothing stronger is found: there they add nothing."""
    serious = {about for about, finding in told if finding.confidence != "Low"}
    named = one_named(subject(each.entities) for each in case.detections)
    weak = [(named(subject(each.entities)), each) for each in case.detections if each.rule.level == "low"]
    placed = [((about, person(each.rows, case.evidence)), each) for about, each in weak if about not in serious]
    return chains(placed)


def _description(ordered: Sequence[Detection]) -> str:
    """Tell what was seen, events before the alerts on them."""
    of_events = [one for one in ordered if any(ref.table not in ALERTS for ref in one.rows)]
    of_alerts = [one for one in ordered if one not in of_events]
    leading = of_events if of_events and of_events[0].level == ordered[0].level else of_alerts
    parts = [leading[0].description, *(detection.statement for detection in [*of_events, *of_alerts])]
    return " ".join(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _tactic(first: Detection) -> str:
    return first.tactics[0] if first.tactics else ""


def _surest(ordered: Sequence[Detection]) -> list[Detection]:
    """Return the detections that carry a finding: beside one above Low, those above Low themselves."""
    bar = min(RANK[ordered[0].level], RANK["medium"])
    return [detection for detection in ordered if RANK[detection.level] >= bar]


def _without_most_of_the_low(
    findings: Sequence[Finding], asked: Iterable[Entity]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Return the findings with the first of the low ones: those on what was asked about or is in the others before."""
    serious = (entity for finding in findings if finding.confidence != "Low" for entity in finding.entities)
    named = {_named(entity) for entity in (*asked, *serious) if entity.kind in WORTH_A_NOTE}
    low = [finding for finding in findings if finding.confidence == "Low"]
    low.sort(key=lambda finding: named.isdisjoint(_named(entity) for entity in finding.entities))
    dropped = {finding.id for finding in low[MOST_LOW:]}
    kept = tuple(finding for finding in findings if finding.id not in dropped)
    said = (f"Only {MOST_LOW} of the {len(low)} low-confidence observations are listed.",) if dropped else ()
    return kept, said


def _named(entity: Entity) -> tuple[str, str]:
    return entity.kind, short_name(entity)
