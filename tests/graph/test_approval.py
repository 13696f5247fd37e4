"""A person says yes to a plan, changes it, wants another one, or ends the case; and nothing else runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from soc_analyst import Context, Report, ahunt, build_graph
from soc_analyst.graph.hunting import aresume
from soc_analyst.state.errors import ApprovalRequired, OperatorError
from soc_analyst.tools.records.folder import DataDir

from .workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"
CONFIG: RunnableConfig = {"configurable": {"thread_id": "case-1"}}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home", now=END, approve="always")


class Case:
    """One case of a host that answers for a person."""

    def __init__(self, context: Context) -> None:
        self.context, self.graph = context, build_graph(checkpointer=InMemorySaver())

    async def ask(self, given: Any = None) -> dict[str, Any] | None:
        """Run up to the next question and return it, or None at the end."""
        given = {"question": QUESTION} if given is None else Command(resume=given)
        await self.graph.ainvoke(given, CONFIG, context=self.context)
        return await self.pending()

    async def pending(self) -> dict[str, Any] | None:
        waiting = (await self.graph.aget_state(CONFIG)).interrupts
        return dict(waiting[0].value) if waiting else None

    async def to_the_end(self, given: Any) -> Report:
        """Answer, say yes to all that follows, and return the report."""
        while await self.ask(given) is not None:
            given = [{"type": "accept", "args": None}]
        return Report.model_validate((await self.graph.aget_state(CONFIG)).values["report"])


async def test_what_is_asked_is_what_agent_inbox_draws_and_nothing_ran_before(context: Context) -> None:
    asked = await Case(context).ask()
    assert asked is not None and set(asked) == {"action_request", "config", "description"}
    assert set(asked["action_request"]) == {"action", "args"}
    assert asked["config"] == dict.fromkeys(("allow_accept", "allow_edit", "allow_respond", "allow_ignore"), True)
    texts = {name: text for name, text in asked["action_request"]["args"].items() if name != "hash"}
    assert texts and all("let " not in text and "| take" not in text for text in texts.values())
    assert "r1q1" in asked["description"] and "2026-03-03 12:00" in asked["description"]
    assert not list((DataDir(context.data_dir).case("case-1") / "queries").glob("*"))


async def test_a_yes_runs_exactly_that(context: Context) -> None:
    report = await Case(context).to_the_end(None)
    undisturbed = await ahunt(QUESTION, context=context.model_copy(update={"approve": "auto"}), thread_id="other")
    assert report.outcome == undisturbed.outcome == "confirmed"
    assert [query.kql for query in report.queries] == [query.kql for query in undisturbed.queries]


async def test_a_yes_to_another_plan_is_refused_and_the_plan_still_waits(context: Context) -> None:
    case = Case(context)
    await case.ask()
    again = await case.ask([{"type": "accept", "args": {"hash": "0" * 64}}])
    assert again is not None
    assert "The last answer was refused: approval: the answer is to another plan" in again["description"]
    assert (await case.to_the_end([{"type": "accept", "args": None}])).outcome == "confirmed"


@pytest.mark.parametrize("answer", [{"type": "perhaps"}, 7, [], {"type": "response", "args": ""}, {"type": "edit"}])
async def test_what_is_no_answer_is_said_and_the_plan_still_waits(context: Context, answer: Any) -> None:
    case = Case(context)
    await case.ask()
    again = await case.ask(answer)
    assert again is not None and "The last answer was refused: approval: " in again["description"]
    again = await case.ask("ignore")
    assert again is None


def edit(asked: dict[str, Any], **texts: str) -> dict[str, Any]:
    args = {**asked["action_request"]["args"], **texts}
    return {"type": "edit", "args": {"action": asked["action_request"]["action"], "args": args}}


async def test_an_edited_query_goes_through_the_guard(context: Context) -> None:
    case = Case(context)
    asked = await case.ask()
    assert asked is not None
    text = 'DeviceProcessEvents | where ProcessCommandLine has "DownloadString" | project TimeGenerated, DeviceName'
    report = await case.to_the_end([edit(asked, r1q1=text)])
    ran = next(query for query in report.queries if query.id == "r1q1")
    assert ran.status == "ok" and 'has "DownloadString"' in ran.kql and "let DeviceProcessEvents" in ran.kql
    assert any("A person edited r1q1" in warning for warning in report.warnings)


async def test_an_edit_beyond_policy_does_not_run(context: Context) -> None:
    case = Case(context)
    asked = await case.ask()
    assert asked is not None
    report = await case.to_the_end(edit(asked, r1q1="SecurityEvent | take 5"))
    assert next(query.status for query in report.queries if query.id == "r1q1") == "refused"
    assert not any("SecurityEvent" in query.kql for query in report.queries)


async def test_a_query_taken_out_does_not_run_and_is_said(context: Context) -> None:
    case = Case(context)
    asked = await case.ask()
    assert asked is not None
    ids = sorted(name for name in asked["action_request"]["args"] if name != "hash")
    report = await case.to_the_end(edit(asked, **dict.fromkeys(ids[1:], "")))
    assert [query.id for query in report.queries if query.round == 1] == ids[:1]
    assert any(f"took {ids[1]}" in warning for warning in report.warnings)


async def test_an_edit_of_a_query_that_is_not_there_is_refused(context: Context) -> None:
    case = Case(context)
    asked = await case.ask()
    assert asked is not None
    again = await case.ask(edit(asked, r9q9="SigninLogs"))
    assert again is not None and "no query 'r9q9'" in again["description"]


async def test_a_response_is_guidance_for_the_planner(context: Context) -> None:
    case = Case(context)
    await case.ask()
    asked = await case.ask({"type": "response", "args": "only the last 2 hours"})
    assert asked is not None and "2026-03-04 10:00 to 2026-03-04 12:00" in asked["description"]
    report = await case.to_the_end({"type": "accept", "args": None})
    assert report.window.start.hour == 10 and report.outcome == "confirmed"


async def test_a_no_ends_the_case_politely(context: Context) -> None:
    case = Case(context)
    await case.ask()
    report = await case.to_the_end({"type": "ignore", "args": None})
    assert report.outcome == "could_not_look" and {query.status for query in report.queries} == {"skipped"}
    assert "No row in the window is about" not in report.summary


async def test_a_plan_changed_after_the_yes_does_not_run(context: Context) -> None:
    case = Case(context)
    await case.ask()
    await case.graph.ainvoke(
        Command(resume={"type": "accept", "args": None}), CONFIG, context=context, interrupt_before=["executor"]
    )
    state = await case.graph.aget_state(CONFIG)
    assert state.next == ("executor",)
    first, *others = state.values["approved"]
    await case.graph.aupdate_state(
        CONFIG, {"approved": (first.model_copy(update={"row_cap": 7}), *others)}, as_node="guardrail"
    )
    # Two things stand against it: the yes was to other queries, and the text is not the guard's.
    await case.graph.ainvoke(None, CONFIG, context=context)
    report = Report.model_validate((await case.graph.aget_state(CONFIG)).values["report"])
    assert not any(query.status == "ok" for query in report.queries)


async def test_a_plan_changed_while_it_waits_is_asked_about_anew(context: Context) -> None:
    case = Case(context)
    asked = await case.ask()
    assert asked is not None
    state = await case.graph.aget_state(CONFIG)
    plan = state.values["plan"]
    await case.graph.aupdate_state(
        CONFIG, {"plan": plan.model_copy(update={"queries": plan.queries[:1]})}, as_node="planner"
    )
    await case.graph.ainvoke(None, CONFIG, context=context)
    again = await case.pending()
    assert again is not None and again["action_request"]["args"]["hash"] != asked["action_request"]["args"]["hash"]
    refused = await case.ask({"type": "accept", "args": asked["action_request"]["args"]})
    assert refused is not None and "the answer is to another plan" in refused["description"]


async def test_costly_asks_where_policy_wants_a_yes(context: Context, tmp_path: Path) -> None:
    costly = context.model_copy(update={"approve": "costly"})
    assert await Case(costly).ask() is None  # a few kilobytes
    policy = tmp_path / "policy.yaml"
    policy.write_text("costly: ask\nexpensive_tables: [DeviceProcessEvents]\n")
    asked = await Case(costly.model_copy(update={"policy": policy})).ask()
    assert asked is not None and "paid by what a query reads" in asked["description"]
    policy.write_text("ask_above_gb: 0.000001\n")
    asked = await Case(costly.model_copy(update={"policy": policy})).ask()
    assert asked is not None and "policy wants a yes above 1 kB" in asked["description"]
    policy.write_text("expensive_tables: [DeviceProcessEvents]\n")  # refused, whatever a person would say
    assert await Case(costly.model_copy(update={"policy": policy})).ask() is None


async def test_hunt_refuses_an_answer_before_the_case_sees_it(context: Context) -> None:
    with pytest.raises(OperatorError, match="to another plan"):
        await ahunt(
            QUESTION, context=context, thread_id="case-3", approve=lambda _: {"type": "accept", "args": {"hash": "0"}}
        )
    report = await aresume("case-3", data_dir=DataDir(context.data_dir), approve=lambda _: "accept")
    assert report.outcome == "confirmed"


async def test_hunt_asks_whom_it_is_given_and_says_where_there_is_nobody(context: Context) -> None:
    plans: list[str] = []

    def yes(plan: Any) -> object:
        plans.append(plan["action_request"]["args"]["hash"])
        return {"type": "accept", "args": plan["action_request"]["args"]}

    with pytest.raises(ApprovalRequired) as waiting:
        await ahunt(QUESTION, context=context, thread_id="case-2")
    assert "resume case-2 --accept " in str(waiting.value) and waiting.value.exit_status == 130
    report = await aresume("case-2", data_dir=DataDir(context.data_dir), approve=yes)
    assert plans[0] == waiting.value.digest and report.outcome == "confirmed"


def test_a_host_without_an_event_loop_is_asked_too(context: Context) -> None:
    graph = build_graph(checkpointer=InMemorySaver())
    graph.invoke({"question": QUESTION}, CONFIG, context=context)
    assert graph.get_state(CONFIG).interrupts
    while graph.get_state(CONFIG).interrupts:
        graph.invoke(Command(resume={"type": "accept", "args": None}), CONFIG, context=context)
    assert graph.get_state(CONFIG).values["report"].outcome == "confirmed"
