"""The queries of a case as one KQL file: what ran, and for each finding what returns the rows it cites."""

from __future__ import annotations

from collections.abc import Iterator

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Finding
from soc_analyst.state.report import QueryReport, Report

from .reproducing import Citation, Ground, citations_of, ran_of
from .safe_text import inert

__all__ = ["as_kql"]


def as_kql(report: Report, ground: Ground) -> str:
    """Return the pack: queries apart by blank lines, each below comments that say what it is for."""
    parts = ["\n".join(_head(report)), *_of_findings(report, ground), *_of_queries(report)]
    return "\n\n".join(parts) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield _note(f"{report.outcome.replace('_', ' ')}: {report.question}")
    yield _note(f"case {report.thread_id}, window {_span(report.window)}")
    yield _note("Each query below is canonical: bounded to its window, its columns and its rows. It runs as it stands.")


def _of_findings(report: Report, ground: Ground) -> Iterator[str]:
    yield _note(f"==== Findings: {len(report.findings)}, each with the query that returns exactly the rows it cites")
    for number, finding in enumerate(report.findings, 1):
        for found in citations_of(finding, report, ground):
            count = len(found.lines)
            rows = f"{count} row{'' if count == 1 else 's'} of {found.table}"
            head = [_note(f"Finding {number} ({finding.id}), {finding.confidence}: {finding.title}")]
            if isinstance(found, Citation):
                yield "\n".join([*head, _note(f"{rows}, {_span(found.window)}"), found.canonical])
            else:
                yield "\n".join([*head, _note(f"{rows}: no query, since {found.reason}")])


def _of_queries(report: Report) -> Iterator[str]:
    yield _note(f"==== The {len(report.queries)} queries of the investigation")
    for query in report.queries:
        head = [_note(f"{query.id}, round {query.round}: {query.purpose}"), _note(_outcome(query))]
        proves = [_note(f"proves {finding.id}: {finding.title}") for finding in _proved_by(query, report)]
        yield "\n".join([*head, *proves, query.kql or _note("it never became a query that may run")]).rstrip()


def _outcome(query: QueryReport) -> str:
    rows = f"{query.rows:,} row{'' if query.rows == 1 else 's'}{', cut' if query.truncated else ''}"
    ran = ran_of(query.kql)
    window = f", {_span(ran.window)}" if ran is not None else ""
    return f"{query.table or 'no table'}: {query.status}, {rows}{window}"


def _proved_by(query: QueryReport, report: Report) -> Iterator[Finding]:
    for finding in report.findings:
        if any(ref.query_id == query.id for ref in finding.evidence):
            yield finding


def _span(window: TimeWindow) -> str:
    return f"{window.start:%Y-%m-%d %H:%M:%S} to {window.end:%Y-%m-%d %H:%M:%S} UTC"


def _note(text: str) -> str:
    """Return a comment of one line, whatever the text."""
    return f"// {' '.join(inert(text).split())}"
