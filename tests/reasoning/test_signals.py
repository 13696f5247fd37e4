"""From signals to findings: chains of weak signals, what speaks for ordinary work, and the reasons told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.findings import Detection, Finding, Level, Rule
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst

START = datetime(2026, 3, 4, 9, tzinfo=UTC)
TABLE = "DeviceProcessEvents"
WEAK = [
    ("T1033", "discovery"), ("T1059.003", "execution"), ("T1053.005", "persistence"), ("T1105", "command-and-control"),
]  # fmt: skip


def process(host: str = "ws-1", minutes: float = 0, command: str = "tool.exe /q", **more: Any) -> dict[str, Any]:
    return {
        "TimeGenerated": START + timedelta(minutes=minutes),
        "DeviceName": host,
        "FileName": "tool.exe",
        "ProcessCommandLine": command,
        "AccountName": "jdoe",
        "InitiatingProcessFileName": "agent.exe",
        "InitiatingProcessFolderPath": "C:\\Program Files\\Vendor\\agent.exe",
        "InitiatingProcessSignatureStatus": "",
        "InitiatingProcessAccountName": "jdoe",
        **more,
    }


def signal(rows: TableRows, at: Sequence[int], level: Level, technique: str, tactic: str, host: str) -> Detection:
    rule = Rule(id=f"r-{technique}", title=f"Rule {technique}", level=level)
    return Detection(
        rule=rule, statement=f"{technique} seen", techniques=tuple(technique.split()), tactics=(tactic,),
        rows=rows.refs(at), entities=(Entity(kind="host", value=host),),
    )  # fmt: skip


def findings(
    rows: Sequence[dict[str, Any]], *signals: tuple[Sequence[int], Level, str, str], table: str = TABLE
) -> tuple[Finding, ...]:
    collected = TableRows.collect(table, [("q1", pa.Table.from_pylist(list(rows)))])
    detections = tuple(signal(collected, at, *told, str(rows[at[0]]["DeviceName"])) for at, *told in signals)
    window = TimeWindow(start=START - timedelta(days=9), end=START + timedelta(days=1))
    case = CaseFile(Reading(window=window), Evidence([collected]), detections, (), {})
    return RulesAnalyst(AttackCatalog.bundled()).analyse(case).findings


def chain(
    minutes: Sequence[float], hosts: Sequence[str], kinds: Sequence[tuple[str, str]] = WEAK, accounts: str = "jdoe"
) -> tuple[Finding, ...]:
    who = [*accounts.split(), *[accounts.split()[-1]] * 4]
    rows = [
        process(host, at, f"tool.exe {n}", InitiatingProcessAccountName=who[n])
        for n, (host, at) in enumerate(zip(hosts, minutes, strict=True))
    ]
    return findings(rows, *(([n], "low", *kind) for n, kind in enumerate(kinds)))


def test_weak_signals_over_several_tactics_within_the_hour_are_a_medium_together() -> None:
    found = [one for one in chain([0, 10, 20, 40], ["ws-1"] * 4) if one.confidence != "Low"]
    assert [(one.confidence, one.title) for one in found] == [("Medium", "Several weak signals together on ws-1")]
    assert found[0].mitre.id == "T1105"
    assert len(found[0].evidence) == len(found[0].detections) == 4
    assert "4 weak signals over 4 tactics" in found[0].notes
    assert "within 40 minutes; each alone is Low" in found[0].notes


@pytest.mark.parametrize(
    ("minutes", "hosts", "kinds"),
    [
        ([0, 10, 20, 90], ["ws-1"] * 4, WEAK),
        ([0, 10, 20, 40], ["ws-1", "ws-1", "ws-1", "ws-2"], WEAK),
        ([0, 10, 20], ["ws-1"] * 3, WEAK[:3]),
        ([0, 10, 20, 40], ["ws-1"] * 4, [(id, "discovery") for id in ("T1033", "T1082", "T1016", "T1057")]),
        ([0, 10, 20, 40], ["ws-1"] * 4, [WEAK[0], WEAK[1], WEAK[2], WEAK[0]]),
    ],
    ids=["too slow", "two hosts", "too few", "one tactic", "one rule twice"],
)
def test_what_looks_like_a_chain_stays_low(minutes: Any, hosts: Any, kinds: Any) -> None:
    assert {one.confidence for one in chain(minutes, hosts, kinds)} == {"Low"}


QUIET = [("T1033", "discovery"), ("T1059.003", "execution"), ("T1082", "discovery"), ("T1027.004", "stealth")]


@pytest.mark.parametrize("accounts", ["SYSTEM", "WS-1$", "svc-inventory", "jdoe bob"])
def test_signals_of_the_system_of_services_and_of_several_people_are_no_chain(accounts: str) -> None:
    assert {one.confidence for one in chain([0, 10, 20, 40], ["ws-1"] * 4, WEAK, accounts)} == {"Low"}


def test_looking_around_and_running_something_is_no_chain() -> None:
    assert {one.confidence for one in chain([0, 10, 20, 40], ["ws-1"] * 4, QUIET)} == {"Low"}


def test_a_lone_weak_signal_is_a_note() -> None:
    assert [one.confidence for one in chain([0], ["ws-1"], WEAK[:1])] == ["Low"]


def test_where_something_stronger_is_found_the_chain_is_not_told_again() -> None:
    rows = [process(minutes=n, command=f"tool.exe {n}") for n in range(5)]
    found = findings(rows, *(([n], "low", *kind) for n, kind in enumerate(WEAK)), ([4], "high", "T1003.001", "x"))
    assert [one.confidence for one in found if one.confidence != "Low"] == ["High"]


def test_findings_on_one_host_in_one_hour_name_each_other() -> None:
    rows = [process(minutes=0), process(minutes=30, command="b"), process("ws-2", 40, "c"), process(minutes=300)]
    told = ("high", "T1003.001", "credential-access"), ("high", "T1021.002", "lateral-movement")
    found = findings(rows, ([0], *told[0]), ([1], *told[1]), ([2], "high", "T1105", "x"), ([3], "high", "T1485", "x"))
    named = {one.mitre.id: "One story with" in one.notes for one in found}
    assert named == {"T1003.001": True, "T1021.002": True, "T1105": False, "T1485": False}


USUAL = [process(f"ws-{n}", n) for n in range(12)]
SIGNED = {"InitiatingProcessSignatureStatus": "Valid"}
BY_BOB = [process("ws-0", -1440 * n, InitiatingProcessAccountName="bob", **SIGNED) for n in range(5)]
DISTRIBUTED = {
    "InitiatingProcessFileName": "CcmExec.exe",
    "InitiatingProcessFolderPath": "C:\\Windows\\CCM\\CcmExec.exe",
    "FolderPath": "C:\\Windows\\ccmcache\\1f\\setup.exe",
    "InitiatingProcessAccountName": "SYSTEM",
}


@pytest.mark.parametrize(
    ("rows", "level", "confidence", "reason"),
    [
        ([{**row, **SIGNED} for row in USUAL], "medium", "Low", "common: such lines on 12 of 12 hosts"),
        ([{**row, **SIGNED} for row in USUAL], "high", "High", "common: such lines on 12 of 12 hosts"),
        (USUAL, "medium", "Medium", "common: such lines on 12 of 12 hosts"),
        ([{**row, "ProcessCommandLine": f"tool.exe {'x' * n}"} for n, row in enumerate(USUAL)], "medium", "Medium",
         "rare: no other of 12 hosts"),
        (USUAL[:9], "medium", "Medium", "a rule of level medium"),
        ([*USUAL[1:], *BY_BOB], "medium", "Medium", "medium"),
        ([{**row, "InitiatingProcessAccountName": "svc-deploy"} for row in USUAL], "medium", "Medium",
         "done by the service account svc-deploy"),
        ([process(minutes=-1440 * n + n, InitiatingProcessAccountName="svc-deploy") for n in range(5)], "medium", "Low",
         "done by the service account svc-deploy, at the same hour day by day"),
        ([process(**DISTRIBUTED)], "medium", "Low", "done by software distribution or Windows Update"),
    ],
    ids=["signed and common", "high stays", "common alone", "rare", "too few hosts", "another host's habit",
         "named like a service", "service account on a schedule", "software distribution"],
)  # fmt: skip
def test_only_a_medium_that_two_things_speak_for_is_lowered_and_says_why(
    rows: list[dict[str, Any]], level: Level, confidence: str, reason: str
) -> None:
    (found,) = findings(rows, ([0], level, "T1059", "execution"))
    assert found.confidence == confidence
    assert reason in found.notes


def test_a_technique_that_attack_does_not_know_is_said_and_the_next_is_taken() -> None:
    collected = TableRows.collect(TABLE, [("q1", pa.Table.from_pylist([process()]))])
    odd = signal(collected, [0], "high", "T9999", "execution", "ws-1")
    odd = odd.model_copy(update={"techniques": ("T9999", "T1059")})
    window = TimeWindow(start=START, end=START + timedelta(days=1))
    case = CaseFile(Reading(window=window), Evidence([collected]), (odd,), (), {})
    analysis = RulesAnalyst(AttackCatalog.bundled()).analyse(case)
    assert analysis.findings[0].mitre.id == "T1059"
    assert analysis.warnings == ("T9999 of the rule “Rule T9999” is no technique of ATT&CK 19.",)


def agent(folder: str) -> dict[str, Any]:
    return process(InitiatingProcessFileName="CcmExec.exe", InitiatingProcessFolderPath=f"{folder}\\CcmExec.exe")


def test_what_a_management_agent_does_from_its_own_folder_is_low() -> None:
    (found,) = findings([agent("C:\\Windows\\CCM")], ([0], "medium", "T1082", "discovery"))
    assert found.confidence == "Low"
    assert "management agent ccmexec.exe" in found.notes


def test_the_name_of_an_agent_elsewhere_lowers_nothing() -> None:
    (found,) = findings([agent("C:\\Users\\jdoe")], ([0], "medium", "T1082", "discovery"))
    assert found.confidence == "Medium"


def test_how_a_thing_was_run_joins_the_finding_of_what_it_did() -> None:
    rows = [process("ws-1", 0, "certutil.exe -urlcache"), process("ws-1", 1, "other.exe")]
    dump = ([0], "high", "T1003.001", "credential-access")
    (found,) = findings(rows, dump, ([0], "medium", "T1105", "command-and-control"))
    assert found.mitre.id == "T1003.001"
    assert {rule.id for rule in found.detections} == {"r-T1003.001", "r-T1105"}
    assert "attack.t1105" not in found.tags
    assert "Means: Rule T1105, T1105." in found.notes


def test_a_finding_claims_what_its_surest_rules_show_and_tells_the_rest_in_the_notes() -> None:
    rows = [process(minutes=n, command=f"tool.exe {n}") for n in range(3)]
    found, *_ = findings(
        rows,
        ([0], "high", "T1059.001 T1562.001 T9999", "execution"),
        ([1], "medium", "T1059.001 T1059 T1620", "execution"),
        ([2], "low", "T1059.001 T1033", "discovery"),
    )
    assert [tag for tag in found.tags if tag.startswith("attack.t")] == [
        "attack.t1059.001",
        "attack.t1685",
        "attack.t1620",
    ]
    assert "Related, not claimed: T1033." in found.notes


def test_a_chain_claims_the_technique_of_the_signal_furthest_into_an_intrusion_alone() -> None:
    found = next(one for one in chain([0, 10, 20, 40], ["ws-1"] * 4) if one.confidence != "Low")
    assert [tag for tag in found.tags if tag.startswith("attack.t")] == ["attack.t1105"]
    assert "Related, not claimed: T1033, T1059.003, T1053.005." in found.notes


@pytest.mark.parametrize(
    ("means", "level"),
    [(([1], "T1105"), "medium"), (([0], "T1105"), "critical"), (([0], "T1021.002"), "medium")],
    ids=["of another row", "surer", "no mere means"],
)
def test_what_stands_for_itself_stays_a_finding(means: tuple[list[int], str], level: Any) -> None:
    rows = [process("ws-1", 0, "certutil.exe -urlcache"), process("ws-1", 1, "other.exe")]
    dump = ([0], "high" if level != "critical" else "medium", "T1003.001", "credential-access")
    found = findings(rows, dump, (means[0], level, means[1], "command-and-control"))
    assert {one.mitre.id for one in found} == {"T1003.001", means[1]}


def test_an_alert_leads_with_what_its_product_says() -> None:
    alerts = TableRows.collect(
        "AlertInfo",
        [("q1", pa.Table.from_pylist([
            {"TimeGenerated": START, "AlertId": "a1", "Title": "Odd task", "Severity": "High",
             "AttackTechniques": '["Scheduled Task (T1053.005)", "Impair Defenses"]'},
        ]))],
    )  # fmt: skip
    things = TableRows.collect(
        "AlertEvidence",
        [("q2", pa.Table.from_pylist([
            {"TimeGenerated": START, "AlertId": "a1", "DeviceName": "ws-9", "AccountName": "jdoe", "SHA256": None},
            {"TimeGenerated": START, "AlertId": "a2", "DeviceName": "ws-1", "AccountName": "bob", "SHA256": None},
        ]))],
    )  # fmt: skip
    fired = signal(alerts, [0], "high", "T1547", "persistence", "unused").model_copy(
        update={"entities": (Entity(kind="resource", value="Odd task"),)}
    )
    window = TimeWindow(start=START, end=START + timedelta(days=1))
    case = CaseFile(Reading(window=window), Evidence([alerts, things]), (fired,), (), {})
    (found,) = RulesAnalyst(AttackCatalog.bundled()).analyse(case).findings
    assert found.title == "Odd task (high alert) on ws-9"
    assert found.mitre.id == "T1053.005"
    assert [tag for tag in found.tags if tag.startswith("attack.t")] == ["attack.t1053.005", "attack.t1685"]
    assert {(one.kind, one.value) for one in found.entities} == {
        ("host", "ws-9"), ("account", "jdoe"),
    }  # fmt: skip


def by_technique(found: Sequence[Finding]) -> dict[str, str]:
    return {finding.title.partition(" on ")[0].removeprefix("Rule "): finding.mitre.id for finding in found}


@pytest.mark.parametrize("vague", ["T1059", "T1071.001", "T1102", "T1571"])
def test_a_channel_or_an_interpreter_is_not_claimed_beside_what_it_was_used_for(vague: str) -> None:
    rows = [process("ws-1", 0), process("ws-1", 5, "other.exe")]
    found = findings(rows, ([0], "high", "T1003.001", "credential-access"), ([1], "medium", vague, "execution"))
    assert by_technique(found) == {"T1003.001": "T1003.001", vague: ""}
    (alone,) = (one for one in found if not one.mitre.id)
    assert f"Part of more, not claimed by itself: {vague}." in alone.notes
    assert f"attack.{vague.lower()}" not in alone.tags
    assert alone.mitre.tactic


@pytest.mark.parametrize(
    ("host", "minutes", "level", "beside"),
    [
        ("ws-2", 5, "high", "T1003.001"),
        ("ws-1", 90, "high", "T1003.001"),
        ("ws-1", 5, "low", "T1003.001"),
        ("ws-1", 5, "high", "T1071.001"),
    ],
    ids=["another host", "another hour", "less sure", "as vague"],
)
def test_it_is_claimed_where_nothing_of_its_story_tells_more(
    host: str, minutes: float, level: Level, beside: str
) -> None:
    rows = [process("ws-1", 0), process(host, minutes, "other.exe")]
    found = findings(rows, ([0], "medium", "T1059", "execution"), ([1], level, beside, "credential-access"))
    assert by_technique(found)["T1059"] == "T1059"


@pytest.mark.parametrize("sub", ["T1059.001", "T1059.005"])
def test_which_interpreter_it_was_is_claimed(sub: str) -> None:
    rows = [process("ws-1", 0), process("ws-1", 5, "other.exe")]
    found = findings(rows, ([0], "high", "T1003.001", "credential-access"), ([1], "medium", sub, "execution"))
    assert by_technique(found)[sub] == sub


def test_an_interpreter_among_other_techniques_of_one_finding_is_not_claimed() -> None:
    (found,) = findings([process()], ([0], "high", "T1021.006 T1059", "lateral-movement"))
    assert (found.mitre.id, [tag for tag in found.tags if "t1059" in tag]) == ("T1021.006", [])


@pytest.mark.parametrize(("table", "claimed"), [("DeviceNetworkEvents", ""), (TABLE, "T1055")])
def test_an_injection_guessed_of_a_connection_is_not_claimed_beside_what_was_seen(table: str, claimed: str) -> None:
    rows = [process("ws-1", 0), process("ws-1", 5, "other.exe")]
    told = ([0], "high", "T1021.002", "lateral-movement"), ([1], "medium", "T1055", "stealth")
    assert by_technique(findings(rows, *told, table=table))["T1055"] == claimed
