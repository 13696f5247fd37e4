"""How a thing was run says less than what it did: signals of the former join the finding of the latter."""

from __future__ import annotations

from collections.abc import Sequence

from soc_analyst.state.findings import Confidence, Finding

__all__ = ["joined"]

Told = tuple[str, Finding]
RANK: dict[Confidence, int] = {"Low": 0, "Medium": 1, "High": 2}
COMPANIONS = frozenset({"T1027", "T1036", "T1071", "T1105", "T1112", "T1204", "T1564", "T1571"})
"""Techniques that name the means of another: obscured text, a fetched file, a written value, a name, a window."""


def joined(told: Sequence[Told]) -> list[Told]:
    """Return the findings, each of a mere means joined to a finding at least as sure that cites all its rows."""
    hosts = {
        at: host for at, (subject, finding) in enumerate(told) if (host := _host(told, subject, finding)) is not None
    }
    kept: dict[int, Finding] = {at: finding for at, (_, finding) in enumerate(told) if at not in hosts}
    for at, host in hosts.items():
        kept[host] = _with(kept[host], told[at][1])
    return [(told[at][0], finding) for at, finding in sorted(kept.items())]


def _host(told: Sequence[Told], subject: str, finding: Finding) -> int | None:
    if not _companion(finding):
        return None
    rows = set(finding.evidence)
    for at, (other_subject, other) in enumerate(told):
        surer = RANK[other.confidence] >= RANK[finding.confidence]
        if other_subject == subject and not _companion(other) and surer and rows.issubset(other.evidence):
            return at
    return None


def _companion(finding: Finding) -> bool:
    return finding.mitre.id.partition(".")[0] in COMPANIONS or not finding.mitre.id


def _with(finding: Finding, means: Finding) -> Finding:
    """Keep what the other finding says: its rules, its claims, and in the notes by what means it was done."""
    technique = f", {means.mitre.id}" if means.mitre.id else ""
    return finding.model_copy(
        update={
            "detections": tuple(dict.fromkeys([*finding.detections, *means.detections])),
            "tags": tuple(dict.fromkeys([*finding.tags, *(t for t in means.tags if not t.startswith("attack.t"))])),
            "notes": f"{finding.notes} Means: {means.detections[0].title}{technique}.".strip(),
            "claims": tuple(dict.fromkeys([*finding.claims, *(c for c in means.claims if c.kind != "exists")])),
            "description": _told_once(finding, means),
        }
    )


def _told_once(finding: Finding, means: Finding) -> str:
    """Return what both say, without what the rules of the means say in the same words."""
    more = means.description
    for statement in dict.fromkeys(claim.statement.partition(": ")[2] for claim in means.claims if claim.rule):
        if statement and statement in finding.description:
            more = more.replace(statement, "")
    return " ".join(f"{finding.description} {more}".split())
