"""The report on a terminal, in the order an analyst needs it: verdict, story, findings, what was asked and seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from soc_analyst.tools.records.safe_text import inert

from .asked import coverage, queries
from .ending import agreement, earlier, ending
from .findings import notes, panel
from .layout import beside
from .story import story
from .verdict import verdict

if TYPE_CHECKING:
    from soc_analyst.state.report import Report

__all__ = ["ask", "show_report"]

PANELS = 6
"""Findings told at length; the others are a line each, and all are in the report."""


def ask() -> str | None:
    """Ask for a question; None when there is no more input."""
    try:
        return Console(stderr=True).input("[bold]What should be looked into?[/] (exit leaves) > ")
    except EOFError:
        return None


def show_report(report: Report, console: Console | None = None) -> None:
    """Print a report for a person, as wide as the terminal is."""
    out = console or Console(highlight=False)
    out.print()
    out.print(verdict(report))
    sure = [finding for finding in report.findings if finding.confidence != "Low"]
    if len(sure) > 1:
        out.print(story(report, sure))
        out.print()
    for finding in sure[:PANELS]:
        out.print(panel(finding, out.width))
    low = [finding for finding in report.findings if finding.confidence == "Low"]
    if low:
        out.print(notes(low))
    out.print(beside(queries(report), coverage(report), out.width))
    if report.agreement is not None:
        out.print(Text(agreement(report.agreement), style="bold"))
    if report.earlier:
        out.print(earlier(report))
    for warning in report.warnings:
        out.print(Text(f"! {inert(warning)}", style="yellow"))
    out.print(ending(report))
