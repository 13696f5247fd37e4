"""Name servers of strangers to which far more goes than comes back: questions that carry data out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_public
from .coded import joined_codes, runs
from .flowing import ports, remotes, sources
from .frame import Frame, Sighting, busiest

__all__ = ["lookups_carry_data_out"]

TABLE = "AzureNetworkAnalytics_CL"
NAMES, WINDOW_SECONDS, LEAST_BYTES = 53, 60 * 60, 1e6

CARRIED = Sighting(
    id="stat-lookups-carry-data",
    title="More asked of a name server than it answers, by the megabyte",
    techniques=("T1071.004",),
    tactics=("command-and-control", "exfiltration"),
    false_positives=("Name servers of the house that tell others of changes",),
)


def lookups_carry_data_out(evidence: Evidence) -> Iterator[Detection]:
    """Report a machine that sends a megabyte within an hour to a public name server and gets less back.

    An answer repeats its question and adds to it, so that a resolver of many receives more than it sends.
    """
    frame = Frame.of(evidence, TABLE, ("FlowDirection_s", "DestPort_d", "OutboundBytes_d"))
    if frame is None:
        return
    own, targets = sources(frame), remotes(frame)
    out = frame.coded("FlowDirection_s").lowered.rows_where("o".__eq__) & (ports(frame) == NAMES)
    out &= ~frame.coded("FlowStatus_s").lowered.rows_where("d".__eq__)
    out &= targets.rows_where(is_public) & own.rows_where(bool) & frame.timed
    sent, received = frame.amounts("OutboundBytes_d"), frame.amounts("InboundBytes_d")
    for rows in runs(joined_codes(own, targets), np.flatnonzero(out), frame.seconds):
        start, end = busiest(frame.seconds[rows].tolist(), WINDOW_SECONDS)
        inside = rows[start:end]
        asked, answered = float(sent[inside].sum()), float(received[inside].sum())
        if asked >= LEAST_BYTES and asked > answered:
            yield _seen(frame, inside.tolist(), (asked, answered), own.by_row[rows[0]], targets.by_row[rows[0]])


def _seen(frame: Frame, rows: list[int], amounts: tuple[float, float], machine: str, remote: str) -> Detection:
    statement = (
        f"{machine} sent {amounts[0] / 1e6:.1f} MB of lookups to {remote} between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])} and got {amounts[1] / 1e6:.1f} MB back"
    )
    sent = frame.amounts("OutboundBytes_d")
    entities = [Entity(kind="ip", value=one) for one in (remote, machine) if is_address(one)]
    claims = [frame.ordered("its flows lie in this order", rows[0], rows[-1])]
    cited = sorted(rows, key=lambda i: -sent[i])
    return CARRIED.detection(frame, "medium", statement, cited, entities=entities, claims=claims)
