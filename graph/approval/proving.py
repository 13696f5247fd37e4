"""Planned queries through the guard: what may run, what it will read, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from soc_analyst.state.case import CaseState
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.plans import Feedback
from soc_analyst.state.queries import ApprovedQuery, Diagnostic, PlannedQuery, QueryRecord, asked_key
from soc_analyst.tools.guard import Verdict, Weighed, check, weigh

from ..desk.budgets import rows_left
from ..desk.desk import Desk

__all__ = ["Judged", "judge", "may_ask", "refused_record", "weighed_again"]


@dataclass(frozen=True)
class Judged:
    """What became of one planned query: it may run, or it is sent back with a record."""

    weighed: Weighed | None = None
    feedback: Feedback | None = None
    record: QueryRecord | None = None
    notes: tuple[str, ...] = ()
    """What an approved query cannot see of what was asked."""


def may_ask(desk: Desk) -> bool:
    """Return whether a person is asked about what policy wants a person's yes for."""
    return desk.context.approve != "auto" and desk.policy.costly == "ask"


def judge(
    queries: Iterable[PlannedQuery], state: CaseState, desk: Desk, windows: Mapping[str, TimeWindow] | None = None
) -> list[Judged]:
    """Return what the guard says of each query, in the order planned: what one reads is not left for the next. Blocks.

    `windows` are those of single queries that see another part than the question's.
    """
    cap, window = max(1, min(desk.policy.row_cap, rows_left(state, desk.context))), state["reading"].window
    asking, spent = may_ask(desk), _spent(state)
    judged: list[Judged] = []
    for query in queries:
        own = (windows or {}).get(query.id, window)
        verdict = check(query, policy=desk.policy, tables=desk.tables, window=own, row_cap=cap, may_ask=asking)
        one = _judged(query, verdict, state, desk, spent)
        if one.weighed is not None and one.weighed.query.estimate is not None:
            spent += one.weighed.query.estimate.bytes or 0
        judged.append(one)
    return judged


def weighed_again(queries: Iterable[ApprovedQuery], state: CaseState, desk: Desk) -> list[Weighed]:
    """Return what approved queries will read, as it was when they were approved."""
    spent, weighed = _spent(state), []
    for query in queries:
        one = weigh(query, state.get("volumes", ()), desk.policy, spent=spent, may_ask=may_ask(desk))
        spent += (one.query.estimate.bytes or 0) if one.query.estimate is not None else 0
        weighed.append(one)
    return weighed


def refused_record(
    query: PlannedQuery, diagnostics: tuple[Diagnostic, ...], round_: int, approved: ApprovedQuery | None = None
) -> QueryRecord:
    """Return the record of a query that was not run; `approved` where the guard itself had nothing against it."""
    table = query.typed.table if query.typed is not None else approved.tables[0] if approved is not None else ""
    return QueryRecord(
        id=query.id,
        round=round_,
        purpose=query.purpose,
        table=table,
        key=asked_key(query),
        status="refused",
        diagnostics=diagnostics,
        hypothesis=query.hypothesis,
        leads_from=query.leads_from,
        start=approved.start if approved is not None else None,
        end=approved.end if approved is not None else None,
    )


def _judged(query: PlannedQuery, verdict: Verdict, state: CaseState, desk: Desk, spent: int) -> Judged:
    asking = may_ask(desk)
    cost = None
    if verdict.approved is not None:
        cost = weigh(verdict.approved, state.get("volumes", ()), desk.policy, spent=spent, may_ask=asking)
        if asking or not cost.faults:
            return Judged(weighed=cost, notes=_notes(verdict))
    faults, fits = (cost.faults, cost.fits) if cost is not None else (verdict.diagnostics, ())
    message = "; ".join(diagnostic.message for diagnostic in faults)
    return Judged(
        feedback=Feedback(kind="refused", query=query, message=message, diagnostics=faults, fits=fits),
        record=refused_record(query, faults, state["plan"].round, verdict.approved),
    )


def _notes(verdict: Verdict) -> tuple[str, ...]:
    return tuple(f"{note.message[:1].upper()}{note.message[1:]}; {note.hint}." for note in verdict.diagnostics)


def _spent(state: CaseState) -> int:
    """Return the bytes that the case's queries have read, by what was expected of them."""
    ran = (record for record in state["records"] if record.status not in ("refused", "skipped"))
    return sum((record.estimate.bytes or 0) for record in ran if record.estimate is not None)
