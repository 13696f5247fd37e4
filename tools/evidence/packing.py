"""Columns of text that repeat, kept as numbers into their distinct texts: most columns of a log hold few.

A packed column has one dictionary without nulls or repeats, in the order of the rows, and every text of it stands in
some row; so it is read as it lies, by rules and statistics alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["MANY_ROWS", "alike", "is_text", "numbered", "packed", "packed_parquet", "plain", "text_type"]

MANY_ROWS = 20_000
"""Rows from which on packing pays."""
LOOKED_AT = 100_000
"""Rows by which it is judged whether a column's texts repeat."""
REPEATING = 0.5
"""The most that differ of them."""
MOST_OF_SMALL = 1 << 30
"""Bytes that an array of small offsets surely holds."""


def packed(rows: pa.Table) -> pa.Table:
    """Return the rows with each column of text that repeats as numbers; few rows as they are."""
    if rows.num_rows < MANY_ROWS and not any(map(pa.types.is_dictionary, rows.schema.types)):
        return rows
    return pa.table({name: _packed(rows[name]) for name in rows.column_names})


def packed_parquet(source: pa.NativeFile) -> pa.Table:
    """Read rows from Parquet a column at a time, so that no more than one lies there unpacked."""
    file = pq.ParquetFile(source)
    if file.metadata.num_rows < MANY_ROWS:
        whole: pa.Table = file.read()
        return whole
    return pa.table({name: _packed(file.read(columns=[name])[name]) for name in file.schema_arrow.names})


def alike(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield parts of one table with each column packed in all of them or in none, as most of its rows are."""
    held = list(parts)
    kept = [name for name in dict.fromkeys(name for part in held for name in part.column_names) if _differs(name, held)]
    for part in held:
        for name in kept:
            if name in part.column_names:
                column = _encoded(part[name]) if _mostly_packed(name, held) else plain(part[name])
                part = part.set_column(part.column_names.index(name), name, column)
        yield part


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with its values spelled out by row."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds text, packed or not."""
    inner = text_type(kind)
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def text_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of a column's values, packed or not."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def numbered(column: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Return the distinct values of a packed column and the number by row, which is their count where it is null.

    Of a column that came with a dictionary of another kind, a packed one is made first.
    """
    if not len(column):
        return pa.array([], text_type(column.type)), np.zeros(0, np.int32)
    one = _one(column if _is_packed(column) else _encoded(plain(column)))
    codes = one.indices.fill_null(len(one.dictionary)) if one.null_count else one.indices
    return one.dictionary, codes.to_numpy()


def _packed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return _encoded(column)
    if not is_text(column.type) or len(column) < MANY_ROWS or column.nbytes >= MOST_OF_SMALL:
        return column
    first = column.slice(0, LOOKED_AT)
    return _encoded(column) if pc.count_distinct(first).as_py() <= len(first) * REPEATING else column


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column packed into one chunk, whose dictionary is in the order of the rows."""
    if not len(column) or pa.types.is_null(column.type):
        return column
    return pa.chunked_array([_one(column if pa.types.is_dictionary(column.type) else column.dictionary_encode())])


def _one(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return the only chunk of a column with one dictionary."""
    if column.num_chunks == 1:
        return column.chunk(0)
    shared = column.unify_dictionaries()
    indices = pa.concat_arrays([chunk.indices for chunk in shared.chunks])
    return pa.DictionaryArray.from_arrays(indices, shared.chunk(0).dictionary)


def _is_packed(column: pa.ChunkedArray) -> bool:
    """Tell whether every value of the dictionary stands in some row, once and in the order of the rows."""
    one = _one(column)
    numbers = one.indices.drop_null().to_numpy()
    firsts = np.full(len(one.dictionary), -1, np.int64)
    firsts[numbers[::-1]] = np.arange(len(numbers))[::-1]
    known = not len(firsts) or (firsts[0] >= 0 and bool((np.diff(firsts) > 0).all()))
    return known and not one.dictionary.null_count and pc.count_distinct(one.dictionary).as_py() == len(firsts)


def _differs(name: str, parts: Sequence[pa.Table]) -> bool:
    kinds = {part.schema.field(name).type for part in parts if name in part.column_names}
    return len(kinds) > 1 and any(map(pa.types.is_dictionary, kinds))


def _mostly_packed(name: str, parts: Sequence[pa.Table]) -> bool:
    own = [part for part in parts if name in part.column_names]
    kinds = {text_type(part.schema.field(name).type) for part in own}
    some = sum(part.num_rows for part in own if pa.types.is_dictionary(part.schema.field(name).type))
    return kinds == {pa.string()} and 2 * some >= sum(part.num_rows for part in own)
