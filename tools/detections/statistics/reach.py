"""Administration ports of many hosts reached in minutes by a program that never did the like."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .addresses import is_private
from .beaconing import ODD, WRITABLE
from .coded import Indexes, runs, together
from .frame import Frame, Sighting, equals, one_of, widest
from .scanning import HOSTS_TO_REPORT as HOSTS_OF_A_SCAN

__all__ = ["programs_reach_further_than_before"]

HOSTS_TO_REPORT = 6
WINDOW_SECONDS = 10 * 60
APART_SECONDS = 60 * 60
TIMES_THE_PAST = 3
HOURS_OF_PAST = 24

REACH = Sighting(
    id="stat-new-reach",
    title="Program reaches administration ports of many hosts for the first time",
    techniques=("T1021",),
    tactics=("lateral-movement",),
    false_positives=("A new management or deployment tool",),
)
PORTS = (22, 135, 139, 445, 1433, 3389, 5900, 5985, 5986)
SCANNERS = re.compile(
    r"^(nessusd?|openvas|qualys\w*|mssense|sensendr|ccmexec|zabbix\w*|prtg\w*|healthservice)(\.exe)?$"
)


def programs_reach_further_than_before(evidence: Evidence) -> Iterator[Detection]:
    """Report programs that reach six to nineteen private hosts on administration ports within ten minutes.

    The baseline is the host's past of at least a day: the program must reach three times as many hosts as in any other
    ten minutes an hour away. Medium for a shell, a script host or a program in a folder that anybody can write to, else
    low. From twenty hosts on it is a scan.
    """
    frame = Frame.of(evidence, "DeviceNetworkEvents", ("DeviceName", "RemoteIP", "RemotePort"))
    if frame is None:
        return
    hosts, programs = frame.coded("DeviceName").lowered, frame.coded("InitiatingProcessFileName").lowered
    outward = frame.coded("ActionType").lowered.rows_where(
        lambda action: not action.startswith(("inbound", "listening"))
    )
    among = outward & np.isin(frame.numbers("RemotePort"), PORTS) & frame.timed
    among &= frame.coded("RemoteIP").rows_where(is_private) & ~programs.rows_where(SCANNERS.match)
    began = np.full(len(hosts.values), np.inf)
    np.minimum.at(began, hosts.codes[frame.timed], frame.seconds[frame.timed])
    for rows in runs(together([hosts, programs]), np.flatnonzero(among), frame.seconds, HOSTS_TO_REPORT):
        inside, before = _furthest(frame, rows)
        reached = len(_remotes(frame, inside))
        past = float(frame.seconds[inside[0]]) - float(began[hosts.codes[rows[0]]])
        new = reached >= TIMES_THE_PAST * before and past >= HOURS_OF_PAST * 3600
        if HOSTS_TO_REPORT <= reached < HOSTS_OF_A_SCAN and new:
            yield _seen(frame, inside, before, past / 3600)


def _furthest(frame: Frame, rows: Indexes) -> tuple[Indexes, int]:
    """Return the rows of the widest ten minutes, and how many hosts the widest an hour away from them reached."""
    remotes, times = frame.lower("RemoteIP"), frame.seconds
    start, end = widest(times[rows].tolist(), [remotes[i] for i in rows], WINDOW_SECONDS)
    inside = rows[start:end]
    apart = (times[rows] < times[inside[0]] - APART_SECONDS) | (times[rows] > times[inside[-1]] + APART_SECONDS)
    others = rows[apart]
    first, last = widest(times[others].tolist(), [remotes[i] for i in others], WINDOW_SECONDS)
    return inside, len(_remotes(frame, others[first:last]))


def _remotes(frame: Frame, rows: Indexes) -> set[str]:
    return {frame.lower("RemoteIP")[i] for i in rows}


def _seen(frame: Frame, rows: Indexes, before: int, hours: float) -> Detection:
    first, last = int(rows[0]), int(rows[-1])
    host, program = frame.text("DeviceName")[first], frame.text("InitiatingProcessFileName")[first]
    odd = ODD.match(program) or WRITABLE.search(frame.text("InitiatingProcessFolderPath")[first])
    level: Level = "medium" if odd else "low"
    remotes = _remotes(frame, rows)
    ports = sorted({str(int(float(frame.text("RemotePort")[i]))) for i in rows})
    statement = (
        f"{program or 'a program'} on {host} reached {len(remotes)} private hosts on port {', '.join(ports)} between "
        f"{frame.moment(first)} and {frame.moment(last)}; at most {before} in any other ten minutes, with {hours:.0f} "
        "hours of past"
    )
    mine = (equals("DeviceName", host), equals("InitiatingProcessFileName", program))
    claims = [
        frame.shared(f"from {host}", rows.tolist(), "DeviceName", host),
        frame.counted(f"connections of {program} to these hosts", *mine, one_of("RemoteIP", remotes)),
    ]
    cited = list({frame.lower("RemoteIP")[i]: int(i) for i in rows[::-1]}.values())[::-1]
    entities = [Entity(kind="host", value=host)] + ([Entity(kind="process", value=program)] if program else [])
    return REACH.detection(frame, level, statement, cited, entities=entities, claims=claims)
