"""Every type of a case comes back from a checkpoint as it went in, through our serializer and a host's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph._internal import _serde
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from soc_analyst import Context, build_graph, checkpoint_serializer
from soc_analyst.graph.checkpoints import case_types, require_readable
from soc_analyst.state.base import Value
from soc_analyst.state.case import CaseState
from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.queries import Coverage

from ..graph.workspace import END, small
from .values import values_of

CONFIG: RunnableConfig = {"configurable": {"thread_id": "case-1"}}


class Stranger(BaseModel):
    """A type that no case holds."""

    name: str = "x"


def through(serializer: JsonPlusSerializer, value: object) -> Any:
    return serializer.loads_typed(serializer.dumps_typed(value))


def test_strict_msgpack_holds_for_all_tests() -> None:
    assert _serde.STRICT_MSGPACK_ENABLED


@pytest.mark.parametrize("kind", case_types(), ids=lambda kind: kind.__name__)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_type_comes_back_as_it_was(kind: type[Value], data: st.DataObject) -> None:
    value = data.draw(values_of(kind))
    ours, host = checkpoint_serializer(), JsonPlusSerializer(allowed_msgpack_modules=case_types())
    for serializer in (ours, host):
        back = through(serializer, value)
        assert type(back) is kind and back == value
        assert back.model_dump_json() == value.model_dump_json()


def test_the_serializer_makes_nothing_that_is_not_of_a_case() -> None:
    assert through(checkpoint_serializer(), Stranger()) == {"name": "x"}


async def test_a_saver_of_the_host_gives_the_types_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    context = Context(workspace=str(small(tmp_path / "logs")), now=END, data_dir=tmp_path / "data", max_rounds=2)
    for saver in (InMemorySaver(), InMemorySaver(serde=checkpoint_serializer())):
        graph = build_graph(checkpointer=saver)
        for stop in (["executor"], ["analyzer"], None):
            asked = None if stop != ["executor"] else {"question": "Anything suspicious on host ws-1 in the last day?"}
            await graph.ainvoke(asked, CONFIG, context=context, interrupt_before=stop)  # type: ignore[arg-type]
            values = (await graph.aget_state(CONFIG)).values
            require_readable(values)  # type: ignore[arg-type]
            assert isinstance(values["reading"], Reading)
        assert values["report"].outcome == "confirmed"
    assert not [line for line in caplog.messages if "msgpack" in line]


def test_a_field_of_another_version_is_left_out_and_a_missing_one_is_said() -> None:
    window = TimeWindow(start=END, end=END)
    later = {**Coverage(table="T").model_dump(), "new_field": 1}
    assert Coverage.model_construct(**later) == Coverage(table="T")
    nested = {**Reading(window=window).model_dump(), "window": {**window.model_dump(), "zone": "UTC"}}
    assert Reading.model_construct(**nested) == Reading(window=window)
    fine: CaseState = {"thread_id": "case-1", "reading": Reading(window=window), "pursued": ()}
    require_readable(fine)
    broken: CaseState = {**fine, "pursued": (Entity.model_construct(kind="host"),)}
    with pytest.raises(OperatorError, match=r"thread case-1: its checkpoint.*pursued: value: Field required"):
        require_readable(broken)
