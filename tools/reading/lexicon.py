"""Words of time, ready for lookup: units, numbers, months, weekdays, parts of a day, zones."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from .vocabulary import alternatives, vocabulary

__all__ = ["MONTH", "NUMBER", "PART", "UNIT", "WEEKDAY", "ZONE", "amount_of", "lookup", "unit_seconds", "zone_of"]


@cache
def lookup(section: str) -> dict[str, float]:
    """Return word \u2192 number for a section of times.yaml; lists of words count from 1 for months, 0 for weekdays."""
    data = vocabulary("times")[section]
    pairs = data.items() if isinstance(data, dict) else enumerate(data, start=int(section == "months"))
    return {word: float(value) for value, words in pairs for word in words}


@cache
def _group(section: str) -> str:
    return alternatives(lookup(section))


def NUMBER() -> str:
    """Return the regex of an amount: digits, a range of digits (its larger end counts), or a word."""
    return rf"(?:\d{{1,15}}(?:\.\d+)?(?:\s*(?:-|\u2013|to|or)\s*\d{{1,4}})?|{_group('numbers')})"


def UNIT() -> str:
    """Return the regex of a unit of time."""
    return rf"{_group('units')}\b"


def MONTH() -> str:
    """Return the regex of a month's name."""
    return rf"(?!may\s+(?:be|have|not|also|well|or|no|only|still)\b){_group('months')}\b\.?"


def WEEKDAY() -> str:
    """Return the regex of a weekday's name."""
    return rf"{_group('weekdays')}\b\.?"


@cache
def PART() -> str:
    """Return the regex of a part of the day."""
    return alternatives(vocabulary("times")["parts"])


@cache
def ZONE() -> str:
    """Return the regex of a time zone: an abbreviation, an IANA name, a place, or an offset after UTC or GMT."""
    times = vocabulary("times")
    short = alternatives(times["offsets"])
    offset, places = r"(?:UTC|GMT)\s?[+-]\d{1,2}(?::?\d{2})?", alternatives(times["places"])
    return rf"(?:{offset}|{short}\b|{places}\b|[A-Z][a-z]+/[A-Z][A-Za-z_]+)"


def amount_of(text: str) -> float:
    """Return the amount a NUMBER stands for."""
    plain = re.sub(r"\s+", " ", text.lower().strip())
    digits = re.findall(r"\d+(?:\.\d+)?", plain)
    return float(digits[-1]) if digits else lookup("numbers")[plain]


def unit_seconds(text: str) -> float:
    """Return the seconds of a UNIT."""
    return lookup("units")[re.sub(r"\s+", " ", text.lower().strip())]


def zone_of(text: str) -> tzinfo | None:
    """Return the zone a ZONE or a bare offset stands for, or None where there is no such zone."""
    plain = re.sub(r"\s+", " ", text.strip().lower())
    times = vocabulary("times")
    if plain in times["places"]:
        return ZoneInfo(times["places"][plain])
    if plain in times["offsets"]:
        minutes = times["offsets"][plain]
        return timezone(timedelta(minutes=minutes)) if minutes else UTC
    if offset := re.fullmatch(r"(?:utc|gmt)?\s?([+-])(\d{1,2}):?(\d{2})?", plain):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes)) if minutes <= 14 * 60 else None
    return _named_zone(text.strip())


def _named_zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None
