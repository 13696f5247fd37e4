"""Many texts looked for in many values at once: one Aho-Corasick pass over the bytes that Arrow holds, without copies.

A text stands in a value if it does so in lower case, as Python lowers it. Of ASCII Arrow lowers whole columns; values
beyond it, which are few, are lowered one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from ahocorasick_rs import BytesAhoCorasick, Implementation

from .texts import Indexes, Texts

__all__ = ["MANY", "NOTHING", "frequent", "once", "positions_of", "sample"]

Borders = npt.NDArray[Any]

NOTHING: Indexes = np.zeros(0, np.int64)
SAMPLED = 2_000
MANY = 0.01
"""The share of values that is many."""
AT_ONCE = 1 << 18
"""Bytes searched at a time: a value that repeats itself gives as many hits as it has bytes."""


def frequent(values: Texts, texts: Sequence[str]) -> set[str]:
    """Return the texts that stand in many values, judged by some of them; none where there are few values at all."""
    if len(values) < SAMPLED * 10 or not texts:
        return set()
    numbers, _ = _found(Texts.of(sample(values)), tuple(texts))
    counts = np.bincount(numbers, minlength=len(texts))
    return {text for text, count in zip(texts, counts.tolist(), strict=True) if count > SAMPLED * MANY}


def sample(values: Texts) -> list[str]:
    """Return some of the values, from all over."""
    return values.take(np.linspace(0, len(values) - 1, min(len(values), SAMPLED), dtype=np.int64))


def positions_of(values: Texts, texts: Sequence[str]) -> dict[str, Indexes]:
    """Return the positions of the values that each text stands in, in any case; texts in none are left out."""
    if not texts:
        return {}
    numbers, positions = _found(values, tuple(texts))
    order = np.argsort(numbers, kind="stable")
    borders = np.searchsorted(numbers[order], np.arange(1, len(texts)))
    found = zip(texts, np.split(positions[order], borders), strict=True)
    return {text: at for text, at in found if len(at)}


def _found(values: Texts, texts: tuple[str, ...]) -> tuple[Indexes, Indexes]:
    """Return pairs of a text's number and the position of a value that holds it, by position."""
    count = len(texts)
    parts = [pairs for start, some in values.stretches() for pairs in _pairs(start, some, texts)]
    pairs = once(np.concatenate(parts)) if parts else NOTHING
    return pairs % count, pairs // count


def _pairs(start: int, values: pa.Array, texts: tuple[str, ...]) -> Iterator[Indexes]:
    """Yield position times the number of texts, plus the text's number, for what is found in these values."""
    plain = pc.fill_null(pc.string_is_ascii(values), False).to_numpy(zero_copy_only=False)
    lowered = pc.ascii_lower(values)
    width = np.int64 if pa.types.is_large_string(lowered.type) else np.int32
    _, borders, data = lowered.buffers()
    if data is not None and plain.any():
        ends = np.frombuffer(borders, width)[lowered.offset : lowered.offset + len(values) + 1]
        for numbers, at in _hits(memoryview(data), ends, texts):
            kept = plain[at]
            yield once((start + at[kept]) * len(texts) + numbers[kept])
    other = np.flatnonzero(~plain)
    told = [value.lower().encode() for value in values.take(pa.array(other)).to_pylist() if value is not None]
    other = other[values.take(pa.array(other)).is_valid().to_numpy(zero_copy_only=False)]
    if told:
        ends = np.cumsum([0, *map(len, told)])
        for numbers, at in _hits(memoryview(b"".join(told)), ends, texts):
            yield once((start + other[at]) * len(texts) + numbers)


def _hits(data: memoryview, borders: Borders, texts: tuple[str, ...]) -> Iterator[tuple[Indexes, Indexes]]:
    """Yield the numbers of texts and the places of the values they stand in; value i lies between borders i and i+1."""
    first, last = int(borders[0]), int(borders[-1])
    automaton, longest = _automaton(texts, last - first > AT_ONCE)
    for begin in range(first, last, AT_ONCE):
        window = bytes(data[begin : min(begin + AT_ONCE + longest - 1, last)])
        hits = automaton.find_matches_as_indexes(window, overlapping=True)
        if hits:
            number, start, end = np.array(hits, np.int64).T
            at = np.searchsorted(borders, begin + start, side="right") - 1
            inside = begin + end <= borders[at + 1]
            yield number[inside], at[inside]


def once(values: Indexes) -> Indexes:
    """Return the distinct values, ascending; by sorting, since numpy's own way takes several times as long on these."""
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


@lru_cache(maxsize=64)
def _automaton(texts: tuple[str, ...], many: bool) -> tuple[BytesAhoCorasick, int]:
    """Return what finds these texts, and the length of the longest in bytes. No value holds a lone surrogate."""
    encoded = [text.encode(errors="surrogatepass") for text in texts]
    # The quicker kind takes five times as long to build and tens of megabytes: it pays over many values alone.
    kind = Implementation.DFA if many else Implementation.ContiguousNFA
    return BytesAhoCorasick(encoded, implementation=kind), max(map(len, encoded))
