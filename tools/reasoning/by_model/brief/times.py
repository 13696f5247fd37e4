"""Times and stretches of time in few tokens that a person can read."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from .coding import NO_TIME

__all__ = ["day_of", "lapse", "moment", "short_times"]

ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)(?!\w)")


def day_of(second: int) -> str:
    """Return the date of a time in seconds since 1970, empty where there is none."""
    return "" if second == NO_TIME else f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d}"


def moment(second: int, day: str) -> str:
    """Write a time as `HH:MM:SS`, with its date before it unless it is this day's."""
    if second == NO_TIME:
        return "-"
    own, clock = day_of(second), f"{datetime.fromtimestamp(second, UTC):%H:%M:%S}"
    return clock if own == day else f"{own[5:] if own[:4] == day[:4] else own} {clock}"


def lapse(seconds: int) -> str:
    """Write a stretch of time, rounded down to one unit: seconds up to two minutes, minutes up to two hours."""
    sign, left = ("-" if seconds < 0 else "+"), abs(seconds)
    if left < 120:
        return f"{sign}{left}s"
    if left < 7_200:
        return f"{sign}{left // 60}m"
    return f"{sign}{left // 3_600}h" if left < 3 * 86_400 else f"{sign}{left // 86_400}d"


def short_times(text: str) -> str:
    """Write the times of a text as `date HH:MM:SS`, without the date where it is that of the time before."""
    days = [""]

    def short(found: re.Match[str]) -> str:
        clock = found[2]
        days.append(found[1])
        return clock if days[-2] == days[-1] else f"{found[1]} {clock}"

    return ISO.sub(short, text)
