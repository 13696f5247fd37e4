"""A plan that waits for a person: put down, asked about, and what comes of the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from langgraph.types import interrupt

from soc_analyst.state.approvals import Awaiting
from soc_analyst.state.case import CaseState
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.queries import ApprovedQuery, Diagnostic, PlannedQuery
from soc_analyst.tools.guard import Weighed

from ..desk.desk import Desk
from .approving import Decision, decided, digest_of, editable, reason_to_ask, request_for
from .proving import judge, refused_record, weighed_again

__all__ = ["asked", "awaiting", "is_allowed", "waits"]


def awaiting(weighed: Sequence[Weighed], state: CaseState, desk: Desk) -> Awaiting | None:
    """Return what is put down for a person, or None where nobody need be asked."""
    why = reason_to_ask(weighed, desk.context, desk.policy)
    if not why:
        return None
    return Awaiting(digest=_digest([one.query for one in weighed], state), plan=_of_plan(state), why=why)


def waits(state: CaseState) -> bool:
    """Return whether the plan as it stands was put down for a person: one that was changed since is proved anew."""
    put_down = state.get("awaiting")
    if put_down is None:
        return False
    return (put_down.digest, put_down.plan) == (_digest(state["approved"], state), _of_plan(state))


def is_allowed(state: CaseState, desk: Desk) -> bool:
    """Return whether these very queries may run: nobody need be asked, or a person said yes to them."""
    why = reason_to_ask(weighed_again(state["approved"], state, desk), desk.context, desk.policy)
    return not why or state.get("yes_to", "") == _digest(state["approved"], state)


def asked(state: CaseState, desk: Desk) -> dict[str, Any]:
    """Ask, and return what the answer makes of the case. Nothing is done before the question."""
    put_down = state["awaiting"]
    assert put_down is not None
    queries, planned = state["approved"], state["plan"].queries
    why = f"{put_down.why}. The last answer was refused: {put_down.refused}" if put_down.refused else put_down.why
    told = request_for(queries, planned, put_down.digest, why=why, spent_usd=state["usage"].usd)
    answer = interrupt(told)
    try:
        decision = decided(answer, told)
    except OperatorError as error:
        # Raised, it would stay with the case for good: whatever is answered later, the first answer is kept.
        return {"awaiting": put_down.model_copy(update={"refused": str(error)})}
    if decision.kind == "accept":
        return {"awaiting": None, "yes_to": put_down.digest}
    if decision.kind == "edit":
        return _edited(decision, state, desk)
    if decision.kind == "response":
        said = f"A person asked for another plan: {decision.words}"
        return {"awaiting": None, "approved": (), "guidance": decision.words, "warnings": (said,)}
    return _declined(state)


def _declined(state: CaseState) -> dict[str, Any]:
    why = (Diagnostic(code="declined", message="a person did not want it run"),)
    ids = {query.id for query in state["approved"]}
    records = tuple(
        refused_record(query, why, state["plan"].round).model_copy(update={"status": "skipped"})
        for query in state["plan"].queries
        if query.id in ids
    )
    said = f"A person declined the plan of round {state['plan'].round}; the investigation ends with what there is."
    return {"awaiting": None, "approved": (), "declined": True, "records": records, "warnings": (said,)}


def _edited(decision: Decision, state: CaseState, desk: Desk) -> dict[str, Any]:
    """Return the plan as a person wants it; what was changed goes through the guard again, in its own window."""
    before = {query.id: query for query in state["approved"]}
    plan = tuple(_as_wanted(query, before, decision) for query in state["plan"].queries)
    changed = [new for new, old in zip(plan, state["plan"].queries, strict=True) if new is not None and new != old]
    windows = {query.id: TimeWindow(start=before[query.id].start, end=before[query.id].end) for query in changed}
    judged = dict(zip((query.id for query in changed), judge(changed, state, desk, windows), strict=True))
    kept: list[ApprovedQuery] = []
    for query in plan:
        one = judged.get(query.id) if query is not None else None
        if one is not None and one.weighed is not None:
            kept.append(one.weighed.query)
        elif query is not None and one is None and query.id in before:
            kept.append(before[query.id])
    return {
        "awaiting": None,
        "plan": state["plan"].model_copy(update={"queries": tuple(query for query in plan if query is not None)}),
        "approved": tuple(kept),
        "yes_to": _digest(kept, state),
        "feedback": (*state["feedback"], *(one.feedback for one in judged.values() if one.feedback is not None)),
        "records": tuple(one.record for one in judged.values() if one.record is not None),
        "warnings": _told(plan, state, changed),
    }


def _as_wanted(query: PlannedQuery, before: dict[str, ApprovedQuery], decision: Decision) -> PlannedQuery | None:
    """Return a query as it was, with another text, or None where a person took it out."""
    if query.id not in before:
        return query
    text = decision.texts.get(query.id, "").strip()
    if not text:
        return None
    if text == editable(before[query.id]).strip():
        return query
    return PlannedQuery(
        id=query.id,
        purpose=f"{query.purpose} (edited by a person)",
        hypothesis=query.hypothesis,
        kql=text,
        leads_from=query.leads_from,
    )


def _told(plan: Sequence[PlannedQuery | None], state: CaseState, changed: Sequence[PlannedQuery]) -> tuple[str, ...]:
    out = [old.id for new, old in zip(plan, state["plan"].queries, strict=True) if new is None]
    said = []
    if changed:
        said.append(f"A person edited {', '.join(query.id for query in changed)} before it ran.")
    if out:
        said.append(f"A person took {', '.join(out)} out of the plan.")
    return tuple(said)


def _of_plan(state: CaseState) -> str:
    return hashlib.sha256(state["plan"].model_dump_json().encode()).hexdigest()


def _digest(queries: Sequence[ApprovedQuery], state: CaseState) -> str:
    return digest_of(queries, f"{state['thread_id']}#{state['asked']}", state["plan"].round)
