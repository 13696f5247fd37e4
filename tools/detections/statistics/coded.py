"""Columns as numbers, so that a test looks at each distinct text once and rows are grouped by sorting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence import TableRows

__all__ = ["Coded", "Indexes", "Mask", "Seconds", "breadth", "coded", "joined", "runs", "together"]

Indexes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Coded:
    """A column of texts: `values[codes[i]]` is that of row i, empty where it is null or the column is missing."""

    values: tuple[str, ...]
    codes: Indexes

    def rows_where(self, test: Callable[[str], object]) -> Mask:
        """Return the rows whose text passes the test, which sees each distinct text once."""
        passed = np.fromiter((bool(test(value)) for value in self.values), np.bool_, len(self.values))
        return passed[self.codes]

    def texts(self) -> list[str]:
        """Return the text of each row."""
        return [self.values[code] for code in self.codes.tolist()]

    @cached_property
    def lowered(self) -> Coded:
        """The column in lower case; texts that differ in case alone become one."""
        return self.mapped(str.lower)

    @cached_property
    def arrow(self) -> pa.StringArray:
        """The distinct texts in Arrow."""
        return pa.array(self.values, pa.string())

    def holding(self, pattern: str) -> Mask:
        """Return which of the distinct texts hold a match of a pattern of RE2, without regard to case."""
        found = pc.match_substring_regex(self.arrow, pattern, ignore_case=True)
        held: Mask = found.to_numpy(zero_copy_only=False)
        return held

    def mapped(self, change: Callable[[str], str], only: Mask | None = None) -> Coded:
        """Return the column with each distinct text changed, or empty where it is not one of those wanted."""
        numbers: dict[str, int] = {"": 0}
        to = np.zeros(len(self.values), np.int64)
        for place in range(len(self.values)) if only is None else np.flatnonzero(only).tolist():
            to[place] = numbers.setdefault(change(self.values[place]), len(numbers))
        return Coded(tuple(numbers), to[self.codes])


def coded(rows: TableRows, column: str) -> Coded:
    """Read a column of rows, of which there is at least one."""
    if column not in rows.rows.column_names or pa.types.is_null(rows.rows[column].type):
        return Coded(("",), np.zeros(len(rows), np.int64))
    if pa.types.is_nested(rows.rows[column].type) or pa.types.is_dictionary(rows.rows[column].type):
        return _numbered(rows.strings(column))
    whole = pa.concat_arrays(rows.rows[column].chunks).dictionary_encode()
    found = [str(value) for value in whole.dictionary.to_pylist()]
    codes = whole.indices.fill_null(len(found)).to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded((*found, ""), codes)


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


def joined(first: Coded, second: Coded) -> Coded:
    """Return two columns as one: both texts with a null character between them."""
    pairs, codes = np.unique(first.codes * len(second.values) + second.codes, return_inverse=True)
    numbers = (divmod(int(pair), len(second.values)) for pair in pairs)
    return Coded(tuple(f"{first.values[a]}\0{second.values[b]}" for a, b in numbers), codes.astype(np.int64))


def runs(key: Indexes, rows: Indexes, times: Seconds, at_least: int = 1) -> Iterator[Indexes]:
    """Yield the rows of each key in time order, for keys with at least so many rows."""
    if not len(rows):
        return
    ordered = rows[np.lexsort((times[rows], key[rows]))]
    starts = np.flatnonzero(np.diff(key[ordered], prepend=key[ordered[0]] - 1))
    ends = np.append(starts[1:], len(ordered))
    for start, end in zip(starts[ends - starts >= at_least], ends[ends - starts >= at_least], strict=True):
        yield ordered[start:end]
