"""A case that comes back as plain data, from a strict serializer or from somebody's edit over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command

from soc_analyst import Context, build_graph
from soc_analyst.state.case import CaseState
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.report import Report
from soc_analyst.state.reviving import revived

from ..graph.workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"
CONFIG: RunnableConfig = {"configurable": {"thread_id": "case-1"}}


class PlainSaver(InMemorySaver):
    """A saver of a host that knows none of our types and does not let the graph name them."""

    def __init__(self) -> None:
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=[]))

    def with_allowlist(self, _: object) -> PlainSaver:
        return self


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home", now=END, approve="always")


async def test_a_case_goes_on_from_plain_data(context: Context) -> None:
    graph = build_graph(checkpointer=PlainSaver())
    given: Any = {"question": QUESTION}
    for _ in range(9):
        await graph.ainvoke(given, CONFIG, context=context)
        snapshot = await graph.aget_state(CONFIG)
        assert isinstance(snapshot.values["plan"], dict)
        if not snapshot.interrupts:
            break
        given = Command(resume=[{"type": "accept", "args": None}])
    report = Report.model_validate(snapshot.values["report"])
    assert report.outcome == "confirmed" and report.rounds > 1


async def test_an_edited_plan_of_plain_data_goes_through_the_guard(context: Context) -> None:
    graph = build_graph(checkpointer=PlainSaver())
    await graph.ainvoke({"question": QUESTION}, CONFIG, context=context)
    plan = dict((await graph.aget_state(CONFIG)).values["plan"])
    plan["queries"] = [{"id": "mine", "purpose": "mine", "kql": "SecurityEvent | take 5"}]
    await graph.aupdate_state(CONFIG, {"plan": plan}, as_node="planner")
    await graph.ainvoke(None, CONFIG, context=context)
    record = revived((await graph.aget_state(CONFIG)).values)["records"][-1]  # type: ignore[arg-type]
    assert (record.id, record.status) == ("mine", "refused")


@pytest.mark.parametrize(
    "edit",
    [
        {"plan": {"queries": [{"id": 1, "purpose": ""}], "round": 1}},
        {"plan": "everything"},
        {"approved": [{"id": "r1q1", "kql": "x"}]},
        {"usage": {"usd": "none"}},
    ],
)
def test_an_edit_that_is_no_case_is_refused_in_one_line(edit: Any) -> None:
    with pytest.raises(OperatorError, match=f"state {next(iter(edit))}") as error:
        revived(edit)
    assert "\n" not in str(error.value)


def test_values_pass_as_they_are() -> None:
    case: CaseState = {"did": "x", "rounds": 2, "approved": ()}
    assert revived(case) == case
