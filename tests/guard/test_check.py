"""Typed queries and windows: the bounded form, every fault at once, and approvals that nobody can change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import AnyOf, ApprovedQuery, Condition, PlannedQuery, TypedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, Verdict, check, check_text, recheck

START, END = datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
Tables = Mapping[str, TableSchema]


def typed(**changes: Any) -> TypedQuery:
    return TypedQuery.model_validate({"table": "SigninLogs", "start": START, "end": END, **changes})


def test(column: str, op: str, *values: Any) -> dict[str, Any]:
    return {"conditions": ({"column": column, "op": op, "values": values},)}


test.__test__ = False  # type: ignore[attr-defined]


class Judge:
    """Checks queries under the default policy."""

    def __init__(self, policy: Policy, tables: Tables, window: TimeWindow) -> None:
        self.policy, self.tables, self.window = policy, tables, window

    def __call__(self, query: TypedQuery | str, **options: Any) -> Verdict:
        text = query if isinstance(query, str) else None
        planned = PlannedQuery(id="q1", purpose="p", typed=query if text is None else None, kql=text)
        return check(planned, **{"policy": self.policy, "tables": self.tables, "window": self.window, **options})

    def approved(self, query: TypedQuery | str, **options: Any) -> ApprovedQuery:
        verdict = self(query, **options)
        assert verdict.approved is not None, verdict.diagnostics
        return verdict.approved

    def codes(self, query: TypedQuery | str, **options: Any) -> list[str]:
        verdict = self(query, **options)
        assert verdict.approved is None
        return [diagnostic.code for diagnostic in verdict.diagnostics]

    def faults(self, approved: ApprovedQuery, **changes: Any) -> list[str]:
        changed = approved.model_copy(update=changes)
        return [fault.code for fault in recheck(changed, policy=self.policy, tables=self.tables)]


@pytest.fixture(scope="session")
def judge(policy: Policy, tables: Tables, window: TimeWindow) -> Judge:
    return Judge(policy, tables, window)


def test_rows_in_the_bounded_form(judge: Judge) -> None:
    approved = judge.approved(
        typed(where=(test("UserPrincipalName", "=~", 'a"b'),), columns=("IPAddress",), limit=10), row_cap=500
    )
    assert approved.kql == (
        "let SigninLogs = SigninLogs | where TimeGenerated >= datetime(2026-03-03T00:00:00Z)"
        " and TimeGenerated < datetime(2026-03-05T00:00:00Z)"
        " | project TimeGenerated, IPAddress, UserPrincipalName;\n"
        "SigninLogs\n"
        '| where UserPrincipalName =~ "a\\"b"\n'
        "| project TimeGenerated, IPAddress\n"
        "| sort by TimeGenerated desc\n"
        "| take 11"
    )
    assert approved.columns == {"SigninLogs": ("TimeGenerated", "IPAddress", "UserPrincipalName")}
    assert (approved.row_cap, approved.shape, approved.tables) == (10, "rows", ("SigninLogs",))
    assert (approved.start, approved.end, approved.policy_hash) == (START, END, judge.policy.hash)


def test_rows_run_newest_first_within_the_window(judge: Judge, workspace: Any) -> None:
    rows = workspace.run(judge.approved(typed(columns=("UserPrincipalName",))))
    assert [row[0] for row in rows] == [
        datetime(2026, 3, 4, 23, 59, 59, 999999),
        datetime(2026, 3, 4, 12),
        datetime(2026, 3, 3),
    ]


def test_one_row_more_than_the_cap_is_asked_for(judge: Judge, workspace: Any) -> None:
    assert len(workspace.run(judge.approved(typed(), row_cap=1))) == 2


def test_coverage_runs(judge: Judge, workspace: Any) -> None:
    rows = workspace.run(judge.approved(typed(shape="coverage")))
    assert rows == [(3, datetime(2026, 3, 3), datetime(2026, 3, 4, 23, 59, 59, 999999))]


def test_values_run(judge: Judge, workspace: Any) -> None:
    rows = workspace.run(judge.approved(typed(shape="values", values_of="UserPrincipalName")))
    assert rows == [("alice@contoso.com", 3)]


def test_all_columns_are_those_of_policy(judge: Judge) -> None:
    approved = judge.approved(typed())
    assert set(approved.columns["SigninLogs"]) == set(judge.policy.tables["SigninLogs"])


@pytest.mark.parametrize(
    "condition",
    [
        test("DurationMs", ">=", 5),
        test("DurationMs", "in", 7, 8),
        test("IsInteractive", "==", True),
        test("DeviceDetail", "has", "edge"),
        test("DeviceDetail", "isnotempty"),
        test("CreatedDateTime", "<", "2027-01-01T00:00:00Z"),
        test("UserPrincipalName", "has_any", "alice", "bob"),
        test("UserPrincipalName", "!in~", "bob"),
    ],
)
def test_condition_of_every_type_runs(judge: Judge, workspace: Any, condition: dict[str, Any]) -> None:
    assert len(workspace.run(judge.approved(typed(where=(condition,))))) == 3


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"table": "SigninLog"}, "unknown-table", "did you mean SigninLogs?"),
    ({"table": "signinlogs"}, "unknown-table", "did you mean SigninLogs?"),
    ({"table": "secrets"}, "unknown-table", "allowed are"),
    ({"where": (test("UserPrincipalname", "==", "a"),)}, "unknown-column", "did you mean UserPrincipalName?"),
    ({"where": (test("SourceSystem", "==", "a"),)}, "unknown-column", ""),
    ({"columns": ("Type",)}, "unknown-column", ""),
    ({"columns": ("*",)}, "unknown-column", ""),
    ({"shape": "values", "values_of": "AADTenantId"}, "unknown-column", ""),
    ({"shape": "values"}, "no-column", ""),
    ({"where": (test("UserPrincipalName", "has", ""),)}, "empty-value", "isempty"),
    ({"where": (test("UserPrincipalName", "==", " \t"),)}, "empty-value", "isempty"),
    ({"where": (test("UserPrincipalName", "has", "\u200b"),)}, "empty-value", "isempty"),
    ({"where": (test("UserPrincipalName", "has_any", "alice", ""),)}, "empty-value", "isempty"),
    ({"where": (test("UserPrincipalName", "has_any"),)}, "empty-value", ""),
    ({"where": (test("UserPrincipalName", "=="),)}, "empty-value", ""),
    ({"where": ({"conditions": ()},)}, "empty-list", ""),
    ({"where": (test("UserPrincipalName", "==", "a", "b"),)}, "too-many-values", "in or has_any"),
    ({"where": (test("UserPrincipalName", "isempty", "a"),)}, "too-many-values", ""),
    ({"where": (test("UserPrincipalName", "in", *map(str, range(1001))),)}, "too-many-values", ""),
    ({"where": (test("UserPrincipalName", "==", 5),)}, "type-mismatch", "in quotes"),
    ({"where": (test("UserPrincipalName", ">", "a"),)}, "type-mismatch", ""),
    ({"where": (test("DurationMs", "==", "5"),)}, "type-mismatch", "without quotes"),
    ({"where": (test("DurationMs", "==", True),)}, "type-mismatch", "without quotes"),
    ({"where": (test("DurationMs", "==", 2**63),)}, "type-mismatch", ""),
    ({"where": (test("DurationMs", "==", float("nan")),)}, "type-mismatch", ""),
    ({"where": (test("DurationMs", "has", "5"),)}, "type-mismatch", "=="),
    ({"where": (test("IsInteractive", "==", "true"),)}, "type-mismatch", "without quotes"),
    ({"where": (test("CreatedDateTime", ">", "yesterday"),)}, "type-mismatch", "ISO 8601"),
    ({"where": (test("UserPrincipalName", "==", "\ud800"),)}, "bad-character", ""),
    ({"where": (test("UserPrincipalName", "==", "x" * 5000),)}, "too-long", ""),
    ({"start": END, "end": START}, "empty-window", ""),
    ({"end": START}, "empty-window", ""),
    ({"start": END, "end": END + timedelta(days=1)}, "outside-window", "2026-03-03"),
    ({"limit": 0}, "bad-limit", ""),
]


@pytest.mark.parametrize(("changes", "code", "hint"), FAULTS)
def test_fault_of_a_typed_query(judge: Judge, changes: dict[str, Any], code: str, hint: str) -> None:
    verdict = judge(typed(**changes))
    assert verdict.approved is None
    found = [diagnostic for diagnostic in verdict.diagnostics if diagnostic.code == code]
    assert found, verdict.diagnostics
    assert hint in found[0].hint


def test_every_fault_of_a_typed_query_at_once(judge: Judge) -> None:
    where = (test("Nope", "==", "a"), test("DurationMs", "==", "a"), test("Id", "has", ""))
    codes = judge.codes(typed(where=where, columns=("Nein",), end=START, limit=-1))
    assert codes == ["unknown-column", "unknown-column", "type-mismatch", "empty-value", "bad-limit", "empty-window"]


def test_every_fault_of_a_text_at_once_each_in_its_place(judge: Judge) -> None:
    kql = "SigninLogs | where Usr == 'a' and DurationMs has 'x' | extend y = nope(Id) | getschema | take x"
    verdict = judge(kql)
    marked = {d.code: kql[d.start : d.start + d.length] for d in verdict.diagnostics}
    assert marked == {
        "unknown-column": "Usr",
        "type-mismatch": "DurationMs",
        "unknown-function": "nope",
        "refused-operator": "getschema",
        "syntax": "x",
    }


def test_a_window_beyond_the_case_is_cut_to_it(judge: Judge) -> None:
    approved = judge.approved(typed(start=START - timedelta(days=5), end=START + timedelta(hours=1)))
    assert (approved.start, approved.end) == (START, START + timedelta(hours=1))


def test_a_window_longer_than_policy_is_refused(judge: Judge) -> None:
    long = TimeWindow(start=END - timedelta(days=91), end=END)
    assert judge.codes(typed(start=long.start), window=long) == ["window-too-long"]
    assert judge.codes("SigninLogs", window=long) == ["window-too-long"]
    fits = TimeWindow(start=END - timedelta(days=90), end=END)
    assert judge.approved("SigninLogs", window=fits).start == fits.start


def test_text_is_bounded_whatever_it_says_of_time(judge: Judge, workspace: Any) -> None:
    approved = judge.approved("SigninLogs | where TimeGenerated > ago(3650d) or TimeGenerated < now() | take 100000")
    assert len(workspace.run(approved)) == 3
    assert approved.kql.endswith("| take 30001")


def test_a_planned_query_is_typed_or_text(judge: Judge) -> None:
    for both in (PlannedQuery(id="q", purpose=""), PlannedQuery(id="q", purpose="", typed=typed(), kql="SigninLogs")):
        verdict = check(both, policy=judge.policy, tables=judge.tables, window=judge.window)
        assert [d.code for d in verdict.diagnostics] == ["not-one-query"]


def test_text_verdict_as_json(judge: Judge) -> None:
    say: dict[str, Any] = {"policy": judge.policy, "tables": judge.tables, "window": judge.window}
    allowed = check_text("AlertInfo | where Severity == 'High' | project Title // why", **say)
    assert allowed.model_dump(mode="json") == {
        "allowed": True,
        "diagnostics": [],
        "rendered": allowed.rendered,
        "tables": ["AlertInfo"],
        "columns": {"AlertInfo": ["TimeGenerated", "Severity", "Title"]},
    }
    refused = check_text("AlertInfos", **say)
    assert refused.model_dump(mode="json") == {
        "allowed": False,
        "diagnostics": [
            {
                "code": "unknown-table",
                "message": "`AlertInfos` is not a table that can be read",
                "start": 0,
                "length": 10,
                "hint": "did you mean AlertInfo?",
            }
        ],
        "rendered": None,
        "tables": [],
        "columns": {},
    }


def test_a_column_that_policy_takes_away_is_gone(judge: Judge) -> None:
    tables = {**judge.policy.tables, "SigninLogs": ("TimeGenerated", "IPAddress")}
    strict = judge.policy.model_copy(update={"tables": tables})
    assert judge.codes(typed(columns=("UserPrincipalName",)), policy=strict) == ["unknown-column"]
    assert judge.codes("SigninLogs | where UserPrincipalName == 'a'", policy=strict) == ["unknown-column"]
    assert judge.approved("SigninLogs", policy=strict).columns == {"SigninLogs": ("TimeGenerated", "IPAddress")}


TAMPERED: list[tuple[dict[str, Any], str]] = [
    ({"start": START - timedelta(days=1)}, "tampered"),
    ({"end": END + timedelta(days=1)}, "tampered"),
    ({"end": START}, "empty-window"),
    ({"start": START - timedelta(days=100)}, "window-too-long"),
    ({"row_cap": 501}, "tampered"),
    ({"row_cap": 30_001}, "row-cap"),
    ({"row_cap": 0}, "row-cap"),
    ({"policy_hash": "0" * 64}, "stale-policy"),
    ({"tables": ("AuditLogs",)}, "not-bounded"),
    ({"tables": ()}, "shadowing"),
    ({"columns": {"SigninLogs": ("TimeGenerated", "IPAddress", "UserPrincipalName", "Id")}}, "tampered"),
    ({"shape": "coverage"}, "tampered"),
    ({"kql": "SigninLogs"}, "not-bounded"),
    ({"kql": ""}, "syntax"),
    ({"kql": ".show tables"}, "refused-command"),
    ({"kql": "secrets | take 5"}, "not-bounded"),
]


@pytest.mark.parametrize(("changes", "code"), TAMPERED)
def test_a_changed_approval_is_found(judge: Judge, changes: dict[str, Any], code: str) -> None:
    approved = judge.approved(typed(where=(test("UserPrincipalName", "=~", "a"),), columns=("IPAddress",)), row_cap=500)
    assert judge.faults(approved) == []
    assert code in judge.faults(approved, **changes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-03-03", "2026-01-03"),
        ("2026-03-05", "2027-03-05"),
        ("take 501", "take 50000"),
        (
            "project TimeGenerated, IPAddress, UserPrincipalName;",
            "project TimeGenerated, IPAddress, UserPrincipalName, TenantId;",
        ),
        (
            "project TimeGenerated, IPAddress, UserPrincipalName;",
            "project TimeGenerated, IPAddress, UserPrincipalName, Id;",
        ),
        ("let SigninLogs = SigninLogs", "let SigninLogs = AuditLogs"),
        ("SigninLogs\n|", "AuditLogs\n|"),
        ("SigninLogs\n|", "secrets\n|"),
        ("\n| take 501", ""),
        ("\n| take 501", "\n| take 501 // all"),
        ("\n| take 501", "\n| take 501; .drop table X"),
        ("| where TimeGenerated >=", "| where true or TimeGenerated >="),
        (" and TimeGenerated <", " or TimeGenerated <"),
        ("\n| sort by", "\n| union (AuditLogs)\n| sort by"),
        ("\n| project TimeGenerated, IPAddress\n", "\n| project TimeGenerated, IPAddress = UserPrincipalName\n"),
    ],
)
def test_a_changed_text_is_found(judge: Judge, old: str, new: str) -> None:
    approved = judge.approved(typed(where=(test("UserPrincipalName", "=~", "a"),), columns=("IPAddress",)), row_cap=500)
    assert old in approved.kql
    assert judge.faults(approved, kql=approved.kql.replace(old, new, 1))


OPERATORS = [
    "==",
    "!=",
    "=~",
    "!~",
    "has",
    "!has",
    "contains",
    "startswith",
    "!endswith",
    "has_any",
    "in",
    "in~",
    "!in",
]
HARMLESS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(lambda text: "v" + text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.one_of(
        HARMLESS, st.sampled_from(['v"; .drop table SigninLogs', "v\\", "v\x00", "v*/", "v'//", "v\n| union secrets"])
    ),
    op=st.sampled_from(OPERATORS),
)
def test_no_value_becomes_anything_else(judge: Judge, workspace: Any, value: str, op: str) -> None:
    approved = judge.approved(typed(where=(test("UserPrincipalName", op, value),), columns=("UserPrincipalName",)))
    rows = workspace.run(approved)
    assert len(rows) == (3 if op.startswith("!") else 0)
    assert "c4n4ry" not in str(rows)
    assert judge.faults(approved) == []


def test_a_condition_needs_its_own_values(judge: Judge) -> None:
    either = AnyOf(
        conditions=(
            Condition(column="UserPrincipalName", op="=~", values=("ALICE@contoso.com",)),
            Condition(column="IPAddress", op="isempty"),
        )
    )
    approved = judge.approved(typed(where=(either,)))
    assert '\n| where UserPrincipalName =~ "ALICE@contoso.com" or isempty(IPAddress)\n' in approved.kql


@pytest.mark.parametrize(
    "kql",
    [
        "SigninLogs | where " + "not(" * 38 + "IsInteractive" + ")" * 38,
        "SigninLogs | where DurationMs > " + " + ".join(["1"] * 110),
        "SigninLogs | where DurationMs > " + "(1 + 2 * " * 37 + "1" + ")" * 37,
        "SigninLogs | where "
        + "(Id == 'a' or Id == 'b' and DurationMs + 2 * 3 > 1 and " * 30
        + "IsInteractive"
        + ")" * 30,
        "SigninLogs | extend x = DeviceDetail" + ".a" * 63,
        "SigninLogs" + " | join kind=inner (AuditLogs" * 8 + ") on Id" * 8,
    ],
)
def test_what_is_approved_can_always_be_proved_again(judge: Judge, kql: str) -> None:
    verdict = judge(kql)
    if verdict.approved is None:
        assert {diagnostic.code for diagnostic in verdict.diagnostics} <= {"too-deep", "too-complex"}
    else:
        assert judge.faults(verdict.approved) == []
