"""Memory across investigations: findings of reports that a person accepted, as data with their source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from soc_analyst.state.base import UtcTime, Value
from soc_analyst.state.entities import Entity
from soc_analyst.state.errors import EvidenceError, OperatorError
from soc_analyst.state.memory import Earlier
from soc_analyst.state.report import Report
from soc_analyst.tools.proof.leads import is_anybody, same_thing
from soc_analyst.tools.sealing import Seal

from .cases import CaseFolder, all_cases
from .chain import digest_of

__all__ = ["Accepted", "accept", "remembered", "signals_of"]

ACCEPTED = "accepted.json"
MOST_CASES, MOST_TOLD = 500, 12
KINDS = frozenset({"host", "account", "ip", "domain", "url", "resource"})
LONGEST_REASON = 300


class Accepted(Value):
    """A person's word on a report; it holds for the report with this hash and no later one."""

    report: str
    accepted_at: UtcTime
    workspace: str
    ordinary: dict[str, str]
    """Findings that the person holds for ordinary work, by id, with the reason."""


def accept(case: CaseFolder, report: Report, ordinary: Mapping[str, str], at: datetime, workspace: str) -> Accepted:
    """Keep a person's word on a finished report. Raises OperatorError for a finding that the report has not."""
    known = {finding.id for finding in report.findings}
    for id, reason in ordinary.items():
        if id not in known:
            raise OperatorError(f"the report has no finding {id!r}", where="--benign")
        if not reason.strip():
            raise OperatorError(f"say why {id} is ordinary work: --benign {id}=REASON", where="--benign")
    told = {id: " ".join(reason.split())[:LONGEST_REASON] for id, reason in ordinary.items()}
    accepted = Accepted(report=_digest(case), accepted_at=at, workspace=workspace, ordinary=told)
    case.keep_text(ACCEPTED, accepted.model_dump_json(indent=2))
    return accepted


def remembered(
    cases: Path, entities: Iterable[Entity], *, workspace: str, besides: str = "", seal: Seal | None = None
) -> tuple[Earlier, ...]:
    """Return what was accepted of these things in this workspace, the latest first; of the case `besides` nothing."""
    wanted = [entity for entity in entities if entity.kind in KINDS and not is_anybody(entity.value)]
    found: list[Earlier] = []
    for number, case in enumerate(all_cases(cases, seal)):
        if number == MOST_CASES or len(found) >= MOST_TOLD or not wanted:
            break
        if case.path.name != besides:
            found += (one for one in _of_case(case, workspace) if _about(one, wanted))
    return tuple(sorted(found, key=lambda one: one.accepted_at, reverse=True)[:MOST_TOLD])


def signals_of(earlier: Iterable[Earlier]) -> tuple[str, ...]:
    """Return a line each, with its source, for a model that reads the evidence; no log text is in it."""
    return tuple(
        f"Of case {one.thread_id}, which a person accepted: {one.technique or 'a finding'} at "
        f"{one.time:%Y-%m-%d %H:%M} UTC was held for {one.held_for}{f' ({one.reason})' if one.reason else ''}."
        for one in earlier
    )


def _of_case(case: CaseFolder, workspace: str) -> Iterator[Earlier]:
    """Yield the findings of a report that was accepted as it is; of any other none."""
    try:
        accepted = Accepted.model_validate_json(case.content(ACCEPTED))
        report = Report.model_validate_json(case.content("report.json"))
    except (OSError, ValidationError, EvidenceError):
        return
    if accepted.report != _digest(case) or accepted.workspace != workspace or case.chain.broken_at() is not None:
        return
    for finding in report.findings:
        if finding.confidence == "Low" and finding.id not in accepted.ordinary:
            continue
        yield Earlier(
            thread_id=report.thread_id,
            accepted_at=accepted.accepted_at,
            outcome=report.outcome,
            finding_id=finding.id,
            title=finding.title,
            technique=finding.mitre.id,
            confidence=finding.confidence,
            time=finding.time,
            entities=tuple(one for one in finding.entities if one.kind in KINDS),
            held_for="ordinary work" if finding.id in accepted.ordinary else "attack",
            reason=accepted.ordinary.get(finding.id, ""),
        )


def _about(earlier: Earlier, wanted: Iterable[Entity]) -> bool:
    return any(same_thing(own, other) for own in earlier.entities for other in wanted)


def _digest(case: CaseFolder) -> str:
    return digest_of(case.content("report.json"))
