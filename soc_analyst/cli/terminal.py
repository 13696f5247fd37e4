"""The report on a terminal, in the order an analyst needs it: verdict, findings, what was asked, what was not seen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from soc_analyst.state.costs import size_text
from soc_analyst.tools.evidence.describing import describe
from soc_analyst.tools.records.safe_text import inert

if TYPE_CHECKING:
    from soc_analyst.state.costs import Estimate, Scanned
    from soc_analyst.state.findings import Finding
    from soc_analyst.state.report import Agreement, Report

__all__ = ["ask", "show_report"]

COLORS = {"High": "red", "Medium": "yellow", "Low": "blue"}
VERDICT = {
    "confirmed": ("bold white on red", "CONFIRMED"),
    "suspected": ("bold black on yellow", "SUSPECTED"),
    "benign": ("bold black on green", "EXPLAINED"),
    "not_found": ("bold black on green", "NOTHING FOUND"),
    "could_not_look": ("bold white on magenta", "COULD NOT LOOK"),
}
LINES_SHOWN = 4
WHO = ("host", "account", "ip", "domain", "process", "resource")
MOST_WHO = 240
PANELS = 6
"""Findings told at length; the others are a line each, and all are in the report."""


def ask() -> str | None:
    """Ask for a question; None when there is no more input."""
    try:
        return Console(stderr=True).input("[bold]What should be looked into?[/] (exit leaves) > ")
    except EOFError:
        return None


def show_report(report: Report, console: Console | None = None) -> None:
    """Print a report for a person."""
    out = console or Console(highlight=False)
    out.print()
    out.print(_headline(report))
    out.print(Text(inert(report.summary)))
    out.print()
    told = [finding for finding in report.findings if finding.confidence != "Low"][:PANELS]
    for finding in told:
        out.print(_panel(finding))
    rest = [finding for finding in report.findings if finding not in told]
    if rest:
        out.print(_rest(rest))
    if len(report.incidents) > 1 or any(len(one.findings) > 1 for one in report.incidents):
        out.print(_incidents(report))
    out.print(_queries(report))
    out.print(_coverage(report))
    if report.agreement is not None:
        out.print(Text(_agreement(report.agreement), style="bold"))
    if report.earlier:
        out.print(_earlier(report))
    for warning in report.warnings:
        out.print(Text(f"! {inert(warning)}", style="yellow"))
    out.print(_footer(report))


def _headline(report: Report) -> Text:
    style, word = VERDICT[report.outcome]
    line = Text.assemble((f" {word} ", style), "  ", (inert(report.question), "bold"))
    window = report.window
    asked = f" “{inert(window.phrase)}”" if window.phrase else ""
    line.append(
        f"\n{window.start:%a %Y-%m-%d %H:%M:%S} → {window.end:%a %Y-%m-%d %H:%M:%S} UTC ({window.basis}{asked})", "dim"
    )
    if report.entities:
        line.append("\n" + ", ".join(f"{e.kind} {inert(e.value)}" for e in report.entities), "cyan")
    return line


def _panel(finding: Finding) -> Panel:
    color = COLORS[finding.confidence]
    parts: list[RenderableType] = [Text(inert(finding.description))]
    parts.append(_facts(finding))
    parts.append(_rows(finding))
    title = Text.assemble((f" {finding.confidence} ", f"bold reverse {color}"), f" {inert(finding.title)} ")
    return Panel(Group(*parts), title=title, title_align="left", border_style=color, padding=(0, 1))


def _facts(finding: Finding) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    mitre = finding.mitre
    technique = " · ".join(part for part in (mitre.id, mitre.technique, mitre.sub_technique, mitre.tactic) if part)
    rows = (
        ("ATT&CK", technique),
        ("When", f"{finding.time:%Y-%m-%d %H:%M:%S} UTC"),
        ("Who, where", ", ".join(f"{e.kind} {e.value}" for e in finding.entities if e.kind in WHO)),
        ("Indicators", ", ".join(finding.indicators_of_compromise[:8])),
        ("Do", ", ".join(finding.recommendations)),
        ("Rules", ", ".join(f"{rule.title} ({rule.level}, {rule.author})" for rule in finding.detections)),
        ("Proof", finding.proof),
        ("Notes", finding.notes),
    )
    for name, value in rows:
        if value:
            grid.add_row(name, Text(inert(value)))
    return grid


def _rows(finding: Finding) -> Table:
    """Show the first cited rows, a line each: when, which table, and its telling fields."""
    grid = Table.grid(padding=(0, 2))
    for name in ("time", "table"):
        grid.add_column(name, style="dim", no_wrap=True)
    grid.add_column("row", style="dim", overflow="fold")
    for ref, line in list(zip(finding.evidence, finding.log_lines, strict=True))[:LINES_SHOWN]:
        time = f"{ref.time:%m-%d %H:%M:%S}" if ref.time else ""
        grid.add_row(time, ref.table, Text(inert(describe(ref.table, json.loads(line)))))
    more = len(finding.log_lines) - LINES_SHOWN
    if more > 0:
        grid.add_row("", "", Text(f"and {more} more rows in the report", style="italic"))
    return grid


def _rest(findings: Iterable[Finding]) -> Table:
    table = Table(title="Further findings", title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for name in ("Confidence", "Time", "Technique"):
        table.add_column(name, no_wrap=True)
    table.add_column("Finding", overflow="fold")
    for finding in findings:
        confidence = Text(finding.confidence, style=COLORS[finding.confidence])
        time = f"{finding.time:%m-%d %H:%M}"
        table.add_row(confidence, time, finding.mitre.id, Text(inert(finding.title)))
    return table


def _incidents(report: Report) -> Table:
    table = Table(title="Incidents", title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for name in ("From", "To"):
        table.add_column(name, no_wrap=True)
    table.add_column("Findings", justify="right", no_wrap=True)
    table.add_column("What, through which tactics, with whom", overflow="fold")
    for one in report.incidents:
        who = ", ".join(f"{e.kind} {inert(e.value)}" for e in one.entities if e.kind in ("account", "host", "ip"))
        told = Text.assemble(
            (inert(one.title), COLORS[one.confidence]), "\n", " → ".join(one.tactics), "\n", (who[:MOST_WHO], "dim")
        )
        table.add_row(f"{one.start:%m-%d %H:%M}", f"{one.end:%m-%d %H:%M}", str(len(one.findings)), told)
    return table


def _queries(report: Report) -> Table:
    table = Table(title="Queries", title_justify="left", title_style="bold", box=None, padding=(0, 1))
    table.add_column("Id", no_wrap=True)
    table.add_column("Purpose", overflow="fold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Rows", justify="right", no_wrap=True)
    told = any(query.scanned is not None for query in report.queries)
    if told:
        table.add_column("Expected", justify="right", no_wrap=True)
        table.add_column("Read", justify="right", no_wrap=True)
    for query in report.queries:
        status = f"{query.status}, cut" if query.truncated else query.status
        costs = [_size(query.estimate), _size(query.scanned)] if told else []
        table.add_row(query.id, Text(inert(query.purpose)), status, f"{query.rows:,}", *costs)
    return table


def _size(cost: Estimate | Scanned | None) -> str:
    return size_text(cost.bytes) if cost is not None and cost.bytes is not None else ""


def _coverage(report: Report) -> Table:
    table = Table(title="Coverage in the window", title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for name in ("Table", "First", "Last", "Note"):
        table.add_column(name, no_wrap=name != "Note")
    table.add_column("Rows", justify="right", no_wrap=True)
    for entry in report.coverage:
        first, last = (f"{at:%m-%d %H:%M}" if at else "" for at in (entry.first, entry.last))
        rows = "unknown" if entry.rows_in_window is None else f"{entry.rows_in_window:,}"
        table.add_row(entry.table, first, last, Text(inert(entry.note)), rows)
    return table


def _agreement(agreement: Agreement) -> str:
    times = agreement.times
    steady = sum(count == times for count in agreement.findings.values())
    told = (
        f"Judged {times} times: the same outcome {agreement.same_outcome} times, {steady} of "
        f"{len(agreement.findings)} findings each time, agreement {agreement.share:.0%}"
    )
    return f"{told}; only other times: {inert('; '.join(agreement.others))}" if agreement.others else told


def _earlier(report: Report) -> Table:
    title = "Earlier, in reports that a person accepted"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for name in ("Case", "Time", "Held for"):
        table.add_column(name, no_wrap=True)
    table.add_column("Finding, and why", overflow="fold")
    for one in report.earlier:
        why = f" · {one.reason}" if one.reason else ""
        table.add_row(one.thread_id, f"{one.time:%Y-%m-%d %H:%M}", one.held_for, Text(inert(f"{one.title}{why}")))
    return table


def _footer(report: Report) -> Text:
    usage = report.usage
    return Text(
        f"{report.thread_id} · rounds {report.rounds} · queries {usage.queries} · rows {usage.rows:,} · "
        f"{usage.seconds:.1f} s · model {usage.model} · {report.proof}"
        + (f"\nended since {inert(report.ending)}" if report.ending else "")
        + (f"\n{usage.model_line}" if usage.model_line else ""),
        style="dim",
    )
