import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.utils.function_calling import convert_to_openai_tool
from openai.lib._pydantic import to_strict_json_schema

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.models.tokens import count
from soc_analyst.tools.reasoning.by_model.plan_answer import OPERATORS, PlanAnswer, plan_form
from soc_analyst.tools.reasoning.by_model.prompts import load_prompt

from .planning import TABLES

COLUMNS = sorted({column for table in TABLES.values() for column in table.columns})


@st.composite
def policies(draw: st.DrawFn) -> dict[str, TableSchema]:
    """Draw what a policy may leave of the tables: some of them, and of each some columns."""
    names = draw(st.lists(st.sampled_from(sorted(TABLES)), min_size=1, unique=True))
    kept = {}
    for name in names:
        columns = draw(st.lists(st.sampled_from(sorted(TABLES[name].columns)), min_size=1, max_size=9, unique=True))
        kept[name] = TABLES[name].model_copy(update={"columns": {c: TABLES[name].columns[c] for c in columns}})
    return kept


def enums(schema: Any) -> Iterator[list[str]]:
    if isinstance(schema, dict):
        if "enum" in schema:
            yield schema["enum"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from enums(part)


def nesting(schema: Any, whole: dict[str, Any], depth: int = 0) -> int:
    if isinstance(schema, list):
        return max((nesting(part, whole, depth) for part in schema), default=depth)
    if not isinstance(schema, dict):
        return depth
    if "$ref" in schema:
        return nesting(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole, depth)
    deeper = depth + (schema.get("type") in ("object", "array"))
    return max((nesting(part, whole, deeper) for key, part in schema.items() if key != "$defs"), default=deeper)


@settings(max_examples=60, deadline=None)
@given(policies())
def test_the_form_enumerates_what_policy_allows_and_names_nothing_that_it_hides(tables: dict[str, TableSchema]) -> None:
    schema = plan_form(tables).model_json_schema()
    found = list(enums(schema))
    for name, table in tables.items():
        assert [name] in found
        assert list(table.columns) in found
    allowed = {column for table in tables.values() for column in table.columns} | set(tables) | set(OPERATORS)
    named = {one for enum in found for one in enum} - {"rows", "values", "coverage"}
    assert named == allowed
    text = json.dumps(schema)
    for hidden in [*set(TABLES) - set(tables), *set(COLUMNS) - allowed]:
        assert f'"{hidden}"' not in text


def test_the_form_of_all_tables_is_within_the_limits_of_strict_schemas() -> None:
    """100 properties and 500 values of enumerations: the limits of Azure OpenAI, the lowest there are."""
    schema = to_strict_json_schema(plan_form(TABLES))
    parts = [schema, *schema["$defs"].values()]
    names = [name for part in parts for name in part.get("properties", {})]
    values = [value for enum in enums(schema) for value in enum]
    assert len(names) <= 100
    assert len(values) <= 500
    assert all(len(enum) <= 250 for enum in enums(schema))
    assert sum(map(len, [*names, *values, *schema["$defs"]])) <= 15_000
    assert nesting(schema, schema) <= 10
    for part in parts:
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert set(part["required"]) == set(part["properties"])
    assert "oneOf" not in json.dumps(schema)


def test_system_part_and_form_of_all_tables_stay_small_and_shrink_with_policy() -> None:
    system = load_prompt("plan").system

    def tokens(names: list[str]) -> int:
        schema = json.dumps(
            plan_form({name: TABLES[name] for name in names}).model_json_schema(), separators=(",", ":")
        )
        return count(system + schema, "gpt-5-mini").tokens

    assert tokens(sorted(TABLES)) < 6_000
    assert tokens(["AlertInfo", "AuditLogs", "SigninLogs"]) < tokens(sorted(TABLES)) / 2


def test_the_form_is_a_function_too() -> None:
    tool = convert_to_openai_tool(plan_form(TABLES))
    assert tool["function"]["name"] == "plan_queries"
    assert set(tool["function"]["parameters"]["properties"]) == {"hypotheses", "queries", "reason", "window"}


def test_the_same_tables_have_the_same_form() -> None:
    assert plan_form(TABLES) is plan_form(dict(reversed(TABLES.items())))


def test_a_form_takes_no_more_than_it_asks_for() -> None:
    good = {"hypotheses": [], "queries": [], "reason": "", "window": None}
    assert isinstance(plan_form(TABLES).model_validate(good), PlanAnswer)
    for bad in ({**good, "policy": {}}, {**good, "reason": "x" * 601}, {**good, "queries": [{}]}):
        with pytest.raises(ValueError, match="validation error"):
            plan_form(TABLES).model_validate(bad)
