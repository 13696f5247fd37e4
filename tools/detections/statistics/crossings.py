"""Flows unlike those before them: inner hosts in a row, refusals that end in a pass, uploads to one address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_private, is_public
from .frame import Frame, Sighting, busiest, widest

__all__ = ["inner_hosts_are_reached_in_a_row", "refusals_end_in_a_pass", "uploads_go_to_one_address"]

TABLE = "AzureNetworkAnalytics_CL"
WINDOWS_PORTS = frozenset({135, 139, 445, 3389, 5985, 5986})
ADMIN_PORTS = WINDOWS_PORTS | {22, 5900}
WINDOW_SECONDS = 10 * 60
HOSTS_TO_REPORT = 6
HOSTS_OF_A_SCAN = 20
"""From here on the statistic of scans reports it."""
REFUSALS_BEFORE_PASS = 5
PASS_SECONDS = 24 * 3600
UPLOAD_SECONDS = 3600
UPLOAD_BYTES = 2e9
HABIT_SECONDS = 6 * 3600
OUT_OVER_IN = 10.0
EXTERNAL = frozenset({"externalpublic", "maliciousflow", "unknownpublic"})

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
    several systems, such as file shares and secure shell, looks for what is there, and is rated low.
    """
    frame = _flows(evidence)
    if frame is None:
        return
    sources, remotes, ports = frame.lower("SrcIP_s"), frame.lower("DestIP_s"), frame.numbers("DestPort_d")

    def way(i: int) -> str:
        inner = ports[i] in ADMIN_PORTS and is_private(sources[i]) and is_private(remotes[i])
        return f"{sources[i]}\0{ports[i]:.0f}" if inner and sources[i] != remotes[i] else ""

    ways = frame.grouped(way)
    hosts = {key: {remotes[i] for i in rows} for key, rows in ways.items()}
    for key, rows in ways.items():
        firsts = list({remotes[i]: i for i in reversed(rows)}.values())[::-1]
        start, end = widest(frame.at(firsts), [remotes[i] for i in firsts], WINDOW_SECONDS)
        if HOSTS_TO_REPORT <= end - start < HOSTS_OF_A_SCAN and start < end - start:
            others = (hosts[other] for other in hosts if _another_system(key, other))
            searching = any(2 * len(hosts[key] & other) > len(hosts[key]) for other in others)
            yield _reached(frame, firsts[start:end], int(ports[rows[0]]), "low" if searching else "medium")


def refusals_end_in_a_pass(evidence: Evidence) -> Iterator[Detection]:
    """Report five refusals of one source at one port of one host after which the same flow is allowed within a day.

    A flow that was allowed before the refusals began is one whose rule came back.
    """
    frame = _flows(evidence)
    if frame is None:
        return
    status, ports, sources = frame.lower("FlowStatus_s"), frame.numbers("DestPort_d"), _sources(frame)
    remotes = _remotes(frame)

    def path(i: int) -> str:
        return f"{sources[i]}\0{remotes[i]}\0{ports[i]:.0f}" if sources[i] and remotes[i] and ports[i] else ""

    for rows in frame.grouped(path).values():
        allowed = next((at for at, i in enumerate(rows) if status[i] == "a"), 0)
        refused = rows[:allowed]
        times = frame.at([*refused, rows[allowed]])
        if len(refused) >= REFUSALS_BEFORE_PASS and times[-1] - times[0] <= PASS_SECONDS:
            yield _passed(frame, refused, rows[allowed], sources[rows[0]], remotes[rows[0]])


def uploads_go_to_one_address(evidence: Evidence) -> Iterator[Detection]:
    """Report two gigabytes that a machine sends within an hour to one public address it had not spoken to before.

    Ten times more must go out than comes in, so that downloads and calls in both directions do not count. Where as
    much goes there on later days, the first hour begins a habit, as a backup does.
    """
    frame = _flows(evidence)
    if frame is None:
        return
    types, directions = frame.lower("FlowType_s"), frame.lower("FlowDirection_s")
    statuses, machines, remotes = frame.lower("FlowStatus_s"), _sources(frame), _remotes(frame)

    def way(i: int) -> str:
        out = directions[i] == "o" and statuses[i] != "d" and types[i] in EXTERNAL and is_public(remotes[i])
        return f"{machines[i]}\0{remotes[i]}" if out and machines[i] else ""

    sent, received = frame.numbers("OutboundBytes_d"), frame.numbers("InboundBytes_d")
    for rows in frame.grouped(way).values():
        times = frame.at(rows)
        inside = [i for i, time in zip(rows, times, strict=True) if time - times[0] <= UPLOAD_SECONDS]
        total, back = sum(sent[i] for i in inside), sum(received[i] for i in inside)
        later = sum(sent[i] for i, time in zip(rows, times, strict=True) if time - times[0] > HABIT_SECONDS)
        if total >= UPLOAD_BYTES and total >= OUT_OVER_IN * back and 2 * later < total:
            yield _uploaded(frame, inside, total, machines[rows[0]], remotes[rows[0]])


def _another_system(one: str, other: str) -> bool:
    """Tell whether two ways of the same source lead to services of different systems."""
    (source, _, port), (same, _, second) = one.partition("\0"), other.partition("\0")
    return source == same and port != second and not {int(port), int(second)} <= WINDOWS_PORTS


def _flows(evidence: Evidence) -> Frame | None:
    return Frame.of(evidence, TABLE, ("FlowStatus_s", "DestPort_d"))


def _sources(frame: Frame) -> list[str]:
    """Return where a flow comes from, be it inside or in the list of public addresses."""
    return [own or _first(public) for own, public in zip(frame.lower("SrcIP_s"), _public(frame, "Src"), strict=True)]


def _remotes(frame: Frame) -> list[str]:
    return [own or _first(public) for own, public in zip(frame.lower("DestIP_s"), _public(frame, "Dest"), strict=True)]


def _public(frame: Frame, end: str) -> Sequence[str]:
    return frame.lower(f"{end}PublicIPs_s")


def _first(listed: str) -> str:
    """Return the first address of a list in which each is followed by its counts; none where there are several."""
    addresses = listed.split()
    return addresses[0].partition("|")[0] if len(addresses) == 1 else ""


def _reached(frame: Frame, rows: list[int], port: int, level: Level) -> Detection:
    source = frame.text("SrcIP_s")[rows[0]]
    denied = sum(frame.lower("FlowStatus_s")[i] == "d" for i in rows)
    statement = (
        f"{source} reached for port {port} of {len(rows)} inner hosts new to it between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])}, refused by {denied}"
    )
    entities = [Entity(kind="ip", value=source), Entity(kind="port", value=str(port))]
    entities += [Entity(kind="ip", value=frame.text("DestIP_s")[i]) for i in rows[:5]]
    claims = [frame.shared(f"all from {source}", rows, "SrcIP_s", source)]
    techniques = ("T1046",) if 2 * denied > len(rows) else REACHED.techniques
    return REACHED.detection(frame, level, statement, rows, entities=entities, claims=claims, techniques=techniques)


def _passed(frame: Frame, refused: list[int], allowed: int, source: str, remote: str) -> Detection:
    port = int(frame.numbers("DestPort_d")[allowed])
    statement = (
        f"{source} was refused {len(refused)} times at port {port} of {remote} from {frame.moment(refused[0])} on, and "
        f"let through at {frame.moment(allowed)}"
    )
    entities = [Entity(kind="ip", value=one) for one in (source, remote) if is_address(one)]
    entities.append(Entity(kind="port", value=str(port)))
    claims = [frame.ordered("allowed after it was refused", refused[-1], allowed)]
    return PASSED.detection(frame, "medium", statement, [allowed, *refused], entities=entities, claims=claims)


def _uploaded(frame: Frame, rows: list[int], total: float, machine: str, remote: str) -> Detection:
    start, end = busiest(frame.at(rows), UPLOAD_SECONDS)
    first, last = rows[start], rows[end - 1]
    statement = (
        f"{machine} sent {total / 1e9:.1f} GB to {remote} between {frame.moment(first)} and {frame.moment(last)}, "
        "an address to which it has no earlier flow"
    )
    sent = frame.numbers("OutboundBytes_d")
    cited = sorted(rows, key=lambda i: -sent[i])
    entities = [Entity(kind="ip", value=remote), *([Entity(kind="ip", value=machine)] if is_address(machine) else [])]
    claims = [frame.ordered("its flows lie in this order", first, last)]
    return UPLOADED.detection(frame, "medium", statement, cited, entities=entities, claims=claims)
