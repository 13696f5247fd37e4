"""The verdict: what came out, how sure it is, what was asked, and the summary."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from soc_analyst.tools.records.safe_text import inert

from .layout import COLORS

if TYPE_CHECKING:
    from soc_analyst.state.report import Report

__all__ = ["badge", "verdict"]

BADGES = {
    "confirmed": ("bold white on red", "CONFIRMED"),
    "suspected": ("bold black on yellow", "SUSPECTED"),
    "benign": ("bold black on green", "EXPLAINED"),
    "not_found": ("bold black on green", "NOTHING FOUND"),
    "could_not_look": ("bold white on magenta", "COULD NOT LOOK"),
}
SAID = re.compile(r" ?Window \d{4}-\S+ \S+ to \S+ \S+ UTC \(\w+\)\.(?: \d+ claims, \d+ verified\.)?$")
"""The window and the proof at the end of a summary."""


def badge(report: Report) -> Text:
    """Return the outcome in one word, with how many findings of which confidence it rests on."""
    style, word = BADGES[report.outcome]
    counts: Counter[str] = Counter(finding.confidence for finding in report.findings)
    line = Text.assemble((f" {word} ", style))
    for at, (confidence, color) in enumerate((name, color) for name, color in COLORS.items() if counts[name]):
        line.append(" · " if at else "  ")
        line.append(f"{counts[confidence]} {confidence}", color)
    if not report.findings:
        line.append("  no findings", "dim")
    return line


def verdict(report: Report) -> Panel:
    """Return the first thing to read."""
    border = BADGES[report.outcome][0].rsplit(" ", 1)[1]
    head = Text.assemble(badge(report), "\n", (inert(report.question), "bold"), "\n", (_window(report), "dim"))
    if report.entities:
        head.append("\n" + ", ".join(f"{e.kind} {inert(e.value)}" for e in report.entities), "cyan")
    return Panel(Group(head, Text(), _summary(report)), border_style=border, padding=(0, 1))


def _window(report: Report) -> str:
    window = report.window
    basis = {"stated": "as asked", "assumed": "assumed", "option": "as the options say"}[window.basis]
    phrase = f" “{inert(window.phrase)}”" if window.phrase else ""
    return f"{window.start:%a %Y-%m-%d %H:%M} → {window.end:%a %Y-%m-%d %H:%M} UTC, {basis}{phrase}"


def _summary(report: Report) -> Text:
    """Return the summary without what the badge, the line of the window and the end say."""
    text = report.summary.removeprefix(f"{BADGES[report.outcome][1].capitalize()}. ")
    return Text(inert(SAID.sub("", text).strip()))
