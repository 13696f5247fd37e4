"""What can go wrong at the service, switched on by scenario."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Fault", "Faults", "Kind"]

Kind = Literal[
    "throttled",
    "unauthorized",
    "forbidden",
    "not_found",
    "semantic",
    "syntax",
    "partial",
    "too_large",
    "timeout",
    "server_error",
    "reset",
    "trickle",
    "wrong_type",
    "garbage",
    "other_audience",
    "other_tenant",
    "token_over",
]
"""throttled: 429 with Retry-After. partial: half of the rows, with an error. too_large: as many rows as fit in
`bytes`, with the service's error on the size of a result. timeout: 504. reset: the connection breaks inside the body.
trickle: the body comes a few bytes at a time, `seconds` apart. wrong_type: a page of HTML with status 200. garbage:
JSON that is cut off. other_audience, other_tenant, token_over: 401 or 403, and the service's words against a token."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, for requests whose KQL holds `match`, the first `times` of them; 0 is always.

    `after` so many of them it begins. `longer_than` hours leaves queries over a shorter timespan alone: what a split by
    time is for.
    """

    kind: Kind
    match: str = ""
    times: int = 1
    after: int = 0
    retry_after: float = 0.0
    """Seconds, in the header of a 429 or 503."""
    seconds: float = 0.05
    """Between two pieces of a trickle."""
    bytes: int = 64_000_000
    """The most that a result may hold, for `too_large`."""
    longer_than: float = 0.0
    message: str = ""


@dataclass
class _Switch:
    """A fault, and how often it was met and played."""

    fault: Fault
    met: int = 0
    played: int = 0


class Faults:
    """The faults of a service, each played as often as it says. Safe for threads."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._switches = [_Switch(fault) for fault in faults]
        self._lock = threading.Lock()

    def next(self, kql: str, hours: float | None) -> Fault | None:
        """Return the first fault that a request meets, and use it up."""
        with self._lock:
            for switch in self._switches:
                fault = switch.fault
                if not _meets(fault, kql, hours):
                    continue
                switch.met += 1
                if switch.met <= fault.after or (fault.times and switch.played >= fault.times):
                    continue
                switch.played += 1
                return fault
        return None


def _meets(fault: Fault, kql: str, hours: float | None) -> bool:
    return (not fault.match or bool(re.search(fault.match, kql))) and (
        not fault.longer_than or hours is None or hours > fault.longer_than
    )
