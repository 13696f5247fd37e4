"""The grammar of time ranges. Every reading lies in the past, half-open and in UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from soc_analyst.state.errors import OperatorError

from .lexicon import MONTH, NUMBER, PART, UNIT, WEEKDAY, ZONE, amount_of, unit_seconds, zone_of
from .points import Point, read_point, read_zone
from .resolving import MARGIN, Bounds, around, between, bounds_of, since, until

__all__ = ["TimePhrase", "find_phrases", "read_window"]

_LONGEST = timedelta(days=100 * 366)


@dataclass(frozen=True)
class TimePhrase:
    """Words of the text that speak of time, at [start, end), and what they mean by `bounds`.

    `undated` marks clock times whose day stands elsewhere; `rank` is higher for the more telling form.
    """

    start: int
    end: int
    bounds: Bounds | None
    rank: int
    points: tuple[Point, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def undated(self) -> bool:
        """Whether these are clock times without a day."""
        return bool(self.points) and all(point.clock and not point.days for point in self.points)


@dataclass(frozen=True)
class _Scan:
    text: str
    now: datetime
    span: timedelta

    def point(self, pos: int, *, bare: bool = False) -> tuple[Point, int] | None:
        return read_point(self.text, pos, self.now, bare=bare)

    def phrase(
        self, pos: int, end: int, bounds: Bounds | None, rank: int, *points: Point, notes: tuple[str, ...] = ()
    ) -> TimePhrase:
        said = tuple(point.days.note for point in points if point.days and point.days.note)
        return TimePhrase(pos, end, bounds, rank, points, notes + said)


Rule = Callable[[_Scan, int], TimePhrase | None]


@cache
def _re(source: str) -> re.Pattern[str]:
    return re.compile(source, re.I)


_WITHIN = r"(?:(?:with)?in|over|during|for|from|across|covering|throughout)\s+"


def _span_of(amount: str | None, unit: str, extra: str | None = None) -> timedelta:
    seconds = ((amount_of(amount) if amount else 1.0) + (0.5 if extra else 0.0)) * unit_seconds(unit)
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise OperatorError(
            f"'{(amount or '').strip()} {unit}' is not a span that can be searched; give up to 100 years"
        )
    return timedelta(seconds=seconds)


def _rolling(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read `in the last 2 weeks or so`, counted back from now. `last week` without `the` is the calendar's."""
    found = _re(
        rf"(?:{_WITHIN})?(?P<the>the\s+|my\s+|these\s+)?(?:very\s+)?(?P<which>last|past|previous|preceding|prior|trailing)\s+"
        rf"(?P<n>{NUMBER()})?\s*(?P<unit>{UNIT()})(?P<half>\s+and\s+a\s+half)?(?P<loose>\s+or\s+(?:so|two)|\s*\+)?(?!\s+of\b)"
    ).match(scan.text, pos)
    if found is None or not (found["n"] is None or found["n"].strip()):
        return None
    calendar = found["n"] is None and found["unit"].lower() in ("week", "month", "quarter", "year")
    if calendar and found["which"].lower() in ("last", "previous") and not found["the"]:
        return None
    if found["n"] is None and found["unit"].lower() in ("night",):
        return None
    return _counted_back(scan, pos, found)


def _last_after_number(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read `the 24 last hours` and, at the edge of a clause, a lone `24h`."""
    found = _re(rf"(?:{_WITHIN})?(?:the\s+)?(?P<n>{NUMBER()})\s+(?:last|past)\s+(?P<unit>{UNIT()})").match(
        scan.text, pos
    )
    lone = _re(r"(?:for\s+)?(?P<n>\d{1,4})\s?(?P<unit>h|hrs?|d|w|days?|hours?|weeks?)\b(?=\s*(?:[?.,;)!]|$))")
    if found is None and re.search(r"(?:^|[,;:(\-\u2013\u2014]|\bfor)\s*$", scan.text[max(0, pos - 8) : pos]):
        found = lone.match(scan.text, pos)
    return _counted_back(scan, pos, found) if found else None


def _counted_back(scan: _Scan, pos: int, found: re.Match[str]) -> TimePhrase:
    groups = found.groupdict()
    span = _span_of(groups["n"], groups["unit"], groups.get("half"))
    loose = groups.get("loose") or (
        groups["n"] and not groups["n"].strip()[0].isdigit() and len(groups["n"].split()) > 1
    )
    notes = (f"'{found[0].strip()}' was read as {_spoken(span)} up to now",) if loose else ()
    return scan.phrase(pos, found.end(), (scan.now - span, scan.now), 5, notes=notes)


def _spoken(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours" if hours >= 2 else f"{hours * 60:g} minutes"


def _ahead(scan: _Scan, pos: int) -> TimePhrase | None:
    found = _re(
        rf"(?:in\s+|over\s+|for\s+)?(?:the\s+)?(?:next|coming|following|upcoming)\s+(?:{NUMBER()}\s*)?{UNIT()}"
    ).match(scan.text, pos)
    if found:
        raise OperatorError(f"'{found[0]}' lies in the future; ask about a time up to {scan.now:%Y-%m-%d %H:%M} UTC")
    return None


def _beside(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read `2 hours before X`, `30 minutes after X`, `within 10 minutes of X`."""
    found = _re(
        rf"(?:(?:with)?in\s+|for\s+|during\s+|covering\s+)?(?:the\s+)?(?:first\s+|last\s+)?(?P<n>{NUMBER()})\s*(?P<unit>{UNIT()})\s+"
        r"(?P<how>before\s+and\s+after|either\s+side\s+of|around|of|before|prior\s+to|leading\s+up\s+to|after|following|from|starting(?:\s+(?:at|from))?|since)\s+"
    ).match(scan.text, pos)
    got = found and scan.point(found.end())
    if not found or not got or not got[0].certain:
        return None
    span, how = _span_of(found["n"], found["unit"]), found["how"].lower()
    start, end = bounds_of(got[0], scan.now)
    if how.startswith(("before", "prior", "leading")) and "and" not in how:
        window = (start - span, start)
    elif how.startswith(("after", "following", "from", "starting", "since")):
        window = (end, end + span) if how.startswith(("after", "following")) else (start, start + span)
    else:
        window = around(got[0], scan.now, span)
    return scan.phrase(pos, got[1], window, 6, got[0])


_START = r"start(?:ing|ed)?(?:\s+(?:at|from|on|time))?\s*[:=]?"
_FINISH = r"end(?:ing|s|ed)?(?:\s+(?:at|on|by|time))?\s*[:=]?"
_PERIOD = r"(?:for|in|over|during)\s+the\s+(?:window|period|timeframe|time\s+frame|interval)\s*:?\s*(?:(?:of|from)\s+)?"
_OPEN = rf"(?:(?P<open>between|from|since|after|{_START})\s+|{_PERIOD})?"
_TO_WORD = rf"(?:to|until|till|til|bis|through|thru|up\s+to|(?:and\s+)?(?:until|before|{_FINISH}))"
_TO = rf"\s*(?:,\s*)?(?:\b{_TO_WORD}(?!\w)|-|\u2013|\u2014|\u2192|\.\.\.?|~|/)\s*"


def _range(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read `between X and Y`, `from X until Y`, `X - Y`."""
    lead = _re(_OPEN).match(scan.text, pos)
    assert lead is not None
    left = scan.point(lead.end(), bare=True)
    if left is None:
        return None
    may_and = (lead["open"] or "").lower() == "between" or re.search(r"\bbetween\b", scan.text[pos : left[1]], re.I)
    days_only = left[0].days is not None and left[0].clock is None
    joint = _re(rf"(?:{_TO}|\s*,?\s+and\s+)" if may_and or days_only else _TO).match(scan.text, left[1])
    right = joint and scan.point(joint.end(), bare=True)
    if (
        joint
        and right
        and not may_and
        and joint[0].strip(" ,").lower() == "and"
        and (right[0].clock or not right[0].days)
    ):
        return None
    if not joint or not right or not (left[0].certain or right[0].certain or left[0].zone or right[0].zone):
        return None
    if joint[0].strip() == "/" and not (left[0].exact and right[0].exact):
        return None
    if not lead[0] and left[0].clock and left[0].clock.bare and not left[0].days and not right[0].certain:
        return None
    return _ranged(scan, pos, right[1], left[0], right[0])


def _ranged(scan: _Scan, pos: int, end: int, left: Point, right: Point) -> TimePhrase:
    day = _re(r"\s*,?\s+(?:on|of)\s+").match(scan.text, end)
    got = day and scan.point(day.end())
    if got and got[0].days and not got[0].clock and not (left.days or right.days):
        right, end = replace(right, days=got[0].days, part=got[0].part, zone=right.zone or got[0].zone), got[1]
    zone = None if right.zone or left.zone else read_zone(scan.text, end)
    if zone:
        right, end = replace(right, zone=zone[0]), zone[1]
    return scan.phrase(pos, end, between(left, right, scan.now), 8, left, right)


def _open_start(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read `since X`, `after X`, `from X onwards`."""
    found = _re(
        r"(?P<how>(?:ever\s+)?since|starting(?:\s+(?:at|from|on))?|beginning|after|later\s+than|as\s+of|from)\s+"
    ).match(scan.text, pos)
    got = found and scan.point(found.end())
    if not found or not got or not got[0].certain:
        return None
    onward = _re(
        r"\s*,?\s+(?:on(?:wards?)?(?!\s+\w)|onwards?|forward|(?:up\s+)?(?:to|until)\s+(?:now|today|date))\b"
    ).match(scan.text, got[1])
    how = found["how"].lower()
    if how == "from" and not onward and not (got[0].clock and not got[0].part):
        return None
    exclusive = how in ("after", "later than")
    return scan.phrase(pos, onward.end() if onward else got[1], since(got[0], scan.now, exclusive=exclusive), 7, got[0])


def _open_end(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read `before X` and `until X`, which reach back by the default span."""
    found = _re(r"(?P<how>before|prior\s+to|earlier\s+than|until|till|up\s+(?:to|until)|through)\s+").match(
        scan.text, pos
    )
    got = found and scan.point(found.end())
    if not found or not got or not got[0].certain:
        return None
    inclusive = found["how"].lower().startswith(("until", "till", "up", "through"))
    window = until(got[0], scan.now, scan.span, inclusive=inclusive)
    notes = (f"'{found[0].strip()}' names no start; {_spoken(scan.span)} before it were taken",)
    return scan.phrase(pos, got[1], window, 7, got[0], notes=notes)


def _single(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read a lone day, or a lone instant with a margin to either side."""
    cue = _re(
        r"(?:(?P<about>around|about|circa|approx(?:imately|\.)?|roughly|near|~)\s*|(?:on|at|in|during|over|from|for|of|@)\s+)+"
    ).match(scan.text, pos)
    got = scan.point(cue.end() if cue else pos)
    if got is None or not got[0].certain or (not cue and got[0].clock and not got[0].days and not got[0].zone):
        return None
    point, end = got
    margin = _re(
        rf"\s*,?\s*(?:±|\+/-|\+-|plus\s+or\s+minus|give\s+or\s+take)\s*(?P<n>{NUMBER()})\s*(?P<unit>{UNIT()})"
    ).match(scan.text, end)
    span = _re(rf"\s*,?\s+for\s+(?P<n>{NUMBER()})\s*(?P<unit>{UNIT()})").match(scan.text, end)
    if point.clock and span and not margin:
        start = bounds_of(point, scan.now)[0]
        return scan.phrase(pos, span.end(), (start, start + _span_of(span["n"], span["unit"])), 6, point)
    reach = _span_of(margin["n"], margin["unit"]) if margin else None
    if not (point.exact or reach or (cue and cue["about"])):
        return scan.phrase(pos, end, bounds_of(point, scan.now), 3, point)
    said = _spoken(reach or (MARGIN if point.exact else timedelta(days=1)))
    window = _not_ahead(around(point, scan.now, reach), scan.now)
    notes = () if margin else (f"'{scan.text[pos:end].strip()}' was read with {said} to either side",)
    return scan.phrase(pos, margin.end() if margin else end, window, 4, point, notes=notes)


def _not_ahead(window: Bounds, now: datetime) -> Bounds:
    return (window[0], now) if window[0] < now < window[1] else window


def _moments_ago(scan: _Scan, pos: int) -> TimePhrase | None:
    """Read `2 hours ago` as an hour around it, `since 2 hours ago` as the time from it."""
    ago = rf"(?:(?P<n>{NUMBER()})\s*(?P<unit>{UNIT()})\s+(?:ago|back)\b|ago\s+(?P<n2>{NUMBER()})\s*(?P<unit2>{UNIT()}))"
    found = _re(
        rf"(?P<since>(?:since|starting|beginning|from)\s+)?(?:(?:about|around|roughly)\s+)?{ago}(?P<on>\s+(?:until|to)\s+now)?"
    ).match(scan.text, pos)
    if found is None:
        return None
    amount, unit = found["n"] or found["n2"], found["unit"] or found["unit2"]
    span = _span_of(amount, unit)
    if found["since"] or found["on"]:
        return scan.phrase(pos, found.end(), (scan.now - span, scan.now), 7)
    if unit_seconds(unit) >= 86400:
        return None
    half = timedelta(seconds=unit_seconds(unit) / 2)
    window = (scan.now - span - half, min(scan.now - span + half, scan.now))
    return scan.phrase(
        pos, found.end(), window, 4, notes=(f"'{found[0].strip()}' was read with {_spoken(half)} to either side",)
    )


_RULES: tuple[Rule, ...] = (
    _beside, _rolling, _last_after_number, _ahead, _moments_ago, _range, _open_start, _open_end, _single,
)  # fmt: skip


@cache
def _starter() -> re.Pattern[str]:
    words = (
        "in|within|over|during|for|from|across|covering|throughout|between|since|ever|starting|beginning|after|later|as|before|prior|"
        "earlier|until|till|up|through|last|past|previous|preceding|trailing|this|these|my|current|next|coming|following|upcoming|today|"
        "yesterday|tomorrow|tonight|overnight|now|right|the|day|around|about|circa|approx|approximately|roughly|near|at|on|of|noon|midday|"
        "midnight|start|ago|early|morning|afternoon|evening|night"
    )
    return _re(rf"(?<![\w@/\\.:%$#-])(?:\d{{1,8}}|~|@|(?:{words})\b|{NUMBER()}\s|{MONTH()}|{WEEKDAY()}|{PART()}\b)")


def find_phrases(text: str, now: datetime, span: timedelta) -> Iterator[TimePhrase]:
    """Yield the time phrases of a text from left to right, without overlap."""
    scan, pos = _Scan(text, now, span), 0
    while found := _starter().search(text, pos):
        phrase = next((read for rule in _RULES if (read := rule(scan, found.start()))), None)
        if phrase:
            yield phrase
        pos = max(phrase.end if phrase else found.start() + 1, found.start() + 1)


def read_window(text: str, now: datetime, span: timedelta) -> tuple[TimePhrase | None, tuple[TimePhrase, ...]]:
    """Return the phrase that gives the window, and all the phrases found.

    Days are counted in the zone the question names. Raises OperatorError for a window that cannot be.
    """
    named = _re(rf"\btimes?(?:stamps?)?\s+(?:are\s+|is\s+|all\s+|given\s+)*(?:in\s+)?({ZONE()})(?![\w/])").search(text)
    zone = zone_of(named[1]) if named else None
    phrases = tuple(find_phrases(text, now.astimezone(zone) if zone else now, span))
    zones = [point.zone for phrase in phrases for point in phrase.points if point.zone]
    if not zone and zones and zones[0] is not UTC:
        phrases = tuple(find_phrases(text, now.astimezone(zones[0]), span))
    if not phrases:
        return None, ()
    best = max(phrases, key=lambda phrase: (phrase.rank, -phrase.start))
    return _dated(best, phrases, now), phrases


def _dated(best: TimePhrase, phrases: tuple[TimePhrase, ...], now: datetime) -> TimePhrase:
    """Give clock times that stand without a day the day that stands elsewhere in the question."""
    day = next((each.points[0] for each in phrases if each.rank == 3 and each.points[0].days), None)
    if not best.undated or day is None:
        return best
    points = tuple(replace(point, days=day.days, part=day.part, zone=point.zone or day.zone) for point in best.points)
    window = between(points[0], points[1], now) if len(points) == 2 else _not_ahead(around(points[0], now), now)
    return replace(best, bounds=window, points=points)
