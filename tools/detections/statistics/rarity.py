"""Programs and parentages that hardly any host shows. Hints only: rare is not bad."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .coded import Indexes, Mask, breadth, joined, runs
from .frame import Frame, Sighting, differs, equals

__all__ = ["processes_are_rare"]

HOSTS_TO_COMPARE = 5
ROWS_TO_COMPARE = 200
ROWS_AT_MOST = 3
"""What one host runs more often is its owner's habit."""
HOSTS_OF_A_NAME = 3
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
    techniques=("T1204.002",),
    tactics=("execution",),
    false_positives=("Installers and portable tools",),
)


@dataclass(frozen=True)
class Kind:
    """What may be rare: rows that agree in these columns, in this order of a statement."""

    sighting: Sighting
    columns: tuple[str, ...]


PAIRS = Kind(PAIR, ("InitiatingProcessFileName", "FileName"))
BINARIES = Kind(BINARY, ("FileName",))
HASHED = Kind(BINARY, ("FileName", "SHA256"))


def processes_are_rare(evidence: Evidence) -> Iterator[Detection]:
    """Report (low) up to five shells with a parent, and five programs in writable folders, that one host alone shows.

    The baseline is the table: at least five hosts and two hundred rows. A name that several hosts show is rare on one
    of them where its hash is that host's alone, up to five more.
    """
    frame = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FileName", "InitiatingProcessFileName"))
    if frame is None or len(frame.rows) < ROWS_TO_COMPARE:
        return
    hosts, names = frame.coded("DeviceName").lowered, frame.coded("FileName").lowered
    if len(np.unique(hosts.codes)) < HOSTS_TO_COMPARE:
        return
    parents, hashes = frame.coded("InitiatingProcessFileName"), frame.coded("SHA256")
    placed = frame.coded("FolderPath").rows_where(WRITABLE.search) & names.rows_where(bool)
    common = (breadth(names, hosts.codes, np.arange(len(frame.rows))) >= HOSTS_OF_A_NAME)[names.codes]
    yield from _on_one_host(frame, PAIRS, parents.rows_where(bool) & names.rows_where(SHELLS.match))
    yield from _on_one_host(frame, BINARIES, placed)
    yield from _on_one_host(frame, HASHED, placed & common & hashes.rows_where(bool))


def _on_one_host(frame: Frame, kind: Kind, among: Mask) -> Iterator[Detection]:
    things = frame.coded(kind.columns[-1]).lowered
    if kind is PAIRS:
        things = joined(frame.coded(kind.columns[0]).lowered, things)
    hosts = breadth(things, frame.coded("DeviceName").lowered.codes, np.arange(len(frame.rows)))
    rows = np.flatnonzero(among & (hosts == 1)[things.codes] & frame.timed)
    rare = [found for found in runs(things.codes, rows, frame.seconds) if len(found) <= ROWS_AT_MOST]
    for found in sorted(rare, key=lambda found: (len(found), frame.times[found[0]]))[:AT_MOST]:
        yield _rare(frame, kind, found)


def _rare(frame: Frame, kind: Kind, rows: Indexes) -> Detection:
    first, hosts = int(rows[0]), len(np.unique(frame.coded("DeviceName").lowered.codes))
    host, values = frame.text("DeviceName")[first], [frame.lower(column)[first] for column in kind.columns]
    what = " → ".join(values) if kind is PAIRS else values[0]
    statement = (
        f"{what} {'once' if len(rows) == 1 else f'{len(rows)} times'} among {len(frame.rows)} rows of {hosts} hosts: "
        f"on {host} at {frame.moment(first)}"
    )
    entities = [Entity(kind="host", value=host), Entity(kind="process", value=frame.text("FileName")[first])]
    named = kind.columns if kind is PAIRS else kind.columns[-1:]
    where = [equals(column, frame.text(column)[first]) for column in named]
    claims = _claims(frame, rows, what, host, where)
    return kind.sighting.detection(frame, "low", statement, rows.tolist(), entities=entities, claims=claims)


def _claims(frame: Frame, rows: Indexes, what: str, host: str, where: list[Condition]) -> Iterator[Claim]:
    yield frame.shared(f"on {host}", rows.tolist(), "DeviceName", host)
    yield frame.counted("starts on other hosts, which are the baseline,", differs("DeviceName", host))
    yield frame.counted(f"of them of {what}", differs("DeviceName", host), *where)
