"""The two weeks of the sample, and when in them things happen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

__all__ = ["END", "HOURS", "START", "Rhythm", "hourly_weights", "micros", "moment"]

Rhythm = str
"""A name of `_SHAPES`, or `office:<hours east of UTC>`."""

START = datetime(2026, 3, 2, tzinfo=UTC)
END = datetime(2026, 3, 16, 17, tzinfo=UTC)
"""The newest event: late on a Monday, so that the last day is a working day and this weekend lies behind."""

HOURS = int((END - START) / timedelta(hours=1))

_AT_WORK = (0, 0, 0, 0, 0, 0, 1, 10, 40, 60, 60, 55, 35, 50, 60, 58, 50, 30, 12, 5, 3, 2, 1, 0)
"""How busy people are, by their own clock, from midnight on."""


def moment(day: int, clock: str) -> datetime:
    """Return the UTC time on a day of March 2026, such as `moment(16, "08:12:31")`."""
    return datetime.fromisoformat(f"2026-03-{day:02}T{clock}+00:00")


def micros(time: datetime) -> int:
    """Return microseconds since 1970."""
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _office(local: datetime) -> int:
    if local.weekday() >= 5:
        return 1 if 10 <= local.hour < 20 else 0
    return _AT_WORK[local.hour]


def _scan(utc: datetime) -> int:
    return 10 if utc.weekday() in (2, 6) and 2 <= utc.hour < 4 else 0


def _patching(utc: datetime) -> int:
    # Patch Tuesday reaches the servers in the night that follows it.
    return (
        10 if utc.day in (10, 11) and (utc.hour >= 20 or utc.hour < 3) and (utc.day, utc.hour < 3) != (10, True) else 0
    )


_SHAPES = {
    "always": lambda _utc: 10,
    "night": lambda utc: 10 if 1 <= utc.hour < 4 else 0,
    "morning": lambda utc: 10 if utc.hour == 6 else 0,
    "scan": _scan,
    "patching": _patching,
}


@cache
def hourly_weights(rhythm: Rhythm) -> tuple[int, ...]:
    """Return how likely something of this rhythm is in each hour from START on."""
    hours = [START + timedelta(hours=hour) for hour in range(HOURS)]
    if rhythm.startswith("office:"):
        east = timedelta(hours=int(rhythm.removeprefix("office:")))
        return tuple(_office(hour + east) for hour in hours)
    return tuple(_SHAPES[rhythm](hour) for hour in hours)
