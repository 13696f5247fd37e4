"""What is entered into the Run box, and what it does within minutes."""

from __future__ import annotations

import ntpath

import pytest

from soc_analyst.tools.detections.statistics.pasted import is_bare, program
from soc_analyst.tools.proof.claims import check

from .rows import Row, at, found
from .test_in_company import case

PASTED = "stat-pasted-and-run"
RUN = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\RunMRU"
TEMP = "C:\\Users\\ana\\AppData\\Local\\Temp\\"
DAY = 86_400.0


def entered(text: str, seconds: float = 0) -> Row:
    return at(seconds, DeviceName="ws1", ActionType="RegistryValueSet", RegistryKey=RUN, RegistryValueName="a",
              RegistryValueData=text + "\\1", InitiatingProcessFileName="explorer.exe")  # fmt: skip


def start(seconds: float, path: str, parent: str, line: str = "") -> Row:
    return at(seconds, DeviceName="ws1.corp.example", FileName=ntpath.basename(path), FolderPath=path,
              AccountName="ana", ProcessCommandLine=line or path, InitiatingProcessFileName=parent)  # fmt: skip


def reached(seconds: float, name: str, by: str = "powershell.exe", ip: str = "45.77.10.20") -> Row:
    return at(seconds, DeviceName="ws1", ActionType="ConnectionSuccess", RemoteIP=ip, RemoteUrl=name,
              InitiatingProcessFileName=by)  # fmt: skip


def wrote(seconds: float, path: str, by: str = "powershell.exe") -> Row:
    return at(seconds, DeviceName="ws1", ActionType="FileCreated", FolderPath=path, FileName=ntpath.basename(path),
              InitiatingProcessFileName=by)  # fmt: skip


SHELL = start(1, r"C:\Windows\System32\powershell.exe", "explorer.exe")
CONSOLE = start(1, r"C:\Windows\System32\cmd.exe", "explorer.exe")
CURL = start(20, r"C:\Windows\System32\curl.exe", "cmd.exe", "curl -o a.bat https://cdn.example.net/a")


def told(**tables: list[Row]) -> dict[str, tuple[str, ...]]:
    rows = case(**{name: listed for name, listed in tables.items() if listed})
    ours = [each for each in found(rows) if each.rule.id == PASTED]
    for each in ours:
        assert len(each.rows) <= 12
        assert all(check(claim, rows, {}).verified for claim in each.claims)
    return {each.rule.level: each.techniques for each in ours}


@pytest.mark.parametrize(("text", "starts", "calls", "files", "expected"), [
    ("powershell", [SHELL], [reached(9, "x.example.net")], [], {"medium": ("T1204.004", "T1059.001")}),
    ("powershell", [SHELL], [reached(9, "www.powershellgallery.com")], [], {}),
    ("powershell", [SHELL], [reached(9, "x.example.net", ip="10.0.0.9")], [], {}),
    ("powershell", [SHELL], [reached(9, "x.example.net", by="chrome.exe")], [], {}),
    ("powershell", [SHELL], [reached(90, "x.example.net")], [], {}),
    ("powershell -w 1 -c x", [SHELL], [reached(90, "x.example.net")], [], {"medium": ("T1204.004", "T1059.001")}),
    ("powershell -w 1 -c x", [SHELL], [reached(90, "x.example.net")], [wrote(95, TEMP + "a.exe")],
     {"high": ("T1204.004", "T1059.001", "T1105")}),
    ("powershell", [SHELL], [], [wrote(5, TEMP + "__PSScriptPolicyTest_a.ps1")], {}),
    ("powershell", [start(1, r"C:\Windows\System32\powershell.exe", "svchost.exe")],
     [reached(9, "x.example.net")], [], {}),
    ("cmd", [CONSOLE, CURL], [], [], {"medium": ("T1204.004", "T1059.003", "T1105")}),
    ("cmd", [CONSOLE, start(9, TEMP + "a.exe", "cmd.exe")], [], [], {}),
    ("cmd", [CONSOLE, start(9, TEMP + "a.exe", "cmd.exe")], [], [wrote(5, TEMP + "a.exe", "tar.exe")],
     {"medium": ("T1204.004", "T1059.003")}),
    ("cmd", [CONSOLE, start(9, r"C:\Windows\System32\ping.exe", "cmd.exe", "ping fs1")], [], [], {}),
    ("services.msc", [SHELL], [reached(9, "x.example.net")], [], {}),
])  # fmt: skip
def test_what_is_entered_acts_at_once(
    text: str, starts: list[Row], calls: list[Row], files: list[Row], expected: dict[str, tuple[str, ...]]
) -> None:
    keys = [entered(text)]
    assert (
        told(DeviceRegistryEvents=keys, DeviceProcessEvents=starts, DeviceNetworkEvents=calls, DeviceFileEvents=files)
        == expected
    )


def test_what_is_entered_day_by_day_is_a_habit() -> None:
    keys = [entered("powershell", -d * DAY) for d in range(4)]
    calls = [reached(9, "x.example.net")]
    assert told(DeviceRegistryEvents=keys, DeviceProcessEvents=[SHELL], DeviceNetworkEvents=calls) == {}


def test_in_a_remote_desktop_it_is_of_who_came() -> None:
    came = at(-600, DeviceName="ws1", AccountName="ana", ActionType="LogonSuccess", LogonType="RemoteInteractive",
              RemoteIP="10.0.0.9")  # fmt: skip
    calls = [reached(9, "x.example.net")]
    assert told(
        DeviceRegistryEvents=[entered("powershell")], DeviceProcessEvents=[SHELL], DeviceNetworkEvents=calls,
        DeviceLogonEvents=[came],
    ) == {"medium": ("T1021.001", "T1059.001")}  # fmt: skip


@pytest.mark.parametrize(("text", "name", "bare"), [
    (r"cmd\1", "cmd", True), (r"powershell.exe -c x\1", "powershell", False),
    (r'"C:\Windows\System32\mshta.exe" a\1', "mshta", False), (r"%comspec% /c x\1", "", False),
    (r"\\fs1\share\1", "", True), (r"p^owershell -c x\1", "powershell", False),
    (r"notepad\1", "", True), ("", "", True),
])  # fmt: skip
def test_the_program_that_is_entered(text: str, name: str, bare: bool) -> None:
    assert program(text) == name
    assert is_bare(text) == bare
