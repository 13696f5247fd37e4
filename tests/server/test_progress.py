"""What a run tells is one schema, and every event of a real run is of it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import ValidationError

from soc_analyst import Context, Report, ahunt, build_graph
from soc_analyst.graph.progress import Event, adapter, schema

from ..graph.workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home", now=END)


async def hunted(context: Context) -> tuple[list[Event], Report]:
    events: list[Event] = []
    report = await ahunt(QUESTION, context=context, thread_id="case-1", watch=events.append)
    return events, report


async def test_every_event_of_a_run_is_of_the_schema_and_goes_through_json(context: Context) -> None:
    events, report = await hunted(context)
    for event in events:
        assert adapter().validate_json(json.dumps(event), strict=True) == event
    told = {event["event"] for event in events}
    assert told >= {
        "round",
        "query_approved",
        "cost",
        "query_started",
        "query_finished",
        "detections",
        "finding",
        "step",
    }
    assert events[-2]["event"] == "finished" and events[-2]["outcome"] == report.outcome


async def test_each_node_ends_with_what_it_did_what_was_spent_and_what_comes_next(context: Context) -> None:
    events, report = await hunted(context)
    steps = [event for event in events if event["event"] == "step"]
    for before, after in pairwise(steps):
        assert before["next"] == after["node"]
        assert before["spent"]["queries"] <= after["spent"]["queries"] and before["text"]
    last = steps[-1]
    assert last["next"] == "end" and last["spent"]["rows"] == report.usage.rows
    assert last["spent"]["queries"] == report.usage.queries == len(report.queries)
    assert last["text"].startswith(f"Finished, {report.outcome}: {len(report.findings)} finding")


async def test_a_person_is_what_comes_next_where_one_is_asked(context: Context) -> None:
    graph = build_graph(checkpointer=InMemorySaver())
    asking = context.model_copy(update={"approve": "always"})
    told, given = [], {"question": QUESTION}
    for _ in range(2):
        async for event in graph.astream(
            given, {"configurable": {"thread_id": "1"}}, context=asking, stream_mode="custom"
        ):
            told.append(adapter().validate_python(event))
        given = Command(resume=[{"type": "ignore", "args": None}])
    steps = [(event["node"], event["next"]) for event in told if event["event"] == "step"]
    assert steps[:4] == [
        ("planner", "guardrail"), ("guardrail", "person"), ("guardrail", "executor"), ("executor", "analyzer"),
    ]  # fmt: skip
    assert steps[-1] == ("reviewer", "end")


@pytest.mark.parametrize(
    "event",
    [
        {"event": "round", "node": "planner", "round": 1, "count": 1, "text": ""},
        {"v": 2, "event": "round", "node": "planner", "round": 1, "count": 1, "text": ""},
        {"v": 1, "event": "nonsense", "node": "planner"},
        {"v": 1, "event": "detections", "node": "analyzer", "count": 1, "more": 1},
    ],
)
def test_what_is_no_event_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        adapter().validate_python(event)


def test_the_documented_schema_is_the_one_in_force() -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert json.loads((docs / "progress.schema.json").read_text()) == schema()
    page = (docs / "server.md").read_text()
    assert all(f"`{kind}`" in page for kind in schema()["discriminator"]["mapping"])  # type: ignore[index,call-overload]
