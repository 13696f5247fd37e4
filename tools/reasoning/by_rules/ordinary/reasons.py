"""A reason to hold rows for ordinary work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Kind", "Reason"]

Kind = Literal["usual", "actor", "means", "season", "scan", "notice", "session", "device", "own", "platform", "undone"]
"""usual: seen before or on many hosts. actor: who did it. means: what did it. season: many hosts in the same hours.
scan: a scan on a schedule. notice: an alert that is none. session: a session of plain work. device: one's own
device. own: an application that the same account had just made. platform: a service of the cloud itself.
undone: made, or put back, by the same account."""


@dataclass(frozen=True)
class Reason:
    """Why rows look like ordinary work; `proves` where it needs no second reason, `counts` where it may be one."""

    kind: Kind
    text: str
    proves: bool = False
    counts: bool = True
    proves_high: bool = False
    """Whether it lowers a high signal too, without another reason."""
