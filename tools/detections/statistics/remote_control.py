"""Remote control brought by a file that is called something else, or by one product after another."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.state.names import told_computer
from soc_analyst.tools.evidence import Evidence

from .coded import Coded, Mask
from .following import Moments, after, machines, with_rows
from .frame import Frame, Sighting, equals

__all__ = ["product", "remote_control_comes_under_another_name", "remote_controls_are_set_up_in_a_row"]

SET_UP_SECONDS, FETCHED_SECONDS, ROW_SECONDS, BEFORE_SECONDS = 10 * 60, 60 * 60, 24 * 60 * 60, 15 * 60
HOSTS_OF_A_ROLL_OUT, PRODUCTS_FOR_HIGH, AT_MOST = 5, 3, 10
PRODUCTS: Mapping[str, Mapping[str, str]] = yaml.safe_load(
    Path(__file__).with_name("remote_control.yaml").read_text("utf-8")
)
DESKTOP, PLATFORM = PRODUCTS["desktop"], PRODUCTS["platform"]
BROUGHT_ALONG = frozenset({"Splashtop", "TeamViewer", "AnyDesk", "ScreenConnect", "Zoho Assist", "VNC"})
ANY = "|".join([*DESKTOP.values(), *PLATFORM.values()])
EVERY = tuple((name, re.compile(pattern)) for name, pattern in {**DESKTOP, **PLATFORM}.items())

OPENERS = re.compile(
    r"^(explorer|chrome|msedge|firefox|brave|opera|vivaldi|iexplore|outlook|olk|thunderbird|winrar|7zfm|7zg|ms-?teams|slack"
    r"|whatsapp\w*|telegram|zoom|winword|excel|powerpnt|acrord32|acrobat|onenote)\.exe$"
)
LURE = re.compile(
    r"(?P<path>[a-z]:\\users\\[^\\\"]+\\(?:downloads|desktop|onedrive[^\\\"]*\\downloads"
    r"|appdata\\local\\temp\\(?:rar\$|7z[oe]|temp\d+_|bnz\.|wz)[^\\\"]*|appdata\\local\\microsoft\\windows\\inetcache"
    r")\\(?:[^\\\"]+\\)*(?P<name>[^\\\"]+)\.(?:exe|msi|msix|scr|com|pif|js|jse|vbs|vbe|wsf|hta|bat|cmd|lnk|cpl))(?=[\"\s]|$)"
)
"""A program or script where browsers, mail and archives put what they fetch."""
CALLED_SO = re.compile(
    r"support|remote|fernwart|fernhilf|quick|help|hilfe|client|agent|connect|assist|rmm|mesh|viewer|desk|vnc|host|control|access|setup"
    r"|install|\bis-|_is|update"
)
"""Names under which help desks hand out such programs."""
INSTALLERS = re.compile(r"^(msiexec|cmd|powershell|rundll32|setup)\.exe$")
AT_BOOT = re.compile(r"^(services|svchost)\.exe$")
INSTALLING = re.compile(
    r"[/-]+(install|silent|verysilent|quiet|qn|unattended|start-with-win|fullinstall)\b|msiexec.*\s[/-]i\b", re.I
)
OF_USERS = re.compile(r"\\users\\[^\\]+\\|\\windows\\temp\\|\\temp\\|\\perflogs\\|\\users\\public\\")
UNTOUCHED = re.compile(r"\\appdata\\(local|roaming)\\(teamviewer|anydesk|rustdesk)\\|\\prefetch\\")
SERVICE = re.compile(r"\\services\\[^\\]+$")

TRACES = (
    ("DeviceProcessEvents", "FolderPath"),
    ("DeviceFileEvents", "FolderPath"),
    ("DeviceRegistryEvents", "RegistryValueData"),
)
"""Where products show, and in which column."""

UNDER_ANOTHER_NAME = Sighting(
    id="stat-remote-control-under-another-name",
    title="Remote control set up by a file that is called something else",
    techniques=("T1219",),
    tactics=("command-and-control",),
    false_positives=("A help desk that hands out its own program under a name of its own",),
)
IN_A_ROW = Sighting(
    id="stat-remote-controls-in-a-row",
    title="One remote control product after another set up on a host",
    techniques=("T1219",),
    tactics=("command-and-control",),
    false_positives=("A new machine set up by a help desk that works with several products",),
)


def product(path: str) -> str:
    """Return the remote control product that a path or a line names, empty where none."""
    small = path[:2048].lower()
    return next((name for name, pattern in EVERY if pattern.search(small)), "")


def remote_control_comes_under_another_name(evidence: Evidence) -> Iterator[Detection]:
    """Report a remote control product that starts within ten minutes of a fetched file that names none: medium.

    The file lies where browsers, mail and archives put theirs, was opened by a person, and is not called as help desks
    call such files. The baseline is the host's: no start of that product there before.
    """
    frame = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FolderPath", "InitiatingProcessFileName"))
    if frame is None:
        return
    named = _products(frame, "FolderPath")
    of_product = Moments(frame, named.rows_where(bool))
    if not len(of_product):
        return
    opened = Moments(frame, _may_be_opened(frame, [host for host, _ in of_product]))
    made = _made(evidence)
    for host, rows in of_product:
        for name, first in _firsts(rows.tolist(), lambda row: named.by_row[row]).items():
            found = _opened(opened, host, first, made.get((host, name), []))
            if found is not None:
                yield _brought(evidence, frame, found, first, name)


def _opened(opened: Moments, host: str, first: int, made: Sequence[float]) -> int | None:
    """Return the start of a fetched file, called otherwise, that set a product up; none where nothing says it did."""
    frame, by = opened.frame, opened.frame.lower("InitiatingProcessFileName")[first]
    time = float(frame.seconds[first])
    for row in opened.between(host, time - SET_UP_SECONDS, time)[::-1]:
        path, called = lure(_whole(frame, row))
        if not path or CALLED_SO.search(called) or product(path):
            continue
        itself = by == path.rpartition("\\")[2] or INSTALLERS.match(by)
        service = AT_BOOT.match(by) and any(frame.seconds[row] <= each <= time + 60 for each in made)
        if itself or service or (AT_BOOT.match(by) and path.endswith(".msi")):
            return row
    return None


def _made(evidence: Evidence) -> dict[tuple[str, str], list[float]]:
    """Return when files and services of each product were made on each host."""
    made = defaultdict[tuple[str, str], list[float]](list)
    for table, column in TRACES[1:]:
        frame = Frame.of(evidence, table, ("DeviceName", column))
        if frame is not None:
            hosts, named = machines(frame), _products(frame, column)
            for row in frame.in_order(np.flatnonzero(named.rows_where(bool))):
                if _sets_up(frame, row):
                    made[hosts.by_row[row], named.by_row[row]].append(float(frame.seconds[row]))
    return made


def _products(frame: Frame, column: str) -> Coded:
    texts = frame.coded(column)
    return texts.mapped(product, texts.holding(ANY))


def lure(text: str) -> tuple[str, str]:
    """Return the path and the bare name of a fetched program or script that a start is of, empty where of none."""
    found = LURE.search(text[:4096].lower())
    return (found.group("path"), found.group("name")) if found else ("", "")


def _whole(frame: Frame, row: int) -> str:
    return f"{frame.text('FolderPath')[row]}\0{frame.text('ProcessCommandLine')[row]}".replace("\0", '" ')


def _may_be_opened(frame: Frame, hosts: Sequence[str]) -> Mask:
    wanted = frozenset(hosts)
    by = frame.coded("InitiatingProcessFileName").lowered.rows_where(OPENERS.match)
    return by & machines(frame).rows_where(wanted.__contains__) & frame.timed


def _firsts(rows: Sequence[int], key: Callable[[int], str]) -> dict[str, int]:
    firsts: dict[str, int] = {}
    for row in rows:
        if name := key(row):
            firsts.setdefault(name, row)
    return firsts


def _brought(evidence: Evidence, frame: Frame, row: int, first: int, name: str) -> Detection:
    path = lure(_whole(frame, row))[0]
    host, account = frame.text("DeviceName")[first], frame.text("AccountName")[row]
    statement = (
        f"{account or 'somebody'} opened {path} on {host} at {frame.moment(row)}, and {name} started there for the "
        f"first time at {frame.moment(first)}: {frame.text('FolderPath')[first]}"
    )
    claims = [
        frame.counted(
            f"earlier starts of {frame.text('FolderPath')[first]} on {host}", equals("DeviceName", host),
            equals("FolderPath", frame.text("FolderPath")[first]), frame.before(first),
        ),
        frame.ordered("the product starts after the file was opened", row, first),
    ]  # fmt: skip
    entities = [Entity(kind="host", value=host), Entity(kind="file", value=path)]
    entities += [Entity(kind="account", value=account)] if account else []
    own = ("T1219.002" if name in DESKTOP else "T1219", "T1204.002")
    seen = UNDER_ANOTHER_NAME.detection(
        frame, "medium", statement, [first, row], entities=entities, claims=claims, techniques=own
    )
    files = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "FolderPath"))
    if files is None:
        return seen
    fetched = files.coded("FolderPath").lowered.rows_where(path.__eq__) & machines(files).rows_where(
        told_computer(host).__eq__
    )
    fetched &= (files.seconds <= frame.seconds[row]) & (files.seconds >= frame.seconds[row] - FETCHED_SECONDS)
    return with_rows(seen, files, files.in_order(np.flatnonzero(fetched))[-1:])


@dataclass(frozen=True)
class SetUp:
    """A row that shows how a product comes to a machine."""

    frame: Frame
    row: int
    product: str

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        return float(self.frame.seconds[self.row])


def remote_controls_are_set_up_in_a_row(evidence: Evidence) -> Iterator[Detection]:
    """Report two remote control products that come to one host within a day: medium, three are high.

    To come is to be written as a program, made a service, told to install itself, or started from a folder of users.
    The baseline: no trace of that product on the host before, and no roll-out of it to five hosts. One that manages
    machines and the one it brings along to show the desktop count as one.
    """
    seen, setups = _traces(evidence)
    spread = defaultdict[str, set[str]](set)
    for host, name in setups:
        spread[name].add(host)
    by_host = defaultdict[str, list[SetUp]](list)
    for (host, name), each in setups.items():
        if seen[host, name] >= each.time - BEFORE_SECONDS and len(spread[name]) < HOSTS_OF_A_ROLL_OUT:
            by_host[host].append(each)
    for listed in by_host.values():
        ordered = sorted(listed, key=lambda each: (each.time, each.product))
        near = [each for each in ordered if each.time - ordered[0].time <= ROW_SECONDS]
        count = _apart({each.product for each in near})
        if count > 1:
            yield _row(near, "high" if count >= PRODUCTS_FOR_HIGH else "medium")


def _traces(evidence: Evidence) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], SetUp]]:
    """Return when each product was first seen on each host, and how it was first set up there."""
    seen: dict[tuple[str, str], float] = {}
    setups: dict[tuple[str, str], SetUp] = {}
    for table, column in TRACES:
        frame = Frame.of(evidence, table, ("DeviceName", column))
        if frame is None:
            continue
        hosts, named = machines(frame), _products(frame, column)
        for row in frame.in_order(np.flatnonzero(named.rows_where(bool) & hosts.rows_where(bool))):
            key = (hosts.by_row[row], named.by_row[row])
            made = _sets_up(frame, row)
            if made and (key not in setups or frame.seconds[row] < setups[key].time):
                setups[key] = SetUp(frame, row, key[1])
            if table != "DeviceFileEvents" or made:
                seen[key] = min(seen.get(key, float("inf")), float(frame.seconds[row]))
    return seen, setups


def _sets_up(frame: Frame, row: int) -> bool:
    if frame.rows.table == "DeviceRegistryEvents":
        service = SERVICE.search(frame.lower("RegistryKey")[row])
        return bool(service) and frame.lower("RegistryValueName")[row] == "imagepath"
    path = frame.lower("FolderPath")[row]
    if frame.rows.table == "DeviceFileEvents":
        by_itself = product(frame.text("InitiatingProcessFolderPath")[row]) == product(path)
        created = frame.lower("ActionType")[row] == "filecreated"
        return created and path.endswith((".exe", ".msi")) and not by_itself and not UNTOUCHED.search(path)
    return bool(OF_USERS.search(path) or INSTALLING.search(frame.text("ProcessCommandLine")[row][:2048]))


def _apart(products: set[str]) -> int:
    """Count products, one that manages machines together with the one it may have brought along."""
    platforms, desktops = products & set(PLATFORM), products - set(PLATFORM)
    brought = min(len(platforms), len(desktops & BROUGHT_ALONG))
    return len(products) - brought


def _row(setups: Sequence[SetUp], level: Level) -> Detection:
    first, last = setups[0], setups[-1]
    host = first.frame.text("DeviceName")[first.row]
    told = ", ".join(f"{each.product} at {each.frame.moment(each.row)}" for each in setups)
    statement = (
        f"{len(setups)} remote control products came to {host} within a day, none of them seen there before: {told}"
    )
    claims = [after("from the first to the last", first.frame, first.row, last.frame, last.row)]
    claims += [
        each.frame.counted(
            f"rows with the program of {each.product} before", equals("DeviceName", host),
            equals(_column(each.frame), each.frame.text(_column(each.frame))[each.row]), each.frame.before(each.row),
        )
        for each in setups[:3]
    ]  # fmt: skip
    entities = [Entity(kind="host", value=host)]
    own = ("T1219.002",) if all(each.product in DESKTOP for each in setups) else ("T1219",)
    seen = IN_A_ROW.detection(
        first.frame, level, statement, [first.row], entities=entities, claims=claims, techniques=own
    )
    for each in setups[1:12]:
        seen = with_rows(seen, each.frame, [each.row])
    return seen


def _column(frame: Frame) -> str:
    return "RegistryValueData" if frame.rows.table == "DeviceRegistryEvents" else "FolderPath"
