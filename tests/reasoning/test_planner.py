from datetime import UTC, datetime, timedelta

import pytest

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.plans import Feedback, Lead
from soc_analyst.state.queries import Diagnostic, PlannedQuery, QueryRecord, TypedQuery, asked_key
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.reasoning.base import Situation
from soc_analyst.tools.reasoning.by_rules.matching import conditions_for
from soc_analyst.tools.reasoning.by_rules.planner import MAX_PAGES, MAX_SPLITS, RulesPlanner

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = TimeWindow(start=NOON - timedelta(days=1), end=NOON, basis="stated")
ENDPOINT = {
    "DeviceProcessEvents",
    "DeviceNetworkEvents",
    "DeviceFileEvents",
    "DeviceRegistryEvents",
    "DeviceLogonEvents",
}


def situation(reading: Reading, **more: object) -> Situation:
    given = {"round": 1, "queries_left": 60, "max_window_days": 90.0, **more}
    return Situation(reading=reading, tables=load_tables(), **given)  # type: ignore[arg-type]


def host(name: str) -> Entity:
    return Entity(kind="host", value=name)


def tables_of(queries: tuple[PlannedQuery, ...]) -> set[str]:
    return {query.typed.table for query in queries if query.typed is not None}


def test_a_broad_question_about_a_host_covers_every_table_that_knows_hosts() -> None:
    plan = RulesPlanner().plan(situation(Reading(window=DAY, entities=(host("ws-123"),))))
    assert tables_of(plan.queries) == ENDPOINT | {"AlertEvidence", "AzureNetworkAnalytics_CL"}
    assert len({query.id for query in plan.queries}) == len(plan.queries)
    for query in plan.queries:
        assert query.typed is not None
        assert (query.typed.start, query.typed.end) == (DAY.start, DAY.end)
        assert query.typed.where
        assert query.purpose
        assert query.hypothesis


def test_an_account_is_looked_for_under_each_of_its_names() -> None:
    alice = Entity(kind="account", value="alice@contoso.com")
    tables = load_tables()
    of_processes, of_signins, of_audit, of_azure = (
        {(c.column, c.op, c.values[0]) for c in test.conditions}
        for name in ("DeviceProcessEvents", "SigninLogs", "AuditLogs", "AzureActivity")
        if (test := conditions_for(alice, tables[name])) is not None
    )
    assert {("AccountName", "=~", "alice"), ("AccountUpn", "=~", "alice@contoso.com")} <= of_processes
    assert ("InitiatingProcessAccountUpn", "=~", "alice@contoso.com") in of_processes
    assert ("UserPrincipalName", "=~", "alice@contoso.com") in of_signins
    assert ("InitiatedBy", "contains", "alice@contoso.com") in of_audit
    assert of_azure == {("Caller", "=~", "alice@contoso.com")}


def test_a_port_only_narrows() -> None:
    reading = Reading(
        window=DAY, entities=(host("web-01"), Entity(kind="port", value="4444")), topics=("flows",), broad=False
    )
    (query,) = RulesPlanner().plan(situation(reading)).queries
    assert query.typed is not None
    assert query.typed.table == "AzureNetworkAnalytics_CL"
    assert len(query.typed.where) == 2
    assert {c.column for c in query.typed.where[1].conditions} == {"DestPort_d"}


@pytest.mark.parametrize(
    ("network", "op", "value"),
    [
        ("203.0.113.0/24", "startswith", "203.0.113."),
        ("10.0.0.0/8", "startswith", "10."),
        ("203.0.113.7", "=~", "203.0.113.7"),
    ],
)
def test_a_network_matches_its_addresses(network: str, op: str, value: str) -> None:
    test = conditions_for(Entity(kind="ip", value=network), load_tables()["SigninLogs"])
    assert test is not None
    assert (test.conditions[0].op, test.conditions[0].values) == (op, (value,))


def typed(**changes: object) -> TypedQuery:
    return TypedQuery(table="SigninLogs", start=DAY.start, end=DAY.end).model_copy(update=changes)


def feedback(kind: str, query: PlannedQuery, *diagnostics: Diagnostic, **more: object) -> Feedback:
    return Feedback(kind=kind, query=query, message=kind, diagnostics=diagnostics, **more)  # type: ignore[arg-type]


def planned(query: TypedQuery, **more: str) -> PlannedQuery:
    return PlannedQuery(id="r1q1", purpose="who signed in", typed=query, **more)


def record(query: PlannedQuery) -> QueryRecord:
    return QueryRecord(id=query.id, round=1, purpose="", table="SigninLogs", key=asked_key(query), status="ok")


def test_a_cut_result_is_gone_on_with_where_it_stopped_but_not_for_ever() -> None:
    query, oldest = planned(typed()), DAY.end
    for page in range(MAX_PAGES):
        oldest -= timedelta(hours=page + 1)
        cut = feedback("truncated", query, oldest=oldest)
        asked = situation(Reading(window=DAY), round=2, records=(record(query),), feedback=(cut,))
        (query,) = RulesPlanner().plan(asked).queries
        assert query.typed is not None
        assert query.typed.start == DAY.start
        assert query.typed.end == oldest + timedelta(microseconds=1)
    cut = feedback("truncated", query, oldest=oldest - timedelta(hours=1))
    plan = RulesPlanner().plan(situation(Reading(window=DAY), round=9, records=(record(query),), feedback=(cut,)))
    assert plan.queries == ()
    assert plan.given_up


def test_a_failed_result_is_asked_again_in_halves_but_not_for_ever() -> None:
    kind, query = "failed", planned(typed())
    for _ in range(MAX_SPLITS):
        asked = situation(Reading(window=DAY), round=2, records=(record(query),), feedback=(feedback(kind, query),))
        halves = RulesPlanner().plan(asked).queries
        spans = [(half.typed.start, half.typed.end) for half in halves if half.typed is not None]
        assert query.typed is not None
        assert spans[0][0] == query.typed.start
        assert spans[0][1] == spans[1][0]
        assert spans[1][1] == query.typed.end
        query = halves[0]
    last = situation(Reading(window=DAY), round=9, records=(record(query),), feedback=(feedback(kind, query),))
    plan = RulesPlanner().plan(last)
    assert plan.queries == ()
    assert plan.given_up


def test_a_window_that_was_refused_is_shortened() -> None:
    long = planned(typed(start=NOON - timedelta(days=700), end=NOON))
    refused = feedback("refused", long, Diagnostic(code="window_too_long", message="too long"))
    (mended,) = RulesPlanner().plan(situation(Reading(window=DAY), round=2, feedback=(refused,))).queries
    assert mended.typed is not None
    assert mended.typed.end - mended.typed.start == timedelta(days=90)


def test_nothing_for_two_things_together_is_asked_again_for_either() -> None:
    reading = Reading(window=DAY, entities=(host("ws-1"), Entity(kind="account", value="bob")))
    first = RulesPlanner().plan(situation(reading)).queries
    back = tuple(feedback("empty", query, subject_rows=5) for query in first)
    again = RulesPlanner().plan(situation(reading, round=2, records=tuple(map(record, first)), feedback=back)).queries
    processes = next(q.typed for q in again if q.typed is not None and q.typed.table == "DeviceProcessEvents")
    assert len(processes.where) == 1
    assert {"DeviceName", "AccountName"} <= {c.column for c in processes.where[0].conditions}


def test_a_lead_is_followed_around_its_time_in_every_table_that_knows_it() -> None:
    lead = Lead(entity=host("fs01"), reason="seen", finding_id="f-1", time=NOON - timedelta(minutes=10), depth=1)
    asked = situation(Reading(window=DAY), round=2, records=(record(planned(typed())),), leads=(lead,))
    plan = RulesPlanner().plan(asked)
    assert tables_of(plan.queries) >= ENDPOINT
    for query in plan.queries:
        assert query.typed is not None
        assert query.typed.start == NOON - timedelta(minutes=70)
        assert query.typed.end == NOON
