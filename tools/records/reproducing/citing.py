"""For each finding the queries that return exactly the rows it cites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Finding
from soc_analyst.state.report import QueryReport, Report
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import check_text
from soc_analyst.tools.kql import render
from soc_analyst.tools.kql.tree import Pipeline, Query, Table

from .ground import Ground
from .pins import moment_of, pinned, row_of
from .ran import Ran, ran_of

__all__ = ["Citation", "Uncited", "citations_of"]

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Citation:
    """A query that returns rows that a finding cites, and no others."""

    table: str
    lines: tuple[str, ...]
    """The rows, as the finding cites them."""
    kql: str
    """What is asked, for the guard to bound."""
    canonical: str
    """What the guard makes of it, which runs as it is."""
    window: TimeWindow


@dataclass(frozen=True)
class Uncited:
    """Rows that no query was written for, and why."""

    table: str
    lines: tuple[str, ...]
    reason: str


def citations_of(finding: Finding, report: Report, ground: Ground) -> tuple[Citation | Uncited, ...]:
    """Return the queries of a finding, one a table; more where one text would be too long."""
    lines: dict[str, list[str]] = {}
    queries = {query.id: query for query in report.queries}
    made: dict[str, QueryReport] = {}
    for ref, line in zip(finding.evidence, finding.log_lines, strict=False):
        lines.setdefault(ref.table, []).append(line)
        if ref.query_id in queries:
            made.setdefault(ref.table, queries[ref.query_id])
    found: list[Citation | Uncited] = []
    for table, own in lines.items():
        found += _of_table(table, own, made.get(table), report.window, ground)
    return tuple(found)


def _of_table(
    table: str, lines: Sequence[str], ran: QueryReport | None, whole: TimeWindow, ground: Ground
) -> Iterator[Citation | Uncited]:
    schema = ground.tables.get(table)
    if schema is not None:
        asked = Ran(Query((), Pipeline(Table(table), ())), _span(lines, whole))
    else:
        told = ran_of(ran.kql) if ran is not None and table != ran.table else None
        schema = ground.tables.get(ran.table) if ran is not None else None
        if told is None or schema is None:
            yield Uncited(table, tuple(lines), f"policy does not allow the table {table}")
            return
        asked = told
    yield from _asked(table, lines, asked, schema, ground)


def _asked(
    table: str, lines: Sequence[str], ran: Ran, schema: TableSchema, ground: Ground
) -> Iterator[Citation | Uncited]:
    """Write the query over these rows; over halves of them where the text is too long for the guard."""
    steps = pinned([row_of(line) for line in lines], schema)
    if not steps:
        yield Uncited(table, tuple(lines), "no column of theirs can be compared")
        return
    body = ran.query.body
    kql = render(Query(ran.query.lets, Pipeline(body.source, (*body.steps, *steps))))
    verdict = check_text(kql, policy=ground.policy, tables=ground.tables, window=ran.window)
    if verdict.rendered is not None:
        yield Citation(table, tuple(lines), kql, verdict.rendered, ran.window)
    elif len(lines) > 1:
        half = len(lines) // 2
        yield from _asked(table, lines[:half], ran, schema, ground)
        yield from _asked(table, lines[half:], ran, schema, ground)
    else:
        yield Uncited(table, tuple(lines), f"the guard refuses it: {verdict.diagnostics[0].message}")


def _span(lines: Sequence[str], whole: TimeWindow) -> TimeWindow:
    """Return the time from the first of the rows to the last, in whole seconds; else the whole window."""
    moments = [moment for line in lines if (moment := moment_of(row_of(line))) is not None]
    if len(moments) < len(lines):
        return whole
    first, last = min(moments), max(moments)
    return TimeWindow(start=first.replace(microsecond=0), end=last.replace(microsecond=0) + SECOND)
