"""A model whose context is small is asked over less, in fewer words, and the report says what was left out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel, ValidationError

from soc_analyst.tools.models.base import Answer, Request, Size
from soc_analyst.tools.models.schemas import answer_schema
from soc_analyst.tools.models.tokens import count_request
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.by_model.analysis_answer import analysis_form, short_analysis_form
from soc_analyst.tools.reasoning.by_model.analyst import ModelAnalyst
from soc_analyst.tools.reasoning.by_model.critic import ModelCritic
from soc_analyst.tools.reasoning.by_model.critic_answer import critic_form, short_critic_form
from soc_analyst.tools.reasoning.by_model.plan_answer import plan_form
from soc_analyst.tools.reasoning.by_model.plan_short import DETAILS, details_below, short_plan_form
from soc_analyst.tools.reasoning.by_model.planner import ModelPlanner, plan_request

from .case_of_rows import CATALOG, PROCESSES, case, floor, tokens
from .planning import CALL, OFF, TABLES, column_test, read, situation
from .test_critic import CASE, drafted

A = TypeVar("A", bound=BaseModel)


@dataclass
class Window:
    """Takes requests of so many tokens, counted, and answers the shorter ones with what it was given."""

    tokens: int
    said: dict[str, Any]
    asked: list[Request[Any]] = field(default_factory=list)

    async def ask(self, request: Request[A]) -> Answer[A]:
        if (await self.size(request)).room < 0:
            return Answer(None, said=(f"The {request.purpose} was too large.",), too_large=True)
        self.asked.append(request)
        return Answer(request.answer.model_validate(self.said), calls=(CALL,))

    async def size(self, request: Request[A]) -> Size:
        taken = count_request(request.system, request.user, "", schemas=[answer_schema(request.answer)]).tokens
        return Size(taken, True, self.tokens - taken)


def short_plan(*reads: dict[str, Any]) -> dict[str, Any]:
    queries = [{"purpose": "see", "read": {"table": one["table"], "where": one["where"]}} for one in reads]
    hypotheses = [{"statement": "A guess.", "benign": False}, {"statement": "A typo.", "benign": True}]
    return {"hypotheses": hypotheses, "queries": queries, "reason": "to see"}


def size_of(form: type[BaseModel]) -> int:
    return tokens(json.dumps(answer_schema(form)))


def test_each_detail_is_smaller_than_the_one_before() -> None:
    whole = plan_request(situation(), OFF)
    sizes = [count_request(whole.system, whole.user, "", schemas=[answer_schema(whole.answer)]).tokens]
    for detail, fewer, _ in details_below(situation()):
        request = plan_request(fewer, OFF, short=detail.short)
        sizes.append(count_request(request.system, request.user, "", schemas=[answer_schema(request.answer)]).tokens)
    assert len(sizes) == len(DETAILS)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 1_100


def test_a_cut_table_keeps_the_columns_that_tell_whom_it_is_about() -> None:
    *_, (detail, least, _) = details_below(situation())
    (schema,) = least.tables.values()
    assert detail.tables == 1
    assert {"TimeGenerated", "UserPrincipalName"} <= set(schema.columns)
    assert len(schema.columns) < 16


@pytest.mark.parametrize(("window", "short"), [(20_000, False), (3_600, False), (2_100, True), (1_100, True)])
async def test_a_plan_is_asked_over_as_much_as_fits(window: int, short: bool) -> None:
    given = short_plan(read("SigninLogs", [[column_test("ResultType", "==", "50126")]]))
    if not short:
        own = {"refutes": 1, "start": None, "end": None, "shape": "rows", "limit": None, "kql": None}
        given = {**given, "window": None, "queries": [{**one, **own} for one in given["queries"]]}
        given["queries"][0]["read"]["columns"] = []
    asker = Window(window, given)
    planned = await ModelPlanner(asker, OFF).plan(situation())
    assert planned is not None
    (request,) = asker.asked
    assert request.prompt.startswith("plan_short@") is short
    assert any(one.typed and "50126" in str(one.typed.where) for one in planned.plan.queries)
    if window < 20_000:
        assert "alone" in planned.said[0]
        assert "fit no model" in planned.said[0] or "fits no model" in planned.said[0]
        assert ("without KQL" in planned.said[0]) is short
    assert planned.calls == (CALL,)


async def test_a_plan_that_fits_nowhere_is_done_by_rules_with_the_reason() -> None:
    planned = await ModelPlanner(Window(300, {}), OFF).plan(situation())
    assert planned is not None
    assert planned.plan.queries
    assert planned.said[-1] == "The plan of round 1 was done by rules: no request that fits a model gave one."
    assert planned.said[0] == "The plan of round 1 was too large."


def test_the_short_form_has_no_place_for_kql_and_bounds_every_list() -> None:
    few = {"SigninLogs": TABLES["SigninLogs"]}
    form = short_plan_form(few)
    assert size_of(form) < size_of(plan_form(few))
    assert "kql" not in json.dumps(answer_schema(form))
    made = form.model_validate(short_plan(read("SigninLogs", [])))
    assert (made.queries[0].kql, made.queries[0].shape, made.window) == (None, "rows", None)
    with pytest.raises(ValidationError):
        form.model_validate(short_plan(*(read("SigninLogs", []) for _ in range(3))))


def test_short_forms_of_reading_and_review_are_less_than_half_of_the_whole_ones() -> None:
    columns = {"SigninLogs": tuple(TABLES["SigninLogs"].columns)}
    assert size_of(short_analysis_form(columns)) < size_of(analysis_form(columns)) / 2
    assert size_of(short_critic_form(columns)) < size_of(critic_form(columns)) / 2


async def test_evidence_is_read_by_the_short_prompt_where_the_whole_one_does_not_fit() -> None:
    found = {
        "title": "A dump was made",
        "description": "It was made.",
        "technique_id": "T1003.001",
        "confidence": "Medium",
        "evidence": ["G1"],
        "claims": [],
    }
    asker = Window(1_800, {"findings": [found]})
    asked = case()
    analysis = await ModelAnalyst(asker, Pseudonyms.off(), CATALOG, count=tokens).analyse(asked, floor(asked))
    assert {one.prompt.partition("@")[0] for one in asker.asked} == {"analyse_short"}
    assert any("by the short prompt and form" in line for line in analysis.warnings)
    assert {one.id for one in floor(asked).findings} <= {one.id for one in analysis.findings}
    nothing = await ModelAnalyst(Window(200, {}), Pseudonyms.off(), CATALOG, count=tokens).analyse(asked, floor(asked))
    assert (
        nothing.warnings[-1] == "The reading of the evidence was done by rules: no request that fits a model gave one."
    )
    assert PROCESSES in asked.evidence


async def test_a_review_is_asked_by_the_short_prompt_where_the_whole_one_does_not_fit() -> None:
    drafts, asked = await drafted(), CASE
    asker = Window(1_200, {"reviews": [{"finding": "F1", "verdict": "stands", "reason": "none", "claims": []}]})
    reviewed = await ModelCritic(asker, Pseudonyms.off(), CATALOG, count=tokens).refute(drafts, asked)
    assert [one.prompt.partition("@")[0] for one in asker.asked] == ["critic_short"]
    assert reviewed.findings == tuple(drafts)
    assert any("by the short prompt and form" in line for line in reviewed.said)
    silent = await ModelCritic(Window(100, {}), Pseudonyms.off(), CATALOG, count=tokens).refute(drafts, asked)
    assert silent.findings == tuple(drafts)
    assert silent.said[-1] == "The findings of the model were reviewed by code alone: no answer came."
