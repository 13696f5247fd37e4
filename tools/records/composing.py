"""The report of a case, composed from what was proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from soc_analyst.state.entities import Reading
from soc_analyst.state.findings import Finding, Hypothesis, TimelineEvent
from soc_analyst.state.incidents import Incident
from soc_analyst.state.queries import Coverage, QueryRecord
from soc_analyst.state.report import QueryReport, Report, Usage
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence, EvidenceStore
from soc_analyst.tools.evidence.describing import describe
from soc_analyst.tools.proof.findings import with_log_lines
from soc_analyst.tools.proof.hypotheses import stated, weighed
from soc_analyst.tools.proof.outcome import Verdict, judge, unseen_parts
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.alert_claims import beside_alerts, tested
from soc_analyst.tools.reasoning.by_rules.incidents import incidents_of

from .explaining import explained
from .found import told_of
from .summary import summed_up

__all__ = ["ClosedCase", "compose"]

MOST_EVENTS = 60
EVENTS_OF_A_FINDING = 6


@dataclass(frozen=True)
class ClosedCase:
    """What a finished case leaves."""

    thread_id: str
    question: str
    reading: Reading
    policy_hash: str
    findings: tuple[Finding, ...]
    hypotheses: tuple[Hypothesis, ...]
    """Those that a model stated, besides those of the queries."""
    records: tuple[QueryRecord, ...]
    coverage: tuple[Coverage, ...]
    rounds: int
    usage: Usage
    warnings: tuple[str, ...]
    budget_reached: str
    attack_version: str = ""
    stopped: str = ""


def compose(case: ClosedCase, evidence: Evidence, *, texts: EvidenceStore, tables: Mapping[str, TableSchema]) -> Report:
    """Return the report: log lines copied from the rows, the outcome decided by code. Blocks."""
    proved = with_log_lines(case.findings, evidence)
    apart = incidents_of(proved, evidence)
    findings = _own_question_first(proved, apart, case)
    incidents = _as_told(apart, findings)
    file = CaseFile(case.reading, _asked_only(case, evidence), (), case.coverage, tables)
    verdict, of_alert = _verdict(case, findings, file)
    unseen = () if verdict.outcome == "could_not_look" else unseen_parts(case.records)
    reasons = (_off_theme(findings, case.reading), *verdict.reasons)
    told = told_of(findings, incidents)
    summary = summed_up(verdict.outcome, told, reasons, file, answered=_why(case, findings, evidence))
    return Report(
        thread_id=case.thread_id,
        question=case.question,
        model=case.usage.model,
        policy_hash=case.policy_hash,
        outcome=verdict.outcome,
        summary=summary.text,
        claims=summary.claims,
        window=case.reading.window,
        entities=case.reading.entities,
        findings=findings,
        incidents=incidents,
        timeline=_timeline(findings, evidence),
        hypotheses=stated((*of_alert, *weighed(case.records, findings, verdict.outcome)), case.hypotheses),
        queries=tuple(_query(record, texts) for record in case.records),
        coverage=case.coverage,
        rounds=case.rounds,
        usage=case.usage,
        warnings=tuple(dict.fromkeys([*case.warnings, *(f"Not fully seen: {part}." for part in unseen)])),
        attack_version=case.attack_version,
        budget_reached=case.budget_reached,
        stopped=case.stopped,
    )


def _verdict(case: ClosedCase, findings: tuple[Finding, ...], file: CaseFile) -> tuple[Verdict, tuple[Hypothesis, ...]]:
    """Return the outcome; of an investigation that starts from an alert by what is found beside the alert."""
    alert = case.reading.alert
    if alert is None:
        return judge(case.reading, findings, case.records, case.coverage), ()
    verdict = judge(case.reading, beside_alerts(findings), case.records, case.coverage)
    test = tested(alert, file, findings, seen_whole=verdict.outcome != "could_not_look")
    outcome = "suspected" if test.stands and verdict.outcome in ("benign", "not_found") else verdict.outcome
    return Verdict(outcome, (test.said, *verdict.reasons)), (test.hypothesis,)


def _own_question_first(
    findings: Sequence[Finding], incidents: Sequence[Incident], case: ClosedCase
) -> tuple[Finding, ...]:
    """Tell first what the question is about; within a confidence, what belongs to it, and its own rows before leads."""
    asked = {record.id for record in case.records if not record.leads_from.startswith("lead ")}
    order = {"High": 0, "Medium": 1, "Low": 2}
    themes = bool(case.reading.themes)

    def meant(finding: Finding) -> bool:
        return _on_theme(finding, case.reading) if themes else _first_query(finding) in asked

    about = {finding.id for finding in findings if meant(finding)}
    belonging = {id for one in incidents if about.intersection(one.findings) for id in one.findings}

    def rank(finding: Finding) -> tuple[bool, int, bool, bool]:
        off = finding.id not in about
        return themes and off, order[finding.confidence], finding.id not in belonging, off

    return tuple(sorted(findings, key=rank))


def _first_query(finding: Finding) -> str:
    return finding.evidence[0].query_id if finding.evidence else ""


def _as_told(incidents: Sequence[Incident], findings: Sequence[Finding]) -> tuple[Incident, ...]:
    """Return incidents in the order in which the first finding of each is told."""
    place = {finding.id: at for at, finding in enumerate(findings)}
    return tuple(sorted(incidents, key=lambda one: min(place[id] for id in one.findings)))


def _on_theme(finding: Finding, reading: Reading) -> bool:
    """Return whether a finding is of a technique or tactic that the question names; all are where it names none."""
    tactic = finding.mitre.tactic.casefold().replace(" ", "-")
    said = (finding.mitre.id, *finding.tags)
    return not reading.themes or any(
        theme == tactic or any(name.upper().removeprefix("ATTACK.").startswith(theme) for name in said)
        for theme in reading.themes
    )


def _off_theme(findings: Sequence[Finding], reading: Reading) -> str:
    serious = [finding for finding in findings if finding.confidence != "Low"]
    if not serious or any(_on_theme(finding, reading) for finding in serious):
        return ""
    return f"None of it is about {' or '.join(reading.themes)}, which the question names."


def _asked_only(case: ClosedCase, evidence: Evidence) -> Evidence:
    """Return the rows that the question's own queries returned."""
    asked = {record.id for record in case.records if not record.leads_from.startswith("lead ")}
    return Evidence(rows.returned_by(asked) for rows in evidence.values())


def _query(record: QueryRecord, texts: EvidenceStore) -> QueryReport:
    return QueryReport(
        id=record.id,
        round=record.round,
        purpose=record.purpose,
        table=record.table,
        kql=texts.text(record.kql_digest) if record.kql_digest else "",
        status=record.status,
        rows=record.rows,
        truncated=record.truncated,
        elapsed_ms=record.elapsed_ms,
        diagnostics=record.diagnostics,
        estimate=record.estimate,
        scanned=record.scanned,
    )


def _why(case: ClosedCase, findings: Sequence[Finding], evidence: Evidence) -> str | None:
    """Return the reasons where those are asked for."""
    if case.reading.follows != "why":
        return None
    return explained(findings, case.records, case.coverage, evidence)


def _timeline(findings: Sequence[Finding], evidence: Evidence) -> tuple[TimelineEvent, ...]:
    """Tell each cited row once, under the most serious finding that cites it."""
    events: dict[tuple[str, int], TimelineEvent] = {}
    for finding in findings:
        for ref in finding.evidence[:EVENTS_OF_A_FINDING]:
            row = evidence.row(ref)
            if row is not None and ref.time is not None:
                text = f"{describe(ref.table, row)} [{finding.title}]"
                events.setdefault((ref.query_id, ref.row), TimelineEvent(time=ref.time, event=text, evidence=ref))
    return tuple(sorted(list(events.values())[:MOST_EVENTS], key=lambda event: event.time))
