"""The story: each incident with its findings in the order of time, and the tactics they run through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from soc_analyst.tools.records.safe_text import inert

from .layout import COLORS, titled

if TYPE_CHECKING:
    from soc_analyst.state.findings import Finding
    from soc_analyst.state.incidents import Incident
    from soc_analyst.state.report import Report

__all__ = ["story"]

MOST = 15
"""Findings told of one incident: the surest, in the order of time."""
MANY = 3
"""Findings of one rule from which on they are one line."""
MOST_WHO = 8
RANK = {"High": 0, "Medium": 1, "Low": 2}


def story(report: Report, findings: Sequence[Finding]) -> RenderableType:
    """Return what happened: incidents, the surest first, and in them findings as they came."""
    by_id = {finding.id: finding for finding in findings}
    told = [_incident(one, [by_id[name] for name in one.findings if name in by_id]) for one in report.incidents]
    together = {name for one in report.incidents for name in one.findings}
    alone = [finding for finding in findings if finding.id not in together]
    return Group(*told, *([_listed("Further findings", alone)] if alone else []))


def _incident(incident: Incident, findings: Sequence[Finding]) -> RenderableType:
    who = [f"{e.kind} {inert(e.value)}" for e in incident.entities if e.kind in ("account", "host", "ip")]
    more = f" and {len(who) - MOST_WHO} more" if len(who) > MOST_WHO else ""
    return Group(
        _listed(f"Incident, {incident.start:%m-%d %H:%M} to {incident.end:%m-%d %H:%M} UTC", findings),
        Text.assemble(" ", (" → ".join(incident.tactics), "bold"), "\n ", (", ".join(who[:MOST_WHO]) + more, "dim")),
    )


def _listed(title: str, findings: Sequence[Finding]) -> Table:
    table = titled(title)
    for name in ("Time", "Confidence", "Technique"):
        table.add_column(name, no_wrap=True)
    table.add_column("Finding", overflow="fold")
    lines = _folded(findings)
    surest = sorted(lines, key=lambda line: (RANK[line.first.confidence], line.first.time))[:MOST]
    for line in sorted(surest, key=lambda line: line.first.time):
        confidence = Text(line.first.confidence, style=COLORS[line.first.confidence])
        table.add_row(f"{line.first.time:%m-%d %H:%M}", confidence, line.first.mitre.id, Text(inert(line.text)))
    if left := len(findings) - sum(1 + line.others for line in surest):
        table.add_row("", "", "", Text(f"and {left} more in the report", style="italic dim"))
    return table


@dataclass(frozen=True)
class _Line:
    """A finding, and how many others say the same of others."""

    first: Finding
    others: int

    @property
    def text(self) -> str:
        return f"{self.first.title}, and {self.others} more like it" if self.others else self.first.title


def _folded(findings: Sequence[Finding]) -> list[_Line]:
    """Return findings as lines; where a rule says the same of many, one line."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.time):
        rule = finding.detections[0].id if finding.detections else finding.id
        alike.setdefault((rule, finding.mitre.id, finding.confidence), []).append(finding)
    lines = []
    for group in alike.values():
        lines += [_Line(group[0], len(group) - 1)] if len(group) >= MANY else [_Line(one, 0) for one in group]
    return lines
