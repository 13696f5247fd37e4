"""Flows of Traffic Analytics: the same way out refused again and again, and more going out than ever."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .addresses import is_private
from .coded import runs
from .flowing import EXTERNAL, machines, ports
from .frame import Frame, Sighting, equals

__all__ = ["outbound_is_refused", "outbound_is_unusually_large"]

TABLE = "AzureNetworkAnalytics_CL"
REFUSALS_TO_REPORT = 5
AT_MOST = 40
"""Machines and ports that are told, uncommon ports and many refusals first."""
COMMON_PORTS = frozenset({25, 53, 80, 123, 443, 587, 853, 993, 8080, 8443})
HOURS_OF_PAST = 24
TIMES_THE_USUAL = 10.0
TIMES_THE_LARGEST = 3.0
HOURS_APART = 6
"""Hours this near belong to the same event and are no baseline."""
LEAST_BYTES = 100e6
PORTS = 65_536

REFUSED = Sighting(
    id="stat-outbound-refused",
    title="Outbound flow denied again and again",
    techniques=("T1571",),
    tactics=("command-and-control",),
    false_positives=("Software with a setting that no longer fits the network",),
)
LARGE = Sighting(
    id="stat-outbound-volume",
    title="Far more bytes going out than usual",
    techniques=("T1048",),
    tactics=("exfiltration",),
    false_positives=("Backups and migrations to another provider",),
)


def outbound_is_refused(evidence: Evidence) -> Iterator[Detection]:
    """Report machines refused at least five times on the way to one Internet port; medium on an uncommon port."""
    frame = Frame.of(evidence, TABLE, ("FlowDirection_s", "FlowStatus_s", "DestPort_d"))
    if frame is None:
        return
    own, numbers = machines(frame), ports(frame)
    out = frame.coded("FlowDirection_s").lowered.rows_where("o".__eq__)
    out &= frame.coded("FlowStatus_s").lowered.rows_where("d".__eq__) & own.rows_where(bool) & frame.timed
    out &= ~frame.coded("DestIP_s").lowered.rows_where(is_private)
    key = own.codes * PORTS + numbers
    ways = [rows.tolist() for rows in runs(key, np.flatnonzero(out), frame.seconds, REFUSALS_TO_REPORT)]
    for rows in sorted(ways, key=lambda rows: (int(numbers[rows[0]]) in COMMON_PORTS, -len(rows)))[:AT_MOST]:
        yield _refused(frame, rows, int(numbers[rows[0]]))


def outbound_is_unusually_large(evidence: Evidence) -> Iterator[Detection]:
    """Report an hour in which a machine sends out far more than in at least 24 hours before and after.

    Far more is ten times the median, three times the largest, and 100 MB: a nightly backup is its own baseline.
    """
    frame = Frame.of(evidence, TABLE, ("OutboundBytes_d",))
    if frame is None:
        return
    sent, own = frame.amounts("OutboundBytes_d"), machines(frame)
    out = frame.coded("FlowType_s").lowered.rows_where(EXTERNAL.__contains__) & own.rows_where(bool) & frame.timed
    for rows in runs(own.codes, np.flatnonzero(out), frame.seconds, HOURS_OF_PAST):
        hours, places = np.unique(frame.seconds[rows] // 3600, return_inverse=True)
        totals = np.bincount(places, weights=sent[rows])
        worst = int(totals.argmax())
        others: list[float] = totals[np.abs(hours - hours[worst]) > HOURS_APART].tolist()
        if len(others) >= HOURS_OF_PAST and totals[worst] >= _too_much(others):
            yield _large(frame, rows[places == worst].tolist(), float(totals[worst]), others)


def _too_much(others: list[float]) -> float:
    """Return the bytes of an hour that neither the usual hours nor the largest of them explain."""
    return max(LEAST_BYTES, TIMES_THE_USUAL * median(others), TIMES_THE_LARGEST * max(others))


def _named(frame: Frame, index: int) -> tuple[str, str]:
    """Return the column that names the machine, and its name there."""
    column = next((c for c in ("VM_s", "VM1_s", "SrcIP_s") if frame.text(c)[index]), "SrcIP_s")
    return column, frame.text(column)[index]


def _refused(frame: Frame, rows: list[int], port: int) -> Detection:
    column, machine = _named(frame, rows[0])
    remotes = sorted({value for i in rows if (value := frame.text("DestIP_s")[i])})
    level: Level = "low" if port in COMMON_PORTS else "medium"
    statement = (
        f"{len(rows)} flows of {machine} to port {port} of {len(remotes)} Internet address(es) refused between "
        f"{frame.moment(rows[0])} and {frame.moment(rows[-1])}"
    )
    claims = [frame.shared(f"all of {machine}", rows, column, machine)]
    if all(not is_private(r) for r in remotes) and len(remotes) <= 20 and all(frame.text("DestIP_s")[i] for i in rows):
        where = [equals(column, machine), equals("FlowDirection_s", "O"), equals("FlowStatus_s", "D")]
        where += [equals("DestPort_d", float(port)), Condition(column="DestIP_s", op="in~", values=tuple(remotes))]
        claims.append(frame.counted(f"refused flows to port {port}", *where))
    entities = [Entity(kind="host", value=machine.rpartition("/")[2]), Entity(kind="port", value=str(port))]
    entities += [Entity(kind="ip", value=remote) for remote in remotes[:5]]
    return REFUSED.detection(frame, level, statement, rows, entities=entities, claims=claims)


def _large(frame: Frame, rows: list[int], total: float, others: list[float]) -> Detection:
    usual, most_else, hours = median(others), max(others), len(others)
    column, machine = _named(frame, rows[0])
    sent = frame.amounts("OutboundBytes_d")
    statement = (
        f"{machine} sent {total / 1e6:.0f} MB to the Internet in the hour from {frame.moment(rows[0])}; "
        f"the median of {hours} other hours is {usual / 1e6:.1f} MB, the most {most_else / 1e6:.0f} MB"
    )
    most = sorted(rows, key=lambda i: -sent[i])
    remotes = dict.fromkeys(value for i in most if (value := frame.text("DestIP_s")[i]))
    entities = [Entity(kind="host", value=machine.rpartition("/")[2])]
    entities += [Entity(kind="ip", value=remote) for remote in list(remotes)[:3]]
    claims = [frame.shared(f"all of {machine}", most, column, machine)]
    return LARGE.detection(frame, "medium", statement, most, entities=entities, claims=claims)
