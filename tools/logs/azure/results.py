"""The service's tables as Arrow: KQL types exactly, as far as Arrow has them.

datetime: microseconds UTC; the tenth of a microsecond, which no other engine here holds, is cut off. long, int, real,
bool: as they are; NaN and the infinities come as text. decimal, guid, timespan: text as written. dynamic: JSON text.
No string is null, as in Kusto. A column is turned at once where all its values are as its type says, else one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["as_arrow"]

UTC_TIME = pa.timestamp("us", tz="UTC")
TICKS = pa.timestamp("ns", tz="UTC")
LARGEST = 2**63
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d\d:?\d\d)?\Z")
_UNFIT = (pa.ArrowException, TypeError, ValueError, OverflowError)


def as_arrow(names: Sequence[str], kinds: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Return rows as the service gives them, in the order they came."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [_column(kind, values) for kind, values in zip(kinds, columns, strict=True)]
    return pa.table(arrays, names=_distinct(names)) if arrays else pa.table({})


def _column(kind: str, values: Sequence[Any]) -> pa.Array:
    at_once, wanted, one = _KINDS.get(kind, _AS_TEXT)
    try:
        array = at_once(values)
    except _UNFIT:
        array = pa.array([None if value is None else one(value) for value in values], wanted)
    return array.fill_null("") if kind == "string" else array


def _times(values: Sequence[Any]) -> pa.Array:
    return pc.floor_temporal(pa.array(values, pa.string()).cast(TICKS), unit="microsecond").cast(UTC_TIME)


def _time(value: Any) -> datetime | None:
    """Return an instant; a text that is no time is none."""
    found = _ISO.match(str(value))
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time or '00:00:00'}.{(fraction or '0'):0<6}{zone or 'Z'}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _whole(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -LARGEST <= number < LARGEST else None


def _real(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _bool(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    return bool(value)


def _text(value: Any) -> str:
    """Return a text that a file can hold: halves of surrogate pairs are replaced."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(wanted: pa.DataType) -> Callable[[Sequence[Any]], pa.Array]:
    return lambda values: pa.array(values, wanted)


_Kind = tuple[Callable[[Sequence[Any]], pa.Array], pa.DataType, Callable[[Any], Any]]
_AS_TEXT: _Kind = (_plain(pa.string()), pa.string(), _text)
_TIME: _Kind = (_times, UTC_TIME, _time)
_LONG: _Kind = (_plain(pa.int64()), pa.int64(), _whole)
_REAL: _Kind = (_plain(pa.float64()), pa.float64(), _real)
_BOOL: _Kind = (_plain(pa.bool_()), pa.bool_(), _bool)
_KINDS: Mapping[str, _Kind] = {
    "datetime": _TIME, "date": _TIME, "long": _LONG, "int": _LONG, "real": _REAL, "double": _REAL, "bool": _BOOL,
    "boolean": _BOOL,
}  # fmt: skip
"""The service's names of types; all others come as text. Whole numbers are 64 bits wide, as from the other backend."""


def _distinct(names: Sequence[str]) -> list[str]:
    """Return column names, the second of two equal ones numbered as Kusto does it."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        count = seen[name] = seen.get(name, -1) + 1
        told.append(f"{name}{count}" if count else name)
    return told
