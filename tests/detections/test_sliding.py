"""Measures of a sliding span against the same taken of each span anew, over any events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import median
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from soc_analyst.tools.detections.correlating import _Event, _in_order, _together
from soc_analyst.tools.detections.sliding import Average, Count, Distinct, Measure, Percentile, Sum, best_span

TIMES = some.lists(some.integers(0, 40).map(lambda tick: tick / 4), max_size=25).map(sorted)
VALUES = some.sampled_from(["", "a", "A", "b", "1", "2", "2.5", "-3", "0.1", "1e3", "inf", "nan", "1_0", "x"])


def numbers(values: Sequence[str]) -> list[float]:
    known = [float(value) for value in values if value[:1] in "-0123456789" and value]
    return sorted(known)


def share(values: Sequence[str], percent: int) -> float | None:
    """Return the least number that at least this share of all numbers does not pass."""
    known = numbers(values)
    return next((n for n in known if 100 * sum(m <= n for m in known) >= percent * len(known)), None)


MEASURES: dict[str, tuple[Callable[[], Measure], Callable[[Sequence[str]], float | None]]] = {
    "count": (Count, len),
    "distinct": (Distinct, lambda values: len({value.lower() for value in values if value})),
    "sum": (Sum, lambda values: float(sum(map(Fraction, numbers(values)))) if numbers(values) else None),
    "average": (
        Average,
        lambda values: float(sum(map(Fraction, numbers(values))) / len(numbers(values))) if numbers(values) else None,
    ),
    "median": (lambda: Percentile(50, between=True), lambda v: median(numbers(v)) if numbers(v) else None),
    "percentile": (lambda: Percentile(90), lambda values: share(values, 90)),
}


@pytest.mark.parametrize("name", MEASURES)
@given(data=some.data(), times=TIMES, seconds=some.integers(0, 5), least=some.integers(-2, 4))
def test_a_sliding_span_is_that_which_is_found_by_taking_each_anew(
    name: str, data: Any, times: list[float], seconds: float, least: int
) -> None:
    values = data.draw(some.lists(VALUES, min_size=len(times), max_size=len(times)))
    make, anew = MEASURES[name]
    best: tuple[float, tuple[int, int]] | None = None
    for start, first in enumerate(times):
        end = max(at for at, time in enumerate(times) if time - first <= seconds) + 1
        found = anew(values[start:end])
        if found is not None and found >= least and (best is None or found > best[0]):
            best = found, (start, end)
    assert best_span(times, values, seconds, make(), lambda value: value >= least) == (best[1] if best else None)


def events(times: Sequence[float], references: Sequence[str]) -> list[_Event]:
    nothing = cast(Any, None)
    return [
        _Event(time, ref, (), "", nothing, at) for at, (time, ref) in enumerate(zip(times, references, strict=True))
    ]


@given(data=some.data(), times=TIMES, seconds=some.integers(0, 5))
def test_a_chain_in_order_is_the_first_that_fits(data: Any, times: list[float], seconds: float) -> None:
    given_events = events(
        times, data.draw(some.lists(some.sampled_from("abc"), min_size=len(times), max_size=len(times)))
    )
    wanted = data.draw(some.lists(some.sampled_from("abc"), min_size=1, max_size=4))
    expected: list[_Event] = []
    for start, first in enumerate(given_events):
        chain: list[_Event] = []
        for event in given_events[start:]:
            if (
                len(chain) < len(wanted)
                and event.time - first.time <= seconds
                and event.reference == wanted[len(chain)]
            ):
                chain.append(event)
        if len(chain) == len(wanted):
            expected = chain
            break
    assert list(_in_order({"rules": wanted, "seconds": seconds}, given_events)) == expected


@given(data=some.data(), times=TIMES, seconds=some.integers(0, 5), of=some.sampled_from([None, ["not", "a"]]))
def test_rules_together_are_those_of_the_first_span_that_holds_them(
    data: Any, times: list[float], seconds: float, of: Any
) -> None:
    given_events = events(
        times, data.draw(some.lists(some.sampled_from("abc"), min_size=len(times), max_size=len(times)))
    )
    told = {"rules": ["a", "b"], "seconds": seconds, "of": of, "count": None, "op": "gte"}
    expected: list[_Event] = []
    for start, first in enumerate(given_events):
        span = [event for event in given_events[start:] if event.time - first.time <= seconds]
        seen = {event.reference for event in span}
        if ("a" not in seen) if of else {"a", "b"} <= seen:
            expected = [next(event for event in span if event.reference == ref) for ref in sorted(seen)]
            break
    assert sorted(_together(told, given_events), key=lambda e: e.reference) == expected
