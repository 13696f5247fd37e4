"""What a machine starts right after somebody came to it from another one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .arrivals import Arrival, Arrivals
from .coded import Mask
from .following import Moments, after, first_seen, with_rows
from .frame import Frame, Sighting, equals

__all__ = ["MANAGER", "SCHEDULER", "by_ways", "odd_place", "programs_start_after_arrivals", "way"]

ACCOUNT_SECONDS, ANYBODY_SECONDS, MADE_SECONDS, AGAIN_SECONDS = 120, 60, 120, 15 * 60
AT_MOST = 10

CLOSED = re.compile(
    r"^([a-z]:|\\device\\harddiskvolume\d+)\\(program files( \(x86\))?|programdata\\(microsoft|package cache)"
    r"|windows\\(?!temp\\|tasks\\|debug\\|fonts\\|help\\|media\\|tracing\\|addins\\|system32\\(tasks|spool)\\)[^\\]+)\\"
)
"""Folders into which set-ups and agents of management put what they run; not that of Windows itself."""
FOREIGN = re.compile(r"^([a-z]:|\\device\\harddiskvolume\d+|\\\\[^\\]+)\\")
OF_WINDOWS = re.compile(
    r"\\windows\\(explorer|regedit|notepad|write|hh|helppane|winhlp32|splwow64|bfsvc|twunk_(16|32)|sysmon(64)?|psexesvc)\.exe$"
)
"""Programs that Windows itself and tools told by rules of their own keep in its root."""

START = Sighting(
    id="stat-program-started-from-afar",
    title="Program from an odd place started right after somebody came from another machine",
    techniques=("T1569.002",),
    tactics=("execution", "lateral-movement"),
    false_positives=("Administration or distribution of software from a machine that did not do so before",),
)


@dataclass(frozen=True)
class Way:
    """How a machine lets others start programs on it."""

    noun: str
    parent: re.Pattern[str]
    line: re.Pattern[str]
    techniques: tuple[str, ...]


ANY = re.compile("")
WAYS = (
    Way("WMI", re.compile(r"^wmiprvse\.exe$"), ANY, ("T1047",)),
    Way("Windows remote management", re.compile(r"^(wsmprovhost|winrshost)\.exe$"), ANY, ("T1021.006",)),
    Way("a console called over DCOM", re.compile(r"^mmc\.exe$"), re.compile(r"-embedding", re.I), ("T1021.003",)),
    Way("the scheduler", re.compile(r"^(svchost|taskeng|taskhostw)\.exe$"), re.compile(r"schedule|taskeng", re.I),
        ("T1053.005",)),
    Way("the service manager", re.compile(r"^services\.exe$"), ANY, ("T1569.002", "T1543.003")),
)  # fmt: skip
MANAGER, SCHEDULER = WAYS[4], WAYS[3]


def way(frame: Frame, row: int) -> Way | None:
    """Return how a program was started, where that is a way for other machines too."""
    parent = frame.lower("InitiatingProcessFileName")[row]
    found = next((each for each in WAYS if each.parent.match(parent)), None)
    return found if found and found.line.search(frame.text("InitiatingProcessCommandLine")[row][:4096]) else None


def programs_start_after_arrivals(evidence: Evidence) -> Iterator[Detection]:
    """Report a program outside the folders of Windows and of set-ups that is started for an arrival: medium.

    By WMI, remote management, DCOM or a task: under the account that came from another machine within two minutes
    before and does not sit at this one. By a service or a task made within two minutes before: whoever came within the
    last minute. The baseline is threefold: no start of that program there earlier than a quarter of an hour before, no
    habit of that account on that machine, and no source that comes to eight machines on three days.
    """
    frame = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FolderPath", "InitiatingProcessFileName"))
    if frame is None:
        return
    among = by_ways(frame) & frame.coded("FolderPath").lowered.rows_where(odd_place)
    starts = Moments(frame, among)
    rows = [row for row in starts.rows() if way(frame, row)]
    arrivals = Arrivals(evidence) if rows else None
    if not arrivals:
        return
    made, first = _Made(evidence), first_seen(frame, starts.hosts, "FolderPath", rows)
    told = set[tuple[str, str]]()
    for row in rows:
        key = (starts.hosts.by_row[row], frame.lower("FolderPath")[row])
        if key in told or len(told) >= AT_MOST or first[key] < frame.seconds[row] - AGAIN_SECONDS:
            continue
        if found := _arrival(frame, row, key[0], arrivals, made):
            told.add(key)
            yield _seen(frame, row, *found)


def by_ways(frame: Frame) -> Mask:
    """Return the starts whose parent may be a way for other machines; `way` says which."""
    parents = frame.coded("InitiatingProcessFileName").lowered
    return parents.rows_where(lambda name: any(each.parent.match(name) for each in WAYS)) & frame.timed


def odd_place(path: str) -> bool:
    """Tell whether a program lies where neither Windows nor set-ups put programs."""
    return bool(FOREIGN.match(path)) and not (CLOSED.match(path) or OF_WINDOWS.search(path))


class _Made:
    """Services and tasks as they are made, by machine and time."""

    def __init__(self, evidence: Evidence) -> None:
        keys = Frame.of(evidence, "DeviceRegistryEvents", ("DeviceName", "RegistryKey"))
        files = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "FolderPath"))
        self._keys = Moments(keys, keys.coded("RegistryKey").lowered.rows_where(KEY.search)) if keys else None
        self._files = Moments(files, files.coded("FolderPath").lowered.rows_where(TASK.match)) if files else None

    def just_before(self, host: str, time: float, kind: Way) -> tuple[Frame, int] | None:
        """Return the row by which a service or task was made within two minutes before."""
        for moments in (self._keys, self._files):
            rows = moments.between(host, time - MADE_SECONDS, time) if moments is not None else []
            for row in rows if moments is not None else ():
                if moments is not None and _is_of(moments.frame, row, kind):
                    return moments.frame, row
        return None


KEY = re.compile(r"\\(currentcontrolset|controlset\d+)\\services\\[^\\]+$|\\schedule\\taskcache\\tree\\(?!microsoft\\)")
TASK = re.compile(r"^[a-z]:\\windows\\(system32\\)?tasks\\(?!microsoft\\)")


def _is_of(frame: Frame, row: int, kind: Way) -> bool:
    if frame.rows.table == "DeviceFileEvents":
        return kind is SCHEDULER
    service = "\\services\\" in frame.lower("RegistryKey")[row]
    return kind is (MANAGER if service else SCHEDULER) and "deleted" not in frame.lower("ActionType")[row]


def _arrival(
    frame: Frame, row: int, host: str, arrivals: Arrivals, made: _Made
) -> tuple[Way, Arrival, tuple[Frame, int] | None] | None:
    """Return by what way and for whom a program was started, and what was made for it."""
    kind, time = way(frame, row), float(frame.seconds[row])
    if kind is None:
        return None
    entry = made.just_before(host, time, kind) if kind in (MANAGER, SCHEDULER) else None
    found = arrivals.of_anybody(host, time, ANYBODY_SECONDS) if entry else None
    if found is None and kind is not MANAGER:
        account = frame.text("AccountName")[row]
        found = arrivals.of_account(host, account, time, ACCOUNT_SECONDS) if account else None
    return (kind, found, entry) if found else None


def _seen(frame: Frame, row: int, kind: Way, arrival: Arrival, entry: tuple[Frame, int] | None) -> Detection:
    host, path = frame.text("DeviceName")[row], frame.text("FolderPath")[row]
    gap = round(float(frame.seconds[row]) - float(arrival.frame.seconds[arrival.row]))
    statement = f"{arrival.said}, and {kind.noun} started {path} {gap} s later, not seen there before"
    here = (equals("DeviceName", host), equals("FolderPath", path))
    claims = [
        arrival.baseline(),
        frame.counted(f"earlier starts of {path} on {host}", *here, frame.before(row)),
        after("the program starts after the arrival", arrival.frame, arrival.row, frame, row),
    ]
    entities = [Entity(kind="host", value=host), *arrival.entities(), Entity(kind="file", value=path)]
    seen = START.detection(
        frame, "medium", statement, [row], entities=entities, claims=claims, techniques=kind.techniques
    )
    return _with(seen, arrival, entry)


def _with(seen: Detection, arrival: Arrival, entry: tuple[Frame, int] | None) -> Detection:
    seen = with_rows(seen, *_one(entry)) if entry else seen
    return with_rows(seen, arrival.frame, [arrival.row])


def _one(entry: tuple[Frame, int]) -> tuple[Frame, Sequence[int]]:
    return entry[0], [entry[1]]
