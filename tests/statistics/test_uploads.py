"""An archive packed by a command, and its way out."""

from __future__ import annotations

import ntpath

import pytest

from soc_analyst.tools.proof.claims import check

from .rows import Row, at, found
from .test_in_company import case

SENT, CARRIED, DAY = "stat-archive-packed-and-sent", "stat-archive-handed-to-a-stranger", 86_400.0
ZIP, MEGA = r"C:\Program Files\7-Zip\7z.exe", "gfs270n.userstorage.mega.co.nz"


def start(seconds: float, path: str, line: str, parent: str = "cmd.exe") -> Row:
    return at(seconds, DeviceName="ws1.corp.example", FileName=ntpath.basename(path), FolderPath=path,
              AccountName="ana", ProcessCommandLine=line, InitiatingProcessFileName=parent)  # fmt: skip


def packed(line: str = r"7z.exe a -r C:\Temp\hr.7z D:\HR", parent: str = "cmd.exe", path: str = ZIP) -> Row:
    return start(0, path, line, parent)


def reached(seconds: float, name: str, by: str = "chrome.exe") -> Row:
    return at(seconds, DeviceName="ws1", ActionType="ConnectionSuccess", RemoteIP="66.203.125.15", RemoteUrl=name,
              InitiatingProcessFileName=by)  # fmt: skip


def told(starts: list[Row], calls: list[Row], files: list[Row]) -> dict[str, str]:
    tables = {"DeviceProcessEvents": starts, "DeviceNetworkEvents": calls, "DeviceFileEvents": files}
    rows = case(**{name: listed for name, listed in tables.items() if listed})
    ours = [each for each in found(rows) if each.rule.id in (SENT, CARRIED)]
    for each in ours:
        assert len(each.rows) <= 12
        assert all(check(claim, rows, {}).verified for claim in each.claims)
    return {each.rule.id: each.rule.level for each in ours}


TOLD = start(60, r"C:\ProgramData\upl.exe", r"upl.exe C:\Temp\hr.7z")
POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"


@pytest.mark.parametrize(("starts", "calls", "expected"), [
    ([packed()], [reached(600, MEGA)], {SENT: "medium"}),
    ([packed("Compress-Archive D:\\HR C:\\Temp\\hr.zip", path=POWERSHELL)], [reached(600, MEGA)], {SENT: "medium"}),
    ([packed()], [reached(6000, MEGA)], {}),
    ([packed()], [reached(-60, MEGA)], {}),
    ([packed(parent="explorer.exe")], [reached(600, MEGA)], {}),
    ([packed(r"7z.exe x C:\Temp\hr.7z")], [reached(600, MEGA)], {}),
    ([packed()], [reached(600, "contoso.sharepoint.com")], {}),
    ([packed()], [reached(600 - d * DAY, MEGA) for d in range(4)], {}),
    ([packed(), TOLD], [reached(65, "u.example.net", "upl.exe")], {CARRIED: "medium"}),
    ([packed(), TOLD], [reached(65, "u.example.net")], {}),
    ([packed(), start(60, r"C:\Program Files\A\upl.exe", r"upl.exe C:\Temp\hr.7z")],
     [reached(65, "u.example.net", "upl.exe")], {}),
])  # fmt: skip
def test_what_is_packed_goes_out(starts: list[Row], calls: list[Row], expected: dict[str, str]) -> None:
    assert told(starts, calls, []) == expected


@pytest.mark.parametrize(("by", "expected"), [("7z.exe", {CARRIED: "medium"}), ("7zG.exe", {}), ("chrome.exe", {})])
def test_the_file_tells_of_packing_too(by: str, expected: dict[str, str]) -> None:
    file = at(0, DeviceName="ws1", ActionType="FileCreated", FileName="hr.7z", FolderPath=r"C:\Temp\hr.7z",
              InitiatingProcessFileName=by, InitiatingProcessAccountName="ana")  # fmt: skip
    assert told([TOLD], [reached(65, "u.example.net", "upl.exe")], [file]) == expected
