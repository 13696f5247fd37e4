"""Programs that another machine writes and that then run, and services and tasks that nobody on the machine made."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.state.names import told_computer
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address
from .afar import by_ways, odd_place, way
from .arrivals import Arrival, Arrivals
from .coded import Coded, Mask, runs, together
from .following import Moments, after, first_seen, machines, with_rows
from .frame import Frame, Sighting, equals

__all__ = ["entries_are_made_for_arrivals", "programs_run_where_planted"]

RUN_SECONDS, AGAIN_SECONDS, ARRIVAL_SECONDS, MAKER_SECONDS, BRIEF_SECONDS = 15 * 60, 60 * 60, 60, 120, 10 * 60
DAYS_OF_HABIT, AT_MOST = 3, 10
WRITTEN = frozenset({"filecreated", "filemodified", "filerenamed"})
BY_SHARE = frozenset({"system", "ntoskrnl.exe"})
SYSTEM = re.compile(r"^[a-z]:\\windows\\(system32|syswow64)\\[^\\]+$")
NO_PROGRAM = re.compile(
    r"\.(docx?|xlsx?|pptx?|pdf|txt|csv|log|lnk|ini|xml|json|html?|jpe?g|png|gif|url|tmp|evtx|pol|inf|adm[lx])$"
)
KEPT = re.compile(r"\\(sysvol|dfsr|softwaredistribution|winsxs|ccmcache|ccmsetup|driverstore|windows\\installer|csc)\\")
MAKERS = re.compile(
    r"^(sc|schtasks|at|msiexec|powershell|pwsh|cmd|wscript|cscript|mmc|reg|regedit|taskeng|wmic|net1?|rundll32|drvinst|dism|tiworker"
    r"|trustedinstaller|.*(setup|install|uninst|update|upgrade|deploy|patch|agent|_is|isetup).*)\.(exe|tmp)$"
)
IMAGE = re.compile(r"\\(?:currentcontrolset|controlset\d+)\\services\\([^\\]+)$")
TREE = re.compile(r"\\schedule\\taskcache\\tree\\(?!microsoft\\)(.+)$")
TASK = re.compile(r"^[a-z]:\\windows\\(?:system32\\)?tasks\\(?!microsoft\\)(.+)$")
PROGRAM = re.compile(
    r'^\W*?((?:[a-z]:|%systemroot%|\\systemroot|\\\\[^\\]+\\[^\\]+)\\[^"]*?\.(?:exe|com|scr|sys|dll|bat|cmd))\b'
)

PLANTED = Sighting(
    id="stat-program-run-where-planted",
    title="Program written by another machine and run minutes later",
    techniques=("T1021.002",),
    tactics=("lateral-movement", "execution"),
    false_positives=("Distribution of software over administrative shares",),
)
SERVICE = Sighting(
    id="stat-service-made-for-arrival",
    title="Service made right after somebody came from another machine, by nobody there",
    techniques=("T1543.003", "T1569.002"),
    tactics=("persistence", "lateral-movement"),
    false_positives=("An administrator who installs a service from afar",),
)
BRIEF = Sighting(
    id="stat-task-come-and-gone",
    title="Task made right after somebody came from another machine, and gone within minutes",
    techniques=("T1053.005",),
    tactics=("execution", "lateral-movement"),
    false_positives=("Tools of inventory that run a passing task",),
)


def programs_run_where_planted(evidence: Evidence) -> Iterator[Detection]:
    """Report a file written over a share that a service, task, WMI or remote management runs or loads: medium.

    Within a quarter of an hour, by the same path, the same hash, or named on the command line; outside the folders of
    set-ups. The baseline: the path did not run there an hour before, nor is the name written so on three other days.
    """
    files = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "ActionType", "FolderPath", "FileName"))
    starts = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FolderPath", "InitiatingProcessFileName"))
    if files is None or starts is None:
        return
    planted, moments = Moments(files, _planted(files)), Moments(starts, by_ways(starts))
    if not len(planted) or not len(moments):
        return
    first, days = _first_starts(starts, moments.hosts), _days(files, planted.rows())
    told = set[tuple[str, str]]()
    for row in planted.rows():
        host, path, time = planted.hosts.by_row[row], files.lower("FolderPath")[row], float(files.seconds[row])
        if (host, path) in told or len(told) >= AT_MOST or _is_habit(files, row, days):
            continue
        started = next(
            (i for i in moments.between(host, time, time + RUN_SECONDS) if _runs(starts, i, files, row)), None
        )
        if started is not None and first.get((host, path), time) >= time - AGAIN_SECONDS:
            told.add((host, path))
            yield _ran(files, row, starts, started)


def _first_starts(starts: Frame, hosts: Coded) -> dict[tuple[str, str], float]:
    odd = np.flatnonzero(starts.coded("FolderPath").lowered.rows_where(_is_program))
    return first_seen(starts, hosts, "FolderPath", odd.tolist())


def _planted(frame: Frame) -> Mask:
    kept = frame.coded("ActionType").lowered.rows_where(WRITTEN.__contains__) & frame.timed
    by = frame.coded("InitiatingProcessFileName").lowered.rows_where(BY_SHARE.__contains__)
    by |= frame.coded("RequestProtocol").lowered.rows_where(lambda protocol: "smb" in protocol)
    return kept & by & frame.coded("FolderPath").lowered.rows_where(_is_program)


def _is_program(path: str) -> bool:
    return (odd_place(path) or bool(SYSTEM.match(path))) and not (NO_PROGRAM.search(path) or KEPT.search(path))


def _runs(starts: Frame, at: int, files: Frame, row: int) -> bool:
    """Tell whether a start is of the file, or loads it, by a way that is open to other machines."""
    if way(starts, at) is None:
        return False
    path, digest = files.lower("FolderPath")[row], files.lower("SHA256")[row]
    if starts.lower("FolderPath")[at] == path or (digest and starts.lower("SHA256")[at] == digest):
        return True
    return path in starts.text("ProcessCommandLine")[at][:4096].lower()


def _days(frame: Frame, rows: Sequence[int]) -> dict[str, set[float]]:
    """Return the days on which files of each name were written so."""
    days = defaultdict[str, set[float]](set)
    names = frame.lower("FileName")
    for row in rows:
        days[names[row]].add(frame.seconds[row] // 86_400)
    return days


def _is_habit(frame: Frame, row: int, days: Mapping[str, set[float]]) -> bool:
    """Tell whether files of that name are written so on three days before."""
    today = frame.seconds[row] // 86_400
    return sum(1 for day in days[frame.lower("FileName")[row]] if day < today) >= DAYS_OF_HABIT


def _ran(files: Frame, row: int, starts: Frame, at: int) -> Detection:
    host, path, kind = files.text("DeviceName")[row], files.text("FolderPath")[row], way(starts, at)
    account, address = files.text("RequestAccountName")[row], files.text("RequestSourceIP")[row]
    by = f"{account or 'somebody'} at {address}" if address else (account or "another machine")
    gap, noun = round(float(starts.seconds[at]) - float(files.seconds[row])), kind.noun if kind else "a program"
    statement = f"{by} wrote {path} on {host} over a share at {files.moment(row)}, and {noun} ran it {gap} s later"
    here = equals("DeviceName", host)
    claims = [
        files.counted(f"writes of {path} on {host}", here, equals("FolderPath", path)),
        starts.counted(f"starts of {path} on {host} before", here, equals("FolderPath", path), starts.before(at)),
        after("it runs after it was written", files, row, starts, at),
    ]
    entities = [Entity(kind="host", value=host), Entity(kind="file", value=path)]
    entities += [Entity(kind="account", value=account)] if account else []
    entities += [Entity(kind="ip", value=address)] if is_address(address) else []
    techniques = ("T1021.002", *(kind.techniques if kind else ()))[:2]
    seen = PLANTED.detection(starts, "medium", statement, [at], entities=entities, claims=claims, techniques=techniques)
    return with_rows(seen, files, [row])


@dataclass(frozen=True)
class Made:
    """A service or task that was made: its row and name."""

    frame: Frame
    row: int
    name: str


def entries_are_made_for_arrivals(evidence: Evidence) -> Iterator[Detection]:
    """Report a service in an odd place, or a task gone within ten minutes, made within a minute of an arrival: medium.

    Nobody on the machine may have made it: no set-up, shell or tool of services and tasks started within two minutes
    before. Arrivals are those that are no habit and of no machine of management; the name must be new to the machine.
    """
    made = [*_services(evidence), *_brief_tasks(evidence)]
    arrivals = Arrivals(evidence) if made else None
    if not arrivals:
        return
    starts = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FileName"))
    makers = Moments(starts, starts.coded("FileName").lowered.rows_where(MAKERS.match)) if starts else None
    told = set[tuple[str, str]]()
    for each in made:
        host, time = told_computer(each.frame.lower("DeviceName")[each.row]), float(each.frame.seconds[each.row])
        if (host, each.name) in told or len(told) >= AT_MOST:
            continue
        arrival = arrivals.of_anybody(host, time, ARRIVAL_SECONDS)
        if arrival is None or not _may_command(arrival):
            continue
        if makers is None or not makers.between(host, time - MAKER_SECONDS, time):
            told.add((host, each.name))
            yield _made(each, arrival)


def _may_command(arrival: Arrival) -> bool:
    """Tell whether who came may be an administrator there; a log that does not say so leaves it open."""
    if arrival.of_logon:
        return arrival.frame.lower("IsLocalAdmin")[arrival.row] not in ("false", "0")
    return arrival.frame.lower("InitiatingProcessFileName")[arrival.row] == "services.exe"


def _services(evidence: Evidence) -> Iterator[Made]:
    """Yield the services whose program lies in an odd place, where they are made for the first time."""
    frame = Frame.of(evidence, "DeviceRegistryEvents", ("DeviceName", "RegistryKey", "RegistryValueName"))
    if frame is None:
        return
    kept = frame.coded("RegistryValueName").lowered.rows_where("imagepath".__eq__) & frame.timed
    kept &= frame.coded("InitiatingProcessFileName").lowered.rows_where(("", "services.exe").__contains__)
    kept &= frame.coded("RegistryKey").lowered.rows_where(IMAGE.search)
    kept &= frame.coded("RegistryValueData").lowered.rows_where(_odd_image)
    keys, hosts, known = frame.lower("RegistryKey"), machines(frame), set[tuple[str, str]]()
    for row in frame.in_order(np.flatnonzero(kept)):
        found = IMAGE.search(keys[row])
        key = (hosts.by_row[row], found.group(1) if found else "")
        if key not in known:
            known.add(key)
            yield Made(frame, row, key[1])


def _odd_image(text: str) -> bool:
    found = PROGRAM.match(text[:1024])
    path = re.sub(r"^(%systemroot%|\\systemroot)", r"c:\\windows", found.group(1)) if found else ""
    return bool(path) and odd_place(path) and not path.endswith(".sys")


def _brief_tasks(evidence: Evidence) -> Iterator[Made]:
    """Yield the tasks that are gone within ten minutes of their making."""
    for table, column, name in (
        ("DeviceFileEvents", "FolderPath", _file),
        ("DeviceRegistryEvents", "RegistryKey", _leaf),
    ):
        frame = Frame.of(evidence, table, ("DeviceName", "ActionType", column))
        if frame is None:
            continue
        names = frame.coded(column).lowered.mapped(name)
        gone = frame.coded("ActionType").lowered.rows_where(lambda action: "deleted" in action)
        tasks = np.flatnonzero(names.rows_where(bool) & frame.timed)
        for rows in runs(together([machines(frame), names]), tasks, frame.seconds, 2):
            first, ends = int(rows[0]), rows[gone[rows]]
            if not gone[first] and len(ends) and frame.seconds[ends[0]] - frame.seconds[first] <= BRIEF_SECONDS:
                yield Made(frame, first, names.by_row[first])


def _file(path: str) -> str:
    found = TASK.search(path)
    return found.group(1) if found else ""


def _leaf(key: str) -> str:
    found = TREE.search(key)
    return found.group(1) if found else ""


def _made(each: Made, arrival: Arrival) -> Detection:
    frame, row = each.frame, each.row
    host, service = frame.text("DeviceName")[row], frame.lower("RegistryValueName")[row] == "imagepath"
    data = frame.text("RegistryValueData")[row] if service else "which was gone within ten minutes"
    noun = "service" if service else "task"
    gap = round(float(frame.seconds[row]) - float(arrival.frame.seconds[arrival.row]))
    statement = f"{arrival.said}; {gap} s later the {noun} {each.name} was made, {data}, by no set-up or shell there"
    column = "FolderPath" if frame.rows.table == "DeviceFileEvents" else "RegistryKey"
    here = (equals("DeviceName", host), equals(column, frame.text(column)[row]))
    claims = [
        arrival.baseline(),
        frame.counted(f"rows of {each.name} on {host} before", *here, frame.before(row)),
        after("it is made after the arrival", arrival.frame, arrival.row, frame, row),
    ]
    entities = [Entity(kind="host", value=host), *arrival.entities()]
    seen = (SERVICE if service else BRIEF).detection(
        frame, "medium", statement, [row], entities=entities, claims=claims
    )
    return with_rows(seen, arrival.frame, [arrival.row])
