"""A stretch of time as an axis: places in per cent of its width, and ticks at round times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["Axis", "Tick", "axis_over"]

STEPS = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600,
        86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 90 * 86400, 365 * 86400,
    )
)  # fmt: skip
MOST_TICKS = 7
MARGIN = 0.02
"""Of the width, kept free at both ends, so that no mark is cut."""
EPOCH = datetime(2000, 1, 3, tzinfo=UTC)
LEAST = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Tick:
    """A round time on the axis; a minor one is left out where the page is narrow."""

    x: str
    label: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of time, its ends included."""

    start: datetime
    end: datetime
    ticks: tuple[Tick, ...] = ()

    def place(self, at: datetime) -> float:
        """Return where an instant lies, in per cent of the width."""
        share = (at - self.start) / (self.end - self.start)
        return 100 * (MARGIN + (1 - 2 * MARGIN) * min(1.0, max(0.0, share)))


def axis_over(start: datetime, end: datetime) -> Axis:
    """Return the axis from one instant to another, at least some seconds long."""
    if end - start < LEAST:
        try:
            start, end = start - LEAST / 2, end + LEAST / 2
        except OverflowError:
            end = start + LEAST if start.year < 9000 else end
    bare = Axis(start, end)
    return Axis(start, end, tuple(_ticks(bare)))


def _ticks(axis: Axis) -> list[Tick]:
    span = axis.end - axis.start
    step = next((step for step in STEPS if span / step <= MOST_TICKS), span)
    first = math.ceil((axis.start - EPOCH) / step)
    last = math.floor((axis.end - EPOCH) / step)
    times = [EPOCH + step * at for at in range(first, last + 1)]
    form = _form(step, span)
    return [Tick(f"{axis.place(at):.2f}%", f"{at:{form}}", bool(n % 2)) for n, at in enumerate(times)]


def _form(step: timedelta, span: timedelta) -> str:
    if step >= timedelta(days=1):
        return "%d %b" if span < timedelta(days=400) else "%b %Y"
    if step < timedelta(minutes=1):
        return "%H:%M:%S"
    return "%H:%M" if span <= timedelta(hours=24) else "%d %H:%M"
