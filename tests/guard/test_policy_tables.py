"""Per-table rules, caps and refusals: read from the file, shown with their line, and held by the guard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.errors import OperatorError, OperatorErrors
from soc_analyst.state.queries import PlannedQuery, TypedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check, check_text, load_policy, recheck

MARCH = TimeWindow(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 31, tzinfo=UTC), basis="option")


@pytest.fixture
def load(tmp_path: Path, tables: Mapping[str, TableSchema]):
    def _load(text: str) -> Policy:
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return load_policy(path, tables)

    return _load


def codes(kql: str, policy: Policy, tables: Mapping[str, TableSchema]) -> list[str]:
    return [one.code for one in check_text(kql, policy=policy, tables=tables, window=MARCH).diagnostics]


def test_expensive_tables_are_tables(load) -> None:
    assert load("expensive_tables: [SigninLogs]\n").expensive_tables == ("SigninLogs",)
    with pytest.raises(OperatorError, match="1: expensive_tables: there is no table `SigninLog`; did you mean `Signin"):
        load("expensive_tables: [SigninLog]\n")


def test_a_mapping_adds_and_takes_columns(load, policy: Policy) -> None:
    own = load("tables:\n  SigninLogs: {also: [AADTenantId], without: [IPAddress, Location]}\n  AlertInfo: {}\n")
    before = policy.tables["SigninLogs"]
    assert set(own.tables["SigninLogs"]) == {*before, "AADTenantId"} - {"IPAddress", "Location"}
    assert own.tables["AlertInfo"] == policy.tables["AlertInfo"]
    assert list(own.tables) == ["SigninLogs", "AlertInfo"]
    assert own.origins["tables.SigninLogs.also"].endswith("own.yaml:2")


def test_a_tables_window_is_that_of_its_view_alone(load, tables: Mapping[str, TableSchema]) -> None:
    own = load("tables:\n  SigninLogs: {max_window_days: 7}\n  AuditLogs: default\n")
    verdict = check_text(
        "SigninLogs | project IPAddress | union (AuditLogs | project IPAddress = Identity)",
        policy=own, tables=tables, window=MARCH,
    )  # fmt: skip
    assert verdict.rendered is not None
    signins, audit = verdict.rendered.split("let AuditLogs")
    assert "2026-03-24T00:00:00" in signins
    assert "2026-03-01" not in signins
    assert "2026-03-01T00:00:00" in audit
    assert [(one.code, one.message) for one in verdict.diagnostics] == [
        ("window-cut", "SigninLogs is seen from 2026-03-24T00:00:00Z on: policy allows 7 days of it")
    ]
    assert verdict.approved is not None
    assert recheck(verdict.approved, policy=own, tables=tables) == ()
    wider = verdict.approved.model_copy(update={"kql": verdict.rendered.replace("2026-03-24", "2026-03-01")})
    assert [one.code for one in recheck(wider, policy=own, tables=tables)] == ["tampered"]


def test_a_typed_query_has_the_same_window_and_cap(load, tables: Mapping[str, TableSchema]) -> None:
    own = load("tables:\n  SigninLogs: {max_window_days: 7, row_cap: 5}\n")
    typed = TypedQuery(table="SigninLogs", start=MARCH.start, end=MARCH.end, shape="rows")
    planned = PlannedQuery(id="q1", purpose="all", typed=typed)
    verdict = check(planned, policy=own, tables=tables, window=MARCH, row_cap=100)
    assert verdict.approved is not None
    assert verdict.approved.row_cap == 5
    assert "2026-03-24T00:00:00" in verdict.approved.kql
    assert verdict.approved.kql.rstrip().endswith("take 6")
    assert [one.code for one in verdict.diagnostics] == ["window-cut"]
    more = verdict.approved.model_copy(update={"row_cap": 100})
    assert "row-cap" in [one.code for one in recheck(more, policy=own, tables=tables)]


def test_the_smallest_row_cap_of_the_tables_read_holds(load, tables: Mapping[str, TableSchema]) -> None:
    own = load("row_cap: 50\ntables:\n  SigninLogs: {row_cap: 5}\n  AuditLogs: {row_cap: 900}\n")
    for kql, cap in (("AuditLogs", 50), ("SigninLogs", 5), ("union AuditLogs, SigninLogs", 5)):
        verdict = check_text(f"{kql} | project TimeGenerated", policy=own, tables=tables, window=MARCH)
        assert verdict.approved is not None
        assert verdict.approved.row_cap == cap


CAPS = [
    ("max_joins: 1", "AuditLogs | join kind=inner (AuditLogs) on Id | join kind=inner (AuditLogs) on Id",
     "too-many-queries"),
    ("max_joins: 0", "AuditLogs | where Id in ((AuditLogs | project Id))", "too-many-queries"),
    ("max_expansions: 0", "AuditLogs | mv-apply TargetResources on (take 1)", "too-many-expansions"),
    ("refuse: {operators: [parse-where]}", "AuditLogs | parse-where Id with 'a' Rest", "refused-operator"),
    ("max_union_arms: 1", "AuditLogs | union AuditLogs, AuditLogs | project Id", "too-many-arms"),
    ("max_expansions: 1", "AuditLogs | mv-expand TargetResources | mv-expand InitiatedBy", "too-many-expansions"),
    ("max_set_size: 100", "AuditLogs | summarize make_set(Id)", "set-too-large"),
    ("max_set_size: 100", "AuditLogs | summarize makelist(Id, 101)", "set-too-large"),
    ("max_calls: 1", "let f = (x:string) { toupper(x) }; AuditLogs | where f(Id) == f(Id)", "too-complex"),
    ("refuse: {functions: [tolower]}", "AuditLogs | where tolower(Id) == 'a'", "refused-function"),
    ("refuse: {functions: [make_set]}", "AuditLogs | summarize makeset(Id)", "refused-function"),
    ("refuse: {operators: [join]}", "AuditLogs | join kind=inner (AuditLogs) on Id", "refused-operator"),
    ("refuse: {operators: [sort]}", "AuditLogs | order by Id asc", "refused-operator"),
    ("refuse: {operators: [matches regex]}", "AuditLogs | where Id matches regex 'a.*'", "refused-operator"),
    ("refuse: {functions: [toupper]}", "let f = (x:string) { toupper(x) }; AuditLogs | where f(Id) == 'A'",
     "refused-function"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kql", "code"), CAPS)
def test_a_cap_is_held(load, policy: Policy, tables: Mapping[str, TableSchema], text: str, kql: str, code: str) -> None:
    assert codes(kql, policy, tables) == []
    assert code in codes(kql, load(f"{text}\n"), tables)


def test_a_set_within_the_cap_is_allowed(load, tables: Mapping[str, TableSchema]) -> None:
    assert codes("AuditLogs | summarize make_set(Id, 100)", load("max_set_size: 100\n"), tables) == []


def test_all_faults_of_a_file_are_told_at_once_in_its_order(load) -> None:
    with pytest.raises(OperatorErrors) as raised:
        load(
            "row_cap: many\nmodls: [none]\nbudgets: {usd: -1}\nrefuse: {functions: [to_lower], operator: [x]}\n"
            "tables:\n  SigninLogs: {also: [Tenant], without: [TimeGenerated], window: 5}\n  Signins: default\n"
        )
    told = [str(fault).partition("own.yaml:")[2] for fault in raised.value.faults]
    wanted = ["1: row_cap: a whole number", "2: `modls` is not a key of a policy; did you mean `models`?",
              "3: budgets.usd: a number", "4: refuse.functions: `to_lower` is no function of the dialect; did you mean",
              "4: `refuse.operator` is not a key of a policy; did you mean `operators`?",
              "6: `tables.SigninLogs.window` is not a key", "6: tables.SigninLogs.without: TimeGenerated cannot",
              "6: tables.SigninLogs.also: SigninLogs has no column `Tenant`; did you mean `AADTenantId`?",
              "7: tables.Signins: the default policy has no such table; did you mean `SigninLogs`?"]  # fmt: skip
    assert len(told) == len(wanted)
    assert all(any(line.startswith(one) for line in told) for one in wanted), told
    assert [int(line.partition(":")[0]) for line in told] == sorted(int(line.partition(":")[0]) for line in told)


def test_mv_apply_is_no_nested_query(load, tables: Mapping[str, TableSchema]) -> None:
    assert codes("AuditLogs | mv-apply TargetResources on (take 1)", load("max_joins: 0\n"), tables) == []


def test_what_the_dialect_does_not_know_cannot_be_added(load) -> None:
    with pytest.raises(OperatorError, match="`allow` is not a key of a policy"):
        load("allow: {functions: [externaldata]}\n")
    with pytest.raises(OperatorError, match="`externaldata` is no function of the dialect"):
        load("refuse: {functions: [externaldata]}\n")
