"""Flows unlike those before them: inner hosts in a row, refusals that end in a pass, uploads to one address."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_private, is_public
from .coded import Coded, Indexes, joined_codes, runs
from .flowing import EXTERNAL, ports, remotes, sources
from .frame import Frame, Sighting, widest

__all__ = ["inner_hosts_are_reached_in_a_row", "refusals_end_in_a_pass", "uploads_go_to_one_address"]

TABLE = "AzureNetworkAnalytics_CL"
WINDOWS_PORTS = frozenset({135, 139, 445, 3389, 5985, 5986})
CONTROLLER_PORTS = frozenset({102, 502, 2404, 4840, 9600, 18245, 20000, 44818, 47808})
"""Ports of programmable controllers and of stations of the grid."""
ADMIN_PORTS = WINDOWS_PORTS | CONTROLLER_PORTS | {22, 5900}
ONE_SERVICE = {5986: 5985, 139: 445} | dict.fromkeys(sorted(CONTROLLER_PORTS), 502)
"""Ports of one service, or of one kind of machine, which tools try in turn."""
MONITORING_PORT = 161
"""Of what monitors: whoever asks the same hosts for their counters of load looks after them."""
WINDOW_SECONDS = 10 * 60
HOSTS_TO_REPORT = 6
HOSTS_OF_A_SCAN = 20
"""From here on the statistic of scans reports it."""
REFUSALS_BEFORE_PASS = 5
PASS_SECONDS = 24 * 3600
UPLOAD_SECONDS = 3600
UPLOAD_BYTES = 2e9
DAY_SECONDS, DAY_BYTES = 86_400, 5e9
"""What goes out by and by, hour after hour, from a machine whose day before the rows tell."""
HABIT_SECONDS = 6 * 3600
APART_SECONDS = 12 * 3600
OUT_OVER_IN = 10.0
NOTHING_BACK = 0.001
"""Packets without a session that nobody answers by this share of their bytes are a flood, no upload."""
PORTS = 65_536
REQUESTED = "jitrule"

REACHED = Sighting(
    id="stat-inner-hosts-in-a-row",
    title="Administration port of several inner hosts reached in a row",
    techniques=("T1021",),
    tactics=("lateral-movement",),
    false_positives=("Jump hosts and tools of administration that begin with new hosts",),
)
PASSED = Sighting(
    id="stat-refused-then-allowed",
    title="Flow refused again and again, then allowed",
    techniques=("T1686.001",),
    tactics=("defense-impairment",),
    false_positives=("A rule that was missing and has been added for planned work",),
)
UPLOADED = Sighting(
    id="stat-upload-to-new-address",
    title="Gigabytes sent to one address that was not used before",
    techniques=("T1048",),
    tactics=("exfiltration",),
    false_positives=("Backups and migrations to another provider",),
)


def inner_hosts_are_reached_in_a_row(evidence: Evidence) -> Iterator[Detection]:
    """Report a private source that reaches six to nineteen inner hosts new to it on one administration port.

    New is a host to which the source has no earlier flow on that port; it must be as many within ten minutes, and a
    source that had reached as many others before is one that administers. One that asks the same hosts for services of
    several systems, such as file shares and secure shell, or for counters of load, looks for what is there, and is
    rated low. So is one that reaches half as many again half a day apart: what polls or administers does so every day.
    """
    frame = _flows(evidence)
    if frame is None:
        return
    origins, targets = frame.coded("SrcIP_s").lowered, frame.coded("DestIP_s").lowered
    numbers, hosts = ports(frame), targets.by_row
    for second, first in ONE_SERVICE.items():
        numbers[numbers == second] = first
    inner = (
        np.isin(numbers, [*ADMIN_PORTS, MONITORING_PORT])
        & origins.rows_where(is_private)
        & targets.rows_where(is_private)
    )
    inner &= frame.timed
    ways = list(runs(origins.codes * PORTS + numbers, np.flatnonzero(inner), frame.seconds))
    reached = {(int(origins.codes[rows[0]]), int(numbers[rows[0]])): _others(rows, origins, targets) for rows in ways}
    for rows in ways:
        way = (int(origins.codes[rows[0]]), int(numbers[rows[0]]))
        if way[1] == MONITORING_PORT:
            continue
        firsts = [i for i in rows[np.sort(np.unique(targets.codes[rows], return_index=True)[1])].tolist()
                  if hosts[i] != origins.by_row[i]]  # fmt: skip
        start, end = widest(frame.at(firsts), [hosts[i] for i in firsts], WINDOW_SECONDS)
        if HOSTS_TO_REPORT <= end - start < HOSTS_OF_A_SCAN and start < end - start:
            beside = (reached[other] for other in reached if _another_system(way, other))
            searching = any(2 * len(reached[way] & other) > len(reached[way]) for other in beside)
            daily = _again(frame, rows, targets, firsts[start:end])
            yield _reached(frame, firsts[start:end], way[1], "low" if searching or daily else "medium")


def refusals_end_in_a_pass(evidence: Evidence) -> Iterator[Detection]:
    """Report five refusals of one source at one port of one host after which the same flow is allowed within a day.

    A flow that was allowed before the refusals began is one whose rule came back; one that just-in-time access lets
    through was asked for, and is rated low.
    """
    frame = _flows(evidence)
    if frame is None:
        return
    origins, targets, numbers = sources(frame), remotes(frame), ports(frame)
    allowed = frame.coded("FlowStatus_s").lowered.rows_where("a".__eq__)
    named = origins.rows_where(bool) & targets.rows_where(bool) & (numbers > 0) & frame.timed
    way = joined_codes(origins, targets) * PORTS + numbers
    for rows in runs(way, np.flatnonzero(named), frame.seconds, REFUSALS_BEFORE_PASS + 1):
        passes = np.flatnonzero(allowed[rows])
        first = int(passes[0]) if len(passes) else 0
        soon = frame.seconds[rows[first]] - frame.seconds[rows[0]] <= PASS_SECONDS
        if first >= REFUSALS_BEFORE_PASS and soon:
            refused, row = rows[:first].tolist(), int(rows[first])
            yield _passed(frame, refused, row, origins.by_row[row], targets.by_row[row])


def uploads_go_to_one_address(evidence: Evidence) -> Iterator[Detection]:
    """Report two gigabytes that a machine sends within an hour to one public address it had not spoken to before.

    Ten times more must go out than comes in, so that downloads and calls in both directions do not count. Where as
    much goes there on later days, the first hour begins a habit, as a backup does. Five gigabytes over a day suffice
    where the rows tell of the machine's day before.
    """
    frame = _flows(evidence)
    if frame is None:
        return
    own, targets = sources(frame), remotes(frame)
    out = frame.coded("FlowDirection_s").lowered.rows_where("o".__eq__)
    out &= ~frame.coded("FlowStatus_s").lowered.rows_where("d".__eq__)
    out &= frame.coded("FlowType_s").lowered.rows_where(EXTERNAL.__contains__)
    out &= targets.rows_where(is_public) & own.rows_where(bool) & frame.timed
    sent, received = frame.amounts("OutboundBytes_d"), frame.amounts("InboundBytes_d")
    protocols = np.array(frame.lower("L4Protocol_s"))
    first_seen = np.full(len(own.values), np.inf)
    np.minimum.at(first_seen, own.codes[frame.timed], frame.seconds[frame.timed])
    for rows in runs(joined_codes(own, targets), np.flatnonzero(out), frame.seconds):
        since = frame.seconds[rows] - frame.seconds[rows[0]]
        inside = rows[since <= UPLOAD_SECONDS]
        total, back = float(sent[inside].sum()), float(received[inside].sum())
        later = float(sent[rows[since > HABIT_SECONDS]].sum())
        if total < UPLOAD_BYTES and frame.seconds[rows[0]] - first_seen[own.codes[rows[0]]] >= DAY_SECONDS:
            inside = rows[since <= DAY_SECONDS]
            total, back = float(sent[inside].sum()), float(received[inside].sum())
            later = float(sent[rows[since > DAY_SECONDS]].sum())
            total = total if total >= DAY_BYTES else 0.0
        if total >= UPLOAD_BYTES and total >= OUT_OVER_IN * back and 2 * later < total:
            flood = back <= NOTHING_BACK * total and set(protocols[inside].tolist()) == {"u"}
            yield _uploaded(frame, inside.tolist(), (total, flood), own.by_row[rows[0]], targets.by_row[rows[0]])


def _others(rows: Indexes, origins: Coded, targets: Coded) -> set[str]:
    """Return the hosts that these rows reach beside their own source."""
    return {targets.values[code] for code in np.unique(targets.codes[rows]).tolist()} - {origins.by_row[rows[0]]}


def _again(frame: Frame, rows: Indexes, targets: Coded, inside: list[int]) -> bool:
    """Tell whether half as many hosts are reached within such a time again, half a day before or later."""
    apart = np.abs(frame.seconds[rows] - frame.seconds[inside[0]]) > APART_SECONDS
    others = rows[apart].tolist()
    start, end = widest(frame.at(others), [targets.by_row[i] for i in others], WINDOW_SECONDS)
    return 2 * len({targets.by_row[i] for i in others[start:end]}) >= len(inside)


def _another_system(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two ways of the same source lead to services of different systems."""
    (source, port), (same, second) = one, other
    return source == same and port != second and not {port, second} <= WINDOWS_PORTS


def _flows(evidence: Evidence) -> Frame | None:
    return Frame.of(evidence, TABLE, ("FlowStatus_s", "DestPort_d"))


def _reached(frame: Frame, rows: list[int], port: int, level: Level) -> Detection:
    source = frame.text("SrcIP_s")[rows[0]]
    own = sorted({int(number) for number in ports(frame)[rows].tolist()} or {port})
    shown = " or ".join(map(str, own))
    denied = sum(frame.lower("FlowStatus_s")[i] == "d" for i in rows)
    statement = (
        f"{source} reached for port {shown} of {len(rows)} inner hosts new to it between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])}, refused by {denied}"
    )
    entities = [Entity(kind="ip", value=source), *(Entity(kind="port", value=str(each)) for each in own)]
    entities += [Entity(kind="ip", value=frame.text("DestIP_s")[i]) for i in rows[:5]]
    claims = [frame.shared(f"all from {source}", rows, "SrcIP_s", source)]
    techniques = ("T1046",) if 2 * denied > len(rows) else REACHED.techniques
    return REACHED.detection(frame, level, statement, rows, entities=entities, claims=claims, techniques=techniques)


def _passed(frame: Frame, refused: list[int], allowed: int, source: str, remote: str) -> Detection:
    port = int(ports(frame)[allowed])
    statement = (
        f"{source} was refused {len(refused)} times at port {port} of {remote} from {frame.moment(refused[0])} on, and "
        f"let through at {frame.moment(allowed)}"
    )
    entities = [Entity(kind="ip", value=one) for one in (source, remote) if is_address(one)]
    entities.append(Entity(kind="port", value=str(port)))
    claims = [frame.ordered("allowed after it was refused", refused[-1], allowed)]
    level: Level = "low" if REQUESTED in frame.lower("NSGRule_s")[allowed] else "medium"
    return PASSED.detection(frame, level, statement, [allowed, *refused], entities=entities, claims=claims)


def _uploaded(frame: Frame, rows: list[int], what: tuple[float, bool], machine: str, remote: str) -> Detection:
    total, flood = what
    first, last = rows[0], rows[-1]
    statement = (
        f"{machine} sent {total / 1e9:.1f} GB to {remote} between {frame.moment(first)} and {frame.moment(last)}, "
        "an address to which it has no earlier flow"
    )
    sent = frame.amounts("OutboundBytes_d")
    cited = sorted(rows, key=lambda i: -sent[i])
    entities = [Entity(kind="ip", value=remote), *([Entity(kind="ip", value=machine)] if is_address(machine) else [])]
    claims = [frame.ordered("its flows lie in this order", first, last)]
    techniques = ("T1498",) if flood else UPLOADED.techniques
    return UPLOADED.detection(
        frame, "medium", statement, cited, entities=entities, claims=claims, techniques=techniques
    )
