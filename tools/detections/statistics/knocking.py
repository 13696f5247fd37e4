"""One machine of the tenant that reaches many addresses of the Internet on one port, as none of its days before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_public
from .coded import Indexes, runs
from .flowing import EXTERNAL, machines, ports, remotes
from .frame import Frame, Sighting, widest

__all__ = ["machines_knock_at_the_world"]

ADDRESSES_TO_REPORT = 25
WINDOW_SECONDS = 60 * 60
APART_SECONDS = 12 * 3600
PORTS = 65_536
OPEN_TO_MANY = frozenset({53, 80, 123, 443, 853, 3478, 3479, 3480, 3481, 5228, 7680, 8080, 8443, 19302})
"""Ports on which a machine speaks with many by its nature: the web, names, time, calls, notes, shared updates."""
MAIL = frozenset({25, 465, 587})

KNOCKING = Sighting(
    id="stat-many-public-addresses",
    title="Machine reaches many Internet addresses on one port",
    techniques=("T1595.001",),
    tactics=("discovery", "impact"),
    false_positives=("Mail relays and monitoring of the world, which do so every day", "Swarms that share files"),
)


def machines_knock_at_the_world(evidence: Evidence) -> Iterator[Detection]:
    """Report a machine that sends flows to 25 public addresses on one port within an hour, allowed or not.

    Left alone are ports on which a machine speaks with many by its nature, and a machine that reaches half as many on
    that port in another hour half a day away.
    """
    frame = Frame.of(evidence, "AzureNetworkAnalytics_CL", ("FlowDirection_s", "DestPort_d"))
    if frame is None:
        return
    own, targets, numbers = machines(frame), remotes(frame), ports(frame)
    out = frame.coded("FlowDirection_s").lowered.rows_where("o".__eq__)
    out &= frame.coded("FlowType_s").lowered.rows_where(EXTERNAL.__contains__) & own.rows_where(bool)
    out &= targets.rows_where(is_public) & (numbers > 0) & ~np.isin(numbers, [*OPEN_TO_MANY]) & frame.timed
    for rows in runs(own.codes * PORTS + numbers, np.flatnonzero(out), frame.seconds, ADDRESSES_TO_REPORT):
        inside = _widest(frame, rows, targets.codes, ADDRESSES_TO_REPORT)
        apart = rows[np.abs(frame.seconds[rows] - frame.seconds[inside[0]]) > APART_SECONDS] if len(inside) else rows
        half = (len(np.unique(targets.codes[inside])) + 1) // 2
        if len(inside) and not len(_widest(frame, apart, targets.codes, half)):
            yield _seen(frame, inside, targets.codes, own.by_row[int(rows[0])], int(numbers[rows[0]]))


def _widest(frame: Frame, rows: Indexes, codes: Indexes, at_least: int) -> Indexes:
    if len(np.unique(codes[rows])) < at_least:
        return rows[:0]
    start, end = widest(frame.seconds[rows].tolist(), [str(code) for code in codes[rows].tolist()], WINDOW_SECONDS)
    inside = rows[start:end]
    return inside if len(np.unique(codes[inside])) >= at_least else rows[:0]


def _seen(frame: Frame, rows: Indexes, codes: Indexes, machine: str, port: int) -> Detection:
    firsts: list[int] = rows[np.sort(np.unique(codes[rows], return_index=True)[1])].tolist()
    statement = (
        f"{machine} reached {len(firsts)} Internet addresses on port {port} between {frame.moment(int(rows[0]))} and "
        f"{frame.moment(int(rows[-1]))}"
    )
    entities = [
        Entity(kind="ip" if is_address(machine) else "host", value=machine),
        Entity(kind="port", value=str(port)),
    ]
    column = next(name for name in ("VM_s", "VM1_s", "SrcIP_s") if frame.text(name)[firsts[0]])
    claims = [frame.shared(f"all of {machine}", firsts, column, frame.text(column)[firsts[0]])]
    techniques = ("T1496",) if port in MAIL else KNOCKING.techniques
    return KNOCKING.detection(
        frame, "medium", statement, firsts, entities=entities, claims=claims, techniques=techniques
    )
