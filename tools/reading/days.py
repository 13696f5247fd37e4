"""Days and longer stretches of the calendar, as they are written: dates, weekdays, weeks, months."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Literal

from soc_analyst.state.errors import OperatorError

from .lexicon import MONTH, NUMBER, UNIT, WEEKDAY, amount_of, lookup, unit_seconds

__all__ = ["Days", "read_days"]

Cycle = Literal["", "year", "month", "week"]
Got = tuple["Days", int] | None


@dataclass(frozen=True)
class Days:
    """A stretch of whole days [first, last). `cycle` says how often it comes round when the year or week is not said.

    `runs` marks a stretch that reaches into the future by its nature, such as today or this week.
    """

    first: date
    last: date
    cycle: Cycle = ""
    runs: bool = False
    ago: timedelta | None = field(default=None)
    note: str = ""

    @classmethod
    def one(cls, day: date, cycle: Cycle = "", *, runs: bool = False, note: str = "") -> Days:
        """Return a single day."""
        return cls(day, day + timedelta(days=1), cycle, runs, note=note)

    @property
    def is_one(self) -> bool:
        """Whether this is a single day."""
        return self.last - self.first == timedelta(days=1)

    def moved(self, day: date) -> Days:
        """Return the same stretch starting on `day`."""
        return Days(day, day + (self.last - self.first), self.cycle, self.runs, note=self.note)

    def at_or_before(self, day: date) -> Days:
        """Return the latest round of this cycle that starts no later than `day`."""
        if self.cycle == "week":
            return self.moved(day - timedelta(days=(day.weekday() - self.first.weekday()) % 7))
        if self.cycle == "year":
            return self.moved(_latest_in_year(self.first.month, self.first.day, day))
        return self

    def at_or_after(self, day: date) -> Days:
        """Return the first round of this cycle that starts no earlier than `day`."""
        if self.cycle == "week":
            return self.moved(day + timedelta(days=(self.first.weekday() - day.weekday()) % 7))
        if self.cycle == "year":
            return self.moved(_earliest_in_year(self.first.month, self.first.day, day))
        return self


def _earliest_in_year(month: int, day: int, least: date) -> date:
    found = (_maybe_date(year, month, day) for year in range(least.year, least.year + 9))
    return next((each for each in found if each and each >= least), least)


def _maybe_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _date(year: int, month: int, day: int, written: str) -> date:
    found = _maybe_date(year, month, day)
    if found is None:
        raise OperatorError(f"there is no date '{written.strip()}'; check the day and the month")
    if not 1970 <= year <= 2200:
        raise OperatorError(f"'{written.strip()}' is outside of what can be searched; give a date since 1970")
    return found


def _latest_in_year(month: int, day: int, today: date) -> date:
    """Return the latest such date not after today; 29 February may be years back."""
    found = (_maybe_date(year, month, day) for year in range(today.year, max(today.year - 9, 0), -1))
    return next((each for each in found if each and each <= today), today)


def _year(text: str | None) -> int | None:
    return None if not text else int(text) if len(text) == 4 else 2000 + int(text)


def _named(month: str, day: str, year: str | None, written: str, now: datetime) -> Days:
    number = int(lookup("months")[month.lower().rstrip(".")])
    said = _year(year)
    if said is not None:
        return Days.one(_date(said, number, int(day), written))
    _date(2024, number, int(day), written)
    return Days.one(_latest_in_year(number, int(day), now.date()), "year")


def _iso(found: re.Match[str], _now: datetime) -> Days | None:
    return Days.one(_date(int(found["y"]), int(found["m"]), int(found["d"]), found[0]))


def _numeric(found: re.Match[str], now: datetime) -> Days | None:
    """Read 04/03/2026: the day first unless that cannot be, or only the other order lies in the past."""
    first, second, year = int(found["a"]), int(found["b"]), _year(found["y"]) or 0
    day_first, month_first = _maybe_date(year, second, first), _maybe_date(year, first, second)
    if not day_first and not month_first:
        raise OperatorError(f"there is no date '{found[0]}'; write it as 2026-03-04")
    if day_first and month_first and day_first != month_first:
        ahead = day_first > now.date() >= month_first
        chosen = month_first if ahead else day_first
        order = "month first" if ahead else "day first"
        return Days.one(chosen, note=f"'{found[0]}' was read {order}, as {chosen:%d %B %Y}; write {chosen} to be exact")
    return Days.one(day_first or month_first or now.date())


def _day_month(found: re.Match[str], now: datetime) -> Days | None:
    return _named(found["mon"], found["d"], found["y"], found[0], now)


def _day_range(found: re.Match[str], now: datetime) -> Days | None:
    """Read `3-5 March` or `March 3 to 5`."""
    last = _named(found["mon"], found["e"], found["y"], found[0], now)
    first = _date(last.first.year, last.first.month, int(found["d"]), found[0])
    if first >= last.last:
        raise OperatorError(f"'{found[0].strip()}' ends before it starts; give the earlier day first")
    return Days(first, last.last, last.cycle)


def _of_month(found: re.Match[str], now: datetime) -> Days | None:
    """Read `the 18th`: the latest month that has had one."""
    day, today = int(found["d"]), now.date()
    if not 1 <= day <= 31:
        return None
    while today.day < day or _maybe_date(today.year, today.month, day) is None:
        today = today.replace(day=1) - timedelta(days=1)
    return Days.one(today.replace(day=day))


def _month(found: re.Match[str], now: datetime) -> Days | None:
    number, said, today = int(lookup("months")[found["mon"].lower().rstrip(".")]), _year(found["y"]), now.date()
    year = said if said is not None else today.year - int(number > today.month)
    first = _date(year, number, 1, found[0])
    return Days(first, _next_month(first), "" if said else "year", runs=_next_month(first) > today >= first)


def _next_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def _calendar_year(found: re.Match[str], now: datetime) -> Days | None:
    first = date(int(found["y"]), 1, 1)
    return Days(first, date(first.year + 1, 1, 1), runs=first.year == now.year)


_NAMED_DAYS = {"today": 0, "yesterday": 1, "the day before yesterday": 2, "day before yesterday": 2, "tomorrow": -1}


def _named_day(found: re.Match[str], now: datetime) -> Days | None:
    back = _NAMED_DAYS[re.sub(r"\s+", " ", found[0].lower())]
    return Days.one(now.date() - timedelta(days=back), runs=back == 0)


def _weekday(found: re.Match[str], now: datetime) -> Days | None:
    """Read a weekday: the latest one before today, or the one of the week that is named."""
    word, today = found["day"].rstrip("."), now.date()
    if word.lower() in ("sat", "sun", "mon", "wed") and word.islower() and not found["which"] and not found["week"]:
        return None
    number, which = int(lookup("weekdays")[word.lower()]), (found["which"] or "").lower()
    if found["week"]:
        monday = today - timedelta(days=today.weekday() + (7 if found["week"].lower() == "last" else 0))
        return Days.one(monday + timedelta(days=number), runs=monday + timedelta(days=number) == today)
    if which in ("next", "coming"):
        return Days.one(today + timedelta(days=(number - today.weekday() - 1) % 7 + 1))
    if which == "this" and number == today.weekday():
        return Days.one(today, runs=True)
    same = number == today.weekday()
    note = f"'{found[0].strip()}' was read as the one a week ago; say 'today' for today" if same else ""
    return Days.one(today - timedelta(days=(today.weekday() - number - 1) % 7 + 1), "week", note=note)


def _ago(found: re.Match[str], now: datetime) -> Days | None:
    """Read `3 days ago`; weeks and more are the day they lead to and as much around it as the unit is loose."""
    seconds = unit_seconds(found["unit"])
    back = amount_of(found["n"]) * seconds
    if seconds < 86400 or back > 100 * 365 * 86400:
        return None
    day = (now - timedelta(seconds=back)).date()
    around = 0 if seconds == 86400 else 3 if seconds <= 1209600 else 15 if seconds <= 2592000 else 45
    margin = timedelta(days=around)
    note = f"'{found[0].strip()}' was read with {around} days to either side" if around else ""
    return Days(day - margin, min(day + margin, now.date()) + timedelta(days=1), ago=timedelta(seconds=back), note=note)


def _stretch(found: re.Match[str], now: datetime) -> Days | None:
    """Read this or last week, month, quarter, year, weekend."""
    which, unit, today = found["which"].lower(), found["unit"].lower(), now.date()
    if unit.startswith(("week-", "weekend")):
        return _weekend(which, today)
    first, following = _period(unit, today)
    if which in ("this", "current", "the current"):
        return Days(first, following, runs=True)
    if which in ("next", "coming"):
        return Days(following, following + timedelta(days=1))
    return Days(_period(unit, first - timedelta(days=1))[0], first)


def _period(unit: str, day: date) -> tuple[date, date]:
    if unit == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=7)
    if unit == "year":
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    first = day.replace(day=1) if unit == "month" else date(day.year, day.month - (day.month - 1) % 3, 1)
    following = _next_month(first)
    return first, following if unit == "month" else _next_month(_next_month(following))


def _weekend(which: str, today: date) -> Days:
    """Read a weekend: the present one on Saturday and Sunday, else the past one; `last` is never the present one."""
    inside = today.weekday() >= 5
    saturday = today - timedelta(days=(today.weekday() - 5) % 7)
    if which in ("next", "coming"):
        saturday += timedelta(days=7)
    elif which in ("last", "previous") and inside:
        saturday -= timedelta(days=7)
    return Days(saturday, saturday + timedelta(days=2), runs=inside)


def _start_of(found: re.Match[str], now: datetime) -> Days | None:
    """Read `the start of the week` as its first day."""
    unit = found["unit"].lower()
    first = now.date() if unit == "day" else _period(unit, now.date())[0]
    return Days.one(first, runs=first == now.date())


def _other_tongue(found: re.Match[str], _now: datetime) -> Days | None:
    """Read `4 марта 2026` by dateparser, which knows the months of 200 languages; nothing else is given to it."""
    if not 1 <= int(found["d"]) <= 31:
        return None
    import dateparser  # slow to load, and seldom needed

    strict = {"STRICT_PARSING": True, "DATE_ORDER": "DMY", "TIMEZONE": "UTC"}
    moment = dateparser.parse(found[0], settings=strict)
    return Days.one(moment.date()) if moment else None


@cache
def _forms() -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], Days | None]], ...]:
    """Return the forms in the order they are tried; the more exact stand before the shorter they contain."""
    sep, nth = r"(?:\s+(?:of\s+)?|-)", r"(?:st|nd|rd|th|\.)?"
    to = r"\s*(?:-|\u2013|\u2014|to|and|until|till|through|thru)\s*"
    year = r"(?:,?[\s-]+(?:of\s+)?(?P<y>(?:19|20)\d{2})\b(?!:))?"
    month, unit = rf"(?P<mon>{MONTH()})", r"(?P<unit>week-?end|week|month|quarter|year)\b"
    which = r"(?P<which>this|last|past|previous|next|coming)"
    the_day = rf"(?:{WEEKDAY()},?\s+)?(?:the\s+)?(?P<d>\d{{1,2}})"
    after = r"(?:(?<=in\s)|(?<=since\s)|(?<=during\s)|(?<=of\s)|(?<=from\s)|(?<=until\s)|(?<=throughout\s))"
    table = (
        (r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?!\d|[-.]\d)", _iso),
        (r"(?P<y>20\d{2})(?P<m>\d{2})(?P<d>\d{2})(?=T\d)", _iso),
        (r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})(?![\d/]|[-.]\d)", _numeric),
        (rf"{the_day}{nth}{to}(?:the\s+)?(?P<e>\d{{1,2}}){nth}{sep}{month}{year}", _day_range),
        (
            rf"{month}\s*(?P<d>\d{{1,2}}){nth}{to}(?P<e>\d{{1,2}}){nth}(?![\d:]|\s*(?:am|pm|{MONTH()})){year}",
            _day_range,
        ),
        (rf"{the_day}{nth}{sep}{month}{year}", _day_month),
        (
            rf"(?:{WEEKDAY()},?\s+)?{month}[\s-]+(?:the\s+)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b"
            rf"(?!\s*(?::\d|[ap]m\b)){year}",
            _day_month,
        ),
        (r"(?:the\s+)?day\s+before\s+yesterday\b|(?:today|yesterday|tomorrow)\b", _named_day),
        (rf"(?:{which}\s+)?(?P<day>{WEEKDAY()})(?:\s+(?:of\s+)?(?P<week>this|last)\s+week\b)?", _weekday),
        (rf"(?P<week>this|last)\s+week(?:['\u2019]s|\s+on|,)?\s+(?P<which>)(?P<day>{WEEKDAY()})", _weekday),
        (rf"(?:about\s+)?(?P<n>{NUMBER()})\s*(?P<unit>{UNIT()})\s+(?:ago|back|earlier)\b", _ago),
        (rf"ago\s+(?P<n>{NUMBER()})\s*(?P<unit>{UNIT()})", _ago),
        (rf"(?P<which>(?:the\s+)?current|this|last|previous|next|coming)\s+{unit}", _stretch),
        (r"(?:over\s+|during\s+)?(?:the|this|past)\s+(?:past\s+|last\s+)?(?P<which>)(?P<unit>week-?end)\b", _stretch),
        (
            r"(?:the\s+)?(?:very\s+)?(?:start|beginning)\s+of\s+(?:the|this)\s+(?:current\s+)?"
            r"(?P<unit>day|week|month|quarter|year)\b",
            _start_of,
        ),
        (r"(?:the\s+)(?P<d>\d{1,2})(?:st|nd|rd|th)\b", _of_month),
        (rf"{month}\s+(?P<y>(?:19|20)\d{{2}})\b", _month),
        (rf"{after}{month}(?P<y>)(?!\s*\d|\w)", _month),
        (rf"{after}(?P<y>(?:19|20)\d{{2}})\b(?![-/:.]\d)", _calendar_year),
        (r"(?P<d>\d{1,2})\.?\s+(?:de\s+)?[^\W\d_]{3,12}\.?\s+(?:de\s+)?(?:19|20)\d{2}\b", _other_tongue),
    )
    return tuple((re.compile(source, re.I), read) for source, read in table)


def read_days(text: str, pos: int, now: datetime) -> Got:
    """Read a day or a longer stretch of the calendar at `pos`, in the zone of `now`.

    Raises OperatorError for a date that does not exist.
    """
    local = now if now.tzinfo else now.replace(tzinfo=UTC)
    for pattern, read in _forms():
        if (found := pattern.match(text, pos)) and (days := read(found, local)):
            return days, found.end()
    return None
