"""What happens on a machine right after somebody came to it from another one."""

from __future__ import annotations

import ntpath

import pytest

from soc_analyst.tools.proof.claims import check

from .rows import Row, at, found
from .test_in_company import case

STARTED, PLANTED = "stat-program-started-from-afar", "stat-program-run-where-planted"
SERVICE, BRIEF = "stat-service-made-for-arrival", "stat-task-come-and-gone"
OURS = {STARTED, PLANTED, SERVICE, BRIEF}
ODD, SERVICES, DAY = r"C:\ProgramData\Hlp\hlp.exe", r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services", 86_400.0
TASKS = "C:\\Windows\\System32\\Tasks\\"


def came(seconds: float, account: str = "ana", host: str = "srv1", ip: str = "10.0.0.9", kind: str = "Network") -> Row:
    return at(seconds, DeviceName=f"{host}.corp.example", AccountName=account, LogonType=kind, RemoteIP=ip,
              ActionType="LogonSuccess")  # fmt: skip


def ran(seconds: float, path: str, parent: str, line: str = "", account: str = "ana") -> Row:
    return at(seconds, DeviceName="srv1", FolderPath=path, FileName=ntpath.basename(path), AccountName=account,
              InitiatingProcessFileName=parent, InitiatingProcessCommandLine=line, ProcessCommandLine=path)  # fmt: skip


def registered(seconds: float, image: str = ODD, name: str = "Hlp") -> Row:
    return at(seconds, DeviceName="srv1", ActionType="RegistryValueSet", RegistryKey=rf"{SERVICES}\{name}",
              RegistryValueName="ImagePath", RegistryValueData=image,
              InitiatingProcessFileName="services.exe")  # fmt: skip


def wrote(seconds: float, path: str, action: str = "FileCreated", by: str = "System") -> Row:
    return at(seconds, DeviceName="srv1", ActionType=action, FolderPath=path, FileName=ntpath.basename(path),
              InitiatingProcessFileName=by)  # fmt: skip


def told(**tables: list[Row]) -> dict[str, tuple[str, ...]]:
    rows = case(**{name: listed for name, listed in tables.items() if listed})
    ours = [each for each in found(rows) if each.rule.id in OURS]
    for each in ours:
        assert each.rule.level == "medium"
        assert len(each.rows) <= 12
        assert all(check(claim, rows, {}).verified for claim in each.claims)
    return {each.rule.id: each.techniques for each in ours}


@pytest.mark.parametrize(("logons", "start", "expected"), [
    ([came(0)], ran(30, ODD, "WmiPrvSE.exe"), {STARTED: ("T1047",)}),
    ([came(0)], ran(30, ODD, "wsmprovhost.exe"), {STARTED: ("T1021.006",)}),
    ([came(0)], ran(30, ODD, "mmc.exe", "mmc.exe -Embedding"), {STARTED: ("T1021.003",)}),
    ([came(0)], ran(30, ODD, "svchost.exe", "svchost.exe -k netsvcs -s Schedule"), {STARTED: ("T1053.005",)}),
    ([came(0)], ran(30, ODD, "mmc.exe", "mmc.exe services.msc"), {}),
    ([came(0)], ran(30, r"C:\Program Files\Acme\a.exe", "WmiPrvSE.exe"), {}),
    ([came(0)], ran(30, r"C:\Windows\ccmsetup\ccmsetup.exe", "WmiPrvSE.exe"), {}),
    ([came(0)], ran(300, ODD, "WmiPrvSE.exe"), {}),
    ([came(0, "bo")], ran(30, ODD, "WmiPrvSE.exe"), {}),
    ([came(0, ip="127.0.0.1")], ran(30, ODD, "WmiPrvSE.exe"), {}),
    ([came(-600, kind="Interactive"), came(0)], ran(30, ODD, "WmiPrvSE.exe"), {}),
    ([came(-d * DAY) for d in range(4)], ran(30, ODD, "WmiPrvSE.exe"), {}),
    ([came(-d * DAY, host=f"h{n}") for d in (1, 2, 3) for n in range(8)] + [came(0)],
     ran(30, ODD, "WmiPrvSE.exe"), {}),
])  # fmt: skip
def test_a_program_starts_for_who_came(logons: list[Row], start: Row, expected: dict[str, tuple[str, ...]]) -> None:
    assert told(DeviceLogonEvents=logons, DeviceProcessEvents=[start]) == expected


def test_a_program_that_ran_there_before_is_not_told() -> None:
    starts = [ran(-4000, ODD, "WmiPrvSE.exe"), ran(30, ODD, "WmiPrvSE.exe")]
    assert told(DeviceLogonEvents=[came(0)], DeviceProcessEvents=starts) == {}


@pytest.mark.parametrize(("key", "maker", "expected"), [
    (registered(20), [], {SERVICE}),
    (registered(20), [ran(5, r"C:\Windows\System32\sc.exe", "cmd.exe")], set()),
    (registered(20, r"C:\Program Files\Acme\a.exe"), [], set()),
    (registered(20, r"C:\ProgramData\Hlp\hlp.sys"), [], set()),
    (registered(90), [], set()),
])  # fmt: skip
def test_a_service_is_made_by_nobody_there(key: Row, maker: list[Row], expected: set[str]) -> None:
    assert set(told(DeviceLogonEvents=[came(0)], DeviceRegistryEvents=[key], DeviceProcessEvents=maker)) == expected


def test_a_service_made_for_a_connection_to_the_service_manager() -> None:
    call = at(0, DeviceName="srv1", RemoteIP="10.0.0.9", LocalPort=49670, ActionType="InboundConnectionAccepted",
              InitiatingProcessFileName="services.exe")  # fmt: skip
    assert set(told(DeviceNetworkEvents=[call], DeviceRegistryEvents=[registered(20)])) == {SERVICE}
    start = ran(22, ODD, "services.exe", account="system")
    both = told(DeviceNetworkEvents=[call], DeviceRegistryEvents=[registered(20)], DeviceProcessEvents=[start])
    assert set(both) == {SERVICE, STARTED}


@pytest.mark.parametrize(("name", "gone", "expected"), [
    ("Sync91", 30, {BRIEF}), ("Sync91", 3000, set()), ("Microsoft\\Office\\Sync", 30, set()),
])  # fmt: skip
def test_a_task_comes_and_goes(name: str, gone: float, expected: set[str]) -> None:
    files = [wrote(10, TASKS + name, by="svchost.exe"), wrote(10 + gone, TASKS + name, "FileDeleted", "svchost.exe")]
    assert set(told(DeviceLogonEvents=[came(0)], DeviceFileEvents=files)) == expected
    assert told(DeviceFileEvents=files) == {}


@pytest.mark.parametrize(("path", "by", "parent", "seconds", "expected"), [
    (r"C:\Perf\agent.exe", "System", "services.exe", 60, {PLANTED: ("T1021.002", "T1569.002")}),
    (r"C:\Perf\agent.exe", "System", "WmiPrvSE.exe", 60, {PLANTED: ("T1021.002", "T1047")}),
    (r"C:\Perf\agent.exe", "System", "explorer.exe", 60, {}),
    (r"C:\Perf\agent.exe", "System", "services.exe", 6000, {}),
    (r"C:\Perf\agent.exe", "setup.exe", "services.exe", 60, {}),
    (r"C:\Windows\ccmsetup\ccmsetup.exe", "System", "services.exe", 60, {}),
])  # fmt: skip
def test_a_planted_program_runs(
    path: str, by: str, parent: str, seconds: float, expected: dict[str, tuple[str, ...]]
) -> None:
    start = ran(seconds, path, parent, account="system")
    assert told(DeviceFileEvents=[wrote(0, path, by=by)], DeviceProcessEvents=[start]) == expected


def test_what_is_planted_day_by_day_is_distribution() -> None:
    path = r"C:\Perf\agent.exe"
    files = [wrote(-d * DAY, path) for d in (1, 2, 3)] + [wrote(0, path)]
    assert told(DeviceFileEvents=files, DeviceProcessEvents=[ran(60, path, "services.exe")]) == {}
