"""The graph within a parent of a host's own: its state, its checkpointer, its thread, its interrupts."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from soc_analyst import Context, Report, build_graph, checkpoint_serializer
from soc_analyst.graph.desk.naming import case_id

from .hosts import QUESTION

YES = Command(resume=[{"type": "accept", "args": None}])
ELSEWHERE = "Anything suspicious on host ws-2 in the last day?"


class Chat(MessagesState):
    """A state that the investigation does not know."""

    ticket: str


def as_node(saver: BaseCheckpointSaver[Any] | None = None) -> Any:
    parent = StateGraph(Chat, context_schema=Context)
    parent.add_node("triage", lambda _: {"ticket": "INC-1"})
    parent.add_node("soc", build_graph())
    parent.add_edge(START, "triage")
    parent.add_edge("triage", "soc")
    return parent.compile(checkpointer=saver)


def thread(name: str = "chat-1", **more: Any) -> RunnableConfig:
    return {"configurable": {"thread_id": name}, **more}  # type: ignore[typeddict-item]


def cases(context: Context) -> set[str]:
    return {path.parent.name for path in context.data_dir.glob("cases/*/report.json")}


@pytest.fixture
def own(context: Context, tmp_path: Path) -> Context:
    return context.model_copy(update={"data_dir": tmp_path / "home"})


async def test_two_questions_on_one_thread_are_two_answers_and_two_cases(own: Context) -> None:
    parent = as_node(InMemorySaver())
    await parent.ainvoke({"messages": [HumanMessage(QUESTION)]}, thread(), context=own)
    came = await parent.ainvoke({"messages": [HumanMessage(ELSEWHERE)]}, thread(), context=own)
    answers = [one.text for one in came["messages"] if isinstance(one, AIMessage)]
    assert len(answers) == 2 and answers[0].startswith("Confirmed.") and answers[1].startswith("Nothing found.")
    assert came["ticket"] == "INC-1"
    assert len(cases(own)) == 2 and all(name.startswith("chat-1-") for name in cases(own))


@pytest.mark.parametrize("saver", [InMemorySaver(), InMemorySaver(serde=checkpoint_serializer())])
async def test_an_interrupt_surfaces_in_the_parent_and_resumes_there(
    own: Context, saver: BaseCheckpointSaver[Any]
) -> None:
    parent, careful = as_node(saver), own.model_copy(update={"approve": "always", "max_rounds": 2})
    came = await parent.ainvoke({"messages": [HumanMessage(QUESTION)]}, thread(), context=careful)
    asked = 0
    while "__interrupt__" in came:
        assert came["__interrupt__"][0].value["action_request"]["action"] == "run_queries"
        assert (await parent.aget_state(thread())).next == ("soc",)
        asked += 1
        came = await parent.ainvoke(YES, thread(), context=careful)
    assert asked == 2 and came["messages"][-1].text.startswith("Confirmed.")
    assert len(cases(own)) == 1


def test_a_parent_without_an_event_loop_is_asked_too(own: Context) -> None:
    seen: list[str] = []

    class Handler(BaseCallbackHandler):
        def on_chain_start(self, *_: Any, **more: Any) -> None:
            seen.append(str(more.get("name")))

    parent, careful = as_node(InMemorySaver()), own.model_copy(update={"approve": "always", "max_rounds": 1})
    came = parent.invoke({"messages": [HumanMessage(QUESTION)]}, thread(callbacks=[Handler()]), context=careful)
    assert "__interrupt__" in came and {"triage", "soc", "planner", "guardrail"} <= set(seen)
    came = parent.invoke(YES, thread(), context=careful)
    assert came["messages"][-1].text.startswith("Confirmed.")


class Asked(TypedDict, total=False):
    """A parent's state that has nothing of ours by name or type."""

    hosts: list[str]
    verdicts: dict[str, str]


class Tenant(TypedDict):
    """A parent's context, which is not ours either."""

    folder: str


async def test_calls_side_by_side_in_one_node_wait_for_a_person_each(own: Context) -> None:
    graph, careful = build_graph(), own.model_copy(update={"approve": "always", "max_rounds": 1})

    async def look(state: Asked) -> Asked:
        questions = [f"Anything suspicious on host {host} in the last day?" for host in state["hosts"]]
        came = await asyncio.gather(*(graph.ainvoke({"question": one}, context=careful) for one in questions))
        reports = [Report.model_validate(one["report"]) for one in came]
        return {"verdicts": dict(zip(state["hosts"], (one.outcome for one in reports), strict=True))}

    parent = StateGraph(Asked, context_schema=Tenant)
    parent.add_node("look", look)
    parent.add_edge(START, "look")
    compiled = parent.compile(checkpointer=InMemorySaver())
    tenant = Tenant(folder="of the parent")
    came: Any = await compiled.ainvoke({"hosts": ["ws-1", "ws-2"]}, thread(), context=tenant)
    asked = 0
    while "__interrupt__" in came:
        asked += 1
        came = await compiled.ainvoke(YES, thread(), context=tenant)
    assert came["verdicts"] == {"ws-1": "confirmed", "ws-2": "not_found"}
    assert asked == 2 and len(cases(own)) == 2


async def test_progress_of_a_subgraph_reaches_who_streams_the_parent(own: Context) -> None:
    told = []
    asked = {"messages": [HumanMessage(ELSEWHERE)]}
    async for where, event in as_node().astream(asked, context=own, stream_mode="custom", subgraphs=True):
        told.append((where[0].split(":")[0], event["event"]))
    assert {place for place, _ in told} == {"soc"}
    assert {"round", "query_finished", "finished"} <= {event for _, event in told}


@pytest.mark.parametrize(
    ("thread_id", "place", "wanted"),
    [
        ("case-7", "planner:1", r"case-7"),
        ("case-7", "soc:1|planner:2", r"case-7-[0-9a-f]{12}"),
        ("slack:C1/17.4", "planner:1", r"thread-[0-9a-f]{12}"),
        ("../../etc", "", r"thread-[0-9a-f]{12}"),
        ("x" * 128, "soc:1|1|planner:2", r"x{100}-[0-9a-f]{12}"),
        (None, "soc:1|planner:2", r"[0-9a-f]{32}-[0-9a-f]{12}"),
    ],
)
def test_a_case_is_named_by_the_thread_and_the_place_of_the_call(
    thread_id: str | None, place: str, wanted: str
) -> None:
    config: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": place}}
    assert re.fullmatch(wanted, case_id(config))
    if thread_id is not None:
        assert case_id(config) == case_id(config)
        elsewhere: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": "soc:9|planner:2"}}
        assert case_id(elsewhere) != case_id(config)
