"""Programs and parentages that hardly any host shows. Hints only: rare is not bad."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, Sighting

__all__ = ["processes_are_rare"]

HOSTS_TO_COMPARE = 5
ROWS_TO_COMPARE = 200
AT_MOST = 5
WRITABLE = re.compile(
    r"\\(temp|tmp|appdata|users\\public|programdata|downloads|perflogs)\\|^/(tmp|var/tmp|dev/shm)/", re.IGNORECASE
)
SHELLS = re.compile(r"^(cmd|powershell|pwsh|wscript|cscript|mshta|rundll32|regsvr32|bash|sh)(\.exe)?$", re.IGNORECASE)

PAIR = Sighting(
    id="stat-rare-parent",
    title="Shell started by a parent that no other host shows",
    techniques=("T1059",),
    tactics=("execution",),
    false_positives=("New software",),
)
BINARY = Sighting(
    id="stat-rare-binary",
    title="Program from a writable folder that no other host runs",
    techniques=("T1204.002", "T1036"),
    tactics=("execution",),
    false_positives=("Installers and portable tools",),
)


def processes_are_rare(evidence: Evidence) -> Iterator[Detection]:
    """Report (low) up to five shells with a parent, and five programs in writable folders, seen once on one host.

    Only where there are at least five hosts and two hundred rows to compare with.
    """
    frame = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FileName", "InitiatingProcessFileName"))
    if frame is None or len(frame.rows) < ROWS_TO_COMPARE or len(set(frame.lower("DeviceName"))) < HOSTS_TO_COMPARE:
        return
    names, parents, folders = (
        frame.lower("FileName"),
        frame.lower("InitiatingProcessFileName"),
        frame.text("FolderPath"),
    )
    yield from _once(
        frame, PAIR, lambda i: f"{parents[i]} → {names[i]}" if parents[i] and SHELLS.match(names[i]) else ""
    )
    yield from _once(frame, BINARY, lambda i: names[i] if WRITABLE.search(folders[i]) else "")


def _once(frame: Frame, sighting: Sighting, key: Callable[[int], str]) -> Iterator[Detection]:
    hosts, groups = set(frame.lower("DeviceName")), frame.grouped(key)
    rare = [name for name, rows in groups.items() if len(rows) == 1]
    for name in sorted(rare, key=lambda n: frame.times[groups[n][0]] or 0.0)[:AT_MOST]:
        index, host = groups[name][0], frame.text("DeviceName")[groups[name][0]]
        statement = (
            f"{name} once among {len(frame.rows)} rows of {len(hosts)} hosts: on {host} at {frame.moment(index)}"
        )
        entities = [Entity(kind="host", value=host), Entity(kind="process", value=frame.text("FileName")[index])]
        claims = [frame.shared(f"on {host}", [index], "DeviceName", host)]
        yield sighting.detection(frame, "low", statement, [index], entities=entities, claims=claims)
