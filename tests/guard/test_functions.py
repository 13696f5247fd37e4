"""A query's own functions are written out: the canonical text has none, and means the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text, recheck

WRITTEN = [
    (
        "let low = (x:string) { tolower(x) }; SigninLogs | where low(UserPrincipalName) == 'alice@contoso.com' | count",
        'where tolower(UserPrincipalName) == "alice@contoso.com"',
    ),
    ("let since = (d:timespan) { SigninLogs | where TimeGenerated > ago(d) }; since(7d) | count", "ago(7d)"),
    (
        "let of = (T:(UserPrincipalName:string), u:string='alice') { T | where UserPrincipalName has u };"
        " of(SigninLogs | where ResultType != 0) | count",
        'SigninLogs\n| where ResultType != "0"\n| where UserPrincipalName has "alice"',
    ),
    ("let good = view () { SigninLogs | where ResultType == '50126' }; good | count", 'ResultType == "50126"'),
    (
        "let n = 1; let f = (x:string) { let y = strcat(x, '@'); let z = SigninLogs | where UserPrincipalName has y;"
        " z | summarize c = count() by UserId | where c > n }; union (f('alice')), (f('bob')) | count",
        'has strcat("alice", "@") | summarize c = count() by UserId | where c > n',
    ),
    (
        "let one = (a:long) { a + 1 }; let two = (b:long) { one(b) * 2 }; SigninLogs | extend x = two(DurationMs)"
        " | project x",
        "x = (DurationMs + 1) * 2",
    ),
    (
        "let ResultType = (x:string) { x }; SigninLogs | extend y = ResultType(UserId) | project y",
        "y = UserId",
    ),
    (
        "SigninLogs | where DurationMs >= toscalar(SigninLogs | summarize max(DurationMs)) | count",
        "toscalar(SigninLogs",
    ),
    ("let m = toscalar(SigninLogs | summarize max(DurationMs)); SigninLogs | where DurationMs == m | count", "== m"),
    ("let n = 3; SigninLogs | top n by TimeGenerated | project UserId", "top 3 by TimeGenerated desc"),
]
REFUSED = [
    ("unknown-function", "let f = (x:string) { f(x) }; SigninLogs | extend y = f('a')"),
    ("unknown-table", "let f = (x:string) { secrets | where value == x }; SigninLogs | count"),
    ("unknown-table", "let f = (T:(*)) { T | take 1 }; f(secrets)"),
    ("unknown-column", "let f = () { SigninLogs | project TenantId }; f()"),
    ("unknown-column", "let f = (T:(TenantId:string)) { T | project TenantId }; f(SigninLogs)"),
    ("unknown-column", "let f = (x:string) { strcat(x, UserId) }; SigninLogs | extend y = f('a')"),
    ("wrong-arguments", "let f = (x:long) { x + 1 }; SigninLogs | extend y = f(1, 2)"),
    ("wrong-arguments", "let f = (x:long) { SigninLogs | take 1 }; SigninLogs | extend y = f(1)"),
    ("type-mismatch", "let f = (x:long) { x + 1 }; SigninLogs | extend y = f('a')"),
    ("refused-argument", "let f = (x:string) { toscalar(AlertInfo | where Title == x) }; SigninLogs | extend f(Id)"),
    (
        "refused-argument",
        "let v = 'a'; let f = (x:string) { SigninLogs | extend v = 'b' | where UserId == x }; f(v)",
    ),
    ("shadowing", "let tolower = (x:string) { x }; SigninLogs | where tolower(UserId) == 'A'"),
    ("shadowing", "let SigninLogs = () { AuditLogs | take 1 }; SigninLogs | take 1"),
    ("shadowing", "let f = (x:long) { let AuditLogs = SigninLogs | take x; AuditLogs }; f(1)"),
    ("refused-let", "let f = () { let g = () { 1 }; g() }; SigninLogs | extend x = f()"),
    ("duplicate-column", "let f = (a:long, A:long) { a + A }; SigninLogs | extend x = f(1, 2)"),
    ("unknown-type", "let f = (a:table) { 1 }; SigninLogs | extend x = f(1)"),
    ("too-complex", "let a=(x:long){x+x};let b=(x:long){a(x)+a(x)};let c=(x:long){b(x)+b(x)};let d=(x:long){c(x)+c(x)};"
     "let e=(x:long){d(x)+d(x)};let f=(x:long){e(x)+e(x)};SigninLogs | extend y = f(1)"),
]  # fmt: skip


@pytest.mark.parametrize(("kql", "written"), WRITTEN)
def test_calls_are_written_out_and_run(
    kql: str,
    written: str,
    policy: Policy,
    tables: Mapping[str, TableSchema],
    window: TimeWindow,
    workspace: Any,
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert verdict.allowed, verdict.diagnostics
    assert verdict.approved is not None
    assert written in verdict.approved.kql
    assert "{" not in verdict.approved.kql
    assert recheck(verdict.approved, policy=policy, tables=tables) == ()
    rows = workspace.run(verdict.approved)
    assert rows
    assert "c4n4ry" not in str(rows)


@pytest.mark.parametrize(("code", "kql"), REFUSED)
def test_what_a_function_may_not_is_refused(
    code: str, kql: str, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert not verdict.allowed
    assert code in {diagnostic.code for diagnostic in verdict.diagnostics}, verdict.diagnostics
    assert all(0 <= one.start <= len(kql) for one in verdict.diagnostics)


def test_a_function_that_is_not_called_reads_nothing(
    policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    kql = "let f = (x:string) { AuditLogs | where Id == x }; SigninLogs | count"
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert verdict.tables == ("SigninLogs",)


def test_a_search_in_all_columns_reads_only_those_allowed(
    policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow, workspace: Any
) -> None:
    verdict = check_text("DeviceProcessEvents | where * has 'c4n4ry'", policy=policy, tables=tables, window=window)
    assert verdict.approved is not None
    assert workspace.run(verdict.approved) == []
