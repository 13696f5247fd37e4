"""Literals of each kind: from the token to the value the tree holds, and back to text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

from .lexer import Token
from .stream import Stream
from .tree import Literal, Span
from .trouble import Trouble

__all__ = ["TICKS", "datetime_text", "dynamic_literal", "number_literal", "span_literal", "span_text", "typed_literal"]

TICKS = {"d": 864_000_000_000, "h": 36_000_000_000, "m": 600_000_000, "s": 10_000_000, "ms": 10_000,
         "microseconds": 10, "tick": 1}  # fmt: skip
"""Length of each unit in ticks of 100 ns, longest first."""

_KINDS = {"date": "datetime", "time": "timespan", "double": "real", "boolean": "bool"}
_LONGEST_SPAN = 2**62
_LIMITS = {"int": 2**31, "long": 2**63}

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\Z"
)
_CLOCK = re.compile(r"(-?)(?:(\d{1,7})\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?\Z")
_AMOUNT = re.compile(r"(-?)(\d+(?:\.\d+)?)\s*([a-z]*)\Z")
_REAL = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\Z")
_WHOLE = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+)\Z")


def number_literal(token: Token) -> Literal:
    """Return a whole number as long, any other as real."""
    text = token.text
    if _WHOLE.match(text):
        return _whole(text, "long", token.span)
    return _real(text, token.span)


def span_literal(token: Token) -> Literal:
    """Return `1.5h` as a timespan."""
    return Literal("timespan", _ticks(token.text, token.word, token.span), span=token.span)


def typed_literal(token: Token) -> Literal:
    """Return `datetime(...)`, `long(...)` and their kin."""
    kind = _KINDS.get(token.word, token.word)
    text = token.text
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" and "\\" not in text:
        text = text[1:-1].strip()
    if text == "null":
        return Literal(kind, None, span=token.span)  # type: ignore[arg-type]
    if kind == "datetime":
        return Literal("datetime", _iso(text, token.span), span=token.span)
    if kind == "timespan":
        return Literal("timespan", _clock(text, token.span), span=token.span)
    if kind == "bool":
        return _bool(text, token.span)
    return _real(text, token.span) if kind == "real" else _whole(text, kind, token.span)


def _whole(text: str, kind: str, span: Span) -> Literal:
    if not _WHOLE.match(text):
        raise Trouble("bad-literal", f"`{text[:40]}` is not a whole number", span)
    # Longer than any number that fits, it would not be worth reading; Python gives up reading at some length too.
    value = (int(text, 16) if "x" in text.lower() else int(text)) if len(text) < 100 else _LIMITS[kind]
    if not -_LIMITS[kind] <= value < _LIMITS[kind]:
        raise Trouble("bad-literal", f"`{text[:40]}` does not fit {kind}", span)
    return Literal(kind, value, span=span)  # type: ignore[arg-type]


def _real(text: str, span: Span) -> Literal:
    value = float(text) if _REAL.match(text) else float("inf")
    if abs(value) == float("inf"):
        raise Trouble("bad-literal", f"`{text[:40]}` is not a finite number", span)
    return Literal("real", value, span=span)


def _bool(text: str, span: Span) -> Literal:
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in known:
        raise Trouble("bad-literal", f"`{text[:40]}` is neither true nor false", span)
    return Literal("bool", known[text.lower()], span=span)


def _iso(text: str, span: Span) -> str:
    hint = "write datetime(2026-03-04T05:06:07Z)"
    found = _ISO.match(text)
    if not found:
        raise Trouble("bad-literal", f"`{text[:40]}` is not a time", span, hint)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        whole = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=_zone(zone)
        ).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Trouble("bad-literal", f"`{text[:40]}` is not a time: {error}", span, hint) from None
    return f"{whole:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{(fraction or '').ljust(7, '0')}Z"


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return UTC
    digits = str(text)[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if str(text)[0] == "-" else offset)


def datetime_text(moment: datetime) -> str:
    """Return an instant as the tree holds it."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}0Z"


def _clock(text: str, span: Span) -> int:
    if found := _CLOCK.match(text):
        minus, days, hours, minutes, seconds, fraction = found.groups()
        total = int(days or 0) * TICKS["d"] + int(hours) * TICKS["h"] + int(minutes) * TICKS["m"]
        total += int(seconds or 0) * TICKS["s"] + int((fraction or "0").ljust(7, "0"))
        return -total if minus else total
    if found := _AMOUNT.match(text):
        minus, number, unit = found.groups()
        total = _ticks(number, unit or "d", span)
        return -total if minus else total
    raise Trouble("bad-literal", f"`{text[:40]}` is not a timespan", span, "write 1h or timespan(1.02:03:04)")


def _ticks(number: str, unit: str, span: Span) -> int:
    try:
        total = Decimal(number) * TICKS[_unit(unit)]
    except (InvalidOperation, KeyError):
        raise Trouble("bad-literal", f"`{number[:40]}{unit[:20]}` is not a timespan", span) from None
    if total != total.to_integral_value() or total >= _LONGEST_SPAN:
        raise Trouble("bad-literal", f"`{number[:40]}{unit}` is too long or finer than a tick", span)
    return int(total)


def _unit(unit: str) -> str:
    for start, name in (("tick", "tick"), ("micro", "microseconds"), ("milli", "ms"), ("ms", "ms")):
        if unit.startswith(start):
            return name
    return unit[:1]


def span_text(ticks: int) -> str:
    """Return a timespan in its largest whole unit, such as `90m`; a negative one with its sign."""
    if ticks == 0:
        return "0s"
    unit = next(unit for unit, length in TICKS.items() if ticks % length == 0)
    return f"{ticks // TICKS[unit]}{unit}"


def dynamic_literal(stream: Stream, start: int) -> Literal:
    """Return `dynamic(...)`, the stream standing after the parenthesis, as compact JSON text."""
    value = _json(stream)
    stream.expect(")", "after the dynamic value")
    if value is None:
        return Literal("dynamic", None, span=stream.since(start))
    return Literal("dynamic", json.dumps(value, separators=(",", ":")), span=stream.since(start))


Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def _json(stream: Stream) -> Json:
    stream.enter()
    try:
        if stream.accept("["):
            return _array(stream)
        if stream.accept("{"):
            return _bag(stream)
        return _plain(stream)
    finally:
        stream.leave()


def _array(stream: Stream) -> Json:
    items: list[Json] = []
    while not stream.accept("]"):
        items.append(_json(stream))
        if not stream.is_sign("]"):
            stream.expect(",", "between the elements")
    return items


def _bag(stream: Stream) -> Json:
    bag: dict[str, Json] = {}
    while not stream.accept("}"):
        if stream.next.kind != "string":
            raise stream.unexpected("a property name must be a string")
        name = stream.take().text
        stream.expect(":", "after the property name")
        bag[name] = _json(stream)
        if not stream.is_sign("}"):
            stream.expect(",", "between the properties")
    return bag


def _plain(stream: Stream) -> Json:
    negative = stream.accept("-")
    token = stream.next
    if token.kind == "number":
        value = number_literal(stream.take()).value
        assert isinstance(value, int | float)
        return -value if negative else value
    if negative or not (token.kind == "string" or stream.is_word("true", "false", "null")):
        raise stream.unexpected("a dynamic value is JSON", 'write dynamic(["a", "b"])')
    stream.take()
    if token.kind == "string":
        return token.text
    return {"true": True, "false": False, "null": None}[token.text]
