"""Texts that hardly repeat, as command lines: read where they lie in Arrow, a stretch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence import TableRows

from .coded import Coded, Indexes, Mask, Seconds

__all__ = ["Lines", "hardly_repeats"]

STRETCH = 20_000
"""Rows that are read at a time."""


class Lines(Sequence[str]):
    """The text of each row of a column, empty where it is null; nothing of it is copied or numbered.

    A million different command lines take as much room again once they are numbered, and as much more while they are.
    """

    def __init__(self, rows: TableRows, column: str) -> None:
        self._column = _textual(rows, column)

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [text or "" for text in self._column[at].to_pylist()]
        return str(self._column[int(at)].as_py() or "")

    def __iter__(self) -> Iterator[str]:
        for stretch in self._stretches():
            yield from (text or "" for text in stretch.to_pylist())

    def holding(self, pattern: str) -> Mask:
        """Return the rows whose text holds a match of a pattern of RE2, without regard to case."""
        return self._rows_where(lambda texts: pc.match_substring_regex(texts, pattern, ignore_case=True))

    def equal_to(self, wanted: set[str]) -> Mask:
        """Return the rows whose text in lower case is one of these."""
        values = pa.array(sorted(wanted), pa.large_string())
        return self._rows_where(lambda texts: pc.is_in(_lowered(texts), value_set=values))

    @property
    def lengths(self) -> Seconds:
        """The characters of each row's text."""
        counted = [pc.fill_null(pc.utf8_length(each), 0).to_numpy() for each in self._stretches()]
        return np.concatenate(counted).astype(np.float64) if counted else np.empty(0)

    def mapped(self, change: Callable[[str], str], only: Mask) -> Coded:
        """Return what these rows' texts become, numbered; the other rows are empty."""
        numbers: dict[str, int] = {"": 0}
        codes = np.zeros(len(self), np.int64)
        for row in np.flatnonzero(only).tolist():
            codes[row] = numbers.setdefault(change(self[row]), len(numbers))
        return Coded(tuple(numbers), codes)

    def like(self, rows: Indexes) -> Coded:
        """Return the column with the texts of these rows numbered wherever they stand; other texts are empty."""
        known = pa.array(dict.fromkeys(self[row] for row in rows.tolist()), pa.large_string())
        found = [
            pc.index_in(each.cast(pa.large_string()), value_set=known).fill_null(-1).to_numpy()
            for each in self._stretches()
        ]
        return Coded(("", *known.to_pylist()), np.concatenate(found).astype(np.int64) + 1)

    def _rows_where(self, test: Callable[[pa.Array], pa.Array]) -> Mask:
        """Return the rows that pass a test, which sees each text of a stretch once."""
        passed: list[npt.NDArray[np.bool_]] = []
        for stretch in self._stretches():
            encoded = stretch.dictionary_encode()
            held = pc.fill_null(test(encoded.dictionary), False).to_numpy(zero_copy_only=False)
            codes = encoded.indices.fill_null(len(held)).to_numpy(zero_copy_only=False)
            passed.append(np.append(held, False)[codes])
        return np.concatenate(passed) if passed else np.zeros(0, np.bool_)

    def _stretches(self) -> Iterator[pa.Array]:
        for chunk in self._column.chunks:
            for start in range(0, len(chunk), STRETCH):
                yield chunk.slice(start, STRETCH)


def hardly_repeats(rows: TableRows, column: str) -> bool:
    """Tell whether more than half of the first texts of a long column are different."""
    if len(rows) <= STRETCH or column not in rows.rows.column_names or not _is_plain_text(rows.rows[column].type):
        return False
    return bool(pc.count_distinct(rows.rows[column].slice(0, STRETCH)).as_py() > STRETCH / 2)


def _textual(rows: TableRows, column: str) -> pa.ChunkedArray:
    if column in rows.rows.column_names and _is_plain_text(rows.rows[column].type):
        return rows.rows[column]
    return pa.chunked_array([pa.array(rows.strings(column), pa.large_string())])


def _is_plain_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _lowered(texts: pa.Array) -> pa.Array:
    """Return texts in lower case as Python writes it: Arrow knows letters beyond ASCII otherwise."""
    plain = pc.string_is_ascii(texts)
    lowered = pc.utf8_lower(texts).cast(pa.large_string())
    if pc.all(plain).as_py() in (True, None):
        return lowered
    spelled = [None if text is None else text.lower() for text in texts.filter(pc.invert(plain)).to_pylist()]
    return pc.replace_with_mask(lowered, pc.invert(plain), pa.array(spelled, pa.large_string()))
