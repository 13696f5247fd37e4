"""The planner with the real client, over loopback."""

import json
from pathlib import Path

import pytest

from soc_analyst.tools.models.scripted import Asked, Called, Reply, Said, out_of_quota
from soc_analyst.tools.models.tokens import count
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.by_model.planner import ModelPlanner
from soc_analyst.tools.reasoning.by_rules.planner import RulesPlanner
from tests.models.doors import door

from .planning import TABLES, answer, column_test, query, read, situation

CONSENTS = answer(query(read=read("AuditLogs", [[column_test("OperationName", "has", "consent")]])))
RULES = RulesPlanner().plan(situation()).queries


async def test_a_plan_comes_as_the_call_of_a_function_whose_schema_enumerates_the_tables(tmp_path: Path) -> None:
    async with door(lambda _: Called("plan_queries", CONSENTS), tmp_path) as (asker, server, _):
        planned = await ModelPlanner(asker, Pseudonyms.off()).plan(situation())
    assert planned is not None
    assert [one.typed.table for one in planned.plan.queries if one.typed] == ["SigninLogs", "AuditLogs"]
    (asked,) = server.asked
    assert (asked.form, asked.answer) == ("function", "plan_queries")
    assert set(asked.schema["$defs"]) >= {f"{table}Read" for table in TABLES}
    assert [call.prompt.partition("@")[0] for call in planned.calls] == ["plan"]


async def test_what_goes_over_the_wire_begins_alike_in_all_rounds(tmp_path: Path) -> None:
    """A provider caches what two requests have in common from their first character on."""
    async with door(lambda _: Called("plan_queries", CONSENTS), tmp_path) as (asker, server, _):
        for question in ("Any failed sign-ins?", "What did bob do?"):
            await ModelPlanner(asker, Pseudonyms.off()).plan(situation(question=question))
    first, second = server.asked
    assert first.body["tools"] == second.body["tools"]
    assert first.system == second.system
    common = first.user[: first.user.index("# The case")]
    assert second.user.startswith(common)
    assert count(common, "gpt-5-mini").tokens > 1_024  # below that OpenAI caches nothing


REPLIES: list[tuple[str, Reply]] = [
    ("prose", Said("I would look at the sign-ins first.")),
    ("cut", Said('{"hypotheses": [', finish="length")),
    ("refusal", Said(refusal="I cannot help with attacks.")),
    ("another function", Called("run_shell", {"command": "whoami"})),
    ("another form", Called("plan_queries", {"queries": "all of them"})),
    ("quota", out_of_quota()),
]


@pytest.mark.parametrize("reply", [reply for _, reply in REPLIES], ids=[name for name, _ in REPLIES])
async def test_whatever_goes_wrong_the_rules_plan_and_the_reason_is_said(reply: Reply, tmp_path: Path) -> None:
    async with door(lambda _: reply, tmp_path) as (asker, _, _):
        planned = await ModelPlanner(asker, Pseudonyms.off()).plan(situation())
    assert planned is not None
    assert planned.plan.queries == RULES
    assert planned.said
    assert "round 1" in " ".join(planned.said)


async def test_a_server_without_functions_is_asked_by_schema(tmp_path: Path) -> None:
    def model(asked: Asked) -> Reply:
        if asked.form == "function":
            return Said("no functions here")
        return Said(json.dumps(CONSENTS))

    async with door(model, tmp_path) as (asker, _, _):
        planned = await ModelPlanner(asker, Pseudonyms.off()).plan(situation())
    assert planned is not None
    assert "AuditLogs" in {one.typed.table for one in planned.plan.queries if one.typed}
