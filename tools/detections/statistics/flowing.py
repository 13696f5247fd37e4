"""Who a flow comes from and where it goes, whichever of the log's columns says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .coded import Coded, Indexes
from .frame import Frame

__all__ = ["EXTERNAL", "first_of", "machines", "ports", "remotes", "sources"]

EXTERNAL = frozenset({"externalpublic", "maliciousflow", "unknownpublic"})
"""Kinds of flow whose other end is on the Internet and not a service of Azure."""


def machines(frame: Frame) -> Coded:
    """Return the machine of the tenant by row: its name, else its address."""
    return first_of([frame.coded(name).lowered for name in ("VM_s", "VM1_s", "SrcIP_s")])


def sources(frame: Frame) -> Coded:
    """Return where a flow comes from, be it inside or in the list of public addresses."""
    return first_of([frame.coded("SrcIP_s").lowered, frame.coded("SrcPublicIPs_s").lowered.mapped(_only)])


def remotes(frame: Frame) -> Coded:
    """Return where a flow goes to, be it inside or in the list of public addresses."""
    return first_of([frame.coded("DestIP_s").lowered, frame.coded("DestPublicIPs_s").lowered.mapped(_only)])


def ports(frame: Frame, column: str = "DestPort_d") -> Indexes:
    """Return the port by row, 0 where there is none that can be one."""
    numbers = np.nan_to_num(frame.amounts(column), posinf=0.0, neginf=0.0)
    return np.where((numbers > 0) & (numbers < 65_536), numbers, 0).astype(np.int64)


def first_of(columns: Sequence[Coded]) -> Coded:
    """Return by row the first text of these columns that is not empty."""
    numbers: dict[str, int] = {"": 0}
    codes = np.zeros(len(columns[0].codes), np.int64)
    for column in columns:
        to = np.fromiter((numbers.setdefault(value, len(numbers)) for value in column.values), np.int64)
        codes = np.where(codes == 0, to[column.codes], codes)
    return Coded(tuple(numbers), codes)


def _only(listed: str) -> str:
    """Return the one address of a list in which each is followed by its counts; none where there are several."""
    addresses = listed.split()
    return addresses[0].partition("|")[0] if len(addresses) == 1 else ""
