"""Many texts looked for in many values at once: one Aho-Corasick pass over stretches of values, joined into one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import ahocorasick
import numpy as np

from .texts import Indexes, Texts

__all__ = ["MANY", "NOTHING", "frequent", "once", "positions_of", "sample"]

NOTHING: Indexes = np.zeros(0, np.int64)
SAMPLED = 2_000
MANY = 0.01
"""The share of values that is many."""
BETWEEN = "\0"
"""Stands between the values of a stretch; a text that holds it is looked for in each value."""


def frequent(values: Texts, texts: Sequence[str]) -> set[str]:
    """Return the texts that stand in many values, judged by some of them; none where there are few values at all."""
    plain = tuple(text for text in texts if BETWEEN not in text)
    if len(values) < SAMPLED * 10 or not plain:
        return set()
    some = sample(values)
    counts = np.bincount(_found_in(0, some, plain)[0], minlength=len(plain))
    return {text for text, count in zip(plain, counts.tolist(), strict=True) if count > SAMPLED * MANY}


def sample(values: Texts) -> list[str]:
    """Return some of the values, from all over."""
    return values.take(np.linspace(0, len(values) - 1, min(len(values), SAMPLED), dtype=np.int64))


def positions_of(values: Texts, texts: Sequence[str]) -> dict[str, Indexes]:
    """Return the positions of the values that each text stands in, in any case; texts in none are left out."""
    plain = tuple(text for text in texts if BETWEEN not in text)
    parts = [_found_in(start, some, plain) for start, some in values.stretches() if plain]
    numbers, positions = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else (NOTHING, NOTHING)
    order = np.argsort(numbers, kind="stable")
    borders = np.searchsorted(numbers[order], np.arange(1, len(plain)))
    found = dict(zip(plain, np.split(positions[order], borders), strict=True)) if plain else {}
    for text in set(texts).difference(plain):
        found[text] = np.array([at for at, value in enumerate(values) if text in value.lower()], np.int64)
    return {text: at for text, at in found.items() if len(at)}


def _found_in(start: int, values: Sequence[str], texts: tuple[str, ...]) -> tuple[Indexes, Indexes]:
    """Return pairs of a text's number and the position of a value that holds it, by position."""
    lowered = [value.lower() for value in values]
    ends = np.cumsum(np.fromiter(map(len, lowered), np.int64, len(lowered)) + 1)
    hits = np.fromiter(_automaton(texts).iter(BETWEEN.join(lowered)), _HIT)
    positions = start + np.searchsorted(ends, hits["end"], side="right")
    pairs = once(positions * len(texts) + hits["number"])
    return pairs % len(texts), pairs // len(texts)


def once(values: Indexes) -> Indexes:
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
