"""Which machine a logon comes from: by the name it gave, else by whose address that is known to be."""

from __future__ import annotations

import numpy as np

from soc_analyst.state.names import told_computer
from soc_analyst.tools.evidence import Evidence

from .addresses import is_private
from .coded import Coded, Mask
from .flowing import first_of
from .frame import Frame

__all__ = ["origin_machines"]


def origin_machines(evidence: Evidence, frame: Frame) -> Coded:
    """Return the short name of the machine that each logon comes from, empty where nothing tells it.

    Logons that gave no name are of the only machine whose account came by ticket from their private address, whose name
    came along with that address, or that made connections from it.
    """
    named = frame.coded("RemoteDeviceName").lowered.mapped(told_computer)
    addresses = frame.coded("RemoteIP").lowered
    bare = named.rows_where(lambda name: not name) & addresses.rows_where(is_private)
    if not bare.any():
        return named
    known = _known(evidence, frame, named)
    return first_of([named, addresses.mapped(lambda address: known.get(address, ""))])


def _known(evidence: Evidence, frame: Frame, named: Coded) -> dict[str, str]:
    """Return the machine of each private address that has only one."""
    addresses = frame.coded("RemoteIP").lowered
    inner = addresses.rows_where(is_private)
    accounts = frame.coded("AccountName").lowered.mapped(lambda name: told_computer(name) if name.endswith("$") else "")
    ticket = frame.coded("Protocol").lowered.rows_where("kerberos".__eq__)
    pairs = _pairs(addresses, named, inner) | _pairs(addresses, accounts, inner & ticket)
    if calls := Frame.of(evidence, "DeviceNetworkEvents", ("DeviceName", "LocalIP")):
        local = calls.coded("LocalIP").lowered
        pairs |= _pairs(local, calls.coded("DeviceName").lowered.mapped(told_computer), local.rows_where(is_private))
    machines: dict[str, set[str]] = {}
    for address, name in pairs:
        machines.setdefault(address, set()).add(name)
    return {address: min(names) for address, names in machines.items() if len(names) == 1}


def _pairs(addresses: Coded, names: Coded, among: Mask) -> set[tuple[str, str]]:
    among = among & names.rows_where(bool)
    step = len(names.values)
    both = np.unique(addresses.codes[among] * step + names.codes[among]).tolist()
    return {(addresses.values[pair // step], names.values[pair % step]) for pair in both}
