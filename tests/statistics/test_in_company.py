"""What several rows or tables tell together: accounts of machines borrowed, names made up, things carried off."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa
import pytest

from soc_analyst.tools.evidence import Evidence, TableRows

from .rows import Row, at, found, levels

ITSELF, EMPTIED = "stat-machine-account-against-itself", "stat-secure-channel-emptied"
COPIED, PASSED = "stat-controller-account-from-elsewhere", "stat-machine-account-passed-on"
SHUT, HELD = "stat-disabled-account-at-many-applications", "stat-right-password-held-at-many-applications"
AGAIN, GENERATED, CHAIN = "stat-denied-role-asked-again", "stat-generated-names", "stat-desktops-opened-onwards"
FEIGNED = "stat-directory-copied-from-a-workstation"
STICK, OVER = "stat-archives-carried-off", "stat-service-program-written-over"


def ntlm(seconds: float, account: str, host: str, name: str = "", ip: str = "10.0.0.9") -> Row:
    return at(seconds, DeviceName=host, AccountName=account, LogonType="Network", ActionType="LogonSuccess",
              Protocol="NTLM", RemoteIP=ip, RemoteDeviceName=name)  # fmt: skip


def of(table: str, rows: list[Row], *ids: str) -> dict[str, str]:
    return {key: level for key, level in levels(table, rows).items() if key in ids}


@pytest.mark.parametrize(("rows", "expected"), [
    ([ntlm(0, "FS1$", "fs1.corp.local", "LT204")], {ITSELF: "medium"}),
    ([ntlm(0, "FS1$", "fs1.corp.local", "FS1")], {}),
    ([*(ntlm(i, "ANONYMOUS LOGON", "fs1") for i in range(3)), ntlm(9, "FS1$", "fs1")], {EMPTIED: "high"}),
    ([*(ntlm(i, "ANONYMOUS LOGON", "fs1", ip="10.0.0.8") for i in range(3)), ntlm(9, "FS1$", "fs1")], {}),
    ([ntlm(0, "DC2$", "corp-dc1", "LT204")], {COPIED: "high"}),
    ([ntlm(0, "DC2$", "corp-dc1", "BDC3")], {}),
    ([ntlm(0, "ana", "fs1", "LT204"), ntlm(60, "CA1$", "fs1", "CA1")], {PASSED: "medium"}),
    ([ntlm(0, "ana", "fs1", "CA1"), ntlm(60, "CA1$", "fs1", "CA1")], {}),
    ([ntlm(0, "ana", "fs1", "LT204"), ntlm(6000, "CA1$", "fs1", "CA1")], {}),
])  # fmt: skip
def test_the_account_of_a_machine_is_borrowed(rows: list[Row], expected: dict[str, str]) -> None:
    assert of("DeviceLogonEvents", rows, ITSELF, EMPTIED, COPIED, PASSED) == expected


def refused(number: int, result: str, **more: object) -> Row:
    known = {"UserPrincipalName": "ana@contoso.com", "ResultType": result, "IPAddress": "203.0.113.7",
             "AppDisplayName": f"app{number}", "IsInteractive": "True", "DeviceDetail": '{"deviceId": ""}'}  # fmt: skip
    return at(number * 60, **known | more)


@pytest.mark.parametrize(("result", "applications", "more", "expected"), [
    ("50057", 4, {}, {SHUT: "medium"}),
    ("50057", 3, {}, {}),
    ("53003", 5, {}, {HELD: "medium"}),
    ("53003", 5, {"IsInteractive": "False"}, {}),
    ("53003", 5, {"DeviceDetail": json.dumps({"deviceId": "d1", "isCompliant": False})}, {}),
    ("53003", 5, {"AppDisplayName": "Teams"}, {}),
    ("50126", 5, {}, {}),
])  # fmt: skip
def test_refusals_at_application_after_application(
    result: str, applications: int, more: dict[str, object], expected: dict[str, str]
) -> None:
    assert of("SigninLogs", [refused(i, result, **more) for i in range(applications)], SHUT, HELD) == expected


@pytest.mark.parametrize(("gap", "users", "expected"), [
    (600, ("ana", "ana"), {AGAIN: "medium"}), (9000, ("ana", "ana"), {}), (600, ("ana", "bo"), {}),
])  # fmt: skip
def test_a_denied_role_is_asked_again(gap: float, users: tuple[str, str], expected: dict[str, str]) -> None:
    rows = [
        at(i * gap, OperationName="Add member to role request denied (PIM activation)", Result="success",
           InitiatedBy="{}", TargetResources=json.dumps([{"type": "User", "userPrincipalName": f"{user}@contoso.com"}]))
        for i, user in enumerate(users)
    ]  # fmt: skip
    assert of("AuditLogs", rows, AGAIN) == expected


MADE_UP = ("qzvxkrtwplm.net", "bdfgtrkwqpa.com", "wrtzxvbnmkp.biz", "http://kjhgfdwqrtu.org/x")


@pytest.mark.parametrize(("names", "program", "expected"), [
    (MADE_UP, "upd.exe", {GENERATED: "medium"}),
    (MADE_UP[:3], "upd.exe", {}),
    (MADE_UP, "chrome.exe", {}),
    (("googlesyndication.com", "doubleclick.net", "scorecardresearch.com", "windowsupdate.com"), "upd.exe", {}),
])  # fmt: skip
def test_names_that_a_formula_made(names: tuple[str, ...], program: str, expected: dict[str, str]) -> None:
    rows = [at(i * 20 + i * i, DeviceName="ws1", RemoteUrl=name, InitiatingProcessFileName=program)
            for i, name in enumerate(names)]  # fmt: skip
    assert of("DeviceNetworkEvents", rows, GENERATED) == expected


def case(**tables: Iterable[Row]) -> Evidence:
    return Evidence([
        TableRows.collect(name, [("q1", pa.table({key: [row.get(key) for row in rows] for key in rows[0]}))])
        for name, rows in ((name, list(listed)) for name, listed in tables.items())
    ])  # fmt: skip


@pytest.mark.parametrize(("plugged", "copier", "expected"), [
    (-60, "robocopy.exe", {STICK: "medium"}), (-9000, "robocopy.exe", {}), (-60, "explorer.exe", {}),
])  # fmt: skip
def test_archives_are_carried_off(plugged: float, copier: str, expected: dict[str, str]) -> None:
    key = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Enum\USBSTOR\Disk&Ven_A\1"
    files = [at(i, DeviceName="ws1", ActionType="FileCreated", FolderPath=rf"F:\x\{i}.zip", FileName=f"{i}.zip",
                InitiatingProcessFileName=copier) for i in range(3)]  # fmt: skip
    keys = [at(plugged, DeviceName="ws1", ActionType="RegistryValueSet", RegistryKey=key)]
    told = found(case(DeviceFileEvents=files, DeviceRegistryEvents=keys))
    assert {each.rule.id: each.rule.level for each in told if each.rule.id == STICK} == expected


@pytest.mark.parametrize(("child", "starter", "expected"), [
    ("net.exe", "services.exe", {OVER: "high"}), ("svc-child.exe", "services.exe", {}), ("net.exe", "explorer.exe", {}),
])  # fmt: skip
def test_the_program_of_a_service_is_written_over(child: str, starter: str, expected: dict[str, str]) -> None:
    path, system = r"C:\Program Files\Acme\svc.exe", "C:\\Windows\\System32\\"
    files = [at(0, DeviceName="ws1", ActionType="FileModified", FolderPath=path, FileName="svc.exe",
                InitiatingProcessFolderPath=system + "cmd.exe")]  # fmt: skip
    started = [
        at(60, DeviceName="ws1", FolderPath=path, FileName="svc.exe", InitiatingProcessFolderPath=system + starter),
        at(62, DeviceName="ws1", FolderPath=system + child, FileName=child, InitiatingProcessFolderPath=path),
    ]
    told = found(case(DeviceFileEvents=files, DeviceProcessEvents=started))
    assert {each.rule.id: each.rule.level for each in told if each.rule.id == OVER} == expected


def desktop(seconds: float, action: str, account: str, **more: object) -> Row:
    return at(seconds, DeviceName="srv3", ActionType=action, LogonType="RemoteInteractive", AccountName=account, **more)


@pytest.mark.parametrize(("account", "targets", "entered", "expected"), [
    ("administrator", ("sql1", "dc1"), True, {CHAIN: "medium"}),
    ("administrator", ("sql1",), True, {}),
    ("administrator", ("sql1", "dc1"), False, {}),
    ("ana", ("sql1", "dc1"), True, {}),
])  # fmt: skip
def test_desktops_are_opened_onwards(
    account: str, targets: tuple[str, ...], entered: bool, expected: dict[str, str]
) -> None:
    rows = [desktop(0, "LogonSuccess", "adm", RemoteIP="10.0.0.9")] if entered else []
    rows += [desktop(60 * i + 60, "LogonAttempted", account, RemoteDeviceName=name,
                     InitiatingProcessFileName="mstsc.exe", InitiatingProcessAccountName="adm")
             for i, name in enumerate(targets)]  # fmt: skip
    assert of("DeviceLogonEvents", rows, CHAIN) == expected


@pytest.mark.parametrize(("host", "account", "port", "expected"), [
    ("DC1", "WS7$", 135, {FEIGNED: "medium"}), ("DC1", "DC2$", 135, {}), ("DC1", "WS7$", 389, {}),
    ("fs1", "WS7$", 135, {}), ("DC1", "ana", 135, {}),
])  # fmt: skip
def test_a_controller_fetches_from_a_workstation(host: str, account: str, port: int, expected: dict[str, str]) -> None:
    logons = [at(0, DeviceName=host, AccountName=account, ActionType="LogonSuccess", RemoteIP="10.0.0.9")]
    calls = [at(60, DeviceName=host, ActionType="ConnectionSuccess", RemoteIP="10.0.0.9", RemotePort=port,
                InitiatingProcessFileName="lsass.exe")]  # fmt: skip
    told = found(case(DeviceLogonEvents=logons, DeviceNetworkEvents=calls))
    assert {each.rule.id: each.rule.level for each in told if each.rule.id == FEIGNED} == expected
