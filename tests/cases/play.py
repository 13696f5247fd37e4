"""Play a case: write its workspace, ask its question, and compare the report with what must be true of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from soc_analyst import Context, Finding, Report, ahunt
from soc_analyst.tools.attack import AttackCatalog

from .form import CLOCK, Case, Expected, ExpectedFinding
from .office import ordinary_days
from .rows import Row, rows_of

__all__ = ["Played", "cited_marks", "context_of", "faults", "play", "written"]


@dataclass(frozen=True)
class Played:
    """A case with the reports it led to: of its question, and of each follow-up."""

    case: Case
    rows: Mapping[str, Sequence[Row]]
    """The case's own rows, with their marks."""
    reports: tuple[Report, ...]

    @property
    def report(self) -> Report:
        """Return the report of the case's question."""
        return self.reports[0]

    @property
    def faults(self) -> tuple[str, ...]:
        """Return what is not as it must be."""
        expected = (self.case.expect, *(one.expect for one in self.case.follow_ups))
        return tuple(
            f"{'follow-up: ' if at else ''}{fault}"
            for at, (want, report) in enumerate(zip(expected, self.reports, strict=True))
            for fault in faults(want, report, self.rows)
        )


async def play(case: Case, folder: Path) -> Played:
    """Hunt as a user would, in a workspace of its own below `folder`."""
    rows = written(case, folder / "logs")
    context = context_of(case, folder)
    reports = [await ahunt(case.question, context=context, thread_id="case-1")]
    later = context.model_copy(update={"alert": ""})
    reports += [await ahunt(one.question, context=later, thread_id="case-1") for one in case.follow_ups]
    return Played(case, rows, tuple(reports))


def context_of(case: Case, folder: Path) -> Context:
    """Return the options of a case."""
    policy = {"policy": folder / "policy.yaml"} if case.policy else {}
    if case.policy:
        (folder / "policy.yaml").write_text(yaml.safe_dump(case.policy), "utf-8")
    given = {"workspace": str(folder / "logs"), "data_dir": folder / "home", "now": CLOCK, **policy, **case.options}
    return Context.model_validate(given)


def written(case: Case, folder: Path) -> dict[str, list[Row]]:
    """Write the workspace and return the case's own rows."""
    clock = context_of(case, folder.parent).now if "now" in case.options else CLOCK
    assert clock is not None
    own = rows_of(case.rows, clock)
    tables = {} if case.background is None else ordinary_days(case.background, clock)
    folder.mkdir(parents=True, exist_ok=True)
    for table in sorted({*tables, *own} - set(case.without)):
        rows = [*tables.get(table, ()), *own.get(table, ())]
        lines = (json.dumps({key: value for key, value in row.items() if key != "mark"}) for row in rows)
        (folder / f"{table}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return own


def faults(want: Expected, report: Report, rows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Say what of the expected is not so."""
    if report.outcome not in want.outcome:
        yield f"the outcome is {report.outcome}, not {' or '.join(want.outcome)}: {report.summary[:300]}"
    serious = [finding for finding in report.findings if finding.confidence != "Low"]
    if want.quiet and serious:
        yield f"found: {serious[0].confidence} {serious[0].mitre.id} {serious[0].title}"
    for expected in want.findings:
        yield from _missed(expected, serious, rows)
    for finding in serious:
        if forbidden := sorted({*want.never} & set(cited_marks(finding, rows))):
            yield f"“{finding.title}” cites {forbidden[0]}, which is ordinary"
        if any(akin(claimed, one) for one in want.never_techniques for claimed in claimed_by(finding)):
            yield f"“{finding.title}” claims {finding.mitre.id}"
    yield from _unsaid(want, report)
    if unproved := [c.statement for f in report.findings for c in f.claims if not c.verified]:
        yield f"a claim does not hold: {unproved[0]}"


def _missed(expected: ExpectedFinding, serious: Sequence[Finding], rows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    citing = [finding for finding in serious if expected.cites in cited_marks(finding, rows)]
    if not citing:
        yield f"no Medium or High finding cites {expected.cites}"
        return
    named = [f for f in citing if any(akin(claimed, one) for one in expected.technique for claimed in claimed_by(f))]
    if not named:
        said = ", ".join(f"{finding.mitre.id} {finding.title}" for finding in citing)
        yield f"{expected.cites} is found as {said}, not as {' or '.join(expected.technique)}"
    refs = [ref for finding in citing for mark, ref in marked_refs(finding, rows) if mark == expected.cites]
    if expected.table and expected.table not in {ref.table for ref in refs}:
        yield f"{expected.cites} is cited from {refs[0].table}, not {expected.table}"


def _unsaid(want: Expected, report: Report) -> Iterator[str]:
    told = report.model_dump_json(include={"summary", "warnings", "coverage"}).casefold()
    for words in want.says:
        if words.casefold() not in told:
            yield f"the report does not say {words!r}: {report.summary[:300]}"
    found = {(e.kind, short(e.value)) for e in (*report.entities, *(e for f in report.findings for e in f.entities))}
    for entity in want.entities:
        kind, value = entity.split(" ", 1)
        if (kind, short(value)) not in found:
            yield f"{entity} is not named"
    if report.rounds < want.rounds:
        yield f"it took {report.rounds} rounds, not {want.rounds}"
    claim = next((h.status for h in report.hypotheses if h.statement.startswith("Alert ")), "")
    if want.claim and claim != want.claim:
        yield f"the alert's claim is {claim or 'not told of'}, not {want.claim}"


def marked_refs(finding: Finding, rows: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, Any]]:
    """Return the marks of the case's rows that a finding cites, with how it cites them."""
    for ref, line in zip(finding.evidence, finding.log_lines, strict=True):
        cited = json.loads(line)
        for row in rows.get(ref.table, ()):
            if _is(cited, row):
                yield row["mark"], ref


def cited_marks(finding: Finding, rows: Mapping[str, Sequence[Row]]) -> tuple[str, ...]:
    """Return the marks of the case's rows that a finding cites; an unmarked row has the mark ''."""
    return tuple(dict.fromkeys(mark for mark, _ in marked_refs(finding, rows)))


def _is(cited: Mapping[str, Any], row: Row) -> bool:
    """Return whether a cited row is this one: at the same instant, with the same words in the columns both have."""
    if datetime.fromisoformat(cited["TimeGenerated"]) != datetime.fromisoformat(row["TimeGenerated"]):
        return False
    both = [key for key, value in row.items() if key in cited and isinstance(value, str) and key != "TimeGenerated"]
    return all(_same(cited[key], row[key]) for key in both)


def _same(cited: object, own: str) -> bool:
    return cited == own or own.startswith(("{", "[")) or not isinstance(cited, str)


def claimed_by(finding: Finding) -> tuple[str, ...]:
    """Return the techniques that a finding carries."""
    tags = (tag.removeprefix("attack.").upper() for tag in finding.tags if tag.startswith("attack.t"))
    return tuple(id_ for id_ in dict.fromkeys((finding.mitre.id, *tags)) if id_)


def akin(said: str, right: str) -> bool:
    """Return whether a technique is the one wanted, its parent or child, or the one that took its place."""
    current = AttackCatalog.bundled().current(right)
    wanted = {right, current.id if current else right}
    return any(said == one or said.startswith(f"{one}.") or one.startswith(f"{said}.") for one in wanted)


def short(name: str) -> str:
    """Return a name as things are told apart by: without domain and case."""
    return name if name[:1].isdigit() else name.casefold().split("@")[0].split(".")[0].rsplit("\\", 1)[-1]


def rounds_of(expected: ExpectedFinding, played: Played) -> Iterable[int]:
    """Return the rounds whose queries first returned the row that a finding must cite."""
    by_id = {query.id: query.round for query in played.report.queries}
    for finding in played.report.findings:
        for mark, ref in marked_refs(finding, played.rows):
            if mark == expected.cites:
                yield by_id[ref.query_id]
