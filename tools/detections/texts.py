"""Distinct texts of a column, kept in Arrow: few of them are ever asked for one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

__all__ = ["Indexes", "Texts", "quiet_options"]

Indexes = npt.NDArray[np.int64]

STRETCH = 4_000_000
"""Bytes of text that are Python strings at a time."""
AT_ONCE = 256
"""Texts, which may be long, looked at one by one."""


class Texts:
    """Texts by position; a null reads as empty."""

    def __init__(self, array: pa.Array) -> None:
        self.array = array

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Return these texts."""
        return cls(pa.array(texts, pa.large_string()))

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, at: int) -> str:
        return self.array[at].as_py() or ""

    def __iter__(self) -> Iterator[str]:
        for _, texts in self.stretches():
            yield from texts

    def take(self, at: Indexes) -> list[str]:
        """Return the texts at these positions."""
        return _read(self.array.take(pa.array(at)))

    def filled(self) -> Indexes:
        """Return the positions of texts that are not empty."""
        lengths = pc.fill_null(pc.binary_length(self.array), 0)
        return np.flatnonzero(lengths.to_numpy(zero_copy_only=False))

    def beyond_ascii(self) -> Indexes:
        """Return the positions of texts that hold a character beyond ASCII."""
        found = pc.invert(pc.string_is_ascii(self.array))
        return np.flatnonzero(pc.fill_null(found, False).to_numpy(zero_copy_only=False))

    def stretches(self) -> Iterator[tuple[int, list[str]]]:
        """Yield neighbouring texts, with the position of the first, so many at a time as memory bears."""
        lengths = pc.fill_null(pc.binary_length(self.array), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths, dtype=np.int64)
        start = 0
        while start < len(ends):
            before = int(ends[start - 1]) if start else 0
            end = int(np.searchsorted(ends, before + STRETCH, side="right"))
            end = max(start + 1, min(end, start + STRETCH // 32))
            yield start, _read(self.array.slice(start, end - start))
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
        if among is not None and not len(among):
            return among
        texts = self.array if among is None else self.array.take(pa.array(among))
        try:
            found = pc.and_(pc.match_substring_regex(texts, pattern), pc.greater(pc.binary_length(texts), 0))
        except pa.ArrowInvalid:
            # Arrow has an RE2 of its own, which may take less.
            return self.where(re2.compile(pattern, quiet_options()).search, self.filled() if among is None else among)
        at: Indexes = np.flatnonzero(pc.fill_null(found, False).to_numpy(zero_copy_only=False))
        return at if among is None else among[at]


def _read(array: pa.Array) -> list[str]:
    texts: list[str] = array.to_pylist()
    return [text or "" for text in texts] if array.null_count else texts


def quiet_options() -> re2.Options:
    """Return RE2's options for patterns from outside: nothing on stderr."""
    options = re2.Options()
    options.log_errors = False
    return options
