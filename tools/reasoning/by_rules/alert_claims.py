"""The claim of the alert that an investigation started from, held against the logs beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from soc_analyst.state.entities import Alert, Entity
from soc_analyst.state.findings import EvidenceRef, Finding, Hypothesis
from soc_analyst.tools.proof.claims import meeting_any
from soc_analyst.tools.reasoning.base import CaseFile

from .matching import conditions_for

__all__ = ["TestedAlert", "beside_alerts", "tested"]

ALERTS = frozenset({"AlertInfo", "AlertEvidence"})
CITED = 3
EVERYWHERE = frozenset({"file", "domain"})
"""Kinds whose names are in every log: that powershell.exe occurs bears no alert out."""
SEVERE = frozenset({"medium", "high"})


@dataclass(frozen=True)
class TestedAlert:
    """What the logs make of an alert."""

    hypothesis: Hypothesis
    said: str
    stands: bool
    """Whether the alert is a suspicion of its own: severe enough, and what it names is in the logs."""


def beside_alerts(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that rest on more than alerts: an alert does not bear itself out."""
    return tuple(one for one in findings if any(ref.table not in ALERTS for ref in one.evidence))


def tested(alert: Alert, case: CaseFile, findings: Sequence[Finding], *, seen_whole: bool) -> TestedAlert:
    """Return whether the logs bear an alert out; `seen_whole` says that nothing that was asked stayed unseen."""
    found = dict(_occurring(alert, case))
    rows = tuple(dict.fromkeys(ref for refs in found.values() for ref in refs))
    serious = [one for one in beside_alerts(findings) if one.confidence != "Low"]
    alike = [one for one in serious if _same_claim(one, alert) or set(one.evidence) & set(rows)]
    looked_for = [thing for thing in alert.things if thing.kind not in EVERYWHERE]
    status, said = _judged(len(found), len(looked_for), alike, serious, seen_whole)
    name = f"Alert {alert.id}" + (f" ({alert.severity})" if alert.severity else "")
    cited = (*(ref for one in alike for ref in one.evidence[:1]), *rows)
    return TestedAlert(
        Hypothesis(
            statement=f"{name} is right: “{alert.title}”.",
            status=status,
            evidence=tuple(dict.fromkeys(cited))[:CITED],
        ),
        f"{name}: {said}",
        stands=bool(found) and alert.severity.casefold() in SEVERE,
    )


def _judged(
    found: int, looked_for: int, alike: Sequence[Finding], serious: Sequence[Finding], seen_whole: bool
) -> tuple[Literal["supported", "refuted", "open"], str]:
    occur = f"{found} of the {looked_for} things it names are in the logs"
    if alike:
        return "supported", f"borne out by {len(alike)} findings beside it; {occur}."
    if serious:
        return "open", f"what was found beside it is of another kind; {occur}."
    if found:
        return "open", f"{occur}; no rule holds them for an attack."
    if looked_for and seen_whole:
        return (
            "refuted",
            f"none of the {looked_for} things it names is in the logs of its subjects, which were seen whole.",
        )
    return "open", "it stands alone: nothing in the logs bears it out or speaks against it."


def _occurring(alert: Alert, case: CaseFile) -> Iterator[tuple[Entity, tuple[EvidenceRef, ...]]]:
    """Yield what the alert names and rows of other tables hold, with the first of those rows."""
    for thing in alert.things:
        refs: list[EvidenceRef] = []
        for table, rows in case.evidence.items():
            test = conditions_for(thing, case.tables[table]) if table in case.tables else None
            if test is None or table in ALERTS or thing.kind in EVERYWHERE or len(refs) >= CITED:
                continue
            refs += rows.refs(meeting_any(test, rows)[: CITED - len(refs)])
        if refs:
            yield thing, tuple(refs)


def _same_claim(finding: Finding, alert: Alert) -> bool:
    """Return whether a finding is of a technique that the alert claims; the parent counts."""
    claimed = {technique.partition(".")[0] for technique in alert.techniques}
    return bool(finding.mitre.id) and finding.mitre.id.partition(".")[0] in claimed
