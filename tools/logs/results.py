"""The engine's result types as Kusto's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["as_kusto_types"]

UTC_TIME = pa.timestamp("us", tz="UTC")


def as_kusto_types(rows: pa.Table) -> pa.Table:
    """Return the rows with times in UTC, whole numbers as int64, and lists and bags as JSON text."""
    columns = [_as_kusto_type(rows.column(i)) for i in range(rows.num_columns)]
    return pa.table(columns, names=rows.column_names) if columns else rows


def _as_kusto_type(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        whole = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
        return pc.assume_timezone(whole, "UTC") if kind.tz is None else whole.cast(UTC_TIME)
    if pa.types.is_date(kind):
        return pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC")
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _number(column)
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_nested(kind):
        return _as_text(column, lambda value: json.dumps(value, ensure_ascii=False, default=str))
    if pa.types.is_interval(kind):
        return _as_text(column, _timespan)
    return column


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_integer(column.type) or column.type.scale == 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            pass
    return column.cast(pa.float64())


def _as_text(column: pa.ChunkedArray, write: Callable[[Any], str]) -> pa.ChunkedArray:
    texts = [None if value is None else write(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _timespan(value: Any) -> str:
    """Write an interval as KQL writes a timespan: 1.02:03:04.0050000."""
    months, days, nanoseconds = value
    span = timedelta(days=30 * months + days, microseconds=nanoseconds // 1000)
    sign, span = ("-", -span) if span < timedelta(0) else ("", span)
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    whole = f"{span.days}." if span.days else ""
    parts = f".{span.microseconds:06d}0" if span.microseconds else ""
    return f"{sign}{whole}{hours:02d}:{minutes:02d}:{seconds:02d}{parts}"
