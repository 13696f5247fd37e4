"""A session of work, a keeper of the host and one's own device speak for ordinary work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.state.findings import Detection, Level, Rule
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.reasoning.by_rules.ordinary import weighed

START = datetime(2026, 3, 4, 9, tzinfo=UTC)
PROCESSES, DIRECTORY, SIGN_INS, AZURE = "DeviceProcessEvents", "AuditLogs", "SigninLogs", "AzureActivity"
Row = dict[str, Any]
Cited = tuple[str, int, Level, str]
"""The table and place of a row that a signal cites, its level and its technique."""
PLAIN = [f"ping.exe host{letter}" for letter in "abcdefghijklmnopqrst"]
TASK = "schtasks.exe /create /tn Nightly /tr D:\\ops\\nightly.exe /sc daily"


def weigh(tables: Mapping[str, Sequence[Row]], *cited: Cited) -> list[Level]:
    """Return the levels of signals on rows as they are weighed together."""
    collected = {
        name: TableRows.collect(name, [("q1", pa.Table.from_pylist(list(rows)))]) for name, rows in tables.items()
    }
    signals = [
        Detection(
            rule=Rule(id=f"r{number}", title="Rule", level=level),
            statement="seen",
            techniques=(technique,),
            rows=collected[table].refs([row]),
        )
        for number, (table, row, level, technique) in enumerate(cited)
    ]
    return [each.level for each in weighed(signals, Evidence(collected.values()))]


def typed(command: str, minute: float = 0, **more: Any) -> Row:
    return {
        "TimeGenerated": START + timedelta(minutes=minute),
        "DeviceName": "srv-1",
        "FileName": command.split(" ")[0],
        "FolderPath": "C:\\Windows\\System32\\" + command.split(" ")[0],
        "ProcessCommandLine": command,
        "InitiatingProcessAccountName": "adm-jo",
        "InitiatingProcessFileName": "cmd.exe",
        "InitiatingProcessFolderPath": "C:\\Windows\\System32\\cmd.exe",
        "InitiatingProcessCommandLine": '"C:\\Windows\\System32\\cmd.exe"',
        "InitiatingProcessParentFileName": "explorer.exe",
        "InitiatingProcessId": 812,
    } | more


def console(*flagged: str, plain: int = 12, **more: Any) -> dict[str, list[Row]]:
    return {PROCESSES: [typed(each, at, **more) for at, each in enumerate([*flagged, *PLAIN[:plain]])]}


SIGNAL: Cited = (PROCESSES, 0, "medium", "T1053.005")


def test_one_signal_among_many_plain_commands_of_a_console_is_work() -> None:
    assert weigh(console(TASK), SIGNAL) == ["low"]


def test_few_plain_commands_do_not_explain_a_signal() -> None:
    assert weigh(console(TASK, plain=4), SIGNAL) == ["low"]
    assert weigh(console(TASK, plain=3), SIGNAL) == ["medium"]


def test_the_same_command_again_counts_once() -> None:
    rows = console(TASK, plain=3)[PROCESSES]
    assert weigh({PROCESSES: [*rows, *rows[1:] * 5]}, SIGNAL) == ["medium"]


def test_every_signal_of_a_session_must_be_outweighed() -> None:
    three = [(PROCESSES, at, "medium", technique) for at, technique in enumerate(("T1053.005", "T1543.003", "T1046"))]
    flagged = (TASK, "sc.exe create Acme", "nmap.exe -sn 10.0.0.0/24")
    assert weigh(console(*flagged, plain=12), *three) == ["low"] * 3
    assert weigh(console(*flagged, plain=11), *three) == ["medium"] * 3


def test_a_high_needs_twice_as_much() -> None:
    high: Cited = (PROCESSES, 0, "high", "T1053.005")
    assert weigh(console(TASK, plain=8), high) == ["low"]
    assert weigh(console(TASK, plain=7), high) == ["high"]


def test_weak_signals_are_no_plain_commands() -> None:
    weak = [(PROCESSES, at, "low", "T1082") for at in range(1, 13)]
    assert weigh(console(TASK), SIGNAL, *weak)[0] == "medium"


@pytest.mark.parametrize(
    ("grave", "level", "technique"),
    [
        ("reg.exe save HKLM\\SECURITY x", "medium", "T1003.004"),
        ("powershell.exe -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA", "medium", "T1059.001"),
        ("ping.exe odd", "critical", "T1059"),
        ("copier.exe D:\\shares remote:", "high", "T1567.002"),
    ],
    ids=["credentials", "hidden", "critical", "carried out"],
)
def test_a_session_with_something_that_no_work_explains_explains_nothing(
    grave: str, level: Level, technique: str
) -> None:
    rows = console(TASK, grave, plain=len(PLAIN))
    assert weigh(rows, SIGNAL, (PROCESSES, 1, level, technique)) == ["medium", level]


@pytest.mark.parametrize(
    "more",
    [
        {"InitiatingProcessCommandLine": "cmd.exe /c run.cmd"},
        {"InitiatingProcessCommandLine": "powershell.exe -nop -w hidden"},
        {"InitiatingProcessCommandLine": ""},
        {"InitiatingProcessParentFileName": "winword.exe"},
        {"InitiatingProcessAccountName": "system"},
    ],
    ids=["script", "hidden", "untold", "opened by a document", "system"],
)
def test_only_a_console_that_a_person_opened_is_a_session(more: Row) -> None:
    assert weigh(console(TASK, **more), SIGNAL) == ["medium"]


def test_what_another_console_or_another_hour_did_explains_nothing() -> None:
    others = [typed(each, at, InitiatingProcessId=99) for at, each in enumerate(PLAIN)]
    yesterday = [typed(each, at - 1_440) for at, each in enumerate(PLAIN)]
    assert weigh({PROCESSES: [typed(TASK), *others, *yesterday]}, SIGNAL) == ["medium"]


def test_of_an_actor_with_too_many_rows_to_compare_no_session_is_told() -> None:
    busy = [typed("ping.exe hosta", 300) for _ in range(5_000)]
    assert weigh({PROCESSES: [*console(TASK)[PROCESSES], *busy]}, SIGNAL) == ["medium"]
    assert weigh({PROCESSES: [*console(TASK)[PROCESSES], *busy[:100]]}, SIGNAL) == ["low"]


def changed(operation: str, minute: float = 0, by: str = "adm@contoso.com", target: str = "Portal", **more: Any) -> Row:
    thing = {"type": "Application", "id": target, "displayName": target}
    return {
        "TimeGenerated": START + timedelta(minutes=minute),
        "OperationName": operation,
        "Result": "success",
        "InitiatedBy": json.dumps({"user": {"userPrincipalName": by, "ipAddress": "198.51.100.7"}}),
        "TargetResources": json.dumps([thing]),
    } | more


def test_a_change_among_more_plain_changes_by_the_same_account_and_address_is_work() -> None:
    rows = [changed("Reset security info"), changed("Add user"), changed("Change license"), changed("Update user")]
    signal: Cited = (DIRECTORY, 0, "medium", "T1098")
    assert weigh({DIRECTORY: rows}, signal) == ["low"]
    assert weigh({DIRECTORY: rows[:3]}, signal) == ["medium"]
    assert weigh({DIRECTORY: [rows[0], *(row | {"Result": "failure"} for row in rows[1:])]}, signal) == ["medium"]
    others = [changed(row["OperationName"], by="eve@contoso.com") for row in rows[1:]]
    assert weigh({DIRECTORY: [rows[0], *others]}, signal) == ["medium"]


def signed_in(ip: str, managed: bool, result: str = "0", **more: Any) -> Row:
    device = {"deviceId": "d-1", "isManaged": managed, "isCompliant": managed}
    return {
        "TimeGenerated": START,
        "UserPrincipalName": "dev@contoso.com",
        "IPAddress": ip,
        "ResultType": result,
        "DeviceDetail": json.dumps(device),
    } | more


def test_a_sign_in_from_a_managed_device_or_its_address_is_ones_own() -> None:
    signal: Cited = (SIGN_INS, 0, "medium", "T1078.004")
    own = signed_in("198.51.100.7", True)
    assert weigh({SIGN_INS: [own]}, signal) == ["low"]
    assert weigh({SIGN_INS: [signed_in("198.51.100.7", False), own]}, signal) == ["low"]
    assert weigh({SIGN_INS: [signed_in("203.0.113.9", False), own]}, signal) == ["medium"]
    assert weigh({SIGN_INS: [signed_in("198.51.100.7", False), own | {"ResultType": "50126"}]}, signal) == ["medium"]
    assert weigh({SIGN_INS: [own]}, (SIGN_INS, 0, "high", "T1078.004")) == ["high"]


def test_an_operation_from_the_address_of_ones_managed_device_is_ones_own() -> None:
    row = {
        "TimeGenerated": START,
        "Caller": "dev@contoso.com",
        "CallerIpAddress": "198.51.100.7",
        "OperationNameValue": "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
        "ActivityStatusValue": "Success",
    }
    signal: Cited = (AZURE, 0, "medium", "T1552")
    assert weigh({AZURE: [row], SIGN_INS: [signed_in("198.51.100.7", True)]}, signal) == ["low"]
    assert weigh({AZURE: [row], SIGN_INS: [signed_in("203.0.113.9", True)]}, signal) == ["medium"]
    late = signed_in("198.51.100.7", True, TimeGenerated=START - timedelta(days=2))
    assert weigh({AZURE: [row], SIGN_INS: [late]}, signal) == ["medium"]


TASK_HOST = {
    "InitiatingProcessFileName": "svchost.exe",
    "InitiatingProcessFolderPath": "C:\\Windows\\System32\\svchost.exe",
    "InitiatingProcessCommandLine": "svchost.exe -k netsvcs -p -s Schedule",
    "InitiatingProcessAccountName": "system",
}
PACKAGES = {
    "InitiatingProcessFileName": "python3.11",
    "InitiatingProcessFolderPath": "/usr/bin/python3.11",
    "InitiatingProcessCommandLine": "/usr/bin/python3.11 /usr/bin/unattended-upgrade",
    "InitiatingProcessAccountName": "root",
    "FolderPath": "/usr/bin/dpkg",
}


@pytest.mark.parametrize("keeper", [TASK_HOST, PACKAGES], ids=["scheduler", "package manager"])
def test_what_keeps_a_host_running_is_a_proof_for_the_work_of_agents(keeper: Row) -> None:
    row = typed("systeminfo.exe", **keeper)
    assert weigh({PROCESSES: [row]}, (PROCESSES, 0, "medium", "T1082")) == ["low"]
    assert weigh({PROCESSES: [row]}, (PROCESSES, 0, "high", "T1082")) == ["high"]
    assert weigh({PROCESSES: [row]}, (PROCESSES, 0, "medium", "T1136.001")) == ["medium"]


@pytest.mark.parametrize(
    ("keeper", "more"),
    [
        (TASK_HOST, {"InitiatingProcessFolderPath": "C:\\Users\\Public\\svchost.exe"}),
        (TASK_HOST, {"InitiatingProcessCommandLine": "svchost.exe"}),
        (TASK_HOST, {"FolderPath": "C:\\ProgramData\\a.exe"}),
        (TASK_HOST, {"FileName": "powershell.exe"}),
        (PACKAGES, {"InitiatingProcessCommandLine": "/usr/bin/python3.11 /tmp/a.py"}),
        (PACKAGES, {"InitiatingProcessCommandLine": "/usr/bin/python3.11 -c import os"}),
        (PACKAGES, {"InitiatingProcessFolderPath": "/usr/bin/bash", "InitiatingProcessCommandLine": "bash"}),
        (PACKAGES, {"InitiatingProcessFolderPath": "/usr/sbin/apache2"}),
        (PACKAGES, {"InitiatingProcessAccountName": "jo"}),
    ],
)
def test_what_only_looks_like_a_keeper_or_runs_what_others_wrote_is_none(keeper: Row, more: Row) -> None:
    row = typed("systeminfo.exe", **{**keeper, **more})
    assert weigh({PROCESSES: [row]}, (PROCESSES, 0, "medium", "T1082")) == ["medium"]


def operation(name: str, minute: float, by: str = "dev@contoso.com", app: str = "shop-api", **more: Any) -> Row:
    return {
        "TimeGenerated": START + timedelta(minutes=minute),
        "OperationName": name,
        "Result": "success",
        "InitiatedBy": json.dumps({"user": {"userPrincipalName": by}}),
        "TargetResources": json.dumps([{"displayName": app, "type": "Application"}]),
    } | more


SECRET = "Update application - Certificates and secrets management "
PIPELINE = {"InitiatedBy": json.dumps({"app": {"displayName": "deploy", "servicePrincipalId": "p-1"}})}
GRANT = "Add app role assignment to service principal"


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        ([operation("Add application", 0), operation(SECRET, 9)], "low"),
        ([{**operation(name, at), **PIPELINE} for at, name in enumerate(("Add application", SECRET))], "low"),
        ([operation("Add application", 0), {**operation(SECRET, 9), **PIPELINE}], "high"),
        ([operation("Add application", 0, by="eve@contoso.com"), operation(SECRET, 9)], "high"),
        ([operation("Add application", 0, app="other"), operation(SECRET, 9)], "high"),
        ([operation("Add application", -2000), operation(SECRET, 9)], "high"),
        ([operation("Add application", 10), operation(SECRET, 9)], "high"),
    ],
)
def test_the_first_secret_of_one_s_own_application(rows: list[Row], level: Level) -> None:
    assert weigh({DIRECTORY: rows}, (DIRECTORY, 1, "high", "T1098.001")) == [level]


def test_a_new_application_that_is_given_rights_is_not_explained() -> None:
    rows = [operation("Add application", 0), operation(SECRET, 9), operation(GRANT, 12)]
    cited: list[Cited] = [(DIRECTORY, 1, "high", "T1098.001"), (DIRECTORY, 2, "high", "T1098.003")]
    assert weigh({DIRECTORY: rows}, *cited) == ["high", "high"]
