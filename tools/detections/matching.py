"""The tests of one field over its distinct values: one Aho-Corasick pass finds whatever any of them looks for.

A regular expression is tried only where the texts that it needs stand, and, when a rule has ruled rows out by its other
tests, only on the values of the rows that are left.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

import ahocorasick
import numpy as np
import re2

from .columns import FieldView
from .literals import Needed, needed_texts
from .texts import Indexes

__all__ = ["FieldTests", "Key"]

Key = tuple[Any, ...]
"""A test without its field, such as ("text", "has", "mimikatz", False); lists are tuples."""

NOTHING: Indexes = np.zeros(0, np.int64)
SAMPLED = 2_000
MANY = 0.01
"""Of the values sampled: what stands in more of them waits."""
BETWEEN = "\0"
"""Stands between the values of a stretch; a text that holds it is looked for in each value."""
COMPARE: Mapping[str, Callable[[Any, float], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class FieldTests:
    """Tests of a field, found at once for all its values, but for those that wait until few values matter.

    Regular expressions wait, and so does what stands in many values: most rules rule such rows out by another test.
    """

    def __init__(self, view: FieldView, tests: Iterable[Key]) -> None:
        self._view = view
        by_kind: dict[str, list[Key]] = defaultdict(list)
        for test in tests:
            by_kind[test[0]].append(test)
        needed = {test: needed_texts(test[1]) for test in by_kind.pop("regex", ())}
        texts = by_kind.pop("text", [])
        searched = {test: _needle(test) for test in texts if test[1] != "is"}
        wanted = {text for groups in needed.values() for group in groups for text in group}
        wanted.update(searched.values())
        often = _frequent(view, sorted(wanted - {""}))
        self._needed = {test: _without(groups, often) for test, groups in needed.items()}
        self._standing = _containing(view, sorted(wanted - often - {""}))
        self._found = _equal(view, [test for test in texts if test[1] == "is"])
        for test, needle in searched.items():
            if needle not in often:
                at = self._standing.get(needle, NOTHING) if needle else view.filled
                self._found[test] = _looked_at(view, test, at)
        for kind, alike in by_kind.items():
            self._found |= _MATCHERS[kind](view, alike)

    def waits(self, test: Key) -> bool:
        """Tell whether it costs to find the values of a test, and less where fewer values matter."""
        return test not in self._found

    def none(self, test: Key) -> bool:
        """Tell whether it is known that no value meets the test."""
        if test in self._found:
            return not len(self._found[test])
        candidates = self._candidates(test)
        return candidates is not None and not len(candidates)

    def values(self, test: Key, among: Indexes | None = None) -> Indexes:
        """Return the positions of values that meet the test, at least those among these. An empty value meets none."""
        if test in self._found:
            return self._found[test]
        candidates = self._candidates(test)
        if among is None:
            self._found[test] = self._sought(test, candidates)
            return self._found[test]
        both = among if candidates is None else np.intersect1d(among, candidates, assume_unique=True)
        return self._sought(test, both)

    def _sought(self, test: Key, among: Indexes | None) -> Indexes:
        if test[0] == "regex":
            return self._view.values.matching(test[1], among)
        return self._view.values.where(_fits(test), self._view.filled if among is None else among)

    def _candidates(self, test: Key) -> Indexes | None:
        """Return the values that hold the texts which a regular expression needs; None where that rules none out."""
        if test not in self._candidates_known:
            self._candidates_known[test] = self._standing_in(self._needed.get(test, ()))
        return self._candidates_known[test]

    def _standing_in(self, groups: Needed) -> Indexes | None:
        found: Indexes | None = None
        for group in groups:
            at = _once(np.concatenate([self._standing.get(text, NOTHING) for text in group]))
            found = at if found is None else np.intersect1d(found, at, assume_unique=True)
        # Cases beyond ASCII fold in more ways than `lower` knows: such values are always tried.
        return found if found is None or not len(self._beyond) else np.union1d(found, self._beyond)

    @cached_property
    def _candidates_known(self) -> dict[Key, Indexes | None]:
        return {}

    @cached_property
    def _beyond(self) -> Indexes:
        return self._view.values.beyond_ascii()


def _looked_at(view: FieldView, test: Key, at: Indexes) -> Indexes:
    """Look closer where it is not enough that the longest text stands in a value."""
    return at if test[1] == "has" and not test[3] else view.values.where(_fits(test), at)


def _without(groups: Needed, often: Collection[str]) -> Needed:
    """Leave out the groups that rule little out."""
    return tuple(group for group in groups if not any(text in often for text in group))


def _frequent(view: FieldView, texts: Sequence[str]) -> set[str]:
    """Return the texts that stand in many values, judged by some of them; none where there are few values at all."""
    if len(view.values) < SAMPLED * 10 or not texts:
        return set()
    some = view.values.take(np.linspace(0, len(view.values) - 1, SAMPLED, dtype=np.int64))
    plain = tuple(text for text in texts if BETWEEN not in text)
    counts = np.bincount(_found_in(0, some, plain)[0], minlength=len(plain))
    return {text for text, count in zip(plain, counts.tolist(), strict=True) if count > SAMPLED * MANY}


def _equal(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    found: dict[Key, list[int]] = {test: [] for test in tests}
    cased = {test[2]: test for test in tests if test[3]}
    caseless = {test[2]: test for test in tests if not test[3]}
    for start, texts in view.values.stretches() if tests else ():
        for position, text in enumerate(texts, start):
            if (lower := text.lower()) in caseless:
                found[caseless[lower]].append(position)
            if text in cased:
                found[cased[text]].append(position)
    return {test: np.array(at, np.int64) for test, at in found.items()}


def _needle(test: Key) -> str:
    """Return the longest text that any value must contain, in lower case; empty if there is none."""
    if test[1] != "like":
        return str(test[2]).lower()
    return max((part.lower() for part in test[2] if isinstance(part, str)), key=len, default="")


def _containing(view: FieldView, texts: Sequence[str]) -> dict[str, Indexes]:
    """Return the positions of the values that each text stands in, in any case; texts in none are left out."""
    plain = tuple(text for text in texts if BETWEEN not in text)
    parts = [_found_in(start, values, plain) for start, values in view.values.stretches() if plain]
    numbers, positions = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else (NOTHING, NOTHING)
    order = np.argsort(numbers, kind="stable")
    borders = np.searchsorted(numbers[order], np.arange(1, len(plain)))
    found = dict(zip(plain, np.split(positions[order], borders), strict=True)) if plain else {}
    for text in set(texts).difference(plain):
        found[text] = np.array([at for at, value in enumerate(view.values) if text in value.lower()], np.int64)
    return {text: at for text, at in found.items() if len(at)}


def _found_in(start: int, values: Sequence[str], texts: tuple[str, ...]) -> tuple[Indexes, Indexes]:
    """Return pairs of a text's number and the position of a value that holds it, by position."""
    lowered = [value.lower() for value in values]
    ends = np.cumsum(np.fromiter(map(len, lowered), np.int64, len(lowered)) + 1)
    hits = np.fromiter(_automaton(texts).iter(BETWEEN.join(lowered)), _HIT)
    positions = start + np.searchsorted(ends, hits["end"], side="right")
    pairs = _once(positions * len(texts) + hits["number"])
    return pairs % len(texts), pairs // len(texts)


def _once(values: Indexes) -> Indexes:
    """Return the distinct values, ascending; by sorting, since numpy's own way takes several times as long on these."""
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


_HIT = np.dtype([("end", np.int64), ("number", np.int64)])


@lru_cache(maxsize=64)
def _automaton(texts: tuple[str, ...]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for number, text in enumerate(texts):
        automaton.add_word(text, number)
    automaton.make_automaton()
    return automaton


def _fits(test: Key) -> Callable[[str], Any]:
    """Return the question that a text test asks of a value."""
    asked = _asked(test[1], test[2])
    return asked if test[3] else lambda value: asked(value.lower())


def _asked(how: str, text: Any) -> Callable[[str], Any]:
    if how == "starts":
        return lambda value: value.startswith(text)
    if how == "ends":
        return lambda value: value.endswith(text)
    if how == "has":
        return lambda value: text in value
    pattern = "".join(re2.escape(part) if isinstance(part, str) else ".*" if part == 0 else "." for part in text)
    search: Callable[[str], Any] = re2.compile(f"(?s)^(?:{pattern})$", _options()).search
    return search


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
    times = [(position, _time(value)) for position, value in _filled_values(view)]
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
    addresses = [(position, _address(value)) for position, value in _filled_values(view)]
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


def _filled_values(view: FieldView) -> Iterator[tuple[int, str]]:
    return ((position, value) for position, value in enumerate(view.values) if value)


def _filled(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    return dict.fromkeys(tests, view.filled)


_MATCHERS: Mapping[str, Callable[[FieldView, Sequence[Key]], dict[Key, Indexes]]] = {
    "number": _numbers,
    "part": _parts,
    "cidr": _networks,
    "filled": _filled,
}
