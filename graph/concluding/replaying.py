"""A finished case made again from what was kept of it: no query, no model, and the same proved claims."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from soc_analyst.state.case import CaseState
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Claim, Finding
from soc_analyst.state.report import Report
from soc_analyst.tools.records.cases import CaseFolder, CaseHeader
from soc_analyst.tools.records.dossier import Dossier
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.verifying import require_whole

from ..context import Context
from ..desk.desk import Desk, open_desk
from ..desk.rules import rules_for
from .judging import after_review, composed, judged, proved_of, reviewed, said_of

__all__ = ["Replay", "replayed"]


@dataclass(frozen=True)
class Replay:
    """The report as it comes out now, against the one that was written."""

    report: Report
    """Composed anew from the rows that were kept."""
    files: int
    """Files of the case that are as they were written."""
    differs: tuple[str, ...]
    """What came out otherwise, a line each; empty where all is the same."""
    proved_again: int
    """Findings of a model whose answers are not on record in the form they would be asked for now: their claims were
    evaluated instead."""

    @property
    def claims(self) -> int:
        """Return how many claims were evaluated."""
        return sum(len(finding.claims) for finding in self.report.findings)


async def replayed(thread_id: str, *, data_dir: DataDir) -> Replay:
    """Make the report of a finished case again and compare; raise EvidenceError where a kept file was changed."""
    folder = data_dir.folder(thread_id)
    header, dossier, report = await asyncio.to_thread(_kept, folder, data_dir)
    files = await asyncio.to_thread(require_whole, folder, data_dir.of(header).evidence)
    context = Context.model_validate({**header.options, "data_dir": data_dir.root})
    async with open_desk(context, dossier.lacking, recorded_only=True) as desk:
        state = _state(dossier, report, desk)
        evidence = await asyncio.to_thread(desk.evidence, dossier.records)
        found = await judged(state, desk)
        drafts, again = _with_unrecorded(found.analysis.findings, report.findings)
        proved = await asyncio.to_thread(proved_of, drafts, state, desk, evidence)
        state = {**state, "findings": proved.findings}
        outcome = await reviewed(state, desk)
        kept = _upheld(outcome.findings, state["findings"], again)
        current = after_review(state, outcome)
        said = said_of(proved, dossier.leads, dossier.budget_reached)
        anew = await asyncio.to_thread(composed, {**current, "findings": kept}, desk, evidence, said)
        changed = await asyncio.to_thread(lambda: _changed(dossier, desk))
    anew = anew.model_copy(update={"agreement": report.agreement})
    return Replay(anew, files, (*_differences(report, anew), *changed), len(again))


def _kept(folder: CaseFolder, data_dir: DataDir) -> tuple[CaseHeader, Dossier, Report]:
    where = f"thread {folder.path.name}"
    header, dossier, report = folder.header(), folder.dossier(), folder.report()
    if header is None:
        raise OperatorError(f"no such case in {data_dir.root}; `soc-analyst threads` lists them", where=where)
    if report is None:
        raise OperatorError(f"not finished; `soc-analyst resume {folder.path.name}` goes on with it", where=where)
    if dossier is None:
        raise OperatorError("an earlier version kept too little of it to make it again; hunt again", where=where)
    return header, dossier, report


def _state(dossier: Dossier, report: Report, desk: Desk) -> CaseState:
    told = {name: getattr(dossier, name) for name in Dossier.model_fields}
    return cast(
        CaseState,
        {
            **told,
            "thread_id": report.thread_id,
            "question": report.question,
            "policy_hash": desk.policy.hash,
            "usage": report.usage,
        },
    )


def _with_unrecorded(
    drafts: Iterable[Finding], reported: Iterable[Finding]
) -> tuple[tuple[Finding, ...], frozenset[str]]:
    """Return the drafts with the findings of a model that did not come out again, to be proved by their own claims."""
    drafts = tuple(drafts)
    known = {draft.id for draft in drafts}
    missing = tuple(_as_proved(finding) for finding in reported if not finding.detections and finding.id not in known)
    return (*drafts, *missing), frozenset(finding.id for finding in missing)


def _as_proved(finding: Finding) -> Finding:
    """Leave out the claims that did not hold then: they have lowered the confidence already."""
    return finding.model_copy(update={"claims": tuple(claim for claim in finding.claims if claim.verified)})


def _upheld(
    reviewed_ones: tuple[Finding, ...], before: tuple[Finding, ...], again: frozenset[str]
) -> tuple[Finding, ...]:
    """Keep the model's findings proved again as their claims leave them: their critic is not on record either."""
    stand = {finding.id: finding for finding in before if finding.id in again}
    return tuple(stand.get(finding.id, finding) for finding in reviewed_ones)


def _changed(dossier: Dossier, desk: Desk) -> tuple[str, ...]:
    """Return why the report may come out otherwise by rights."""
    if rules_for(desk).digest == dossier.rules:
        return ()
    return ("The detections are not those of that day: rules were added, changed or taken away since.",)


def _differences(before: Report, after: Report) -> Iterator[str]:
    if before.outcome != after.outcome:
        yield f"outcome: {before.outcome} then, {after.outcome} now"
    now = {finding.id: finding for finding in after.findings}
    for finding in before.findings:
        if finding.id not in now:
            yield f"“{finding.title}” does not come out again"
        else:
            yield from _of_finding(finding, now[finding.id])
    for finding in after.findings:
        if finding.id not in {one.id for one in before.findings}:
            yield f"“{finding.title}” comes out now and was not reported"


def _of_finding(then: Finding, now: Finding) -> Iterator[str]:
    if then.confidence != now.confidence:
        yield f"“{then.title}”: confidence {then.confidence} then, {now.confidence} now"
    if then.log_lines != now.log_lines:
        yield f"“{then.title}”: its rows are not those it cited"
    for gone in _claims(then) - _claims(now):
        yield f"“{then.title}”: not proved now: {gone[0]}"
    for new in _claims(now) - _claims(then):
        yield f"“{then.title}”: not proved then: {new[0]}"


def _claims(finding: Finding) -> set[tuple[str, str]]:
    def told(claim: Claim) -> tuple[str, str]:
        return claim.statement, claim.model_dump_json()

    return {told(claim) for claim in finding.claims if claim.verified}
