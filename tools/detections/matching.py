"""All tests of one field at once, over its distinct values: one Aho-Corasick pass for texts, one filtered RE2 pass."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

import ahocorasick
import numpy as np
import re2

from .columns import FieldView, Indexes

__all__ = ["Key", "values_matching"]

Key = tuple[Any, ...]
"""A test without its field, such as ("text", "has", "mimikatz", False); lists are tuples."""

NOTHING: Indexes = np.zeros(0, np.int64)
REGEXES_PER_FILTER = 200
"""RE2 keeps one automaton for the literals of a filter; a bound keeps it in RE2's memory."""
COMPARE: Mapping[str, Callable[[Any, float], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def values_matching(view: FieldView, tests: Iterable[Key]) -> dict[Key, Indexes]:
    """Return the positions of the values that meet each test. An empty value meets only `empty`."""
    by_kind: dict[str, list[Key]] = defaultdict(list)
    for test in tests:
        by_kind[test[0]].append(test)
    found: dict[Key, Indexes] = {}
    for kind, alike in by_kind.items():
        found |= _MATCHERS[kind](view, alike)
    return found


def _texts(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    whole = [test for test in tests if test[1] == "is"]
    return _equal(view, whole) | _searched(view, [test for test in tests if test[1] != "is"])


def _equal(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    found: dict[Key, Indexes] = {}
    for cased in (False, True):
        asked = [test for test in tests if test[3] is cased]
        if asked:
            values = view.values if cased else view.lowered
            wanted = {test[2] for test in asked}
            at: dict[str, list[int]] = defaultdict(list)
            for position, value in enumerate(values):
                if value in wanted:
                    at[value].append(position)
            found |= {test: np.array(at.get(test[2], ()), np.int64) for test in asked}
    return found


def _searched(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    """Find each test's longest text by one pass over all values, then look closer where that is not enough."""
    by_text: dict[str, list[Key]] = defaultdict(list)
    for test in tests:
        by_text[_needle(test)].append(test)
    candidates = _containing(view, [text for text in by_text if text])
    candidates[""] = view.filled
    found: dict[Key, Indexes] = {}
    for text, alike in by_text.items():
        for test in alike:
            at = candidates.get(text, NOTHING)
            found[test] = at if test[1] == "has" and not test[3] else _looked_at(view, at, test)
    return found


def _needle(test: Key) -> str:
    """Return the longest text that any value must contain, in lower case; empty if there is none."""
    if test[1] != "like":
        return str(test[2]).lower()
    return max((part.lower() for part in test[2] if isinstance(part, str)), key=len, default="")


def _containing(view: FieldView, texts: Sequence[str]) -> dict[str, Indexes]:
    if not texts:
        return {}
    automaton = _automaton(tuple(texts))
    at: list[list[int]] = [[] for _ in texts]
    for position, value in enumerate(view.lowered):
        for number in {number for _, number in automaton.iter(value)}:
            at[number].append(position)
    return {text: np.array(positions, np.int64) for text, positions in zip(texts, at, strict=True) if positions}


@lru_cache(maxsize=64)
def _automaton(texts: tuple[str, ...]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for number, text in enumerate(texts):
        automaton.add_word(text, number)
    automaton.make_automaton()
    return automaton


def _looked_at(view: FieldView, candidates: Indexes, test: Key) -> Indexes:
    if not len(candidates):
        return NOTHING
    values = view.values if test[3] else view.lowered
    fits = _fits(test)
    return np.array([at for at in candidates.tolist() if fits(values[at])], np.int64)


def _fits(test: Key) -> Callable[[str], Any]:
    how, text = test[1], test[2]
    if how == "starts":
        return lambda value: value.startswith(text)
    if how == "ends":
        return lambda value: value.endswith(text)
    if how == "has":
        return lambda value: text in value
    pattern = "".join(re2.escape(part) if isinstance(part, str) else ".*" if part == 0 else "." for part in text)
    search: Callable[[str], Any] = re2.compile(f"(?s)^(?:{pattern})$", _options()).search
    return search


def _regexes(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    found: dict[Key, Indexes] = {}
    for start in range(0, len(tests), REGEXES_PER_FILTER):
        found |= _filtered(view, tests[start : start + REGEXES_PER_FILTER])
    return found


def _filtered(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    patterns = _filter(tuple(pattern for _, pattern in tests))
    at: list[list[int]] = [[] for _ in tests]
    for position in view.filled.tolist():
        for number in patterns.Match(view.values[position]) or ():
            at[number].append(position)
    return {test: np.array(positions, np.int64) for test, positions in zip(tests, at, strict=True)}


@lru_cache(maxsize=64)
def _filter(patterns: tuple[str, ...]) -> re2.Filter:
    together = re2.Filter()
    for pattern in patterns:
        together.Add(pattern, _options())
    together.Compile()
    return together


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


def _numbers(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    values = np.array([_number(value) for value in view.values])
    known = ~np.isnan(values)
    return {test: np.flatnonzero(COMPARE[test[1]](values, float(test[2])) & known) for test in tests}


def _number(value: str) -> float:
    # Bounded, since a long row of digits is not a number that a rule speaks of.
    try:
        return float(value) if value[:1] in _NUMERIC and len(value) <= 32 and "_" not in value else np.nan
    except ValueError:
        return np.nan


_NUMERIC = frozenset("+-.0123456789")


def _parts(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    times = [(position, _time(view.values[position])) for position in view.filled.tolist()]
    return {
        test: np.array([at for at, time in times if time is not None and _part(time, test[1]) == test[2]], np.int64)
        for test in tests
    }


def _time(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _part(time: datetime, part: str) -> int:
    return time.isocalendar().week if part == "week" else int(getattr(time, part))


def _networks(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    addresses = [(position, _address(view.values[position])) for position in view.filled.tolist()]
    found: dict[Key, Indexes] = {}
    for test in tests:
        network = ip_network(test[1])
        found[test] = np.array(
            [at for at, address in addresses if address is not None and address in network], np.int64
        )
    return found


def _address(value: str) -> Any:
    try:
        address = ip_address(value)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _filled(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    return dict.fromkeys(tests, view.filled)


_MATCHERS: Mapping[str, Callable[[FieldView, Sequence[Key]], dict[Key, Indexes]]] = {
    "text": _texts,
    "regex": _regexes,
    "number": _numbers,
    "part": _parts,
    "cidr": _networks,
    "filled": _filled,
}
