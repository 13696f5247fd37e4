"""What the service says of a query that ran: its own JSON, whose parts come and go with the query."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from soc_analyst.state.costs import Scanned

__all__ = ["scanned_by"]

_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)\Z")


def scanned_by(statistics: Mapping[str, Any] | None) -> Scanned | None:
    """Return what a query took, or None where the service gave nothing of it.

    Rows are those of the column store and of the row store, where the newest rows wait. Bytes are those read from the
    caches of both, hot and cold, hit or missed.
    """
    query = _part(statistics, "query")
    data, usage = _part(query, "inputDatasetStatistics"), _part(query, "resourceUsage")
    waiting, shards = _part(data, "rowstores"), _part(usage, "cache", "shards")
    caches = [_part(shards, kind) for kind in ("hot", "cold")]
    bytes_ = [_number(cache, kind) for cache in caches for kind in ("hitbytes", "missbytes")]
    found = Scanned(
        rows=_sum(_number(_part(data, "rows"), "scanned"), _number(waiting, "scannedRows")),
        bytes=_sum(*bytes_, _number(shards, "bypassbytes"), _number(waiting, "scannedValuesSize")),
        cpu_ms=_milliseconds(_part(usage, "cpu").get("totalCpu")),
        memory_bytes=_number(_part(usage, "memory"), "peakPerNode"),
    )
    return found if found != Scanned() else None


def _part(value: object, *names: str) -> Mapping[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _number(part: Mapping[str, Any], name: str) -> int | None:
    value = part.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return int(value) if 0 <= value < math.inf else None


def _sum(*parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _milliseconds(text: object) -> float | None:
    """Read a time as `00:00:01.2345`, days before a point."""
    found = _TIMESPAN.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return round(1000 * (86_400 * days + 3_600 * hours + 60 * minutes + seconds), 1)
