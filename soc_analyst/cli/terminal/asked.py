"""What was asked and what could be seen: queries by round, those that went wrong by name, coverage by table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from soc_analyst.state.costs import size_text
from soc_analyst.tools.records.safe_text import inert

from .layout import titled

if TYPE_CHECKING:
    from soc_analyst.state.costs import Estimate, Scanned
    from soc_analyst.state.queries import Coverage
    from soc_analyst.state.report import QueryReport, Report

__all__ = ["coverage", "queries"]

FEW = 12
"""Queries that are told one by one; of more, those that answered are told by round."""


def queries(report: Report) -> RenderableType:
    """Return what was asked; where it was much, by round, and one by one only what did not come out whole."""
    if len(report.queries) <= FEW:
        return _each("Queries", report.queries)
    parts: list[RenderableType] = [_by_round(report.queries)]
    wrong = [query for query in report.queries if query.status not in ("ok", "empty") or query.truncated]
    if wrong:
        parts.append(_each("Queries that did not come out whole", wrong))
    return Group(*parts)


def _by_round(asked: Iterable[QueryReport]) -> Table:
    table = titled("Queries")
    table.add_column("Round", justify="right", no_wrap=True)
    for name in ("Asked", "Answered", "Empty", "Rows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Tables with rows", overflow="fold")
    for number, group in groupby(asked, key=lambda query: query.round):
        those = list(group)
        full = [query for query in those if query.rows]
        empty = sum(query.status == "empty" for query in those)
        tables = dict.fromkeys(query.table for query in full)
        rows = sum(query.rows for query in those)
        counts = (str(number), str(len(those)), str(len(full)), str(empty), f"{rows:,}")
        table.add_row(*counts, Text(", ".join(tables), style="dim"))
    return table


def _each(title: str, asked: Sequence[QueryReport]) -> Table:
    table = titled(title)
    table.add_column("Id", no_wrap=True)
    table.add_column("Purpose", overflow="fold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Rows", justify="right", no_wrap=True)
    told = any(query.scanned is not None for query in asked)
    if told:
        table.add_column("Expected", justify="right", no_wrap=True)
        table.add_column("Read", justify="right", no_wrap=True)
    for query in asked:
        status = f"{query.status}, cut" if query.truncated else query.status
        costs = [_size(query.estimate), _size(query.scanned)] if told else []
        table.add_row(query.id, _purpose(query), status, f"{query.rows:,}", *costs)
    return table


def _purpose(query: QueryReport) -> Text:
    """Return why it was asked, and what went wrong where something did."""
    text = Text(inert(query.purpose))
    if query.status not in ("ok", "empty") and query.diagnostics:
        text.append(f"\n{inert(query.diagnostics[0].message)}", "yellow")
    return text


def _size(cost: Estimate | Scanned | None) -> str:
    return size_text(cost.bytes) if cost is not None and cost.bytes is not None else ""


def coverage(report: Report) -> RenderableType:
    """Return which tables had something to see in the window, and from when to when; those with nothing in a line."""
    nothing: dict[str, list[str]] = {}
    for entry in report.coverage:
        if entry.rows_in_window == 0 and entry.note:
            nothing.setdefault(entry.note, []).append(entry.table)
    folded = {table for tables in nothing.values() if len(tables) > 1 for table in tables}
    told = [
        Text(f" {', '.join(tables)}: {inert(note)}", style="yellow")
        for note, tables in nothing.items()
        if len(tables) > 1
    ]
    return Group(_covered([entry for entry in report.coverage if entry.table not in folded]), *told)


def _covered(entries: Sequence[Coverage]) -> Table:
    table = titled("Coverage in the window")
    table.add_column("Table", no_wrap=True)
    table.add_column("Rows", justify="right", no_wrap=True)
    for name in ("First", "Last"):
        table.add_column(name, no_wrap=True)
    noted = any(entry.note for entry in entries)
    if noted:
        table.add_column("Note", overflow="fold")
    for entry in entries:
        first, last = (f"{at:%m-%d %H:%M}" if at else "" for at in (entry.first, entry.last))
        rows = "unknown" if entry.rows_in_window is None else f"{entry.rows_in_window:,}"
        style = "" if entry.rows_in_window else "yellow"
        note = [Text(inert(entry.note), style="yellow")] if noted else []
        table.add_row(Text(entry.table, style=style), rows, first, last, *note)
    return table
