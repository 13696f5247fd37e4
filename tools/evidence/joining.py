"""Rows that several queries returned, each once: those that agree in all columns are one row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .packing import MANY_ROWS

__all__ = ["first_of_each", "picked"]

Places = npt.NDArray[np.int64]
FEW_RUNS = 64
MIXED = np.uint64(0x9E3779B97F4A7C15)
"""An odd number by which sums of columns are spread."""


def first_of_each(rows: pa.Table) -> Places:
    """Return the positions of the first row of each distinct content, ascending.

    Of many rows those alone are compared in all columns that agree in the columns which are numbers.
    """
    count = rows.num_rows
    if not rows.num_columns or count < MANY_ROWS:
        return _compared(rows, np.arange(count))
    likely = _agreeing(rows)
    if not len(likely):
        return np.arange(count)
    kept = np.ones(count, np.bool_)
    kept[likely] = False
    kept[_compared(rows.take(pa.array(likely)), likely)] = True
    return np.flatnonzero(kept)


def picked(rows: pa.Table, at: Places) -> pa.Table:
    """Return the rows at these ascending positions, uncopied where they lie together in few runs."""
    starts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    if not len(at) or len(starts) > FEW_RUNS:
        return rows.take(pa.array(at))
    ends = np.append(starts[1:], len(at))
    return pa.concat_tables([rows.slice(at[s], e - s) for s, e in zip(starts.tolist(), ends.tolist(), strict=True)])


def _compared(rows: pa.Table, places: Places) -> Places:
    """Return the places of rows that are the first of their content, in whatever order."""
    numbered = rows.append_column("_at", pa.array(places, pa.int64()))
    firsts = numbered.group_by(rows.column_names, use_threads=False).aggregate([("_at", "min")])["_at_min"]
    return np.sort(firsts.to_numpy())


def _agreeing(rows: pa.Table) -> Places:
    """Return the rows whose numbers are another row's too: times, whole numbers and packed texts."""
    mixed = np.zeros(rows.num_rows, np.uint64)
    for column in rows.columns:
        numbers = _numbers(column)
        if numbers is not None:
            mixed = (mixed ^ (mixed >> np.uint64(29))) * MIXED + numbers.view(np.uint64)
    _, group, counts = np.unique(mixed, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[group] > 1)


def _numbers(column: pa.ChunkedArray) -> Places | None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        parts = [chunk.indices for chunk in column.unify_dictionaries().chunks]
        column = pa.chunked_array(parts, pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    elif not pa.types.is_signed_integer(kind):
        return None
    found: Places = pc.fill_null(column.cast(pa.int64()), -1).to_numpy()
    return found
