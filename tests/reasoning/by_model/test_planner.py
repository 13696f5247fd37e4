from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from soc_analyst.state.entities import Entity, Reading
from soc_analyst.state.plans import Feedback, Lead
from soc_analyst.tools.guard import check
from soc_analyst.tools.reasoning.base import Situation
from soc_analyst.tools.reasoning.by_model.planner import ModelPlanner, plan_request

from .planning import (
    CALL,
    DAY,
    NOON,
    OFF,
    POLICY,
    TABLES,
    Small,
    Told,
    answer,
    by_rules,
    column_test,
    hiding,
    of_model,
    plan,
    query,
    read,
    record,
    situation,
    typed,
)


async def test_what_a_model_asks_comes_on_top_of_what_the_rules_ask_about_the_subject() -> None:
    planned = await plan(answer(query(read=read("AuditLogs", [[column_test("OperationName", "has", "consent")]]))))
    own = of_model(planned)
    assert own.typed is not None
    assert own.typed.table == "AuditLogs"
    assert own.hypothesis == "The password was guessed."
    assert [one for one in typed(planned) if one != own.typed] == by_rules()
    assert [one.id for one in planned.plan.queries] == [f"r1q{n}" for n in range(1, len(planned.plan.queries) + 1)]
    assert planned.calls == (CALL,)
    assert [one.statement for one in planned.hypotheses] == ["The password was guessed.", "A typo."]


async def test_a_hypothesis_that_all_is_well_is_always_among_them() -> None:
    planned = await plan(answer(query(), hypotheses=[{"statement": "Theft.", "benign": False}]))
    assert planned.hypotheses[0].statement.startswith("What was seen is the ordinary work")


async def test_a_wider_query_of_the_model_stands_for_that_of_the_rules() -> None:
    planned = await plan(answer(query(read=read("SigninLogs"))))
    assert [one.where for one in typed(planned) if one.table == "SigninLogs"] == [()]


@pytest.mark.parametrize(
    "narrower",
    [
        query(read=read("SigninLogs", [[column_test("ResultType", "==", "0")]])),
        query(read=read("SigninLogs"), start="2026-03-04T11:00:00Z"),
        query(read=read("SigninLogs"), limit=1),
        query(read=read("SigninLogs"), shape="coverage"),
        query(read=read("SigninLogs", columns=["AppId"])),
        query(read=None, kql="SigninLogs | take 1"),
    ],
)
async def test_a_narrower_query_of_the_model_does_not(narrower: dict[str, Any]) -> None:
    planned = await plan(answer(narrower))
    assert set(map(str, by_rules())) <= set(map(str, typed(planned)))


async def test_a_model_that_gives_nothing_leaves_the_plan_to_the_rules_and_says_so() -> None:
    planned = await plan(None)
    assert typed(planned) == by_rules()
    assert planned.said == ("The plan of round 1 was done by rules: quota.",)
    assert planned.calls == (CALL,)


async def test_a_model_that_plans_nothing_without_a_reason_leaves_it_to_the_rules() -> None:
    planned = await plan(answer(reason=""))
    assert typed(planned) == by_rules()
    assert planned.said == ("The plan of round 1 was done by rules: the model planned nothing that can be asked anew.",)


async def test_a_model_too_small_for_all_tables_plans_over_a_few_and_the_rules_over_all() -> None:
    asked = situation(question="Anything odd?", reading=Reading(window=DAY))
    asker = Small(answer(query(read=read("AlertInfo", [[column_test("Severity", "==", "High")]]))), most=9_000)
    planned = await ModelPlanner(asker, OFF).plan(asked)
    assert planned is not None
    assert [len(one.user) > 9_000 for one in asker.asked] == [True, False]
    assert planned.calls == (CALL,)
    assert "all tables fit no model" in planned.said[0]
    assert {one.table for one in typed(planned)} == set(TABLES)


async def test_a_model_too_small_for_anything_leaves_it_to_the_rules() -> None:
    planned = await ModelPlanner(Small(answer(), most=10), OFF).plan(situation())
    assert planned is not None
    assert typed(planned) == by_rules()
    assert planned.said == (
        "too large",
        "The plan of round 1 was done by rules: no request that fits a model gave one.",
    )


async def test_nothing_is_asked_of_a_model_when_no_query_is_left() -> None:
    asker = Told(answer())
    assert await ModelPlanner(asker, OFF).plan(situation(queries_left=0)) is None
    assert asker.asked == []


async def test_the_budget_of_queries_holds_and_the_floor_comes_first() -> None:
    many = [query(read=read("AuditLogs", [[column_test("OperationName", "has", f"word{n}")]])) for n in range(12)]
    asked = situation(queries_left=len(by_rules()) + 2)
    planned = await plan(answer(*many), asked)
    assert len(planned.plan.queries) == asked.queries_left
    assert typed(planned)[:-2] == by_rules()


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (query(read=read("SecurityEvent")), "SecurityEvent is no table"),
        (query(read=read("SigninLogs", [[column_test("Password", "==", "x")]])), "nothing of its filter remains"),
        (query(read=read("SigninLogs", [[column_test("AppId", "regex", "x")]])), "nothing of its filter remains"),
        (query(read=read("SigninLogs", [[column_test("AppId", "==")]])), "nothing of its filter remains"),
        (query(read=None), "asks nothing"),
        (query(read=None, kql="  "), "asks nothing"),
    ],
)
async def test_a_query_that_cannot_be_asked_is_left_out_and_said(one: dict[str, Any], told: str) -> None:
    planned = await plan(answer(one))
    assert typed(planned) == by_rules()
    assert any(told in line for line in planned.said)


async def test_what_a_table_does_not_have_is_taken_out_of_a_query() -> None:
    where = [
        [column_test("ResultType", "==", "50126"), column_test("Secret", "==", "x")],
        [column_test("AppId", "has", "a", "b")],
    ]
    one, other = read("SigninLogs", where, ["AppId", "Secret"]), read("AuditLogs", (), ["Category", "Secret"])
    planned = await plan(answer(query(read=one), query(read=other)))
    (own,) = [one for one in typed(planned) if one.table == "SigninLogs" and one not in by_rules()]
    assert [[(c.column, c.op, c.values) for c in group.conditions] for group in own.where] == [
        [("ResultType", "==", ("50126",))],
        [("AppId", "has_any", ("a", "b"))],
    ]
    assert [one.columns for one in typed(planned) if one.table == "AuditLogs"] == [("TimeGenerated", "Category")]
    assert own.columns == (), "the rules ask for whole rows of that table: half of them beside these would count twice"
    assert any("lost tests" in line and "Secret ==" in line for line in planned.said)
    assert any("lost columns" in line for line in planned.said)


@pytest.mark.parametrize(
    ("column", "op", "given", "op_then", "values"),
    [
        ("DestPort_d", "=~", ["4444"], "==", (4444,)),
        ("DestPort_d", "in~", ["22", 3389, "rdp"], "in", (22, 3389)),
        ("DestPort_d", ">", ["1024"], ">", (1024,)),
        ("SrcIP_s", "==", ["10.0.0.1", "10.0.0.2"], "in", ("10.0.0.1", "10.0.0.2")),
        ("SrcIP_s", "isempty", ["x"], "isempty", ()),
        ("IsFlowCapturedAtUDRHop_b", "==", ["true"], "==", (True,)),
    ],
)
async def test_a_test_is_made_to_suit_its_column(
    column: str, op: str, given: list[Any], op_then: str, values: tuple[Any, ...]
) -> None:
    planned = await plan(answer(query(read=read("AzureNetworkAnalytics_CL", [[column_test(column, op, *given)]]))))
    own = of_model(planned)
    assert own.typed is not None
    (condition,) = own.typed.where[0].conditions
    assert (condition.op, condition.values) == (op_then, values)
    assert check(own, policy=POLICY, tables=TABLES, window=DAY).approved is not None


async def test_times_outside_the_window_are_kept_inside_it_and_said() -> None:
    wide = query(start="2020-01-01T00:00:00Z", end="2030-01-01")
    past = query(read=read("AuditLogs"), start="2020-01-01", end="2020-01-02")
    planned = await plan(answer(wide, past))
    assert all((one.start, one.end) == (DAY.start, DAY.end) for one in typed(planned))
    assert any("kept inside the window" in line for line in planned.said)
    assert any("outside the window" in line for line in planned.said)


ASSUMED = DAY.model_copy(update={"basis": "assumed", "phrase": ""})
WINDOW = {"phrase": "on the first of March", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}


def about_march(basis: str = "assumed", **changes: Any) -> Situation:
    asked = situation(question="What did alice@contoso.com do on the first  of March?", **changes)
    window = ASSUMED.model_copy(update={"basis": basis})
    return replace(asked, reading=asked.reading.model_copy(update={"window": window}))


async def test_a_window_that_code_only_assumed_may_be_read_by_the_model() -> None:
    planned = await plan(answer(query(), window=WINDOW), about_march())
    assert planned.window is not None
    assert (planned.window.start.day, planned.window.end.day, planned.window.basis) == (1, 2, "stated")
    assert all((one.start, one.end) == (planned.window.start, planned.window.end) for one in typed(planned))
    assert any("language model's reading of 'on the first of March'" in line for line in planned.said)


@pytest.mark.parametrize(
    ("asked", "window"),
    [
        (about_march("stated"), WINDOW),
        (about_march("option"), WINDOW),
        (about_march(round=2), WINDOW),
        (about_march(), {**WINDOW, "phrase": "last year"}),
        (about_march(), {**WINDOW, "phrase": ""}),
        (about_march(), {**WINDOW, "start": "2027-01-01", "end": "2027-01-02"}),
        (about_march(), {**WINDOW, "start": "soon"}),
    ],
)
async def test_a_window_is_not_read_where_the_user_gave_one_or_did_not_say_it(asked: Situation, window: Any) -> None:
    assert (await plan(answer(query(), window=window), asked)).window is None


async def test_a_window_of_the_model_is_no_longer_than_policy_allows() -> None:
    planned = await plan(answer(query(), window={**WINDOW, "start": "2001-01-01"}), about_march(max_window_days=3.0))
    assert planned.window is not None
    assert planned.window.end - planned.window.start == timedelta(days=3)


async def second_round(*kinds: str, **changes: Any) -> Situation:
    first = (await plan(answer(query(read=read("SigninLogs"))))).plan.queries
    signin = next(one for one in first if one.typed is not None and one.typed.table == "SigninLogs")
    back = [Feedback(kind=kind, query=signin, message=kind, oldest=NOON - timedelta(hours=2)) for kind in kinds]  # type: ignore[arg-type]
    return situation(round=2, records=tuple(map(record, first)), feedback=tuple(back), **changes)


async def test_the_same_plan_again_is_noticed() -> None:
    planned = await plan(answer(query(read=read("SigninLogs"))), await second_round())
    assert planned.plan.queries == ()
    assert any("repeated what was tried: 1 queries left out" in line for line in planned.said)


async def test_an_empty_plan_with_a_reason_is_an_answer_in_later_rounds() -> None:
    planned = await plan(answer(reason="All was seen."), await second_round())
    assert (planned.plan.queries, planned.plan.rationale, planned.said) == ((), "All was seen.", ())


async def test_what_was_cut_is_gone_on_with_by_rules_where_the_model_does_not() -> None:
    ignored = await plan(answer(query(read=read("AuditLogs"))), await second_round("truncated"))
    assert {one.table for one in typed(ignored)} == {"SigninLogs", "AuditLogs"}
    heard = query(read=read("SigninLogs"), end="2026-03-04T10:00:00Z")
    acted = await plan(answer(heard), await second_round("truncated"))
    assert [one.end for one in typed(acted)] == [NOON - timedelta(hours=2)]


async def test_an_empty_plan_still_mends_what_failed() -> None:
    planned = await plan(answer(reason="Enough."), await second_round("failed"))
    assert [one.table for one in typed(planned)] == ["SigninLogs", "SigninLogs"]


async def test_names_are_hidden_from_the_model_and_come_back_in_its_queries() -> None:
    pseudonyms, asker = hiding(), Told(answer(reason="x"))
    await ModelPlanner(asker, pseudonyms).plan(situation())
    assert "alice" not in asker.asked[0].user.lower()
    token = pseudonyms.hide_text("alice@contoso.com")
    assert token in asker.asked[0].user
    where = [[column_test("UserPrincipalName", "endswith", token)]]
    planned = await plan(answer(query(read=read("SigninLogs", where))), pseudonyms=pseudonyms)
    own = of_model(planned).typed
    assert own is not None
    assert own.where[0].conditions[0].values == ("alice@contoso.com",)


async def test_a_name_that_the_model_made_up_takes_its_query_along() -> None:
    invented = query(read=read("SigninLogs", [[column_test("UserPrincipalName", "has", "USER_ffffff")]]))
    in_text = query(read=None, kql="SigninLogs | where Identity == 'USER_ffffff'")
    planned = await plan(answer(invented, in_text), pseudonyms=hiding())
    assert typed(planned) == by_rules()
    assert any("USER_ffffff, which stands for nothing" in line for line in planned.said)


async def test_a_name_from_a_row_cannot_end_its_literal_in_kql() -> None:
    hostile = Entity(kind="account", value="eve' or 1==1 | take 9 //@contoso.com")
    pseudonyms = hiding()
    lead = Lead(entity=hostile, reason="", finding_id="f1", time=NOON, depth=1)
    asked = situation(leads=(lead,))
    request = plan_request(asked, pseudonyms)
    token = next(word for word in request.user.split() if word.startswith("USER_") and "contoso" in word)
    listed = [word.partition("@")[0].rstrip(",") for word in request.user.split() if word.startswith("USER_")]
    assert token
    for one in listed:
        planned = await plan(answer(query(read=None, kql=f"SigninLogs | where Identity == '{one}'")), asked, pseudonyms)
        for made in planned.plan.queries:
            assert made.kql is None or made.kql.count("'") == 2


async def test_an_address_that_a_fence_closed_is_opened_again() -> None:
    where = [
        [
            column_test("RemoteUrl", "has", "hxxps://evil.example/a"),
            column_test("RemoteUrl", "has", "fxp://evil.example"),
        ]
    ]
    planned = await plan(answer(query(read=read("DeviceNetworkEvents", where))))
    own = of_model(planned).typed
    assert own is not None
    values = {value for one in own.where[0].conditions for value in one.values}
    assert values == {"https://evil.example/a", "ftp://evil.example"}
