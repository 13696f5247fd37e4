"""From moments as written to UTC windows: missing days, halves of the day and zones are taken from their neighbours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from soc_analyst.state.errors import OperatorError

from .days import Days
from .points import Point

__all__ = ["MARGIN", "Bounds", "around", "between", "bounds_of", "since", "until"]

Bounds = tuple[datetime, datetime]
MARGIN = timedelta(minutes=15)
"""How far to either side of a single instant the window reaches, where the question does not say."""


def bounds_of(point: Point, now: datetime) -> Bounds:
    """Return the stretch a point covers, in UTC; both ends are the same for an instant."""
    if point.instant is not None:
        return point.instant, point.instant
    zone = point.zone or now.tzinfo or UTC
    days = point.days or _latest_day(point, now, zone)
    if point.clock is not None:
        moment = _at(days.first, _placed(point), zone)
        return moment, moment
    low, high = point.part or (0, 24 * (days.last - days.first).days)
    start, end = _at(days.first, timedelta(hours=low), zone), _at(days.first, timedelta(hours=high), zone)
    return start, min(end, max(now, start)) if days.runs or (point.part and end > now > start) else end


def _at(day: date, since_midnight: timedelta, zone: tzinfo) -> datetime:
    """Return the wall clock's time in UTC; hours past 24 run into the next days."""
    try:
        wall = datetime.combine(day, time()) + since_midnight
        return wall.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise OperatorError(f"the year {day.year} is outside of what can be searched") from None


def _placed(point: Point) -> timedelta:
    """Return the clock time as hours from midnight of the day, in the half that the part of the day asks for."""
    assert point.clock is not None
    at = point.clock.at
    low, high = point.part or (0, 24)
    hours = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
    if at.hour < low and at.hour + 24 < high:
        return hours + timedelta(days=1)
    if at.hour < low and not point.clock.half and at.hour <= 12:
        return hours + timedelta(hours=12)
    return hours


def _latest_day(point: Point, now: datetime, zone: tzinfo) -> Days:
    """Return the day on which this undated clock time came last."""
    today = now.astimezone(zone).date()
    if point.clock and _at(today, _placed(point), zone) >= now:
        today -= timedelta(days=1)
    return Days.one(today)


def between(left: Point, right: Point, now: datetime) -> Bounds:
    """Return the window from `left` to `right`; a right end that is a day is included whole."""
    left, right = _one_half(*_one_zone(left, right))
    left, right = _one_day(left, right, now)
    start, end = bounds_of(left, now)[0], bounds_of(right, now)[1]
    if right.days and right.days.runs:
        end = min(end, now)
    if end <= start:
        raise OperatorError(
            f"the window ends before it starts ({start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC); swap them"
        )
    return start, end


def _one_zone(left: Point, right: Point) -> tuple[Point, Point]:
    return replace(left, zone=left.zone or right.zone), replace(right, zone=right.zone or left.zone)


def _one_half(left: Point, right: Point) -> tuple[Point, Point]:
    """Let `9 to 11 pm` mean 9 pm, and `11 to 1 pm` 11 in the morning."""
    if not (left.clock and right.clock and right.clock.half and not left.clock.half):
        return left, right
    shifted = left.clock.in_half(right.clock.half)
    sensible = left.days is not None or shifted.at < right.clock.at
    return (replace(left, clock=shifted) if sensible and left.clock.bare else left), right


def _one_day(left: Point, right: Point, now: datetime) -> tuple[Point, Point]:
    if left.instant or right.instant:
        return left, right
    if left.days and right.days:
        return _one_cycle(left, right)
    if right.days is None and left.days is not None:
        right = replace(right, days=left.days, part=left.part)
        return left, _after(left, right, now)
    if left.days is None and right.days is not None:
        left = replace(left, days=right.days, part=right.part)
        if right.days.runs and _crosses_midnight(left, right):
            return _shifted(left, -1), right
        return left, _after(left, right, now)
    left = replace(left, days=_latest_day(left, now, left.zone or now.tzinfo or UTC))
    return left, _after(left, replace(right, days=left.days), now)


def _one_cycle(left: Point, right: Point) -> tuple[Point, Point]:
    """Put days without a year or week next to each other: the left one is the last before the right one."""
    assert left.days and right.days
    if left.days.cycle:
        return replace(left, days=left.days.at_or_before(right.days.first)), right
    return left, replace(right, days=right.days.at_or_after(left.days.first) if right.days.cycle else right.days)


def _in_order(left: Point, right: Point, now: datetime) -> bool:
    return bounds_of(left, now)[0] < bounds_of(right, now)[1]


def _after(left: Point, right: Point, now: datetime) -> Point:
    """Let a clock time that would come before its start be the next day's."""
    return _shifted(right, 1) if _crosses_midnight(left, right) and not _in_order(left, right, now) else right


def _crosses_midnight(left: Point, right: Point) -> bool:
    """Return whether clock times run from an evening into a morning; 15:00 to 14:00 is rather a slip."""
    return bool(
        left.clock and right.clock and left.clock.at >= time(12) >= right.clock.at and left.clock.at != right.clock.at
    )


def _shifted(point: Point, days: int) -> Point:
    assert point.days
    return replace(point, days=point.days.moved(point.days.first + timedelta(days=days)))


def since(point: Point, now: datetime, *, exclusive: bool = False) -> Bounds:
    """Return the window from a point up to now; `exclusive` leaves out a whole day that was named."""
    if point.days and point.days.ago and not point.clock:
        return now - point.days.ago, now
    start, end = bounds_of(point, now)
    return (end if exclusive and not (point.days and point.days.runs) else start), now


def until(point: Point, now: datetime, span: timedelta, *, inclusive: bool = False) -> Bounds:
    """Return the window of length `span` that ends at a point, or with `inclusive` at its end."""
    start, end = bounds_of(point, now)
    edge = end if inclusive else start
    return edge - span, edge


def around(point: Point, now: datetime, margin: timedelta | None = None) -> Bounds:
    """Return the window to both sides of a point: the margin, or a day for a whole day."""
    start, end = bounds_of(point, now)
    reach = margin or (MARGIN if point.exact else timedelta(days=1))
    return start - reach, end + reach
