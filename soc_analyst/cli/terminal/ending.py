"""The end of a report, which stands above the prompt: the verdict again, what it took, and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from soc_analyst.tools.records.safe_text import inert

from .layout import titled
from .verdict import badge

if TYPE_CHECKING:
    from soc_analyst.state.report import Agreement, Report

__all__ = ["agreement", "earlier", "ending"]


def agreement(judged: Agreement) -> str:
    """Say how far several judgements of the same evidence agree."""
    times = judged.times
    steady = sum(count == times for count in judged.findings.values())
    told = (
        f"Judged {times} times: the same outcome {judged.same_outcome} times, {steady} of "
        f"{len(judged.findings)} findings each time, agreement {judged.share:.0%}"
    )
    return f"{told}; only other times: {inert('; '.join(judged.others))}" if judged.others else told


def earlier(report: Report) -> Table:
    """Return what accepted reports said of the same things."""
    table = titled("Earlier, in reports that a person accepted")
    for name in ("Case", "Time", "Held for"):
        table.add_column(name, no_wrap=True)
    table.add_column("Finding, and why", overflow="fold")
    for one in report.earlier:
        why = f" · {one.reason}" if one.reason else ""
        table.add_row(one.thread_id, f"{one.time:%Y-%m-%d %H:%M}", one.held_for, Text(inert(f"{one.title}{why}")))
    return table


def ending(report: Report) -> Text:
    """Return the last lines."""
    usage = report.usage
    took = (
        f"rounds {report.rounds} · queries {usage.queries} · rows {usage.rows:,} · {usage.seconds:.1f} s · "
        f"model {usage.model} · {report.proof}"
    )
    end = Text.assemble("\n", badge(report), "  ", (report.thread_id, "bold"), "\n", (took, "dim"))
    if report.ending:
        end.append(f"\nended: {inert(report.ending)}", "dim")
    if usage.model_line:
        end.append(f"\n{usage.model_line}", "dim")
    thread = report.thread_id
    end.append(f"\nsoc-analyst report {thread} --format html --out report.html", "cyan")
    end.append(f'\nsoc-analyst hunt --thread {thread} "…"', "cyan")
    end.append("  to ask further", "dim")
    return end
