"""Distinct texts of a column, kept in Arrow: few of them are ever asked for one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

__all__ = ["Indexes", "Texts", "quiet_options"]

Indexes = npt.NDArray[np.int64]

STRETCH = 4_000_000
"""Bytes of text looked at in one go."""
AT_ONCE = 256
"""Texts, which may be long, looked at one by one."""
FEW, KEPT = 200, 1_000
"""Texts that are searched one by one, and expressions that are kept for it."""


class Texts:
    """Texts by position, in the chunks that hold them; a null reads as empty."""

    def __init__(self, chunks: Sequence[pa.Array]) -> None:
        self.chunks = tuple(chunks)
        self._starts = np.cumsum([0, *map(len, self.chunks)])

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Return these texts."""
        return cls([pa.array(texts, pa.large_string())])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __iter__(self) -> Iterator[str]:
        for _, texts in self.stretches():
            yield from _read(texts)

    def take(self, at: Indexes) -> list[str]:
        """Return the texts at these positions."""
        found = [""] * len(at)
        for places, some in self._parts(np.asarray(at)):
            for place, text in zip(places.tolist(), _read(some), strict=True):
                found[place] = text
        return found

    def _parts(self, at: Indexes) -> Iterator[tuple[Indexes, pa.Array]]:
        """Yield, chunk by chunk, places in `at` and the texts there: to take from several chunks Arrow joins all."""
        chunk_of = np.searchsorted(self._starts, at, side="right") - 1
        for number in sorted(set(chunk_of.tolist())):
            places = np.flatnonzero(chunk_of == number)
            yield places, self.chunks[number].take(pa.array(at[places] - self._starts[number]))

    def filled(self) -> Indexes:
        """Return the positions of texts that are not empty."""
        return self._where(lambda chunk: pc.greater(pc.binary_length(chunk), 0))

    def beyond_ascii(self) -> Indexes:
        """Return the positions of texts that hold a character beyond ASCII."""
        return self._where(lambda chunk: pc.invert(pc.string_is_ascii(chunk)))

    def _where(self, test: Callable[[pa.Array], pa.Array]) -> Indexes:
        """Return the positions of texts that meet a test of Arrow's."""
        found = [start + _true(test(chunk)) for start, chunk in zip(self._starts[:-1], self.chunks, strict=True)]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def stretches(self) -> Iterator[tuple[int, pa.Array]]:
        """Yield neighbouring texts, with the position of the first, so many at a time as memory bears."""
        for first, chunk in zip(self._starts[:-1].tolist(), self.chunks, strict=True):
            lengths = pc.fill_null(pc.binary_length(chunk), 0).to_numpy(zero_copy_only=False)
            ends = np.cumsum(lengths, dtype=np.int64)
            start = 0
            while start < len(ends):
                before = int(ends[start - 1]) if start else 0
                end = int(np.searchsorted(ends, before + STRETCH, side="right"))
                end = max(start + 1, min(end, start + STRETCH // 32))
                yield first + start, chunk.slice(start, end - start)
                start = end

    def where(self, fits: Callable[[str], Any], among: Indexes) -> Indexes:
        """Return those of these positions whose text fits; never that of an empty text."""
        kept: list[int] = []
        for start in range(0, len(among), AT_ONCE):
            some = among[start : start + AT_ONCE]
            kept.extend(at for at, text in zip(some.tolist(), self.take(some), strict=True) if text and fits(text))
        return np.array(kept, np.int64)

    def matching(self, pattern: str, among: Indexes | None = None) -> Indexes:
        """Return the positions, of all or of these, where an RE2 pattern is found; never that of an empty text."""

        def found(texts: pa.Array) -> pa.Array:
            return pc.and_(pc.match_substring_regex(texts, pattern), pc.greater(pc.binary_length(texts), 0))

        if len(self if among is None else among) <= FEW:
            return self.where(_expression(pattern).search, self._filled_among(among))
        try:
            if among is None:
                return self._where(found)
            held = [places[_true(found(some))] for places, some in self._parts(among)]
        except pa.ArrowInvalid:
            # Arrow has an RE2 of its own, which may take less.
            return self.where(_expression(pattern).search, self._filled_among(among))
        return among[np.sort(np.concatenate(held))] if held else among[:0]

    def _filled_among(self, among: Indexes | None) -> Indexes:
        return self.filled() if among is None else among


def _true(found: pa.Array) -> Indexes:
    at: Indexes = np.flatnonzero(pc.fill_null(found, False).to_numpy(zero_copy_only=False))
    return at


def _read(array: pa.Array) -> list[str]:
    texts: list[str] = array.to_pylist()
    return [text or "" for text in texts] if array.null_count else texts


@lru_cache(maxsize=KEPT)
def _expression(pattern: str) -> Any:
    """Return a pattern compiled, which takes longer than to search few texts: Arrow does it anew for every array."""
    return re2.compile(pattern, quiet_options())


def quiet_options() -> re2.Options:
    """Return RE2's options for patterns from outside: nothing on stderr."""
    options = re2.Options()
    options.log_errors = False
    return options
