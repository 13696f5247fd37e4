"""The tests of one field over its distinct values: one pass finds whatever any of them looks for.

A regular expression is tried only where the texts that it needs stand, and, when a rule has ruled rows out by its other
tests, only on the values of the rows that are left.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from .columns import FieldView
from .literals import Needed, needed_texts
from .searching import MANY, NOTHING, frequent, once, positions_of, sample
from .texts import Indexes, Texts, quiet_options

__all__ = ["FieldTests", "Key"]

Key = tuple[Any, ...]
"""A test without its field, such as ("text", "has", "mimikatz", False); lists are tuples."""

BATCH = 16
BATCH_LENGTH = 2_000
"""Expressions, and characters of them, that one pass looks for."""
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
        often = frequent(view.values, sorted(wanted - {""}))
        self._needed = {test: _without(groups, often) for test, groups in needed.items()}
        self._standing = positions_of(view.values, sorted(wanted - often - {""}))
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
            self._found[test] = self._sought(test, self._swept(test) if candidates is None else candidates)
            return self._found[test]
        both = among if candidates is None else np.intersect1d(among, candidates, assume_unique=True)
        return self._sought(test, both)

    def _sought(self, test: Key, among: Indexes | None) -> Indexes:
        if test[0] == "regex":
            return self._view.values.matching(test[1], among)
        found = self._view.values.matching(_pattern(test), among)
        if test[3] or not len(self._beyond):
            return found
        beyond = self._beyond if among is None else np.intersect1d(among, self._beyond, assume_unique=True)
        sure = np.setdiff1d(found, beyond, assume_unique=True)
        return np.union1d(sure, self._view.values.where(_fits(test), beyond))

    def _swept(self, test: Key) -> Indexes | None:
        """Return the values in which any of a batch of expressions is found, by one pass for them all."""
        batch = self._batches.get(test)
        if batch is None:
            return None
        if batch not in self._hits:
            self._hits[batch] = self._view.values.matching("|".join(f"(?:{pattern})" for pattern in batch))
        return self._hits[batch]

    @cached_property
    def _batches(self) -> dict[Key, tuple[str, ...]]:
        """The batch of each expression that may stand anywhere, but for those found in many values."""
        some = Texts.of(sample(self._view.values))
        loose = [test for test in self._needed if self._candidates(test) is None]
        rare = [test for test in loose if len(some.matching(test[1])) <= len(some) * MANY]
        batches: dict[Key, tuple[str, ...]] = {}
        for alike in _batched(rare):
            batches |= dict.fromkeys(alike, tuple(test[1] for test in alike))
        return batches

    def _candidates(self, test: Key) -> Indexes | None:
        """Return the values that hold the texts which a regular expression needs; None where that rules none out."""
        if test not in self._candidates_known:
            self._candidates_known[test] = self._standing_in(self._needed.get(test, ()))
        return self._candidates_known[test]

    def _standing_in(self, groups: Needed) -> Indexes | None:
        found: Indexes | None = None
        for group in groups:
            at = once(np.concatenate([self._standing.get(text, NOTHING) for text in group]))
            found = at if found is None else np.intersect1d(found, at, assume_unique=True)
        # Cases beyond ASCII fold in more ways than `lower` knows: such values are always tried.
        return found if found is None or not len(self._beyond) else np.union1d(found, self._beyond)

    @cached_property
    def _hits(self) -> dict[tuple[str, ...], Indexes]:
        return {}

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


def _batched(tests: Sequence[Key]) -> Iterator[list[Key]]:
    """Yield so many expressions at a time that RE2 keeps their automaton small."""
    batch: list[Key] = []
    for test in tests:
        if batch and (len(batch) == BATCH or sum(len(each[1]) for each in batch) + len(test[1]) > BATCH_LENGTH):
            yield batch
            batch = []
        batch.append(test)
    if batch:
        yield batch


def _equal(view: FieldView, tests: Sequence[Key]) -> dict[Key, Indexes]:
    """Find the values that are a test's text: of ASCII Arrow compares whole stretches."""
    found: dict[Key, list[Indexes]] = {test: [] for test in tests}
    for start, texts in view.values.stretches() if tests else ():
        plain = pc.fill_null(pc.string_is_ascii(texts), True)
        other = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
        others = [text or "" for text in texts.take(pa.array(other)).to_pylist()]
        for cased in (False, True):
            alike = {test[2]: test for test in tests if test[3] == cased and test[2].isascii()}
            for text, at in _places(texts if cased else pc.ascii_lower(texts), list(alike)):
                found[alike[text]].append(start + at)
        for test in tests:
            same = [place for place, text in zip(other.tolist(), others, strict=True)
                    if (text if test[3] else text.lower()) == test[2]]  # fmt: skip
            found[test].append(start + np.array(same, np.int64))
    return {test: once(np.concatenate(at)) if at else NOTHING for test, at in found.items()}


def _places(texts: pa.Array, wanted: list[str]) -> Iterator[tuple[str, Indexes]]:
    """Yield each wanted text that is there, with its places."""
    numbers = pc.index_in(texts, value_set=pa.array(wanted, texts.type), skip_nulls=True)
    numbers = pc.fill_null(numbers, -1).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(numbers >= 0)
    for number in set(numbers[at].tolist()):
        yield wanted[number], at[numbers[at] == number]


def _needle(test: Key) -> str:
    """Return the longest text that any value must contain, in lower case; empty if there is none."""
    if test[1] != "like":
        return str(test[2]).lower()
    return max((part.lower() for part in test[2] if isinstance(part, str)), key=len, default="")


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
    search: Callable[[str], Any] = re2.compile(_like(text, "s"), quiet_options()).search
    return search


def _pattern(test: Key) -> str:
    """Return a text test as a pattern in RE2 syntax."""
    whole: dict[str, tuple[str | int, ...]] = {"has": (0, test[2], 0), "starts": (test[2], 0), "ends": (0, test[2])}
    parts = whole.get(test[1]) or test[2]
    return _like(parts, "s" if test[3] else "is")


def _like(parts: Sequence[str | int], flags: str) -> str:
    loose_start, loose_end = parts[0] == 0, parts[-1] == 0
    inner = parts[loose_start : len(parts) - loose_end]
    told = "".join(re2.escape(part) if isinstance(part, str) else _WILD[part] for part in inner)
    return f"(?{flags}){'' if loose_start else '^'}{told}{'' if loose_end else '$'}"


_WILD = (".*", ".")


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
