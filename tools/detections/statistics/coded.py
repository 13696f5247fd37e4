"""Columns as numbers, so that a test looks at each distinct text once and rows are grouped by sorting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.evidence.packing import is_text, numbered

__all__ = [
    "ByRow",
    "Coded",
    "Indexes",
    "Mask",
    "Seconds",
    "breadth",
    "coded",
    "joined",
    "joined_codes",
    "runs",
    "together",
]

Indexes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Seconds = npt.NDArray[np.float64]


FEW = 2_000
"""Texts read one by one from Arrow, before all are read at once."""
STRETCH = 20_000
"""Texts of Arrow that stand in Python at a time."""
LARGE = 1 << 30
"""Bytes from which on the texts of a column are counted in 64 bits."""


class Distinct(Sequence[str]):
    """Distinct texts that stay in Arrow, which takes a fraction of the memory; few are ever read one by one."""

    def __init__(self, array: pa.Array) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        return Distinct(self.array[at]) if isinstance(at, slice) else str(self.array[int(at)].as_py())

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self.array), STRETCH):
            yield from self.array.slice(start, STRETCH).to_pylist()


class ByRow(Sequence[str]):
    """The text of each row of a column; all are spelled out only once many were asked for."""

    def __init__(self, column: Coded) -> None:
        self._column = column
        self._asked = 0
        self._all: list[str] | None = None

    def __len__(self) -> int:
        return len(self._column.codes)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if self._all is None:
            self._asked += 1
            if isinstance(at, slice) or self._asked > FEW:
                self._all = self._column.texts()
            else:
                return self._column.values[int(self._column.codes[at])]
        found: str | Sequence[str] = self._all[at]
        return found

    def __iter__(self) -> Iterator[str]:
        if self._all is None:
            self._all = self._column.texts()
        return iter(self._all)


@dataclass(frozen=True)
class Coded:
    """A column of texts: `values[codes[i]]` is that of row i, empty where it is null or the column is missing."""

    values: Sequence[str]
    codes: Indexes

    def rows_where(self, test: Callable[[str], object]) -> Mask:
        """Return the rows whose text passes the test, which sees each distinct text once."""
        passed = np.fromiter((bool(test(value)) for value in self.values), np.bool_, len(self.values))
        return passed[self.codes]

    def texts(self) -> list[str]:
        """Return the text of each row."""
        known = list(self.values)
        return [known[code] for code in self.codes.tolist()]

    @cached_property
    def by_row(self) -> ByRow:
        """The text of each row, read when it is asked for."""
        return ByRow(self)

    @cached_property
    def lowered(self) -> Coded:
        """The column in lower case; texts that differ in case alone become one."""
        small = tuple(map(str.lower, self.values))
        return Coded(small, self.codes) if len(set(small)) == len(small) else self.mapped(str.lower)

    @cached_property
    def arrow(self) -> pa.Array:
        """The distinct texts in Arrow."""
        return self.values.array if isinstance(self.values, Distinct) else pa.array(self.values, pa.large_string())

    def holding(self, pattern: str) -> Mask:
        """Return which of the distinct texts hold a match of a pattern of RE2, without regard to case."""
        found = pc.match_substring_regex(self.arrow, pattern, ignore_case=True)
        held: Mask = found.to_numpy(zero_copy_only=False)
        return held

    def mapped(self, change: Callable[[str], str], only: Mask | None = None) -> Coded:
        """Return the column with each distinct text changed, or empty where it is not one of those wanted."""
        numbers: dict[str, int] = {"": 0}
        to = np.zeros(len(self.values), np.int64)
        chosen = (
            enumerate(self.values) if only is None else ((n, self.values[n]) for n in np.flatnonzero(only).tolist())
        )
        for place, value in chosen:
            to[place] = numbers.setdefault(change(value), len(numbers))
        return Coded(tuple(numbers), to[self.codes])


def coded(rows: TableRows, column: str) -> Coded:
    """Read a column of rows, of which there is at least one."""
    if column not in rows.rows.column_names or pa.types.is_null(rows.rows[column].type):
        return Coded(("",), np.zeros(len(rows), np.int64))
    kept = rows.rows[column]
    textual = is_text(kept.type)
    if pa.types.is_nested(kept.type) or (pa.types.is_dictionary(kept.type) and not textual):
        return _numbered(rows.strings(column))
    if pa.types.is_dictionary(kept.type):
        return _of_texts(*numbered(kept), kept.null_count)
    # All chunks share one dictionary: where small offsets may not do for its texts, a copy with large ones is made.
    large = textual and kept.nbytes > LARGE
    encoded = (kept.cast(pa.large_string()) if large else kept).dictionary_encode()
    found, holes = encoded.chunk(0).dictionary, encoded.null_count
    codes = np.concatenate(
        [chunk.indices.fill_null(len(found)).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    )
    del encoded
    if not textual:
        return Coded((*map(str, found.to_pylist()), ""), codes.astype(np.int64))
    return _of_texts(found, codes, holes)


def _of_texts(found: pa.Array, codes: npt.NDArray[np.integer[Any]], holes: int) -> Coded:
    """Return distinct texts by number; where nothing is null they need no copy that ends in an empty one."""
    values = pa.concat_arrays([found, pa.array([""], found.type)]) if holes else found
    return Coded(Distinct(values), codes.astype(np.int64))


def _numbered(texts: Sequence[str]) -> Coded:
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(text, len(numbers)) for text in texts]
    return Coded(tuple(numbers), np.array(codes, np.int64))


def together(columns: Sequence[Coded]) -> Indexes:
    """Return a number by row that is the same for rows which agree in all these columns."""
    key = columns[0].codes
    for column in columns[1:]:
        key = np.unique(key * len(column.values) + column.codes, return_inverse=True)[1].astype(np.int64)
    return key


def breadth(column: Coded, numbers: Indexes, rows: Indexes) -> Indexes:
    """Return for each distinct text of a column how many different numbers its rows have."""
    step = int(numbers.max(initial=0)) + 1
    pairs = np.unique(column.codes[rows] * step + numbers[rows])
    return np.bincount(pairs // step, minlength=len(column.values))


def joined_codes(first: Coded, second: Coded) -> Indexes:
    """Return a number by row for each pair of texts of two columns, without spelling them out."""
    codes: Indexes = np.unique(first.codes * len(second.values) + second.codes, return_inverse=True)[1]
    return codes


def joined(first: Coded, second: Coded) -> Coded:
    """Return two columns as one: both texts with a null character between them."""
    pairs, codes = np.unique(first.codes * len(second.values) + second.codes, return_inverse=True)
    numbers = (divmod(pair, len(second.values)) for pair in pairs.tolist())
    own, other = list(first.values), list(second.values)
    return Coded(tuple(f"{own[a]}\0{other[b]}" for a, b in numbers), codes.astype(np.int64))


def runs(key: Indexes, rows: Indexes, times: Seconds, at_least: int = 1) -> Iterator[Indexes]:
    """Yield the rows of each key in time order, for keys with at least so many rows."""
    if not len(rows):
        return
    ordered = rows[np.lexsort((times[rows], key[rows]))]
    starts = np.flatnonzero(np.diff(key[ordered], prepend=key[ordered[0]] - 1))
    ends = np.append(starts[1:], len(ordered))
    for start, end in zip(starts[ends - starts >= at_least], ends[ends - starts >= at_least], strict=True):
        yield ordered[start:end]
