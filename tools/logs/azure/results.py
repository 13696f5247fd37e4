"""The service's tables as Arrow: KQL types exactly, as far as Arrow has them.

datetime: microseconds UTC (the client reads the seventh digit away). long, int, real, bool: as they are; NaN and the
infinities come as text. decimal, guid, timespan: text as written. dynamic: JSON text. No string is null, as in Kusto.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from azure.monitor.query import LogsTable

__all__ = ["as_arrow"]

UTC_TIME = pa.timestamp("us", tz="UTC")


def as_arrow(table: LogsTable, *, most: int | None = None) -> pa.Table:
    """Return the first `most` rows of one of the response's tables, in the order they came."""
    rows = [list(row) for row in table.rows[:most]]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(table.columns)
    arrays = [_column(kind, values) for kind, values in zip(table.columns_types, columns, strict=True)]
    return pa.table(arrays, names=_distinct(table.columns)) if arrays else pa.table({})


def _column(kind: str, values: Sequence[Any]) -> pa.Array:
    if kind == "string":
        return pa.array(["" if value is None else _text(value) for value in values], pa.string())
    wanted, read = _KINDS.get(kind, (pa.string(), _text))
    return pa.array([None if value is None else read(value) for value in values], wanted)


def _time(value: Any) -> datetime | None:
    """Return an instant; a text that the client could not read is none."""
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _real(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _bool(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    return bool(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_KINDS: dict[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
    "datetime": (UTC_TIME, _time),
    "date": (UTC_TIME, _time),
    "long": (pa.int64(), _whole),
    "int": (pa.int64(), _whole),
    "real": (pa.float64(), _real),
    "double": (pa.float64(), _real),
    "bool": (pa.bool_(), _bool),
    "boolean": (pa.bool_(), _bool),
}
"""The service's names of types; all others come as text. Whole numbers are 64 bits wide, as from the other backend."""


def _distinct(names: Sequence[str]) -> list[str]:
    """Return column names, the second of two equal ones numbered as Kusto does it."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        count = seen[name] = seen.get(name, -1) + 1
        told.append(f"{name}{count}" if count else name)
    return told
