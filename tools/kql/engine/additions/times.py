"""Times, spans of time and rounding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .forms import Form, constant, fixed, once, quote

__all__ = ["TIMES"]

_ELEMENT = re.compile(r"(d{1,8}|h{1,2}|H{1,2}|m{1,2}|s{1,2}|f{1,7}|F{1,7})|([ /\-:,._\[\]])")
_PARTS = {"d": "// 86400000000", "h": "// 3600000000 % 24", "m": "// 60000000 % 60", "s": "// 1000000 % 60"}


def from_unix(per_second: int) -> Form:
    """Return the time so many seconds, or parts of one, after 1970."""
    factor = f"* {1_000_000 // per_second}" if per_second <= 1_000_000 else f"/ {per_second // 1_000_000}"
    return fixed(
        lambda number: f"TRY(make_timestamp(CAST(floor(CAST({number} AS DECIMAL(38, 6)) {factor}) AS BIGINT)))", 1
    )


def make_datetime(*parts: str) -> str:
    """Return the time of a calendar's numbers; null where there is no such time."""
    year, month, day, hour, minute, second = [*parts, *["0"] * (6 - len(parts))]
    numbers = ", ".join(f"CAST({one} AS BIGINT)" for one in (year, month, day, hour, minute))
    return f"TRY(make_timestamp({numbers}, floor(CAST({second} AS DOUBLE) * 1000000) / 1000000))"


def make_timespan(*parts: str) -> str:
    """Return a span of hours and minutes; of hours, minutes and seconds; or of days and those."""
    days, hours, minutes, seconds = {
        2: ("0", *parts, "0"), 3: ("0", *parts), 4: parts,
    }[len(parts)]  # fmt: skip
    total = " + ".join(
        f"CAST({number} AS BIGINT) * {length}"
        for number, length in ((days, 86_400_000_000), (hours, 3_600_000_000), (minutes, 60_000_000))
    )
    return f"to_microseconds({total} + CAST(floor(CAST({seconds} AS DOUBLE) * 1000000) AS BIGINT))"


def bin_at(args: list[str], nodes: Any) -> str:
    """Round down to a grid that goes through a fixed point."""
    value, size, fixed_at = args
    if getattr(nodes[1], "kind", "") == "timespan":
        pair = f"struct_pack(v := {value}, f := {fixed_at}, s := epoch_us({size}))"
        apart = "epoch_us(_v.v - _v.f)"
        steps = f"CAST(floor({apart} / CAST(_v.s AS DOUBLE)) AS BIGINT)"
        return once(pair, f"_v.f + to_microseconds({steps} * _v.s)")
    pair = f"struct_pack(v := {value}, f := {fixed_at}, s := {size})"
    return once(pair, "_v.f + floor((_v.v - _v.f) / NULLIF(_v.s, 0)) * _v.s")


def format_timespan(args: list[str], nodes: Any) -> str:
    """Return a span of time in a constant format; a sign before it where it is negative."""
    pieces = [_piece(*found) for found in _elements(constant(nodes[1]))]
    return once(
        f"epoch_us({args[0]})", once("abs(_s)", f"CASE WHEN _s < 0 THEN '-' ELSE '' END || {' || '.join(pieces)}"), "_s"
    )


def _elements(text: object) -> list[tuple[str, str]]:
    if not isinstance(text, str) or not text:
        raise ValueError("the format must be a constant text")
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _ELEMENT.match(text, at)
        if match is None:
            raise ValueError(f"`{text[at]}` is no part of a format")
        found.append((match[1] or "", match[2] or ""))
        at = match.end()
    return found


def _piece(element: str, delimiter: str) -> str:
    if delimiter:
        return quote(delimiter)
    letter = element[0]
    if letter in "fF":
        digits = f"substr(lpad(CAST(_v % 1000000 AS VARCHAR), 6, '0') || '0', 1, {len(element)})"
        return digits if letter == "f" else f"rtrim({digits}, '0')"
    number = f"CAST(_v {_PARTS[letter.lower()]} AS VARCHAR)"
    return f"lpad({number}, greatest({len(element)}, length({number}))::INTEGER, '0')" if len(element) > 1 else number


TIMES: Mapping[str, Form] = {
    "unixtime_seconds_todatetime": from_unix(1),
    "unixtime_milliseconds_todatetime": from_unix(1_000),
    "unixtime_microseconds_todatetime": from_unix(1_000_000),
    "unixtime_nanoseconds_todatetime": from_unix(1_000_000_000),
    "make_datetime": fixed(make_datetime, 3, 5, 6),
    "make_timespan": fixed(make_timespan, 2, 3, 4),
    "bin_at": Form(bin_at, (3,), sees=True),
    "format_timespan": Form(format_timespan, (2,), sees=True),
    "todecimal": fixed(lambda value: f"TRY_CAST({value} AS DOUBLE)", 1),
}  # fmt: skip
