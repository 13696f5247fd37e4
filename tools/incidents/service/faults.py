"""What can go wrong at Azure Resource Manager, switched on by scenario."""

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
    "disallowed",
    "no_group",
    "not_onboarded",
    "conflict",
    "bad_request",
    "server_error",
    "unavailable",
    "silent",
    "reset",
    "lost",
    "wrong_type",
    "garbage",
    "redirect",
]
"""throttled: 429 with Retry-After. disallowed: 403 by an Azure policy. no_group: 404, there is no such resource group.
silent: no answer for `seconds`. reset: torn down before anything is done. lost: done, then torn down. wrong_type: a
page of HTML with status 200. garbage: JSON that is cut off. redirect: 302 to another host."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, for the first `times` requests whose `METHOD path` has `match`; 0 is always."""

    kind: Kind
    match: str = ""
    times: int = 1
    retry_after: float = 0.0
    seconds: float = 5.0


class Faults:
    """The faults of a service, each played as often as it says. Safe for threads."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = tuple(faults)
        self._left = [fault.times for fault in self._faults]
        self._lock = threading.Lock()

    def next(self, request: str) -> Fault | None:
        """Return the first fault that a request meets, and use it up."""
        with self._lock:
            for number, fault in enumerate(self._faults):
                if (fault.times and not self._left[number]) or not re.search(fault.match, request):
                    continue
                self._left[number] -= 1
                return fault
        return None
