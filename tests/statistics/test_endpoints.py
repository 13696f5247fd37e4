"""Hosts: discovery, beacons, scans, files, rarity."""

from __future__ import annotations

import pytest

from .rows import Row, at, evidence, found, levels

ROUND = (
    "whoami /all",
    'net group "Domain Admins" /domain',
    "nltest /dclist:",
    "systeminfo",
    "ipconfig /all",
    "tasklist",
)


def process(seconds: float, line: str, host: str = "ws1", account: str = "ana", **more: object) -> Row:
    return at(seconds, DeviceName=host, AccountName=account, ProcessCommandLine=line, FileName="cmd.exe", **more)


def connection(
    seconds: float, ip: str, port: int = 443, host: str = "ws1", name: str = "powershell.exe", **more: object
) -> Row:
    return at(
        seconds, DeviceName=host, RemoteIP=ip, RemotePort=port, InitiatingProcessFileName=name,
        ActionType="ConnectionSuccess", **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kinds", "expected"), [(3, {}), (4, {"stat-discovery-burst": "low"}), (5, {"stat-discovery-burst": "medium"})]
)
def test_how_many_kinds_make_a_round(kinds: int, expected: dict[str, str]) -> None:
    rows = [process(i * 20.0, line) for i, line in enumerate(ROUND[:kinds])]
    assert levels("DeviceProcessEvents", rows) == expected


def test_the_same_command_over_and_over_is_no_round() -> None:
    assert levels("DeviceProcessEvents", [process(i, "ipconfig /all") for i in range(50)]) == {}


def test_a_round_spread_over_a_day_is_work() -> None:
    assert levels("DeviceProcessEvents", [process(i * 4000.0, line) for i, line in enumerate(ROUND)]) == {}


def test_an_inventory_script_on_many_hosts_is_low() -> None:
    rows = [process(i * 5.0, line, f"ws{n}", "svc_inv") for n in range(8) for i, line in enumerate(ROUND)]
    assert set(levels("DeviceProcessEvents", rows).items()) == {("stat-discovery-burst", "low")}


def test_a_script_that_runs_each_day_is_low() -> None:
    rows = [process(day * 86400.0 + i, line) for day in range(3) for i, line in enumerate(ROUND)]
    assert levels("DeviceProcessEvents", rows) == {"stat-discovery-burst": "low"}


def test_the_techniques_are_those_of_the_commands() -> None:
    rows = [process(i * 20.0, line) for i, line in enumerate(ROUND)]
    (detection,) = found(evidence("DeviceProcessEvents", rows))
    assert detection.techniques == ("T1033", "T1069.002", "T1482", "T1082", "T1016", "T1057")


def beacon(count: int, gap: float = 60.0, **more: object) -> list[Row]:
    return [connection(i * gap + i % 5, "45.77.10.20", **more) for i in range(count)]


@pytest.mark.parametrize(("count", "expected"), [(11, {}), (14, {"stat-beaconing": "medium"})])
def test_how_many_connections_make_a_beacon(count: int, expected: dict[str, str]) -> None:
    assert levels("DeviceNetworkEvents", beacon(count)) == expected


def test_a_browser_and_an_updater_may_keep_time() -> None:
    assert levels("DeviceNetworkEvents", beacon(40, name="msedge.exe")) == {}
    assert levels("DeviceNetworkEvents", beacon(40, gap=3600.0, name="GoogleUpdate.exe")) == {}


def test_a_known_address_is_reached_by_all() -> None:
    rows = [row for host in ("ws1", "ws2", "ws3", "ws4") for row in beacon(20, host=host)]
    assert set(levels("DeviceNetworkEvents", rows).values()) == {"low"}


def test_browsing_keeps_no_time() -> None:
    rows = [connection(float(i * i * 7 % 5000), "45.77.10.20") for i in range(60)]
    assert levels("DeviceNetworkEvents", rows) == {}


def test_private_addresses_do_not_beacon() -> None:
    assert levels("DeviceNetworkEvents", [connection(i * 60.0, "10.0.0.5") for i in range(60)]) == {}


def test_a_program_that_carries_others_beacons_to_private_addresses_too() -> None:
    rows = [connection(i * 60.0 + i % 5, "10.0.0.5", name="rundll32.exe") for i in range(20)]
    assert levels("DeviceNetworkEvents", rows) == {"stat-beaconing": "medium"}


@pytest.mark.parametrize(("hosts", "expected"), [(19, {}), (20, {"stat-network-scan": "medium"})])
def test_how_many_hosts_make_a_scan(hosts: int, expected: dict[str, str]) -> None:
    rows = [connection(i * 2.0, f"10.0.1.{i + 1}", 445, name="nmap.exe") for i in range(hosts)]
    assert levels("DeviceNetworkEvents", rows) == expected


@pytest.mark.parametrize(("folder", "name", "port", "expected"), [
    (r"C:\Program Files\PRTG\probe.exe", "probe.exe", 445, {"stat-network-scan": "low"}),
    ("/usr/local/bin/prometheus", "prometheus", 9100, {"stat-network-scan": "low"}),
    (r"C:\Program Files (x86)\Nmap\nmap.exe", "nmap.exe", 445, {"stat-network-scan": "medium"}),
    ("/usr/bin/python3.11", "python3.11", 445, {"stat-network-scan": "medium"}),
    (r"C:\Windows\System32\svchost.exe", "svchost.exe", 7680, {}),
])  # fmt: skip
def test_who_reaches_many_hosts_by_trade(folder: str, name: str, port: int, expected: dict[str, str]) -> None:
    rows = [
        connection(i * 2.0, f"10.0.1.{i + 1}", port, name=name, InitiatingProcessFolderPath=folder) for i in range(25)
    ]
    assert levels("DeviceNetworkEvents", rows) == expected


def test_an_installed_server_asks_others_all_day() -> None:
    path = {"InitiatingProcessFolderPath": r"C:\Program Files\Java\bin\java.exe"}
    assert levels("DeviceNetworkEvents", beacon(30, name="java.exe", **path)) == {}


def test_many_ports_of_one_host() -> None:
    rows = [connection(i * 2.0, "10.0.1.1", 20 + i, name="nc.exe") for i in range(25)]
    assert levels("DeviceNetworkEvents", rows) == {"stat-network-scan": "medium"}


@pytest.mark.parametrize(("action", "hosts", "expected"), [
    ("ConnectionFailed", 8, {"stat-network-scan": "medium"}),
    ("ConnectionFailed", 7, {}),
    ("ConnectionSuccess", 8, {}),
])  # fmt: skip
def test_a_few_ports_of_several_hosts_tried_in_vain(action: str, hosts: int, expected: dict[str, str]) -> None:
    rows = [
        connection(i * 9.0 + port / 9999, f"10.0.1.{i + 1}", port, name="q.exe") | {"ActionType": action}
        for i in range(hosts)
        for port in (22, 445, 3389)
    ]
    assert levels("DeviceNetworkEvents", rows) == expected


def test_a_scanner_on_schedule_is_low() -> None:
    rows = [
        connection(hour * 14400.0 + i * 2, f"10.0.1.{i + 1}", 445, name="scan.exe")
        for hour in range(6)
        for i in range(30)
    ]
    assert levels("DeviceNetworkEvents", rows) == {"stat-network-scan": "low"}


def test_a_server_that_answers_many_is_no_scanner() -> None:
    rows = [at(i, DeviceName="dc1", RemoteIP=f"10.0.1.{i + 1}", RemotePort=445, InitiatingProcessFileName="lsass.exe",
               ActionType="InboundConnectionAccepted") for i in range(80)]  # fmt: skip
    assert levels("DeviceNetworkEvents", rows) == {}


def test_a_browser_reaches_many_public_hosts() -> None:
    rows = [connection(i * 1.0, f"151.101.{i}.7", name="chrome.exe") for i in range(90)]
    assert levels("DeviceNetworkEvents", rows) == {}


def renamed(i: int, after: str, before: str = "") -> Row:
    folder = f"C:\\Shares\\team{i % 5}\\"
    return at(
        i * 0.5, DeviceName="fs1", ActionType="FileRenamed", FileName=after, PreviousFileName=before,
        FolderPath=folder + after, InitiatingProcessFileName="x.exe", InitiatingProcessId=7,
    )  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), [(29, {}), (40, {"stat-mass-rename": "high"})])
def test_how_many_new_endings_it_takes(files: int, expected: dict[str, str]) -> None:
    rows = [renamed(i, f"plan{i}.docx.lockt", f"plan{i}.docx") for i in range(files)]
    assert levels("DeviceFileEvents", rows) == expected


def test_downloads_that_finish_are_no_encryption() -> None:
    rows = [renamed(i, f"plan{i}.docx", f"plan{i}.docx.part") for i in range(60)]
    assert levels("DeviceFileEvents", rows) == {}


@pytest.mark.parametrize(("ending", "expected"), [("lockt", {"stat-mass-rename": "high"}), ("done", {})])
def test_new_names_with_one_ending(ending: str, expected: dict[str, str]) -> None:
    rows = [renamed(i, f"{i * 7919:x}.{ending}", f"order{i}.csv") for i in range(40)]
    assert levels("DeviceFileEvents", rows) == expected


def deleted(i: int, folder: str, name: str, by: str = "C:\\x.exe") -> Row:
    return at(
        i * 0.5, DeviceName="fs1", ActionType="FileDeleted", FileName=name, FolderPath=f"{folder}\\{name}",
        InitiatingProcessFileName=by.rpartition("\\")[2], InitiatingProcessFolderPath=by, InitiatingProcessId=7,
    )  # fmt: skip


def test_documents_deleted_by_the_hundred() -> None:
    rows = [deleted(i, f"D:\\Shares\\team{i % 4}", f"plan{i}.docx") for i in range(120)]
    assert levels("DeviceFileEvents", rows) == {"stat-mass-file-delete": "medium"}


@pytest.mark.parametrize(
    ("folder", "name", "by"),
    [
        ("C:\\Users\\ana\\AppData\\Local\\Temp", "txt", "C:\\x.exe"),
        ("C:\\$Recycle.Bin\\S-1-5-21-1", "docx", "C:\\Windows\\explorer.exe"),
        ("D:\\src\\site", "png", "C:\\x.exe"),
        ("D:\\Shares", "docx", "C:\\Program Files\\Microsoft OneDrive\\OneDrive.exe"),
    ],
)
def test_what_is_deleted_every_day(folder: str, name: str, by: str) -> None:
    rows = [deleted(i, f"{folder}\\{i % 9}", f"x{i}.{name}", by) for i in range(400)]
    assert levels("DeviceFileEvents", rows) == {}


def test_what_is_rare_is_low_and_needs_hosts_to_compare() -> None:
    def started(i: int, host: str, parent: str) -> Row:
        return at(
            i, DeviceName=host, FileName="cmd.exe", InitiatingProcessFileName=parent, ProcessCommandLine="cmd /c x"
        )

    rows = [started(i, f"ws{i % 6}", "explorer.exe") for i in range(250)] + [started(251, "ws3", "winword.exe")]
    assert levels("DeviceProcessEvents", rows) == {"stat-rare-parent": "low"}
    alone = [started(i, "ws1", "explorer.exe") for i in range(250)] + [started(251, "ws1", "winword.exe")]
    assert levels("DeviceProcessEvents", alone) == {}


def placed(i: int, host: str, name: str, hash: str = "") -> Row:
    return at(i, DeviceName=host, FileName=name, SHA256=hash, FolderPath=f"C:\\Users\\Public\\{name}",
              InitiatingProcessFileName="explorer.exe")  # fmt: skip


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ([placed(300, "ws1", "q.exe")], {"stat-rare-binary": "low"}),
        ([placed(300 + i, "ws1", "q.exe") for i in range(3)], {"stat-rare-binary": "low"}),
        ([placed(300 + i, "ws1", "q.exe") for i in range(4)], {}),
        ([placed(300, "ws1", "q.exe"), placed(301, "ws2", "q.exe")], {}),
        ([placed(300, "ws1", "tool.exe", "bb")], {"stat-rare-binary": "low"}),
        ([placed(300, "ws1", "tool.exe", "aa")], {}),
    ],
)
def test_programs_that_one_host_alone_runs(last: list[Row], expected: dict[str, str]) -> None:
    rows = [placed(i, f"ws{i % 6}", "tool.exe", "aa") for i in range(250)]
    assert levels("DeviceProcessEvents", [*rows, *last]) == expected


def test_a_beacon_with_the_jitter_of_an_implant() -> None:
    rows, seconds = [], 0.0
    for i in range(40):
        seconds += 60.0 * (0.7 + (i * 37 % 60) / 100)
        rows.append(connection(seconds, "45.77.10.20", name="rundll32.exe"))
    assert levels("DeviceNetworkEvents", rows) == {"stat-beaconing": "medium"}


NOTE = "stat-one-note-in-many-folders"


def left(i: int, name: str = "HOW_TO_RESTORE.txt", process: str = "x.exe", folders: int = 99) -> Row:
    return at(
        i * 2.0, DeviceName="fs1", ActionType="FileCreated", FileName=name,
        FolderPath=f"D:\\Shares\\team{i % folders}\\{name}", InitiatingProcessFileName=process, InitiatingProcessId=7,
    )  # fmt: skip


@pytest.mark.parametrize(("folders", "expected"), [(9, {}), (10, {NOTE: "medium"})])
def test_how_many_folders_one_note_takes(folders: int, expected: dict[str, str]) -> None:
    assert levels("DeviceFileEvents", [left(i, folders=folders) for i in range(20)]) == expected


def test_a_note_beside_changed_files_is_high() -> None:
    rows = [left(i) for i in range(12)] + [deleted(i, "D:\\Shares\\team1", f"plan{i}.docx") for i in range(12)]
    assert levels("DeviceFileEvents", rows) == {NOTE: "high"}


@pytest.mark.parametrize("name", ["index.html", "LICENSE.txt", "README.txt", "folder.png", "plan.docx"])
def test_what_every_folder_of_a_package_holds(name: str) -> None:
    assert levels("DeviceFileEvents", [left(i, name) for i in range(40)]) == {}


def test_who_unpacks_leaves_the_same_everywhere() -> None:
    assert levels("DeviceFileEvents", [left(i, process="git.exe") for i in range(40)]) == {}


def reaching(hosts: int, program: str = "powershell.exe", before: int = 1, port: int = 445) -> list[Row]:
    """Return two days of a program's connections, and one reach to many hosts at the end."""
    usual = [
        connection(h * 7200.0 + i, f"10.0.1.{i + 1}", port, name=program) for h in range(24) for i in range(before)
    ]
    return usual + [connection(172800.0 + i * 20, f"10.0.2.{i + 1}", port, name=program) for i in range(hosts)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (reaching(6), {"stat-new-reach": "medium"}),
        (reaching(6, "deploy.exe"), {"stat-new-reach": "low"}),
        (reaching(5), {}),
        (reaching(8, before=3), {}),
        (reaching(8, port=443), {}),
        (reaching(8)[24:], {}),
        (reaching(8, "nessusd.exe"), {}),
    ],
)
def test_a_reach_further_than_before(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels("DeviceNetworkEvents", rows) == expected


def failing(hours: int, each: int = 1) -> list[Row]:
    return [
        at(h * 3600.0 + i, DeviceName="ws1", AccountName=f"u{i}", ActionType="LogonFailed")
        for h in range(hours)
        for i in range(each)
    ]


def failed_at_once(count: int) -> list[Row]:
    return [
        at(61 * 3600.0 + i * 50, DeviceName="ws1", AccountName=f"u{i}", ActionType="LogonFailed") for i in range(count)
    ]


@pytest.mark.parametrize(
    ("hours", "each", "now", "expected"),
    [
        (60, 1, 40, {"stat-surge-logon-failures": "low"}),
        (60, 1, 19, {}),
        (60, 15, 40, {}),
        (3, 1, 40, {}),
    ],
)
def test_failures_by_the_hosts_own_past(hours: int, each: int, now: int, expected: dict[str, str]) -> None:
    assert levels("DeviceLogonEvents", [*failing(hours, each), *failed_at_once(now)]) == expected


def written(i: int, name: str, folder: str, process: str) -> Row:
    return at(
        i * 0.5, DeviceName="fs1", ActionType="FileCreated", FileName=name, FolderPath=folder + name,
        InitiatingProcessFileName=process, InitiatingProcessId=7,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("files", "ending", "expected"),
    [(29, "x9f2", {}), (40, "x9f2", {"stat-encrypted-copies": "high"}), (40, "gz", {}), (40, "docx", {})],
)
def test_documents_written_again_under_an_ending_of_their_own(
    files: int, ending: str, expected: dict[str, str]
) -> None:
    rows = [written(i, f"plan{i}.xlsx.{ending}", f"C:\\Shares\\team{i % 5}\\", "app.exe") for i in range(files)]
    assert levels("DeviceFileEvents", rows) == expected


@pytest.mark.parametrize(
    ("files", "folder", "process", "expected"),
    [
        (30, "C:\\Users\\Public\\l\\", "robocopy.exe", {"stat-documents-gathered": "medium"}),
        (30, "/tmp/.x/", "cp", {"stat-documents-gathered": "medium"}),
        (14, "C:\\Users\\Public\\l\\", "robocopy.exe", {}),
        (30, "D:\\Backup\\", "robocopy.exe", {}),
        (30, "C:\\ProgramData\\l\\", "setup.exe", {}),
        (30, "C:\\ProgramData\\App\\cache\\", "cmd.exe", {}),
    ],
)
def test_documents_gathered_in_a_staging_folder(
    files: int, folder: str, process: str, expected: dict[str, str]
) -> None:
    rows = [written(i, f"plan{i}.xlsx", folder, process) for i in range(files)]
    assert levels("DeviceFileEvents", rows) == expected


def test_texts_and_pictures_that_packages_bring() -> None:
    rows = [written(i, f"x{i}.{'txt' if i % 2 else 'png'}", "C:\\Windows\\Temp\\p\\", "python.exe") for i in range(60)]
    assert levels("DeviceFileEvents", rows) == {}
