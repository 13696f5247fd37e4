"""Hunts from the Defender portal say `Timestamp`: it is TimeGenerated, and no way out of the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text, recheck

HUNTS = [
    "DeviceProcessEvents | where Timestamp > ago(7d) | project Timestamp, DeviceName, ProcessCommandLine",
    "DeviceProcessEvents | where Timestamp > ago(9999d)",
    "DeviceProcessEvents | extend Timestamp = Timestamp + 1d | project Timestamp, FileName",
    "DeviceLogonEvents | summarize arg_max(Timestamp, *) by DeviceName",
    "DeviceFileEvents | summarize count() by bin(Timestamp, 1h) | sort by Timestamp asc",
    "let t = AlertInfo | where Timestamp > ago(3d); t | join kind=inner AlertEvidence on Title | project Timestamp",
    "union DeviceProcessEvents, SigninLogs | where isnull(Timestamp) or FileName == 'powershell.exe'",
]


@pytest.mark.parametrize("kql", HUNTS)
def test_the_portals_time_is_the_time_of_the_event(
    kql: str, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow, workspace: Any
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert verdict.allowed, verdict.diagnostics
    assert verdict.approved is not None
    assert recheck(verdict.approved, policy=policy, tables=tables) == ()
    assert "Timestamp = TimeGenerated" in verdict.approved.kql
    assert all("Timestamp" not in columns for columns in verdict.columns.values())
    rows = workspace.run(verdict.approved)
    assert rows
    assert "c4n4ry" not in str(rows)


def test_other_tables_have_no_such_time(policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow) -> None:
    verdict = check_text("SigninLogs | where Timestamp > ago(1d)", policy=policy, tables=tables, window=window)
    [fault] = verdict.diagnostics
    assert (fault.code, fault.start, fault.length) == ("unknown-column", 19, 9)
    assert "TimeGenerated" in fault.hint


def test_queries_that_do_not_speak_of_it_do_not_get_it(
    policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    verdict = check_text("DeviceProcessEvents | distinct *", policy=policy, tables=tables, window=window)
    assert "Timestamp" not in str(verdict.rendered or verdict.diagnostics)
