"""Measures of a time span that slides over events: each event enters once and leaves once, whatever the span holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import isfinite
from typing import Protocol

from sortedcontainers import SortedList

__all__ = ["Average", "Count", "Distinct", "Measure", "Percentile", "Sum", "best_span", "spans"]


class Measure(Protocol):
    """What the events of a span come to, kept up as they enter and leave."""

    def enter(self, value: str) -> None:
        """Take an event in."""

    def leave(self, value: str) -> None:
        """Let go of an event that entered before."""

    def value(self) -> float | None:
        """Return the measure; None where no event of the span has a value that it could be taken from."""


def spans(times: Sequence[float], seconds: float) -> Iterator[tuple[int, int]]:
    """Yield for each of these sorted times the half-open range of those from it on within so many seconds."""
    end = 0
    for start, first in enumerate(times):
        while end < len(times) and times[end] - first <= seconds:
            end += 1
        yield start, end


def best_span(
    times: Sequence[float], values: Sequence[str], seconds: float, measure: Measure, meets: Callable[[float], bool]
) -> tuple[int, int] | None:
    """Return the first of the spans whose measure meets the condition with the highest value, None where none does."""
    best: tuple[int, int] | None = None
    highest, entered = 0.0, 0
    for start, end in spans(times, seconds):
        for value in values[entered:end]:
            measure.enter(value)
        entered = end
        found = measure.value()
        if found is not None and meets(found) and (best is None or found > highest):
            best, highest = (start, end), found
        measure.leave(values[start])
    return best


class Count:
    """How many events there are."""

    def __init__(self) -> None:
        self._count = 0

    def enter(self, value: str) -> None:  # noqa: ARG002
        """Count one more."""
        self._count += 1

    def leave(self, value: str) -> None:  # noqa: ARG002
        """Count one less."""
        self._count -= 1

    def value(self) -> float | None:
        """Return the count."""
        return self._count


class Distinct:
    """How many different values there are, without regard to case; empty ones do not count."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def enter(self, value: str) -> None:
        """Count a value."""
        if value:
            self._held[value.lower()] += 1

    def leave(self, value: str) -> None:
        """Forget a value that no other event has."""
        key = value.lower()
        if self._held[key] > 1:
            self._held[key] -= 1
        else:
            del self._held[key]

    def value(self) -> float | None:
        """Return how many there are."""
        return len(self._held)


class Sum:
    """The sum of the values that are numbers, rounded once, so that it is the same in whatever order they came."""

    def __init__(self) -> None:
        self._sum: Fraction | int = 0
        self._count = 0

    def enter(self, value: str) -> None:
        """Add a number."""
        self._add(value, 1)

    def leave(self, value: str) -> None:
        """Take a number away."""
        self._add(value, -1)

    def value(self) -> float | None:
        """Return the sum."""
        return _rounded(self._sum) if self._count else None

    def _add(self, value: str, sign: int) -> None:
        number = _number(value)
        if number is not None:
            exact = int(number) if number.is_integer() else Fraction(number)
            self._sum += sign * exact
            self._count += sign


class Average(Sum):
    """The mean of the values that are numbers."""

    def value(self) -> float | None:
        """Return the mean."""
        return _rounded(Fraction(self._sum, self._count)) if self._count else None


class Percentile:
    """The smallest number that this share of all numbers does not pass; of a median, the middle of both middle ones."""

    def __init__(self, percent: int, *, between: bool = False) -> None:
        self._percent = percent
        self._between = between
        self._numbers: SortedList[float] = SortedList()

    def enter(self, value: str) -> None:
        """Take a number in."""
        number = _number(value)
        if number is not None:
            self._numbers.add(number)

    def leave(self, value: str) -> None:
        """Let go of a number."""
        number = _number(value)
        if number is not None:
            self._numbers.remove(number)

    def value(self) -> float | None:
        """Return the number at this share."""
        size = len(self._numbers)
        if not size:
            return None
        if self._between:
            return float((self._numbers[(size - 1) // 2] + self._numbers[size // 2]) / 2)
        at = max(0, -(-size * self._percent // 100) - 1)
        return float(self._numbers[min(at, size - 1)])


def _number(value: str) -> float | None:
    """Return a text as a number; what is infinite or not a number has no place in a sum or an order."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _rounded(exact: Fraction | int) -> float:
    try:
        return float(exact)
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")
