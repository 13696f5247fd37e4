"""Whom a finding is about, when it was, and which indicators it has: what carries it says so, nothing beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.findings import Claim, Detection, Finding, Level, Rule
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst
from soc_analyst.tools.reasoning.by_rules.companions import joined
from soc_analyst.tools.reasoning.by_rules.naming import on, one_named

START = datetime(2026, 3, 4, 9, tzinfo=UTC)
WAY_OUT = {"FlowDirection_s": "O", "SrcIP_s": "10.0.0.4", "DestIP_s": "198.51.100.9"}


def collected(table: str, *rows: dict[str, Any]) -> TableRows:
    at = [{"TimeGenerated": START + timedelta(hours=row.pop("hours", 0)), **row} for row in map(dict, rows)]
    return TableRows.collect(table, [(f"q-{table}", pa.Table.from_pylist(at))])


def fired(
    rows: TableRows, at: list[int], entity: str, level: Level = "high", rule: str = "Act", **more: Any
) -> Detection:
    kind, _, value = entity.partition(":")
    entities = (Entity.model_validate({"kind": kind, "value": value}),)
    named = Rule(id=f"r-{rule}", title=rule, level=level)
    told = {"techniques": ("T1505.003",), "tactics": ("persistence",), **more}
    return Detection(rule=named, statement=f"{rule} seen", rows=rows.refs(at), entities=entities, **told)


def findings(*detections: Detection, rows: tuple[TableRows, ...]) -> tuple[Finding, ...]:
    window = TimeWindow(start=START - timedelta(days=30), end=START + timedelta(days=1))
    case = CaseFile(Reading(window=window), Evidence(rows), detections, (), {})
    return RulesAnalyst(AttackCatalog.bundled()).analyse(case).findings


@pytest.mark.parametrize(
    ("table", "row", "entity", "said"),
    [
        ("DeviceNetworkEvents", {"ActionType": "ConnectionSuccess", "RemoteIP": "198.51.100.9"}, "ip:198.51.100.9",
         " to 198.51.100.9"),
        ("DeviceNetworkEvents", {"ActionType": "InboundConnectionAccepted", "RemoteIP": "198.51.100.9"},
         "ip:198.51.100.9", " from 198.51.100.9"),
        ("AzureNetworkAnalytics_CL", WAY_OUT, "ip:198.51.100.9", " to 198.51.100.9"),
        ("AzureNetworkAnalytics_CL", WAY_OUT, "ip:10.0.0.4", " from 10.0.0.4"),
        ("AzureNetworkAnalytics_CL", {"DestPublicIPs_s": "198.51.100.9|4|4|9"}, "ip:198.51.100.9", " to 198.51.100.9"),
        ("SigninLogs", {"IPAddress": "198.51.100.9"}, "ip:198.51.100.9", " from 198.51.100.9"),
        ("SigninLogs", {"UserPrincipalName": "ann@x.example"}, "account:ann@x.example", " for ann@x.example"),
        ("AlertEvidence", {"AccountName": "ann"}, "account:ann", " on ann"),
        ("AuditLogs", {"Identity": "Ann"}, "account:ann@x.example", " by ann@x.example"),
        ("DeviceProcessEvents", {"DeviceName": "ws-1"}, "host:ws-1", " on ws-1"),
    ],
)  # fmt: skip
def test_a_title_says_what_part_its_subject_had(table: str, row: dict[str, Any], entity: str, said: str) -> None:
    rows = collected(table, row)
    assert on(fired(rows, [0], entity), [(rows.refs([0])[0], row)]) == said


@pytest.mark.parametrize(
    ("names", "same"),
    [
        (["rg-web/web-01", "web-01.contoso.com", "web-01"], True),
        (["alice", "alice@contoso.com", "contoso\\alice"], True),
        (["ws-1.a.example", "ws-1.b.example"], False),
        (["rg-prod/web-01", "rg-test/web-01"], False),
        (["10.0.0.1", "10.0.0.2"], False),
        (["2001:db8::1", "2001:db8::2"], False),
    ],
)
def test_one_thing_by_several_names_is_one_subject(names: list[str], same: bool) -> None:
    assert (len(set(map(one_named(names), names))) == 1) is same


def test_a_machine_in_flows_and_in_its_own_log_is_told_once() -> None:
    flows = collected("AzureNetworkAnalytics_CL", {"VM_s": "rg-web/web-01"})
    calls = collected("DeviceNetworkEvents", {"DeviceName": "web-01.contoso.com"})
    told = findings(
        fired(flows, [0], "host:rg-web/web-01", "medium", "Denied"),
        fired(calls, [0], "host:web-01.contoso.com", rule="Connected"),
        rows=(flows, calls),
    )
    assert [(one.title, len(one.evidence)) for one in told] == [("Connected on web-01.contoso.com", 2)]


def test_what_a_server_does_every_day_neither_dates_an_attack_on_it_nor_is_an_indicator_of_it() -> None:
    calls = [{"hours": hours, "DeviceName": "web-01", "RemoteIP": address}
             for hours, address in ((-240, "192.0.2.1"), (-2, "192.0.2.2"), (0.5, "192.0.2.3"))]  # fmt: skip
    network = collected("DeviceNetworkEvents", *calls)
    files = collected("DeviceFileEvents", {"DeviceName": "web-01", "FolderPath": "C:\\inetpub\\s.aspx"})
    told = findings(
        fired(files, [0], "host:web-01", rule="Web shell"),
        fired(network, [0, 1, 2], "host:web-01", "low", "Server went out"),
        fired(network, [0], "host:web-01", "low", "Server asked"),
        rows=(network, files),
    )
    first, apart = told
    assert (first.time, first.indicators_of_compromise) == (START, ("192.0.2.3",))
    assert [ref.time for ref in first.evidence] == [START + timedelta(hours=at) for at in (0, -2, 0.5)]
    assert (apart.title, apart.confidence) == ("Server asked on web-01", "Low")


def test_of_many_notes_those_on_what_was_asked_or_found_are_kept() -> None:
    rows = collected("DeviceProcessEvents", *({"DeviceName": f"ws-{n}", "Row": n} for n in range(30)))
    notes = [fired(rows, [n], f"host:ws-{n}.corp.example", "low", "Note") for n in range(30)]
    told = findings(*notes, fired(rows, [29], "host:WS-29", techniques=("T1003",)), rows=(rows,))
    assert [one.title for one in told if one.title.endswith("ws-29.corp.example")] == ["Note on ws-29.corp.example"]
    assert sum(one.confidence == "Low" for one in told) == 10


def test_where_something_goes_is_not_said_with_to_twice() -> None:
    rows = collected("DeviceNetworkEvents", {"RemoteIP": "198.51.100.9"})
    sent = fired(rows, [0], "ip:198.51.100.9", rule="Much sent to one address")
    assert on(sent, [(rows.refs([0])[0], {"RemoteIP": "198.51.100.9"})]) == ": 198.51.100.9"


def test_an_alert_is_no_resource_of_its_own_and_a_weak_rules_excuse_is_none_of_the_act() -> None:
    alerts = collected("AlertInfo", {"AlertId": "a-1", "Title": "Spray", "Severity": "High"})
    told = findings(
        fired(alerts, [0], "resource:Spray", false_positives=("A test",)),
        fired(alerts, [0], "resource:Spray", "low", "Weak", false_positives=("Old clients",)),
        rows=(alerts,),
    )
    assert told[0].entities == ()
    assert "A test" in told[0].notes and "Old clients" not in told[0].notes


def test_an_event_is_told_before_the_alert_on_it_and_nothing_known_is_not_said() -> None:
    alerts, signins = (
        collected("AlertEvidence", {"AlertId": "a-1"}),
        collected("SigninLogs", {"IPAddress": "192.0.2.1"}),
    )
    told = findings(
        fired(alerts, [0], "ip:192.0.2.1", rule="Alert", description="An alert.", false_positives=("None known",)),
        fired(signins, [0], "ip:192.0.2.1", rule="Spray", description="Many accounts were tried."),
        rows=(alerts, signins),
    )
    assert told[0].description == "Many accounts were tried. Spray seen Alert seen"
    assert "None known" not in told[0].notes


def test_what_the_means_and_the_act_say_in_the_same_words_is_said_once() -> None:
    rows = collected("DeviceProcessEvents", {"DeviceName": "ws-1"})
    about = {
        "confidence": "High",
        "evidence": rows.refs([0]),
        "time": START,
        "detections": (Rule(id="r", title="R", level="high"),),
    }
    claim = Claim(kind="detected", statement="R on ws-1: 1 start of reg.exe", rule="r")
    act = Finding(id="f-1", title="Act", description="It was off. 1 start of reg.exe", mitre={"id": "T1685"}, **about)
    means = Finding(id="f-2", title="Means", description="It was written. 1 start of reg.exe", mitre={"id": "T1112"},
                    claims=(claim,), **about)  # fmt: skip
    assert [one.description for _, one in joined([("ws-1", act), ("ws-1", means)])] == [
        "It was off. 1 start of reg.exe It was written."
    ]
