"""Equality between types: what Kusto converts by itself is written out, and what it refuses is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text

CONVERTED = [
    ("SigninLogs | where ResultType == 0 | count", 'ResultType == "0"'),
    ("SigninLogs | where 50126 != ResultType | count", '"50126" != ResultType'),
    ("SigninLogs | where ResultType in (0, '50126', -1) | count", 'ResultType in ("0", "50126", "-1")'),
    ("SigninLogs | where ResultType !in (0) | count", 'ResultType !in ("0")'),
    ("SigninLogs | where ResultType == true | count", 'ResultType == "true"'),
    ("DeviceNetworkEvents | where RemotePort == '4444' | count", "RemotePort == 4444"),
    ("DeviceNetworkEvents | where RemotePort in ('80', 443) | count", "RemotePort in (80, 443)"),
    ("DeviceLogonEvents | where IsLocalAdmin == 1 | count", "IsLocalAdmin == true"),
    ("DeviceLogonEvents | where IsLocalAdmin == 'False' | count", "IsLocalAdmin == false"),
    ("SigninLogs | where DurationMs == ResultType | count", "tostring(DurationMs) == ResultType"),
    ("let l = pack_array('a', 5, true); SigninLogs | where Id in (l) | count", 'let l = dynamic(["a", 5, true])'),
    ("SigninLogs | extend x = replace('a', 'b', Id) | project x", 'x = replace_regex(Id, "a", "b")'),
    ("SigninLogs | extend x = 20min / 2 | project x", "x = 10m"),
    ("SigninLogs | extend x = 1h / -7 | project x", "x = -"),
    ("SigninLogs | extend x = (now() - TimeGenerated) / DurationMs | project x", "* (real(1.0) / DurationMs)"),
    ("SigninLogs | where Type == 'SigninLogs' | project Type", 'Type = "SigninLogs"'),
    ("SigninLogs | where ConditionalAccessPolicies has_any (50126, 'x') | count", 'has_any ("50126", "x")'),
]
REFUSED = [
    "SigninLogs | where ResultType > 0",
    "SigninLogs | where ResultType =~ 0",
    "DeviceNetworkEvents | where RemotePort == 'https'",
    "DeviceNetworkEvents | where RemotePort in ('443', 'https')",
    "DeviceNetworkEvents | where RemotePort == '²'",
    "DeviceNetworkEvents | where RemotePort has '44'",
    "DeviceNetworkEvents | where TimeGenerated == '2026-03-04'",
    "DeviceLogonEvents | where IsLocalAdmin == 2",
]


@pytest.mark.parametrize(("kql", "written"), CONVERTED)
def test_equality_is_written_in_one_type(
    kql: str, written: str, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert verdict.allowed, verdict.diagnostics
    assert written in str(verdict.rendered)


@pytest.mark.parametrize("kql", REFUSED)
def test_what_kusto_does_not_compare_is_refused(
    kql: str, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert [diagnostic.code for diagnostic in verdict.diagnostics] == ["type-mismatch"]
