"""What one account takes away in Azure after it had made it, or before it puts it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence import Evidence

from .reasons import Reason

__all__ = ["by_undoing"]

Row = Mapping[str, Any]
TABLE = "AzureActivity"
COLUMNS = ("Caller", "CallerIpAddress", "OperationNameValue", "ActivityStatusValue", "ResourceId", "TimeGenerated")
MADE_ANEW = "ActivitySubstatusValue"
TAKES, WRITES = "/delete", "/write"
DONE = frozenset({"success", "succeeded"})
SINCE, UNTIL = timedelta(days=30), timedelta(hours=12)
MOST = 5_000


def by_undoing(pairs: Sequence[tuple[str, Row]], evidence: Evidence) -> Iterator[Reason]:
    """Yield that all that was taken away was made by the same account at the same address, or put back by it.

    Only what a row calls created was made; any change would say so of what others own.
    """
    if not pairs or any(table != TABLE or not _operation(row).endswith(TAKES) for table, row in pairs):
        return
    rows = evidence.get(TABLE)
    if rows is None or not set(COLUMNS) <= set(rows.rows.column_names):
        return
    written = _written(rows.rows)
    if all(_is_undone(row, written) for _, row in pairs):
        yield Reason("undone", "what was taken away was made or put back by the same account", proves=True)


def _written(rows: pa.Table) -> list[Row]:
    """Return what was written with success."""
    names = [name for name in (*COLUMNS, MADE_ANEW) if name in rows.column_names]
    writes = pc.ends_with(pc.utf8_lower(rows["OperationNameValue"].cast("string")), WRITES)
    found: list[Row] = rows.select(names).filter(pc.fill_null(writes, False)).slice(0, MOST).to_pylist()
    return [row for row in found if _low(row, "ActivityStatusValue") in DONE]


def _is_undone(row: Row, written: Sequence[Row]) -> bool:
    return any(
        _same(row, each, "Caller", "CallerIpAddress", "ResourceId")
        and _operation(each) == _operation(row).removesuffix(TAKES) + WRITES
        and _in_time(row, each)
        for each in written
    )


def _in_time(taken: Row, written: Row) -> bool:
    gone, there = taken.get("TimeGenerated"), written.get("TimeGenerated")
    if not isinstance(gone, datetime) or not isinstance(there, datetime):
        return False
    if there > gone:
        return there - gone <= UNTIL
    return gone - there <= SINCE and "created" in _low(written, MADE_ANEW)


def _same(row: Row, other: Row, *columns: str) -> bool:
    return all(_low(row, name) == _low(other, name) != "" for name in columns)


def _operation(row: Row) -> str:
    return _low(row, "OperationNameValue")


def _low(row: Row, name: str) -> str:
    return str(row.get(name) or "").lower()
