"""Remote control that comes by a file called otherwise, or by one product after another."""

from __future__ import annotations

import ntpath

import pytest

from soc_analyst.tools.detections.statistics.remote_control import PRODUCTS, product
from soc_analyst.tools.proof.claims import check

from .rows import Row, at, found
from .test_in_company import case

NAMED, IN_A_ROW = "stat-remote-control-under-another-name", "stat-remote-controls-in-a-row"
DOWNLOADS, SYSTEM = "C:\\Users\\ana\\Downloads\\", "C:\\Windows\\System32\\"
SCREEN = r"C:\Program Files (x86)\ScreenConnect Client (9f3a)\ScreenConnect.ClientService.exe"
DESK, RUST = r"C:\Program Files (x86)\AnyDesk\AnyDesk.exe", r"C:\Program Files\RustDesk\rustdesk.exe"
ATERA, SPLASH = r"C:\Program Files\ATERA Networks\AteraAgent\AteraAgent.exe", r"C:\Windows\Temp\SplashtopStreamer.exe"


def start(seconds: float, path: str, parent: str = "explorer.exe", line: str = "", host: str = "ws1") -> Row:
    return at(seconds, DeviceName=host, FileName=ntpath.basename(path), FolderPath=path, AccountName="ana",
              ProcessCommandLine=line or path, InitiatingProcessFileName=parent)  # fmt: skip


def package(name: str, seconds: float = 0) -> Row:
    return start(seconds, SYSTEM + "msiexec.exe", line=f'msiexec.exe /i "{DOWNLOADS}{name}"')


def wrote(seconds: float, path: str, host: str = "ws1") -> Row:
    return at(seconds, DeviceName=host, ActionType="FileCreated", FolderPath=path, FileName=ntpath.basename(path),
              InitiatingProcessFolderPath=SYSTEM + "msiexec.exe")  # fmt: skip


def told(starts: list[Row], files: list[Row]) -> dict[str, tuple[str, tuple[str, ...]]]:
    tables = {"DeviceProcessEvents": starts, "DeviceFileEvents": files}
    rows = case(**{name: listed for name, listed in tables.items() if listed})
    ours = [each for each in found(rows) if each.rule.id in (NAMED, IN_A_ROW)]
    for each in ours:
        assert len(each.rows) <= 12
        assert all(check(claim, rows, {}).verified for claim in each.claims)
    return {each.rule.id: (each.rule.level, each.techniques) for each in ours}


BROUGHT = {NAMED: ("medium", ("T1219.002", "T1204.002"))}


@pytest.mark.parametrize(("starts", "files", "expected"), [
    ([package("eStatement.msi"), start(60, SCREEN, "services.exe")], [], BROUGHT),
    ([package("eStatement.msi"), start(6000, SCREEN, "services.exe")], [], {}),
    ([package("RemoteSupport.msi"), start(60, SCREEN, "services.exe")], [], {}),
    ([package("ScreenConnect.msi"), start(60, SCREEN, "services.exe")], [], {}),
    ([start(-900, SCREEN, "services.exe"), package("eStatement.msi"), start(60, SCREEN, "services.exe")], [], {}),
    ([start(0, DOWNLOADS + "Invoice.exe"), start(60, ATERA, "msiexec.exe")], [],
     {NAMED: ("medium", ("T1219", "T1204.002"))}),
    ([start(0, DOWNLOADS + "Invoice.exe"), start(60, DESK, "invoice.exe")], [], BROUGHT),
    ([start(0, DOWNLOADS + "Invoice.exe"), start(60, DESK, "services.exe")], [], {}),
    ([start(0, DOWNLOADS + "Invoice.exe"), start(60, DESK, "services.exe")], [wrote(50, DESK)], BROUGHT),
    ([start(0, DOWNLOADS + "Invoice.exe", "svchost.exe"), start(60, DESK, "invoice.exe")], [], {}),
])  # fmt: skip
def test_a_file_called_otherwise_brings_it(
    starts: list[Row], files: list[Row], expected: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    assert told(starts, files) == expected


@pytest.mark.parametrize(("starts", "files", "expected"), [
    ([], [wrote(0, DESK), wrote(900, RUST)], {IN_A_ROW: ("medium", ("T1219.002",))}),
    ([], [wrote(0, DESK), wrote(900, RUST), wrote(950, SCREEN)], {IN_A_ROW: ("high", ("T1219.002",))}),
    ([], [wrote(0, DESK), wrote(100_000, RUST)], {}),
    ([start(0, DESK, "services.exe"), start(9, RUST, "services.exe")], [], {}),
    ([start(-4000, DESK, "services.exe")], [wrote(0, DESK), wrote(900, RUST)], {}),
    ([start(900, SPLASH, "AteraAgent.exe")], [wrote(0, ATERA)], {}),
    ([], [wrote(n * 60, path, f"ws{n}") for n in range(5) for path in (DESK, RUST)], {}),
])  # fmt: skip
def test_one_product_after_another(
    starts: list[Row], files: list[Row], expected: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    assert told(starts, files) == expected


def test_products_are_known_by_their_paths_alone() -> None:
    assert product(SCREEN) == "ScreenConnect"
    assert product(r"C:\Windows\System32\svchost.exe") == ""
    assert not set(PRODUCTS["desktop"]) & set(PRODUCTS["platform"])
