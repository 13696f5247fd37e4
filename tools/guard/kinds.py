"""Which types go together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from .frames import Kind

__all__ = ["arithmetic", "between", "can_be", "common", "comparable", "joined", "ordered"]

_NUMBERS = frozenset({"long", "int", "real"})
_LOOSE = frozenset({"any", "dynamic"})
"""Kinds that go with every other: the value decides when the query runs."""


def can_be(kind: Kind, wanted: str) -> bool:
    """Return whether a value of this kind can be given where another is wanted."""
    if wanted == "any" or kind in _LOOSE or kind == wanted:
        return True
    return kind in _NUMBERS and wanted in {*_NUMBERS, "number"}


def comparable(left: Kind, right: Kind) -> bool:
    """Return whether the two can be compared."""
    return left == right or bool({left, right} & _LOOSE) or {left, right} <= _NUMBERS


def ordered(left: Kind, right: Kind) -> bool:
    """Return whether one of the two can be less than the other; of dynamic values only numbers can."""
    other = ({left, right} - {"dynamic"}) or {"dynamic"}
    return comparable(left, right) and ("dynamic" not in (left, right) or other <= {*_NUMBERS, "dynamic", "any"})


def between(value: Kind, low: Kind, high: Kind) -> bool:
    """Return whether a value can be tested against a range; a timespan can end a range that a datetime begins."""
    if "any" in (value, low, high):
        return True
    if value in _NUMBERS:
        return {low, high} <= _NUMBERS
    if value == "dynamic":
        return low == high and low in _NUMBERS
    if value == "datetime":
        return low == value and high in (value, "timespan")
    return value == low == high == "timespan"


def joined(left: Kind, right: Kind) -> Kind:
    """Return the kind of a value that is one or the other."""
    if left == right:
        return left
    if {left, right} <= _NUMBERS:
        return "real" if "real" in (left, right) else "long"
    return "any"


def common(kinds: Iterable[Kind]) -> Kind:
    """Return the kind of a value that is one of several: dynamic gives way to another, two others give dynamic."""
    found = set(kinds)
    known = found - {"dynamic"} or {"dynamic"}
    if len(known) > 1 and not known <= {*_NUMBERS, "any"}:
        return "any" if "any" in known else "dynamic"
    return reduce(joined, sorted(known))


def arithmetic(op: str, left: Kind, right: Kind) -> Kind | None:
    """Return the kind of `left op right`, or None where there is no such thing."""
    if "any" in (left, right) or {left, right} in _WITH_DYNAMIC[op in ("+", "-")]:
        return "any"
    if {left, right} <= _NUMBERS:
        return "real" if "real" in (left, right) else "long"
    return _TIMES.get((left, op, right)) or (_scaled(op, left, right) if "timespan" in (left, right) else None)


def _scaled(op: str, left: Kind, right: Kind) -> Kind | None:
    if op == "*" and (left in _NUMBERS or right in _NUMBERS):
        return "timespan"
    return "timespan" if op == "/" and right in _NUMBERS else None


_DYNAMIC_NUMBERS = [{"dynamic"}, *({"dynamic", kind} for kind in _NUMBERS)]
_WITH_DYNAMIC = {
    False: _DYNAMIC_NUMBERS,
    True: [*_DYNAMIC_NUMBERS, {"dynamic", "datetime"}, {"dynamic", "timespan"}],
}
"""What a dynamic value is computed with: numbers, and in sums and differences times too."""

_TIMES: dict[tuple[Kind, str, Kind], Kind] = {
    ("datetime", "-", "datetime"): "timespan",
    ("datetime", "+", "timespan"): "datetime",
    ("datetime", "-", "timespan"): "datetime",
    ("timespan", "+", "datetime"): "datetime",
    ("timespan", "+", "timespan"): "timespan",
    ("timespan", "-", "timespan"): "timespan",
    ("timespan", "/", "timespan"): "real",
    ("timespan", "%", "timespan"): "timespan",
}
