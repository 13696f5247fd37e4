"""Findings: at length what is Medium or High, a line each what is a note."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from soc_analyst.tools.evidence.describing import describe
from soc_analyst.tools.records.safe_text import inert

from .layout import COLORS, WIDE, titled

if TYPE_CHECKING:
    from soc_analyst.state.findings import EvidenceRef, Finding, Rule

__all__ = ["notes", "panel"]

LINES_SHOWN = 4
WHO = ("host", "account", "ip", "domain", "process", "resource")
MOST_WHO = 6
MOST_INDICATORS = 8
MARGIN = 8
"""Columns of a box that its title cannot have."""
NOTED = re.compile(r"(?:^|(?<=\. ))(Benign when|Related, not claimed|Why|Context|Means|Part of it): ")
STORY = re.compile(r" ?One story with “.*”(?: and \d+ more)?\.")
"""What the table of the incident shows already."""
MOST_STATEMENTS = 5
OURS = "soc-analyst"


def panel(finding: Finding, width: int) -> Panel:
    """Return a finding as a box: what was seen, what it is, what to do, what proves it, and the first rows."""
    told = Group(*(Text(inert(part)) for part in _parts(finding)))
    left: list[RenderableType] = [told, _facts(finding)]
    body: RenderableType = Group(*left, Text(), _rows(finding))
    if width >= WIDE:
        grid = Table.grid(padding=(0, 3), expand=True)
        grid.add_column(ratio=11)
        grid.add_column(ratio=9)
        grid.add_row(Group(*left), _rows(finding))
        body = grid
    color = COLORS[finding.confidence]
    title = Text.assemble((f" {finding.confidence} ", f"bold reverse {color}"), f" {inert(finding.title)} ")
    if title.cell_len > width - MARGIN:
        body = Group(Text(inert(finding.title), style="bold"), body)
        title = Text(f" {finding.confidence} ", style=f"bold reverse {color}")
    return Panel(body, title=title, title_align="left", border_style=color, padding=(0, 1))


def _parts(finding: Finding) -> list[str]:
    """Return the description, each statement of a rule in it that was checked as an item of its own."""
    text = finding.description
    statements = dict.fromkeys(claim.statement.partition(": ")[2] for claim in finding.claims if claim.rule)
    ends = {end for one in statements if one and (at := text.find(one)) >= 0 for end in (at, at + len(one))}
    cuts = sorted(ends - {0, len(text)})
    items = [item for start, end in pairwise([0, *cuts, len(text)]) if (item := text[start:end].strip(" ."))]
    first, *rest = items or [text]
    left = len(rest) - MOST_STATEMENTS
    more = [f"and {left} more in the report"] if left > 0 else []
    return [first, *(f"· {item}" for item in rest[:MOST_STATEMENTS]), *more]


def _facts(finding: Finding) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    mitre = finding.mitre
    who = [f"{e.kind} {e.value}" for e in finding.entities if e.kind in WHO]
    rows = (
        ("ATT&CK", " · ".join(part for part in (mitre.id, mitre.technique, mitre.sub_technique, mitre.tactic) if part)),
        ("When", f"{finding.time:%Y-%m-%d %H:%M:%S} UTC"),
        ("Who, where", _first(who, MOST_WHO)),
        ("Indicators", _first(finding.indicators_of_compromise, MOST_INDICATORS)),
        ("Do", ", ".join(finding.recommendations)),
        ("Rules", ", ".join(_rule(rule) for rule in finding.detections)),
        ("Proof", finding.proof),
        *_noted(finding.notes),
    )
    for name, value in rows:
        if value:
            grid.add_row(name, Text(inert(value)))
    return grid


def _rule(rule: Rule) -> str:
    """Return a rule with its level, and whose it is where it is not our own."""
    return f"{rule.title} ({rule.level if rule.author == OURS else f'{rule.level}, {rule.author}'})"


def _noted(notes: str) -> list[tuple[str, str]]:
    """Return the notes by what they are about, as far as they say so, each thing once."""
    first, *rest = NOTED.split(STORY.sub("", notes))
    about: dict[str, list[str]] = {}
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        told = about.setdefault(name.removesuffix(", not claimed"), [])
        told += [one for one in [text.strip()] if one not in told]
    return [("Notes", first.strip()), *((name, " ".join(told)) for name, told in about.items())]


def _first(things: Sequence[str], most: int) -> str:
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return ", ".join(things[:most]) + more


def _rows(finding: Finding) -> Table:
    """Show the first cited rows, a line each: when, which table, and its telling fields; those that read alike once."""
    grid = Table.grid(padding=(0, 2))
    for name in ("time", "table"):
        grid.add_column(name, style="dim", no_wrap=True)
    grid.add_column("row", overflow="fold")
    alike: dict[tuple[str, str], list[EvidenceRef]] = {}
    for ref, line in zip(finding.evidence, finding.log_lines, strict=True):
        alike.setdefault((ref.table, describe(ref.table, json.loads(line))), []).append(ref)
    shown = list(alike.items())[:LINES_SHOWN]
    for (table, text), refs in shown:
        first = min((ref.time for ref in refs if ref.time is not None), default=None)
        times = f", {len(refs)} times" if len(refs) > 1 else ""
        grid.add_row(f"{first:%m-%d %H:%M:%S}" if first else "", table, Text(inert(f"{text}{times}")))
    more = len(finding.log_lines) - sum(len(refs) for _, refs in shown)
    if more > 0:
        grid.add_row("", "", Text(f"and {more} more in the report", style="italic dim"))
    return grid


def notes(findings: Sequence[Finding]) -> Table:
    """Return what is worth a note and no more."""
    table = titled("Noted, of low confidence")
    for name in ("Time", "Technique"):
        table.add_column(name, no_wrap=True)
    table.add_column("What", overflow="fold")
    for finding in findings:
        table.add_row(f"{finding.time:%m-%d %H:%M}", finding.mitre.id, Text(inert(finding.title)))
    return table
