"""Flows that keep time and size: one machine to one address, again and again, with nearly nothing in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_public
from .coded import Seconds, breadth, joined_codes, runs
from .flowing import EXTERNAL, machines, ports, remotes
from .frame import Frame, Sighting, equals, regular

__all__ = ["flows_keep_time"]

TABLE = "AzureNetworkAnalytics_CL"
BEATS_TO_REPORT = 20
LONGEST_SECONDS = 2 * 3600.0
JITTER, SPREAD_OF_SIZE = 0.4, 0.25
MOST_BYTES = 20_000.0
MACHINES_TO_COMPARE = 3
WEB = frozenset({80, 443, 8080, 8443})
CHATTY = frozenset({25, 53, 123, 853, 1883, 3478, 5671, 5672, 8883})
"""Services that ask at an interval by their nature: names, time, mail, messages of devices."""
PORTS = 65_536

BEAT = Sighting(
    id="stat-flow-rhythm",
    title="Small flows to one address at a steady rhythm and size",
    techniques=("T1071",),
    tactics=("command-and-control",),
    false_positives=("Agents of monitoring and of licences that report to their maker",),
)


def flows_keep_time(evidence: Evidence) -> Iterator[Detection]:
    """Report small flows of one machine to one public address that keep both their interval and their size.

    Twenty of them, not farther apart than two hours, four of five gaps within 40 % of the usual one, and four of five
    sizes within a quarter of the usual, at most 20 kB. It must be a port that is not one of the web's, or the machine
    the only one of at least three that speaks with the address. The size tells it from a flow that the log merely cuts
    into stretches of one length.
    """
    frame = Frame.of(evidence, TABLE, ("FlowDirection_s", "DestPort_d", "OutboundBytes_d"))
    if frame is None:
        return
    own, targets = machines(frame), remotes(frame)
    numbers, sent = ports(frame), frame.amounts("OutboundBytes_d")
    out = frame.coded("FlowDirection_s").lowered.rows_where("o".__eq__)
    out &= frame.coded("FlowType_s").lowered.rows_where(EXTERNAL.__contains__)
    out &= ~frame.coded("FlowStatus_s").lowered.rows_where("d".__eq__) & targets.rows_where(is_public)
    out &= frame.timed & own.rows_where(bool) & (sent > 0) & (sent <= MOST_BYTES) & ~np.isin(numbers, [*CHATTY])
    rows = np.flatnonzero(out)
    every = np.flatnonzero(own.rows_where(bool))
    reaching = breadth(targets, own.codes, every)
    known = len(np.unique(own.codes[every]))
    way = joined_codes(own, targets) * PORTS + numbers
    for each in runs(way, rows, frame.seconds, BEATS_TO_REPORT):
        beat = regular(frame.at(each.tolist()), JITTER)
        if 0 < beat <= LONGEST_SECONDS and _even(sent[each]):
            alone = known >= MACHINES_TO_COMPARE and reaching[targets.codes[each[0]]] == 1
            if alone or int(numbers[each[0]]) not in WEB:
                yield _seen(frame, each.tolist(), beat, own.by_row[each[0]])


def _even(sizes: Seconds) -> bool:
    usual = float(np.median(sizes))
    return bool(np.mean(np.abs(sizes - usual) <= SPREAD_OF_SIZE * usual) >= 0.8)


def _seen(frame: Frame, rows: list[int], beat: float, machine: str) -> Detection:
    first, remote = rows[0], remotes(frame).by_row[rows[0]]
    port, usual = int(ports(frame)[first]), float(np.median(frame.amounts("OutboundBytes_d")[rows]))
    statement = (
        f"{len(rows)} flows of {machine} to port {port} of {remote} between {frame.moment(first)} and "
        f"{frame.moment(rows[-1])}, about every {beat:.0f} s and each about {usual:.0f} bytes"
    )
    entities = [Entity(kind="ip", value=remote), Entity(kind="port", value=str(port))]
    entities += [Entity(kind="ip", value=machine)] if is_address(machine) else []
    claims = [frame.ordered("its flows lie in this order", first, rows[-1])]
    if frame.text("DestIP_s")[first]:
        claims.append(frame.counted("flows to that address", equals("DestIP_s", frame.text("DestIP_s")[first])))
    return BEAT.detection(frame, "medium", statement, rows, entities=entities, claims=claims)
