"""What was found, as one hands it over: incident by incident, the whole of each in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from soc_analyst.state.findings import Finding
from soc_analyst.state.incidents import Incident
from soc_analyst.tools.amounts import counted

__all__ = ["Found", "told_of"]

NAMED_ALONE, NAMED_OF_EACH = 5, 3
"""Findings named where there is one incident, and of each where there are several."""
INCIDENTS = 3
ON = (" on ", " by ", " for ", " from ", " to ", ": ")
"""What stands before the subject of a title."""


@dataclass(frozen=True)
class Found:
    """Findings, and what is said of them in a summary."""

    findings: tuple[Finding, ...]
    text: str


def told_of(findings: Sequence[Finding], incidents: Sequence[Incident]) -> Found:
    """Return the findings with the sentences that tell of them, in the order given."""
    serious = [finding for finding in findings if finding.confidence != "Low"]
    low = len(findings) - len(serious)
    groups = [[one for one in serious if one.id in set(incident.findings)] for incident in incidents]
    if len(groups) < 2:
        told = f"{_named(serious, NAMED_ALONE)}." if serious else ""
    else:
        pairs = list(zip(incidents, groups, strict=True))[:INCIDENTS]
        each = " ".join(f"{_when(one)}: {_named(group, NAMED_OF_EACH)}." for one, group in pairs)
        left = len(groups) - INCIDENTS
        more = f" And {left} more." if left > 0 else ""
        told = f"{len(groups)} incidents that nothing seen joins. {each}{more}"
    observed = f"{counted(low, 'low-confidence observation')}." if low else ""
    return Found(tuple(findings), " ".join(part for part in (told, observed) if part))


def _named(findings: Sequence[Finding], most: int) -> str:
    """Name findings: what a rule says of several once, and their subject where it is not that of the one before."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        rule = finding.detections[0].id if finding.detections else finding.id
        alike.setdefault((rule, finding.confidence), []).append(finding)
    lines: list[str] = []
    before = ""
    for group in list(alike.values())[:most]:
        act, subject = _parts(group[0])
        others = f" and {len(group) - 1} more like it" if len(group) > 1 else ""
        said = f"{act}{others}" if subject and subject == before and not others else f"{group[0].title}{others}"
        lines.append(f"{said} ({group[0].confidence})")
        before = subject
    left = len(findings) - sum(len(group) for group in list(alike.values())[:most])
    return f"{'; '.join(lines)}{f'; and {left} more' if left else ''}"


def _parts(finding: Finding) -> tuple[str, str]:
    """Return what a title says was done, and of whom, as far as its rule or one of its things tells them apart."""
    title = finding.title
    ends = [f"{word}{entity.value}" for entity in finding.entities for word in ON]
    end = max((end for end in ends if title.endswith(end)), key=len, default="")
    return (title.removesuffix(end), end) if end else (title, "")


def _when(incident: Incident) -> str:
    start, end = incident.start, incident.end
    if _minute(start) == _minute(end):
        return f"{start:%m-%d %H:%M}"
    return (
        f"{start:%m-%d %H:%M} to {end:%H:%M}"
        if start.date() == end.date()
        else f"{start:%m-%d %H:%M} to {end:%m-%d %H:%M}"
    )


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
