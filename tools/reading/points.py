"""One moment as it is written: a day, a clock time, or both; perhaps incomplete until its neighbours are known."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import cache

from soc_analyst.state.errors import OperatorError

from .days import Days, read_days
from .lexicon import PART, ZONE, zone_of
from .vocabulary import vocabulary

__all__ = ["Clock", "Point", "read_clock", "read_point", "read_zone"]


@dataclass(frozen=True)
class Clock:
    """A time of day. `bare` is an hour with no mark of being one; `half` is am or pm where it was said."""

    at: time
    bare: bool = False
    half: str = ""

    def in_half(self, half: str) -> Clock:
        """Return the same hour in this half of the day, if it was open."""
        if self.half or not half or not 1 <= self.at.hour <= 12:
            return self
        return replace(self, at=self.at.replace(hour=_hour(self.at.hour, half)), bare=False, half=half)


@dataclass(frozen=True)
class Point:
    """A moment as written. `part` is hours from the day's midnight, such as (12, 18) for an afternoon."""

    days: Days | None = None
    part: tuple[int, int] | None = None
    clock: Clock | None = None
    zone: tzinfo | None = None
    instant: datetime | None = None

    @property
    def exact(self) -> bool:
        """Whether it names an instant rather than a stretch."""
        return self.clock is not None or self.instant is not None

    @property
    def certain(self) -> bool:
        """Whether this can only be a time; a bare hour can be a count of anything."""
        return self.days is not None or self.instant is not None or (self.clock is not None and not self.clock.bare)


def _hour(hour: int, half: str) -> int:
    return hour % 12 + (12 if half == "pm" else 0)


@cache
def _clock_patterns() -> tuple[re.Pattern[str], ...]:
    half = r"(?:\s?(?P<half>[ap])\.?m\b\.?)"
    sources = (
        rf"(?P<h>\d{{1,2}}):(?P<m>\d{{2}})(?::(?P<s>\d{{2}})(?:[.,](?P<f>\d{{1,9}}))?)?(?![\d:]){half}?",
        rf"(?P<h>\d{{1,2}})(?:[.](?P<m>\d{{2}}))?{half}",
        r"(?P<h>\d{1,2})h(?P<m>\d{2})\b",
        r"(?P<h>\d{2})(?P<m>\d{2})(?=\s?(?:Z|UTC|GMT|hrs|hours)\b)(?:\s?(?:hrs|hours)\b)?",
        r"(?P<h>\d{1,2})\s?(?:o['\u2019]?clock|(?=Z\b|UTC\b|GMT\b))",
    )
    return tuple(re.compile(source, re.I) for source in sources)


def read_clock(text: str, pos: int, *, bare: bool = False) -> tuple[Clock, int] | None:
    """Read a time of day at `pos`; with `bare`, a lone hour counts. Raises OperatorError for 25:00 and its like."""
    if word := re.compile(r"(?:12\s+)?(noon|midday|midnight)\b", re.I).match(text, pos):
        return Clock(time(0 if word[1].lower() == "midnight" else 12)), word.end()
    for pattern in _clock_patterns():
        if found := pattern.match(text, pos):
            clock = _as_clock(found)
            if clock is None and re.search(
                r"(?:\d|\b(?:at|since|from|to|until|between|and|after|before|around|day))[\sT,-]*$",
                text[max(0, pos - 12) : pos],
                re.I,
            ):
                raise OperatorError(f"there is no time of day '{found[0].strip()}'; write it as 14:05 or 2:05 pm")
            return (clock, found.end()) if clock else None
    if bare and (found := re.compile(r"([01]?\d|2[0-3])([0-5]\d)?\b(?![\d:/\\%@.]\w|-[A-Za-z])").match(text, pos)):
        return Clock(time(int(found[1]), int(found[2] or 0)), bare=True), found.end()
    return None


def _as_clock(found: re.Match[str]) -> Clock | None:
    part = {name: value for name, value in found.groupdict().items() if value}
    hour, half = int(part["h"]), f"{part['half'].lower()}m" if "half" in part else ""
    micro = int(part.get("f", "0")[:6].ljust(6, "0"))
    if half and not 1 <= hour <= 12:
        return None
    try:
        return Clock(
            time(_hour(hour, half) if half else hour, int(part.get("m", 0)), int(part.get("s", 0)), micro), half=half
        )
    except ValueError:
        return None


def read_zone(text: str, pos: int, *, offset: bool = False) -> tuple[tzinfo, int] | None:
    """Read a time zone at `pos`, after blanks or an opening bracket; with `offset`, +02:00 counts too."""
    if offset and (found := re.compile(r"\s?([+-]\d{2}:?\d{2})(?![\d:])").match(text, pos)):
        zone = zone_of(found[1])
        return (zone, found.end()) if zone else None
    found = re.compile(rf"\s*\(?({ZONE()})(?!\w|/[A-Za-z])\)?(?:\s+time\b)?", re.I).match(text, pos)
    if found is None:
        return None
    zone = zone_of(found[1])
    return (zone, found.end()) if zone else None


def read_point(text: str, pos: int, now: datetime, *, bare: bool = False) -> tuple[Point, int] | None:
    """Read a day, a clock time or both at `pos`, in either order, with the zone."""
    lead = re.compile(r"(?:(?:on|at|of|the|for|around|about)\s+){0,2}", re.I).match(text, pos)
    pos = lead.end() if lead else pos
    return (
        _read_now(text, pos, now)
        or _read_night(text, pos, now)
        or _day_first(text, pos, now)
        or _clock_first(text, pos, now, bare)
    )


def _read_now(text: str, pos: int, now: datetime) -> tuple[Point, int] | None:
    found = re.compile(r"(?:right\s+)?(?:now|the\s+present|present)\b", re.I).match(text, pos)
    return (Point(instant=now), found.end()) if found else None


def _read_night(text: str, pos: int, now: datetime) -> tuple[Point, int] | None:
    """Read `last night`, `this morning`, `overnight`, perhaps with an hour; these need no day beside them."""
    found = re.compile(rf"(overnight|tonight|(?:last|this)\s+(?:{PART()}))\b", re.I).match(text, pos)
    if found is None:
        return None
    words = found[1].lower().split()
    zone = read_zone(text, found.end())
    today = now.astimezone(zone[0] if zone else UTC).date()
    night = words[0] == "overnight" or words == ["last", "night"]
    back = 1 if night or words[0] == "last" else 0
    name = "night" if night or words == ["tonight"] else " ".join(words[1:])
    point = Point(days=Days.one(today - timedelta(days=back)), part=_part(name), zone=zone[0] if zone else None)
    return _with_clock(text, zone[1] if zone else found.end(), point)


def _part(name: str) -> tuple[int, int]:
    low, high = vocabulary("times")["parts"][re.sub(r"\s+", " ", name.lower())]
    return low, high


def _day_first(text: str, pos: int, now: datetime) -> tuple[Point, int] | None:
    part_of = re.compile(rf"(?:in\s+the\s+)?({PART()})\s+(?:of|on)\s+(?:the\s+)?", re.I).match(text, pos)
    got = read_days(text, part_of.end() if part_of else pos, now)
    if got is None:
        return None
    days, end = got
    point = Point(days=days, part=_part(part_of[1]) if part_of else None)
    after = re.compile(rf",?\s+(?:in\s+the\s+|at\s+)?({PART()})\b", re.I).match(text, end)
    if after and days.is_one:
        point, end = replace(point, part=_part(after[1])), after.end()
    return _with_clock(text, end, point)


_JOIN = re.compile(r"(?:T|,?\s*(?:(?:at|@|around|about|from|between)\s+|(?<=\s)))", re.I)


def _with_clock(text: str, end: int, point: Point) -> tuple[Point, int]:
    """Take the clock time and zone that follow a day."""
    joint = _JOIN.match(text, end)
    clock = None
    if joint and point.days and point.days.is_one:
        opens = joint[0].strip(" ,").lower() in ("from", "between")
        clock = read_clock(text, joint.end(), bare=opens)
    if joint is None or clock is None:
        zone = read_zone(text, end)
        return (replace(point, zone=zone[0]), zone[1]) if zone and point.zone is None else (point, end)
    iso = joint[0] in ("T", "t") or text[clock[1] : clock[1] + 1] == "+"
    zone = read_zone(text, clock[1], offset=iso) or read_zone(text, clock[1])
    return replace(point, clock=clock[0], zone=zone[0] if zone else point.zone), zone[1] if zone else clock[1]


def _clock_first(text: str, pos: int, now: datetime, bare: bool) -> tuple[Point, int] | None:
    got = read_clock(text, pos, bare=bare)
    if got is None:
        return None
    clock, end = got
    zone = read_zone(text, end)
    end = zone[1] if zone else end
    joint = re.compile(r"(?:,?\s*(?:on|of|in\s+the)?\s+|,\s*)", re.I).match(text, end)
    day = joint and (_read_night(text, joint.end(), now) or _day_first(text, joint.end(), now))
    if not day or day[0].clock:
        return Point(clock=clock, zone=zone[0] if zone else None), end
    point, end = day
    zone = zone or read_zone(text, end)
    end = zone[1] if zone and zone[1] > end else end
    return replace(point, clock=clock, zone=zone[0] if zone else point.zone), end
