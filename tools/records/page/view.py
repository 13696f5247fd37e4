"""What the page shows, prepared from a report and nothing else."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass

from soc_analyst.state.costs import Estimate, Scanned, in_words
from soc_analyst.state.findings import Claim, Finding, Recommendation
from soc_analyst.state.incidents import Incident
from soc_analyst.state.queries import Coverage
from soc_analyst.state.report import QueryReport, Report
from soc_analyst.tools.amounts import counted

from .graph import Graph, graph_of
from .matrix import Matrix, matrix_of
from .proof import ProofTable, allotted, proof_of
from .story import Story, story_of
from .wording import defanged_indicator

__all__ = ["Command", "FindingView", "Page", "Verdict", "page_of"]

AT_LENGTH = 300
"""Findings that are told at length; the others are a line of the list."""
CLAIMS = 20
"""Claims of a finding that are listed."""
OPEN = 12
"""Findings that are open from the start; the others open on a click, and on paper."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the outcome is worded, and how sure it is: as the surest finding, empty where none speaks for an attack."""

    word: str
    meaning: str
    confidence: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with its proof."""

    number: int
    finding: Finding
    proof: tuple[ProofTable, ...]
    rows_left_out: int
    claims: tuple[Claim, ...]
    claims_left_out: int
    verified: int
    indicators: tuple[str, ...]
    entities: tuple[tuple[str, str], ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A command line that makes a part of this again, and what it does."""

    does: str
    line: str


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page shows, in its order."""

    report: Report
    verdict: Verdict
    counts: tuple[tuple[str, int], ...]
    actions: tuple[tuple[str, int], ...]
    claims: int
    verified: int
    incidents: tuple[tuple[Incident, tuple[int, ...]], ...]
    """Each with the numbers of its findings on the page."""
    story: Story
    graph: Graph
    matrix: Matrix
    findings: tuple[FindingView, ...]
    expected: str
    read: str
    blind_spots: tuple[str, ...]
    commands: tuple[Command, ...]


URGENCY: tuple[Recommendation, ...] = ("create incident", "pivot", "monitor", "ignore")
WORDS = {
    "confirmed": ("Confirmed", "What was asked about happened, and rows prove it."),
    "suspected": ("Suspected", "There are signs of it; a person has to decide."),
    "benign": ("Explained", "What was seen has an ordinary explanation."),
    "not_found": ("Nothing found", "The logs were there and were read, and nothing showed."),
    "could_not_look": ("Could not look", "The logs could not be read far enough to say anything."),
}


def page_of(report: Report) -> Page:
    """Return what the page shows of a report."""
    claims = [*report.claims, *(claim for finding in report.findings for claim in finding.claims)]
    return Page(
        report=report,
        verdict=_verdict(report),
        counts=_counts(report),
        actions=_actions(report),
        claims=len(claims),
        verified=sum(claim.verified for claim in claims),
        incidents=_incidents(report),
        story=story_of(report),
        graph=graph_of(report),
        matrix=matrix_of(report),
        findings=_findings(report),
        expected=_expected(report),
        read=in_words(Scanned.together(query.scanned for query in report.queries)),
        blind_spots=_blind_spots(report),
        commands=_commands(report),
    )


def _counts(report: Report) -> tuple[tuple[str, int], ...]:
    told = Counter(finding.confidence for finding in report.findings)
    return tuple((level, told[level]) for level in ("High", "Medium", "Low"))


def _actions(report: Report) -> tuple[tuple[str, int], ...]:
    """Return what is recommended, the most urgent first, with the number of findings that ask for it."""
    told = Counter(action for finding in report.findings for action in finding.recommendations)
    return tuple((action, told[action]) for action in URGENCY if told[action])


def _verdict(report: Report) -> Verdict:
    word, meaning = WORDS[report.outcome]
    found = report.outcome in ("confirmed", "suspected")
    surest = next((level for level, count in _counts(report) if count and found), "")
    return Verdict(word, meaning, surest)


def _incidents(report: Report) -> tuple[tuple[Incident, tuple[int, ...]], ...]:
    numbers = {finding.id: number for number, finding in enumerate(report.findings[:AT_LENGTH], 1)}
    return tuple((each, tuple(numbers[id] for id in each.findings if id in numbers)) for each in report.incidents)


def _findings(report: Report) -> tuple[FindingView, ...]:
    told = report.findings[:AT_LENGTH]
    allotment = allotted(told)
    views = []
    for number, finding in enumerate(told, 1):
        proof = proof_of(finding, allotment)
        indicators = {value.casefold() for value in finding.indicators_of_compromise}
        views.append(
            FindingView(
                number=number,
                finding=finding,
                proof=proof,
                rows_left_out=max(0, len(finding.evidence) - allotment.rows),
                claims=finding.claims[:CLAIMS],
                claims_left_out=max(0, len(finding.claims) - CLAIMS),
                verified=sum(claim.verified for claim in finding.claims),
                indicators=tuple(defanged_indicator(value) for value in finding.indicators_of_compromise),
                entities=tuple(
                    (each.kind, defanged_indicator(each.value) if each.value.casefold() in indicators else each.value)
                    for each in finding.entities
                ),
                is_open=number <= OPEN,
            )
        )
    return tuple(views)


def _expected(report: Report) -> str:
    known = [query.estimate for query in report.queries if query.estimate is not None]
    return in_words(Estimate.together(known)) if known else ""


def _blind_spots(report: Report) -> tuple[str, ...]:
    """Return what could not be seen: tables without rows or unseen, and queries that were cut, refused or failed."""
    tables = (_blind_table(entry) for entry in report.coverage)
    queries = (_blind_query(query) for query in report.queries)
    return tuple(spot for spot in (*tables, *queries) if spot)


def _blind_table(entry: Coverage) -> str:
    if entry.rows_in_window is None:
        return f"{entry.table}: nobody could look. {entry.note}".strip()
    if entry.rows_in_window == 0:
        return f"{entry.table}: no row in the window. {entry.note}".strip()
    return (
        f"{entry.table}: policy lets it be seen only from {entry.seen_from:%Y-%m-%d %H:%M}." if entry.seen_from else ""
    )


def _blind_query(query: QueryReport) -> str:
    told = "; ".join(each.message for each in query.diagnostics[:2])
    if query.status in ("refused", "failed", "skipped", "partial"):
        became = "came back in part" if query.status == "partial" else f"was {query.status}"
        return f"{query.id} on {query.table} {became}: {told}"
    return f"{query.id} on {query.table} was cut at {counted(query.rows, 'row')}." if query.truncated else ""


def _commands(report: Report) -> tuple[Command, ...]:
    thread = shlex.quote(report.thread_id)
    window = f"--since {report.window.start.isoformat()} --until {report.window.end.isoformat()}"
    hunt = f"soc-analyst hunt {shlex.quote(report.question)} {window} --model {shlex.quote(report.model)}"
    return (
        Command(
            "Make the findings again from the rows that were kept, without a query or a model, and compare",
            f"soc-analyst report {thread} --replay",
        ),
        Command("Ask the same of the same window again; add the --workspace that was asked", hunt),
        Command("Get this report as data, with all rows that it cites", f"soc-analyst report {thread} --format json"),
    )
