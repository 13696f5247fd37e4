"""One source to many hosts or many ports in minutes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_private, is_public
from .coded import Indexes, Mask, runs, together
from .frame import Frame, Sighting, widest

__all__ = ["networks_are_scanned"]

WINDOW_SECONDS = 10 * 60
HOSTS_TO_REPORT = 20
PORTS_TO_REPORT = 20
DOORS_TO_REPORT, OF_HOSTS, OF_PORTS = 24, 8, 2
"""Ports of hosts that one program tried, on how many hosts and of how many kinds at least, mostly in vain."""
SCHEDULED_HOURS = 3
INBOUND = frozenset({"inboundconnectionaccepted", "listeningconnectioncreated"})
EPHEMERAL = 49152
"""Ports from here on are answers to callers, or chosen at run time by remote procedure calls."""
SHARED_UPDATES = 7680
"""Windows fetches parts of its updates from all who have them."""
INSTALLED = re.compile(r"^([a-z]:\\program files( \(x86\))?\\|/(usr|opt|snap)/)", re.IGNORECASE)
SEARCHING = re.compile(
    r"^(nmap|zenmap|masscan|rustscan|fscan|naabu|zmap|unicornscan|hping\d?|netscan\d*|ipscan\d*|portscan\w*|"
    r"advanced_\w+_scanner\w*|softperfect\w*|powershell|pwsh|cmd|python[\w.]*|perl|ruby|bash|sh|zsh|nc|ncat|netcat|socat|"
    r"ssh|sshpass|curl|wget|crackmapexec|netexec|nxc|smbclient|smbmap|rpcclient|evil-winrm)(\.exe)?$",
    re.IGNORECASE,
)

SCAN = Sighting(
    id="stat-network-scan",
    title="One source reaches many hosts or ports",
    techniques=("T1046",),
    tactics=("discovery",),
    false_positives=("Vulnerability scanners and monitoring, which repeat on schedule", "Management servers"),
)


@dataclass(frozen=True)
class Paths:
    """Where a table says who reached whom, and on which port."""

    table: str
    source: str
    actor: str
    remote: str
    port: str


CONNECTIONS = Paths("DeviceNetworkEvents", "DeviceName", "InitiatingProcessFileName", "RemoteIP", "RemotePort")
FLOWS = Paths("AzureNetworkAnalytics_CL", "SrcIP_s", "", "DestIP_s", "DestPort_d")


def networks_are_scanned(evidence: Evidence) -> Iterator[Detection]:
    """Report sources that reach twenty private hosts on a port, or twenty ports of a host, within ten minutes.

    So is a program that tries some ports of eight and more hosts, mostly in vain, each of them once or twice.
    The same reach in three or more other hours is a schedule and is rated low, as is a knock from the Internet. So is
    what an installed program does that is no scanner, shell or interpreter: monitoring reaches all by trade.
    """
    for paths in (CONNECTIONS, FLOWS):
        frame = Frame.of(evidence, paths.table, (paths.source, paths.remote, paths.port))
        if frame is not None:
            yield from _across(frame, paths)
            yield from _deep(frame, paths)
            yield from _doors(frame, paths)


def _across(frame: Frame, paths: Paths) -> Iterator[Detection]:
    """Look for many hosts on one port."""
    remotes, ports = frame.lower(paths.remote), _ports(frame, paths)
    among = (ports > 0) & (ports != SHARED_UPDATES) & frame.coded(paths.remote).lowered.rows_where(is_private)
    for rows in _runs(frame, paths, paths.port, among, HOSTS_TO_REPORT):
        if inside := _widest(frame, rows, remotes, HOSTS_TO_REPORT):
            what = f"{len({remotes[i] for i in inside})} private hosts on port {ports[inside[0]]}"
            yield _scanned(frame, paths, inside, what, _often(frame, rows, remotes, HOSTS_TO_REPORT), remotes)


def _deep(frame: Frame, paths: Paths) -> Iterator[Detection]:
    """Look for many ports of one host."""
    remotes, ports = frame.lower(paths.remote), _ports(frame, paths)
    among = (ports > 0) & (ports < EPHEMERAL) & frame.coded(paths.remote).lowered.rows_where(is_address)
    texts = frame.coded(paths.port).texts()
    for rows in _runs(frame, paths, paths.remote, among, PORTS_TO_REPORT):
        if inside := _widest(frame, rows, texts, PORTS_TO_REPORT):
            what = f"{len({ports[i] for i in inside})} ports of {remotes[inside[0]]}"
            yield _scanned(frame, paths, inside, what, _often(frame, rows, texts, PORTS_TO_REPORT), texts)


def _doors(frame: Frame, paths: Paths) -> Iterator[Detection]:
    """Look for a few ports of several hosts, which one program tries mostly in vain."""
    remotes, ports = frame.lower(paths.remote), _ports(frame, paths)
    among = (ports > 0) & (ports < EPHEMERAL) & frame.coded(paths.remote).lowered.rows_where(is_private)
    failed = frame.coded("ActionType").lowered.rows_where(lambda action: "failed" in action)
    for rows in _runs(frame, paths, paths.actor, among & failed, DOORS_TO_REPORT) if paths.actor else ():
        doors = [f"{remotes[i]}:{ports[i]}" for i in rows]
        start, end = widest(frame.at(rows), doors, WINDOW_SECONDS)
        inside = list(dict(zip(doors[start:end], rows[start:end], strict=True)).values())
        hosts, kinds = {remotes[i] for i in inside}, {ports[i] for i in inside}
        fewer = len(hosts) < HOSTS_TO_REPORT and len(inside) >= DOORS_TO_REPORT
        if fewer and len(hosts) >= OF_HOSTS and len(kinds) >= OF_PORTS:
            what = f"{len(inside)} ports of {len(hosts)} private hosts in vain"
            yield _scanned(frame, paths, inside, what, False, remotes)


def _runs(frame: Frame, paths: Paths, column: str, among: Mask, at_least: int) -> Iterator[list[int]]:
    """Yield the rows of each source and value of a column in time order, where there are enough of them."""
    columns = list(dict.fromkeys((paths.source, column, paths.actor or column)))
    sources, actions = frame.coded(paths.source), frame.coded("ActionType").lowered
    wanted = among & sources.rows_where(bool) & frame.timed & ~actions.rows_where(INBOUND.__contains__)
    key = together([frame.coded(name).lowered for name in columns])
    yield from (rows.tolist() for rows in runs(key, np.flatnonzero(wanted), frame.seconds, at_least))


def _ports(frame: Frame, paths: Paths) -> Indexes:
    numbers = np.nan_to_num(np.array(frame.numbers(paths.port)), posinf=0.0, neginf=0.0)
    return np.where((numbers > 0) & (numbers < 65536), numbers, 0).astype(np.int64)


def _widest(frame: Frame, rows: list[int], values: Sequence[str], at_least: int) -> list[int]:
    start, end = widest(frame.at(rows), [values[i] for i in rows], WINDOW_SECONDS)
    inside = rows[start:end]
    return inside if len({values[i] for i in inside}) >= at_least else []


def _often(frame: Frame, rows: Sequence[int], values: Sequence[str], at_least: int) -> bool:
    """Tell whether the reach is as wide in several separate hours."""
    hours = Counter(
        hour for hour, _ in {(int(t // 3600), values[i]) for i, t in zip(rows, frame.at(rows), strict=True)}
    )
    return sum(count >= at_least / 2 for count in hours.values()) > SCHEDULED_HOURS


def _by_trade(frame: Frame, paths: Paths, row: int) -> bool:
    """Tell whether an installed program reached out that is neither a scanner nor what runs other people's lines."""
    folder = frame.text("InitiatingProcessFolderPath")[row] if paths.actor else ""
    return bool(INSTALLED.match(folder)) and not SEARCHING.match(frame.text(paths.actor)[row])


def _scanned(frame: Frame, paths: Paths, rows: list[int], what: str, often: bool, values: Sequence[str]) -> Detection:
    source = frame.text(paths.source)[rows[0]]
    actor = frame.text(paths.actor)[rows[0]] if paths.actor else ""
    outside = is_public(source)
    level: Level = "low" if often or outside or _by_trade(frame, paths, rows[0]) else "medium"
    statement = (
        f"{source}{f' ({actor})' if actor else ''} reached {what} between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])}" + ("; the like is seen in other hours too" if often else "")
    )
    cited = list({values[i]: i for i in rows}.values())
    claims = [frame.shared(f"all from {source}", cited, paths.source, source)]
    kind = "ip" if is_address(source) else "host"
    entities = [Entity(kind=kind, value=source)]
    entities += [Entity(kind="process", value=actor)] if actor else []
    techniques = ("T1595.001",) if outside else SCAN.techniques
    return SCAN.detection(frame, level, statement, cited, entities=entities, claims=claims, techniques=techniques)
