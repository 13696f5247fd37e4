"""How far this machine's clock is from those of who answers: tokens are taken only between two moments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["TOLERATED", "Seen", "clock_words"]

TOLERATED = 300.0
"""Seconds by which Microsoft Entra ID and its services let clocks differ."""


class Seen:
    """What the answers' own headers say of the time; give it to a client as its `raw_response_hook`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.behind: float | None = None
        """Seconds that this machine's clock is behind the last answer's, ahead where negative."""

    def __call__(self, response: Any) -> None:
        """Read the time of an answer; a header tells whole seconds, so that less than one is no difference."""
        given = response.http_response.headers.get("Date")
        try:
            told = parsedate_to_datetime(given) if given else None
        except ValueError:
            return
        if told is None:
            return
        behind = (told.replace(tzinfo=told.tzinfo or UTC) - self._clock()).total_seconds()
        # The header is cut to the second: the middle of that second is the best guess.
        self.behind = round(behind + 0.5, 1)

    @property
    def off(self) -> bool:
        """Return whether the clocks differ by more than tokens allow."""
        return self.behind is not None and abs(self.behind) > TOLERATED


def clock_words(behind: float) -> str:
    """Say how a clock stands to the service's."""
    return f"this machine's clock is {abs(behind):,.0f} seconds {'behind' if behind > 0 else 'ahead of'} the service's"
