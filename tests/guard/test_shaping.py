"""Whether a query returns events of a table, or a table that it made of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from soc_analyst.graph.desk.desk import allowed_tables
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery, PlannedQuery, TypedQuery
from soc_analyst.tools.guard import check, load_policy, returns_events

POLICY = load_policy()
TABLES = allowed_tables(POLICY)
WINDOW = TimeWindow(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 5, tzinfo=UTC), basis="stated")

EVENTS = """
DeviceProcessEvents
DeviceProcessEvents | where FileName =~ "cmd.exe" | sort by TimeGenerated desc | take 5
DeviceProcessEvents | top 5 by TimeGenerated
DeviceProcessEvents | extend folder = tolower(FolderPath)
DeviceProcessEvents | project TimeGenerated, DeviceName, FileName
DeviceProcessEvents | project TimeGenerated, DeviceName, low = tolower(FileName)
DeviceProcessEvents | project-away SHA256
DeviceProcessEvents | project-keep TimeGenerated, FileName
DeviceProcessEvents | project-reorder FileName
let shells = DeviceProcessEvents | where FileName has "shell"; shells | where AccountName == "bob"
"""
MADE = """
DeviceProcessEvents | count
DeviceProcessEvents | summarize count() by FileName
DeviceProcessEvents | summarize n = count() by bin(TimeGenerated, 1h), FileName
DeviceProcessEvents | distinct FileName
DeviceProcessEvents | project FileName
DeviceProcessEvents | project TimeGenerated, FileName = AccountName
DeviceProcessEvents | project-rename Who = AccountName
DeviceProcessEvents | project-away TimeGenerated
DeviceProcessEvents | extend FileName = "cmd.exe"
DeviceProcessEvents | join kind=inner (DeviceLogonEvents) on DeviceName
DeviceProcessEvents | union DeviceLogonEvents
DeviceProcessEvents | mv-expand d = todynamic(AdditionalFields)
DeviceProcessEvents | make-series count() on TimeGenerated step 1h
let n = DeviceProcessEvents | summarize count() by FileName; n | take 5
"""


def approved(planned: PlannedQuery) -> ApprovedQuery:
    verdict = check(planned, policy=POLICY, tables=TABLES, window=WINDOW)
    assert verdict.approved is not None, verdict.diagnostics
    return verdict.approved


@pytest.mark.parametrize("kql", EVENTS.strip().splitlines())
def test_events_stand_as_they_are(kql: str) -> None:
    assert returns_events(approved(PlannedQuery(id="r1q1", purpose="p", kql=kql)), TABLES)


@pytest.mark.parametrize("kql", MADE.strip().splitlines())
def test_what_a_query_makes_is_no_event(kql: str) -> None:
    assert not returns_events(approved(PlannedQuery(id="r1q1", purpose="p", kql=kql)), TABLES)


@pytest.mark.parametrize(("shape", "events"), [("rows", True), ("values", False), ("coverage", False)])
def test_a_typed_query_says_its_shape(shape: str, events: bool) -> None:
    values_of = "FileName" if shape == "values" else ""
    typed = TypedQuery.model_validate(
        {
            "table": "DeviceProcessEvents",
            "start": WINDOW.start,
            "end": WINDOW.end,
            "shape": shape,
            "values_of": values_of,
        }
    )
    assert returns_events(approved(PlannedQuery(id="r1q1", purpose="p", typed=typed)), TABLES) is events


def test_a_text_that_is_not_the_guards_is_taken_for_made() -> None:
    whole = approved(PlannedQuery(id="r1q1", purpose="p", kql="DeviceProcessEvents"))
    assert not returns_events(whole.model_copy(update={"kql": "DeviceProcessEvents |"}), TABLES)
    assert not returns_events(whole.model_copy(update={"kql": "DeviceProcessEvents"}), TABLES)
