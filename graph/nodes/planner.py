"""planner: reads the question once, then plans one round after another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from langchain_core.messages import HumanMessage
from langgraph.config import get_config
from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.budgets import Stopwatch, queries_left
from soc_analyst.graph.desk.desk import Desk, open_desk, wall_clock
from soc_analyst.graph.desk.models import open_model
from soc_analyst.graph.desk.naming import case_id
from soc_analyst.graph.desk.stopping import asked_to_stop
from soc_analyst.graph.looking.alerting import alert_named, question_about, started_from
from soc_analyst.graph.looking.confirming import confirmed
from soc_analyst.graph.looking.probing import known_values
from soc_analyst.graph.looking.surveying import surveyed
from soc_analyst.graph.telling import tell_round
from soc_analyst.state.case import CaseState
from soc_analyst.state.entities import Entity, Reading
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.plans import Plan
from soc_analyst.state.queries import Coverage, PlannedQuery, asked_key
from soc_analyst.state.report import STOP, Usage
from soc_analyst.tools.logs.base import Workspace
from soc_analyst.tools.proof.hypotheses import competing
from soc_analyst.tools.proof.leads import carried_by
from soc_analyst.tools.reading import Earlier, carried_on, guided, leaves_out, read_question
from soc_analyst.tools.reasoning.base import Planned, Situation
from soc_analyst.tools.reasoning.by_model.planner import ModelPlanner
from soc_analyst.tools.reasoning.by_rules.planner import RulesPlanner, pursued_by
from soc_analyst.tools.reasoning.by_rules.questions import tables_for
from soc_analyst.tools.records.cases import CaseHeader

__all__ = ["planner"]


async def planner(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return the next plan; a new question on the thread opens a new case first."""
    watch = Stopwatch()
    context = runtime.context or Context()
    async with open_desk(context) as desk:
        going_on = state.get("stage") == "open" and state["about"] == _question(state, context)
        if going_on and asked_to_stop():
            return _nothing_more(state)
        opened = {} if going_on else await _opened(state, desk)
        case = cast(CaseState, {**state, **opened})
        desk = desk.within(case.get("lacking", {}))
        reading, said = _within_policy(case, desk)
        if case.get("guidance"):
            reading = await _guided(reading, case, desk)
        situation = _situation(case, reading, desk)
        planned = await _planned(situation, case, desk)
        volumes = case.get("volumes", ())
        if planned.window is not None:
            reading = reading.model_copy(update={"window": planned.window})
            async with desk.workspace() as workspace:
                found = await surveyed(planned.window, desk, workspace)
            volumes, said = found.volumes, (*said, *found.notes)
    plan = planned.plan
    queries, skipped = _fresh(plan, case, situation.queries_left)
    new = [*said, *planned.said, *plan.given_up]
    warnings = tuple([*case.get("warnings", ()), *new] if opened else new)
    tell_round(runtime, plan, len(queries))
    return {
        **{name: Overwrite(value) if name in MERGED else value for name, value in opened.items()},
        "reading": reading,
        "volumes": volumes,
        "plan": plan.model_copy(update={"queries": queries}),
        "rounds": case["rounds"] + bool(queries),
        "approved": (),
        "awaiting": None,
        "guidance": "",
        "feedback": (),
        "leads": (),
        "pursued": tuple(dict.fromkeys([*case["pursued"], *pursued_by(situation)])),
        "followed": (*case.get("followed", ()), *case["leads"]),
        "hypotheses": planned.hypotheses or case["hypotheses"] or competing(queries),
        "usage": watch.added_to(case["usage"]).with_calls(planned.calls),
        "warnings": Overwrite(warnings) if opened else warnings,
        "budget_reached": "queries" if skipped else "",
    }


def _nothing_more(state: CaseState) -> dict[str, Any]:
    """Return an empty plan: a person wants the report of what there is. What was still to follow stays in the state."""
    plan = Plan(round=state["rounds"] + 1, rationale="Nothing more: the report of what there is.")
    return {"plan": plan, "approved": (), "awaiting": None, "budget_reached": STOP}


ANSWERER = "soc_analyst"
"""The name our answers carry in a conversation."""
MERGED = frozenset({"records", "coverage"})
"""Channels whose reducers would keep what an earlier question left."""


async def _opened(state: CaseState, desk: Desk) -> dict[str, Any]:
    """Return a new case: the question read, its names confirmed, all counters at zero."""
    context = desk.context
    question = _question(state, context)
    if not question.strip():
        raise OperatorError("the question is empty; ask one in plain words", where="question")
    thread_id = state.get("thread_id") or case_id(get_config())
    async with desk.workspace() as workspace:
        now = await workspace.now()
        reading = await _read(question, now, state, desk, workspace)
        notes, lacking = workspace.notes, dict(workspace.lacking)
        survey = await surveyed(reading.window, desk.within(lacking), workspace)
    _fits(reading, desk)
    kept = reading.follows == "why"  # it is answered from the evidence that is there
    header = CaseHeader(
        thread_id=thread_id, question=question, started=wall_clock(), options=context.model_dump(mode="json")
    )
    folder = desk.data.folder(thread_id)
    await asyncio.to_thread(folder.open, header)
    return {
        "question": question,
        "about": question,
        "thread_id": thread_id,
        "asked": state.get("asked", 0) + bool(state.get("stage")),
        "stage": "open",
        "awaiting": None,
        "yes_to": "",
        "guidance": "",
        "declined": False,
        "reading": reading,
        "now": now,
        "rounds": 0,
        "feedback": (),
        "leads": (),
        "pursued": (),
        "followed": (),
        "stopped": "",
        "records": state["records"] if kept else (),
        "coverage": state["coverage"] if kept else _not_there(reading, lacking, desk),
        "findings": state["findings"] if kept else (),
        "hypotheses": state["hypotheses"] if kept else (),
        "earlier": (),
        "usage": Usage(model=context.model),
        "warnings": (*notes, *reading.notes, *survey.notes),
        "policy_hash": desk.policy.hash,
        "lacking": lacking,
        "volumes": survey.volumes,
    }


async def _read(question: str, now: datetime, state: CaseState, desk: Desk, workspace: Workspace) -> Reading:
    """Return what the question asks, with what an alert or the question before gives where it says nothing itself."""
    since, until = desk.context.window_option()
    reading = await asyncio.to_thread(read_question, question, now=now, since=since, until=until)
    if desk.context.alert:
        return started_from(await alert_named(desk.context.alert, now, desk, workspace), reading)
    reading = await confirmed(reading, desk, workspace)
    return carried_on(question, reading, await _earlier(question, state, reading, desk, workspace))


async def _earlier(
    question: str, state: CaseState, reading: Reading, desk: Desk, workspace: Workspace
) -> Earlier | None:
    """Return the question before with what its findings name, and all names of the logs where some are left out."""
    before = state.get("reading")
    if before is None:
        return None
    named = [entity for finding in state.get("findings", ()) for entity in finding.entities]
    if leaves_out(question) and not reading.entities:
        known = await known_values(("host", "account"), before.window.end, desk, workspace)
        named += [Entity(kind=kind, value=value) for kind in known.values for value in sorted(known.of(kind))]
    return Earlier(before, tuple(dict.fromkeys(named)), carried_by(state.get("findings", ())))


def _not_there(reading: Reading, lacking: Mapping[str, tuple[str, ...]], desk: Desk) -> tuple[Coverage, ...]:
    """Return the coverage of tables that the question names the topic of and that the workspace has not."""
    if not reading.topics:
        return ()
    asked = tables_for(reading, desk.tables)
    gone = (table for table in asked if lacking.get(table) == ())
    return tuple(Coverage(table=table, note="the workspace has no such table") for table in gone)


async def _planned(situation: Situation, case: CaseState, desk: Desk) -> Planned:
    """Return the plan of the model, or of the rules where there is none or it has nothing to say."""
    if situation.reading.follows == "why":
        return Planned(Plan(round=situation.round, rationale="Answered from the evidence at hand."))
    async with open_model(case, desk) as model:
        if model is not None:
            rows = await asyncio.to_thread(desk.evidence, case["records"])
            await asyncio.to_thread(model.pseudonyms.learn, rows, situation.reading.entities)
            planned = await ModelPlanner(model.asker, model.pseudonyms).plan(situation)
            if planned is not None:
                return planned
    return Planned(await asyncio.to_thread(RulesPlanner().plan, situation))


async def _guided(reading: Reading, case: CaseState, desk: Desk) -> Reading:
    """Return the reading as a person's guidance changes it: another time, other names, other kinds of activity."""
    words = await asyncio.to_thread(read_question, case["guidance"], now=case["now"])
    async with desk.workspace() as workspace:
        return guided(reading, await confirmed(words, desk, workspace))


def _fits(reading: Reading, desk: Desk) -> None:
    """Refuse a window that the user fixed and policy does not allow; one read from words is shortened and said."""
    days = (reading.window.end - reading.window.start) / timedelta(days=1)
    if reading.window.basis == "option" and days > desk.policy.max_window_days:
        longest = f"{desk.policy.max_window_days:g}"
        raise OperatorError(f"ask for {days:,.0f} days; policy allows {longest}", where="--since and --until")


def _question(state: CaseState, context: Context) -> str:
    """Return what is asked: the last human message that we have not answered, the question given, or of the alert."""
    for message in reversed(state.get("messages") or []):
        if message.name == ANSWERER:
            break
        if isinstance(message, HumanMessage):
            return str(message.text)
    return state.get("question") or (question_about(context.alert) if context.alert else "")


def _within_policy(case: CaseState, desk: Desk) -> tuple[Reading, tuple[str, ...]]:
    """Shorten the window of the case once the guard has refused it as too long."""
    reading, longest = case["reading"], timedelta(days=desk.policy.max_window_days)
    refused = any("window" in d.code for feedback in case["feedback"] for d in feedback.diagnostics)
    if not refused or reading.window.end - reading.window.start <= longest:
        return reading, ()
    window = reading.window.model_copy(update={"start": reading.window.end - longest})
    said = f"The window was shortened to the {longest.days} days that policy allows, from {window.start:%Y-%m-%d} on."
    return reading.model_copy(update={"window": window}), (said,)


def _situation(case: CaseState, reading: Reading, desk: Desk) -> Situation:
    return Situation(
        reading=reading,
        tables=desk.tables,
        round=case["rounds"] + 1,
        queries_left=queries_left(case, desk.context),
        max_window_days=desk.policy.max_window_days,
        records=case["records"],
        feedback=case["feedback"],
        leads=case["leads"],
        pursued=case["pursued"],
        question="\n".join(filter(None, (case["question"], case.get("guidance", "")))),
        coverage=case["coverage"],
        findings=case["findings"],
        hypotheses=case["hypotheses"],
        guidance=case.get("guidance", ""),
    )


def _fresh(plan: Plan, case: CaseState, left: int) -> tuple[tuple[PlannedQuery, ...], int]:
    """Return the queries that were not asked before, as many as the budget allows, and how many it cut."""
    tried = {record.key for record in case["records"]}
    new = [query for query in plan.queries if asked_key(query) not in tried]
    return tuple(new[:left]), max(0, len(new) - left)
