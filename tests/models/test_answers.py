"""From hostile text to an answer: whatever a model writes, there is an answer in its form or a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.models.answers import Unusable, read_answer
from soc_analyst.tools.models.schemas import answer_schema, unbounded

from .doors import GOOD, Route

NAMES = st.sampled_from(["title", "steps", "note", "host", "kind", "0", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60) | st.sampled_from(["search"])
VALUES = st.recursive(LEAVES, lambda one: st.lists(one, max_size=5) | st.dictionaries(NAMES, one, max_size=5))
ROUTES = st.fixed_dictionaries({}, optional={"title": VALUES, "steps": VALUES, "note": VALUES, "more": VALUES})


@settings(deadline=None, max_examples=300)
@given(ROUTES, st.booleans())
def test_any_object_is_read_into_the_form_or_refused(value: dict[str, Any], lenient: bool) -> None:
    _read(json.dumps(value), lenient)


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text(alphabet='{}[]":,`\\ ntru0Ee-', max_size=400), st.booleans())
def test_any_text_is_read_or_refused(text: str, lenient: bool) -> None:
    _read(text, lenient)


def _read(text: str, lenient: bool) -> None:
    try:
        read = read_answer(text, Route, lenient=lenient)
    except Unusable as error:
        assert str(error)
        assert error.short.isascii()
    else:
        assert len(read.value.title) <= 40
        assert len(read.value.steps) <= 3
        assert lenient or not read.dropped


def test_items_that_do_not_fit_are_left_out_where_that_is_allowed() -> None:
    value = {**GOOD, "steps": [{"host": "a", "kind": "dance"}, {"host": "b", "kind": "count"}, 7]}
    read = read_answer(json.dumps(value), Route, lenient=True)
    assert [step.host for step in read.value.steps] == ["b"]
    assert read.dropped == 2
    with pytest.raises(Unusable, match=r"steps\.0\.kind"):
        read_answer(json.dumps(value), Route)


def test_the_faults_are_told_without_what_was_given() -> None:
    with pytest.raises(Unusable) as caught:
        read_answer(json.dumps({**GOOD, "steps": [{"host": "ws", "kind": "s3cret"}]}), Route)
    assert "s3cret" not in str(caught.value)


def test_a_strict_schema_requires_all_and_allows_nothing_else() -> None:
    schema = answer_schema(Route)
    step = schema["$defs"]["Step"]
    assert schema["required"] == ["title", "steps", "note"]
    assert schema["additionalProperties"] is step["additionalProperties"] is False
    assert schema["properties"]["steps"] == {"items": {"$ref": "#/$defs/Step"}, "maxItems": 3, "type": "array"}
    assert schema["properties"]["title"] == {"maxLength": 40, "type": "string"}


def test_lengths_are_told_in_words_where_a_server_takes_no_bounds() -> None:
    schema = answer_schema(Route, bounds=False)
    assert schema["properties"]["title"] == {"type": "string", "description": "(at most 40 characters)"}
    assert not list(unbounded(answer_schema(Route)))
