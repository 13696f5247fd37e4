"""Columns as positions into their distinct values, so that what is said of a value is computed once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Coded", "Indexes", "coded", "counted_within", "dense", "seconds_of", "together"]

Indexes = npt.NDArray[np.int64]
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Coded:
    """`values[codes[i]]` is the text of row i; null reads as empty."""

    values: pa.Array
    codes: Indexes

    @classmethod
    def of(cls, texts: pa.Array, codes: Indexes | None = None) -> Coded:
        """Return texts by their distinct values, or those that rows take from them by position."""
        known = texts.dictionary_encode()
        own = known.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(known.dictionary, own if codes is None else own[codes])

    def mapped(self, change: Callable[[str], str]) -> Coded:
        """Return the column with each distinct value changed."""
        return Coded.of(pa.array([change(value) for value in self.values.to_pylist()], pa.large_string()), self.codes)

    def text(self, row: int) -> str:
        """Return the text of a row."""
        return str(self.values[int(self.codes[row])].as_py())


def coded(column: pa.ChunkedArray) -> Coded:
    """Return a column as texts by their distinct values."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    plain = column.cast(kind) if pa.types.is_dictionary(column.type) else column
    if pa.types.is_null(kind):
        return Coded(pa.array([""], pa.large_string()), np.zeros(len(column), np.int64))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        texts = [_written(value) for value in plain.to_pylist()]
        return Coded.of(pa.array(texts, pa.large_string()))
    # Beyond two gigabytes of text an array of small offsets would be torn in two.
    wide = plain.cast(pa.large_string()) if pa.types.is_string(kind) else plain
    known = _one(wide.combine_chunks()).dictionary_encode(null_encoding="encode")
    values = _texts(known.dictionary)
    return Coded.of(values, known.indices.to_numpy(zero_copy_only=False).astype(np.int64))


def _texts(values: pa.Array) -> pa.Array:
    if pa.types.is_large_string(values.type):
        return values.fill_null("")
    return pa.array([_written(value) for value in values.to_pylist()], pa.large_string())


def _one(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(array, pa.ChunkedArray):
        return array
    return array.chunk(0) if array.num_chunks else pa.array([], array.type)


def _written(value: object) -> str:
    """Return a value as a log shows it; a whole number without its point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


def dense(codes: Indexes) -> Indexes:
    """Number codes from 0 in the order of their first row."""
    numbered = pa.array(codes).dictionary_encode().indices
    found: Indexes = numbered.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def together(columns: Sequence[Indexes]) -> Indexes:
    """Number the distinct combinations of these columns' codes from 0 in the order of their first row."""
    combined = columns[0]
    for column in columns[1:]:
        combined = dense(combined * (int(column.max(initial=0)) + 1) + column)
    return combined


def counted_within(groups: Indexes, values: Indexes) -> Indexes:
    """Return how many distinct values each group has; groups are numbered from 0."""
    pairs = together([groups, values])
    _, firsts = np.unique(pairs, return_index=True)
    counts: Indexes = np.bincount(groups[firsts], minlength=int(groups.max(initial=-1)) + 1)
    return counts


def seconds_of(rows: pa.Table) -> Indexes:
    """Return the rows' times in seconds since 1970, the least number where a row has none."""
    if "TimeGenerated" not in rows.column_names:
        return np.full(rows.num_rows, NO_TIME)
    column = rows["TimeGenerated"]
    if not pa.types.is_timestamp(column.type):
        return np.array([_second(value) for value in column.to_pylist()], np.int64)
    whole = pc.floor_temporal(column.cast(pa.timestamp("us", "UTC")), unit="second").cast(pa.timestamp("s", "UTC"))
    found: Indexes = whole.cast(pa.int64()).fill_null(NO_TIME).to_numpy()
    return found


def _second(value: object) -> int:
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    try:
        return _second(datetime.fromisoformat(str(value)))
    except ValueError:
        return int(NO_TIME)
