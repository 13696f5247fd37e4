"""Networks that an account signs in from for the first time, on a device that nobody knows."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import numpy as np

from .coded import Indexes, Mask, runs
from .frame import Frame
from .newness import known_device

__all__ = ["new_networks"]

PAST, DAYS_OF_PAST, NETWORKS_OF_PAST = 10, 2, 3
MOBILE = re.compile(r"^(ios|ipados|android)")


def new_networks(frame: Frame, among: Mask) -> Mask:
    """Return the sign-ins from a network new to the account, which knows three at most, on an unknown desktop device.

    The baseline is ten earlier sign-ins of the account on two days. Telephones change their network all day, and who
    wanders from network to network is told by nothing in that.
    """
    users, networks = frame.coded("UserPrincipalName").lowered, frame.coded("AutonomousSystemNumber").lowered
    new = np.zeros(len(among), np.bool_)
    told = among & networks.rows_where(lambda number: number not in ("", "0", "0.0"))
    if not told.any():
        return new
    for rows in runs(users.codes, np.flatnonzero(told), frame.seconds, PAST + 1):
        codes = networks.codes[rows]
        first = np.zeros(len(rows), np.bool_)
        first[np.unique(codes, return_index=True)[1]] = True
        known: Indexes = np.cumsum(first) - first
        days = np.cumsum(np.diff(frame.seconds[rows] // 86_400, prepend=np.nan) != 0)
        ripe = (np.arange(len(rows)) >= PAST) & (days > DAYS_OF_PAST) & (known <= NETWORKS_OF_PAST)
        new[rows[first & ripe]] = True
    return new & frame.coded("DeviceDetail").rows_where(_is_strange)


@lru_cache(maxsize=65536)
def _is_strange(details: str) -> bool:
    """Tell whether a device is neither known to the directory nor a telephone."""
    try:
        device = json.loads(details)
    except (ValueError, RecursionError):
        return not details
    if not isinstance(device, dict) or known_device(details) or device.get("deviceId"):
        return False
    return not MOBILE.match(str(device.get("operatingSystem") or "").lower())
