"""Connections that keep time: one process to one remote, again and again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addresses import is_private, is_public
from .coded import breadth, runs, together
from .frame import Frame, Sighting, equals, regular

__all__ = ["connections_keep_time"]

CONNECTIONS_TO_REPORT = 12
SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 2 * 3600.0
JITTER = 0.45
RARE_HOSTS = 2
BURST_GAP_SECONDS = 2.0
"""Connections closer than this belong to one call."""

BEACON = Sighting(
    id="stat-beaconing",
    title="Connections at a steady rhythm",
    techniques=("T1071",),
    tactics=("command-and-control",),
    false_positives=("Agents and updaters that report at an interval",),
)
ODD = re.compile(
    r"^(powershell|pwsh|cmd|wscript|cscript|mshta|rundll32|regsvr32|msbuild|installutil|regasm|regsvcs|python\w*|perl|ruby|"
    r"node|java|bash|sh|curl|wget|certutil|bitsadmin|wmic|notepad|calc|werfault|dllhost|msiexec|explorer|spoolsv|lsass|winlogon|nc|ncat)(\.exe)?$",
    re.IGNORECASE,
)
LOADER = re.compile(r"^(rundll32|regsvr32|mshta|installutil|regasm|regsvcs|notepad|calc|werfault)(\.exe)?$")
"""Programs that keep time with nobody, be it inside."""
ENGINE = re.compile(r"^(java|javaw|node|dotnet)(\.exe)?$", re.IGNORECASE)
"""What servers are written in; where it is installed, it asks others all day."""
WRITABLE = re.compile(
    r"\\(temp|tmp|appdata|users\\public|programdata|downloads|perflogs)\\|^/(tmp|var/tmp|dev/shm)/", re.IGNORECASE
)


def connections_keep_time(evidence: Evidence) -> Iterator[Detection]:
    """Report processes that reach one public remote at least twelve times at gaps of 5 seconds to 2 hours.

    Programs that only carry what others wrote are reported with a private remote too.

    Four of five gaps must lie within 45 % of the usual one, which covers the jitter of common implants. Medium where
    at most two hosts reach the remote and the process is an interpreter, a living-off-the-land binary or runs from a
    folder anybody can write; low where only one of those holds; nothing where neither does.
    """
    frame = Frame.of(evidence, "DeviceNetworkEvents", ("DeviceName", "RemoteIP", "InitiatingProcessFileName"))
    if frame is None:
        return
    hosts, remotes = frame.coded("DeviceName").lowered, frame.coded("RemoteIP").lowered
    key = together([hosts, remotes, frame.coded("InitiatingProcessFileName").lowered])
    reaching = breadth(remotes, hosts.codes, np.arange(len(frame.rows)))
    many = len(np.unique(hosts.codes)) > RARE_HOSTS
    carried = frame.coded("InitiatingProcessFileName").lowered.rows_where(LOADER.match) & remotes.rows_where(is_private)
    public = np.flatnonzero((remotes.rows_where(is_public) | carried) & frame.timed)
    for calls in runs(key, public, frame.seconds, CONNECTIONS_TO_REPORT):
        rows = calls.tolist()
        if beat := _beat(frame.at(rows)):
            reached = int(reaching[remotes.codes[rows[0]]])
            rare, odd = many and reached <= RARE_HOSTS, _odd(frame, rows[0])
            if rare or odd:
                yield _kept(frame, rows, beat, reached, odd and (rare or not many))


def _beat(times: list[float]) -> float:
    calls = [time for i, time in enumerate(times) if i == 0 or time - times[i - 1] > BURST_GAP_SECONDS]
    usual = regular(calls, JITTER) if len(calls) >= CONNECTIONS_TO_REPORT else 0.0
    return usual if SHORTEST_SECONDS <= usual <= LONGEST_SECONDS else 0.0


def _odd(frame: Frame, index: int) -> bool:
    name, folder = frame.text("InitiatingProcessFileName")[index], frame.text("InitiatingProcessFolderPath")[index]
    served = bool(ENGINE.match(name)) and len(folder) > 1
    return bool((ODD.match(name) and not served) or WRITABLE.search(folder))


def _kept(frame: Frame, rows: list[int], beat: float, hosts: int, certain: bool) -> Detection:
    first = rows[0]
    host, remote = frame.text("DeviceName")[first], frame.text("RemoteIP")[first]
    process = frame.text("InitiatingProcessFileName")[first] or "an unnamed process"
    times = frame.at(rows)
    stray = median(abs(b - a - beat) for a, b in pairwise(times))
    statement = (
        f"{len(rows)} connections of {process} on {host} to {remote} between {frame.moment(first)} and "
        f"{frame.moment(rows[-1])}, every {beat:.0f} s give or take {stray:.0f}; {hosts} host(s) reach that address"
    )
    by = equals("InitiatingProcessFileName", frame.text("InitiatingProcessFileName")[first])
    where = (equals("DeviceName", host), equals("RemoteIP", remote), by)
    claims = [frame.counted(f"connections to {remote}", *where)]
    entities = [Entity(kind="ip", value=remote), Entity(kind="host", value=host)]
    if frame.text("InitiatingProcessFileName")[first]:
        entities.append(Entity(kind="process", value=process))
    return BEACON.detection(frame, "medium" if certain else "low", statement, rows, entities=entities, claims=claims)
