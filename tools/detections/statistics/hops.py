"""From desk to desk: each logon comes from the host that the one before it reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.state.names import told_computer
from soc_analyst.tools.evidence import Evidence

from .addresses import is_private, is_public
from .coded import Coded, runs
from .flowing import first_of
from .frame import Frame, Sighting
from .origins import origin_machines

__all__ = ["logons_hop_from_host_to_host"]

LOGONS_TO_REPORT = 3
"""A jump host and the server behind it are two."""
WINDOW_SECONDS = 2 * 3600
APART_SECONDS = 12 * 3600
SITTING = frozenset({"remoteinteractive", "interactive", "network"})

HOPS = Sighting(
    id="stat-logon-chain",
    title="One account goes from host to host",
    techniques=("T1021",),
    tactics=("lateral-movement",),
    false_positives=("Administrators who reach a server through two jump hosts",),
)


def logons_hop_from_host_to_host(evidence: Evidence) -> Iterator[Detection]:
    """Report three remote logons of an account within two hours, each from the host that the one before reached.

    An account that goes as far on another day does so by habit. Where only the address is told, tickets of network
    logons are left aside: services pass them on for the people they serve.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("AccountName", "DeviceName", "ActionType"))
    if frame is None:
        return
    accounts, origins = frame.coded("AccountName").lowered, _origins(evidence, frame)
    hosts = frame.coded("DeviceName").lowered.mapped(told_computer)
    among = frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & frame.timed
    kinds = frame.coded("LogonType").lowered
    among &= kinds.rows_where(SITTING.__contains__) & origins.rows_where(bool)
    named = frame.coded("RemoteDeviceName").lowered.rows_where(lambda name: bool(told_computer(name)))
    ntlm = frame.coded("Protocol").lowered.rows_where(lambda text: "ntlm" in text)
    among &= named | ntlm | ~kinds.rows_where("network".__eq__)
    among &= accounts.rows_where(lambda name: name and not name.endswith("$")) & hosts.rows_where(bool)
    for rows in runs(accounts.codes, np.flatnonzero(among), frame.seconds, LOGONS_TO_REPORT):
        chains = _chains(frame, rows.tolist(), hosts.by_row, origins.by_row)
        long = [each for each in chains if len(each) >= LOGONS_TO_REPORT]
        days = {int(frame.seconds[each[0]] // APART_SECONDS) for each in long}
        if long and len(days) == 1:
            yield _seen(frame, max(long, key=len))


def _chains(frame: Frame, rows: Sequence[int], hosts: Sequence[str], origins: Sequence[str]) -> list[list[int]]:
    """Return for each logon the longest chain that ends in it."""
    ending: dict[str, list[int]] = {}
    found: list[list[int]] = []
    for row in rows:
        before = ending.get(origins[row], [])
        near = before and frame.seconds[row] - frame.seconds[before[0]] <= WINDOW_SECONDS
        chain = [*before, row] if near and hosts[row] not in {hosts[i] for i in before} else [row]
        if hosts[row] != origins[row] and len(chain) >= len(ending.get(hosts[row], [])):
            ending[hosts[row]] = chain
            found.append(chain)
    return found


def _origins(evidence: Evidence, frame: Frame) -> Coded:
    """Return the machine that each logon comes from, or its address where nobody knows whose that is."""
    addresses = frame.coded("RemoteIP").lowered
    own = addresses.mapped(lambda address: address if is_private(address) or is_public(address) else "")
    return first_of([origin_machines(evidence, frame), own])


def _seen(frame: Frame, rows: list[int]) -> Detection:
    account, names = frame.text("AccountName")[rows[0]], [frame.text("DeviceName")[i] for i in rows]
    start = frame.text("RemoteDeviceName")[rows[0]].strip("-") or frame.text("RemoteIP")[rows[0]]
    statement = (
        f"{account} went from {start} over {len(rows)} hosts between "
        f"{frame.moment(rows[0])} and {frame.moment(rows[-1])}: {', '.join(names[:5])}"
    )
    claims = [
        frame.shared(f"all logons are of {account}", rows, "AccountName", account),
        *(frame.ordered("each hop comes after the one before", a, b) for a, b in pairwise(rows)),
    ]
    entities = [Entity(kind="account", value=account), *(Entity(kind="host", value=name) for name in names[:5])]
    desks = {frame.lower("LogonType")[i] for i in rows} == {"remoteinteractive"}
    techniques = ("T1021.001",) if desks else HOPS.techniques
    return HOPS.detection(frame, "medium", statement, rows, entities=entities, claims=claims, techniques=techniques)
