"""The columns a query returns: names and types as Microsoft's own binder gives them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy
from soc_analyst.tools.guard.binder import bind
from soc_analyst.tools.kql import parse, render

OUTPUTS = [
    ("SigninLogs | count", "Count:long"),
    (
        "SigninLogs | summarize count(), dcount(Id), countif(IsInteractive)",
        "count_:long dcount_Id:long countif_IsInteractive:long",
    ),
    ("SigninLogs | summarize sum(DurationMs), avg(DurationMs)", "sum_DurationMs:long avg_DurationMs:real"),
    ("SigninLogs | summarize make_set(Id), makelist(Id)", "set_Id:dynamic list_Id:dynamic"),
    ("SigninLogs | summarize percentile(DurationMs, 95)", "percentile_DurationMs_95:long"),
    ("SigninLogs | summarize take_any(Id), make_set(Status.z)", "Id:string set_Status_z:dynamic"),
    ("SigninLogs | summarize count() by bin(TimeGenerated, 1h)", "TimeGenerated:datetime count_:long"),
    ("SigninLogs | summarize count() by tostring(Status.errorCode)", "Status_errorCode:string count_:long"),
    ("SigninLogs | summarize count() by tolower(Id)", "Column1:string count_:long"),
    (
        "SigninLogs | summarize arg_max(TimeGenerated, Id) by UserId",
        "UserId:string TimeGenerated:datetime Id:string",
    ),
    (
        "SigninLogs | summarize x = arg_max(DurationMs, IPAddress, Location), count() by UserId",
        "UserId:string x:long IPAddress:string Location:string count_:long",
    ),
    ("SigninLogs | summarize arg_max(DurationMs + 1, IPAddress) by UserId", "UserId:string max_:long IPAddress:string"),
    (
        "SigninLogs | summarize arg_max(TimeGenerated, tostring(Status.errorCode), strlen(IPAddress)) by UserId",
        "UserId:string TimeGenerated:datetime Status_errorCode:string strlen_IPAddress:long",
    ),
    (
        "SigninLogs | summarize arg_max(TimeGenerated, IPAddress), arg_min(TimeGenerated, IPAddress) by UserId",
        "UserId:string TimeGenerated:datetime IPAddress:string TimeGenerated1:datetime IPAddress1:string",
    ),
    (
        "SigninLogs | summarize take_any(IPAddress, Location), take_any(AppId, Id), x = take_any(UserId) by Category",
        "Category:string IPAddress:string Location:string AppId:string Id:string x:string",
    ),
    (
        "SigninLogs | summarize take_any(IPAddress, Location) by UserId",
        "UserId:string IPAddress:string Location:string",
    ),
    (
        "SigninLogs | project UserId, Location, DurationMs | summarize any(*) by UserId",
        "UserId:string Location:string DurationMs:long",
    ),
    (
        "union kind=inner (SigninLogs | project UserId, A=1), (AuditLogs | project UserId=Identity, A=2, B=2)",
        "UserId:string A:long",
    ),
    ("SigninLogs | project DeviceDetail.a[0], split(Id, '@')[0]", "DeviceDetail_a_0:dynamic Id_0:dynamic"),
    ("SigninLogs | project tolower(Id), DurationMs + 1, now()", "Column1:string Column2:long Column3:datetime"),
    ("SigninLogs | project iff(IsInteractive, 1, 2.5), TimeGenerated - 1h", "Column1:real Column2:datetime"),
    ("SigninLogs | project a = TimeGenerated - CreatedDateTime, b = 1h / 1m", "a:timespan b:real"),
    ("SigninLogs | distinct tolower(Id), Id", "Column1:string Id:string"),
    ("SigninLogs | project Id | extend x = strlen(Id) | project-rename y = x", "Id:string y:long"),
    ("SigninLogs | project Id, DurationMs | project-reorder DurationMs", "DurationMs:long Id:string"),
    ("SigninLogs | project Status | mv-expand Status to typeof(string)", "Status:string"),
    (
        "AlertInfo | project AlertId, Title"
        " | join (AlertEvidence | project AlertId, Title, Title1 = FileName) on AlertId",
        "AlertId:string Title:string AlertId1:string Title1:string Title11:string",
    ),
    (
        "AlertInfo | project AlertId | lookup (AlertEvidence | project AlertId, FileName) on AlertId",
        "AlertId:string FileName:string",
    ),
    (
        "AlertInfo | project AlertId | join kind=rightsemi (AlertEvidence | project AlertId, FileSize) on AlertId",
        "AlertId:string FileSize:long",
    ),
    (
        "union (AlertInfo | project AlertId), (AlertEvidence | project FileSize, AlertId)",
        "AlertId:string FileSize:long",
    ),
]


@pytest.mark.parametrize(("kql", "output"), OUTPUTS)
def test_output(kql: str, output: str, policy: Policy, tables: Mapping[str, TableSchema]) -> None:
    tree = parse(kql).tree
    assert tree is not None, parse(kql).diagnostics
    bound = bind(tree, policy, tables)
    assert bound.diagnostics == ()
    assert " ".join(f"{name}:{cell.kind}" for name, cell in bound.output.cells.items()) == output


@pytest.mark.parametrize("kql", [kql for kql, _ in OUTPUTS])
def test_binding_what_was_bound_changes_nothing(kql: str, policy: Policy, tables: Mapping[str, TableSchema]) -> None:
    tree = parse(kql).tree
    assert tree is not None
    once = bind(tree, policy, tables)
    again = bind(once.tree, policy, tables)
    assert render(again.tree) == render(once.tree)
    assert again.usage.columns == once.usage.columns
