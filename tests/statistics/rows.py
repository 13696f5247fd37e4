"""Rows for the tests, laid out in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from soc_analyst.state.findings import Detection
from soc_analyst.tools.detections.statistics import STATISTICS
from soc_analyst.tools.evidence import Evidence, TableRows

START = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
Row = Mapping[str, Any]


def at(seconds: float, **fields: Any) -> Row:
    """Return a row so many seconds after the start."""
    return {"TimeGenerated": START + timedelta(seconds=seconds), **fields}


def evidence(table: str, rows: Iterable[Row]) -> Evidence:
    """Return a case with the rows of one table; a column that some rows lack is null there."""
    listed = list(rows)
    names = dict.fromkeys(name for row in listed for name in row)
    columns = {name: [row.get(name) for row in listed] for name in names}
    return Evidence([TableRows.collect(table, [("q1", pa.table(columns))])])


def found(case: Evidence) -> list[Detection]:
    """Return what all statistics find."""
    return [detection for statistic in STATISTICS for detection in statistic(case)]


def levels(table: str, rows: Iterable[Row]) -> dict[str, str]:
    """Return the level by id of what all statistics find in these rows."""
    return {detection.rule.id: detection.rule.level for detection in found(evidence(table, rows))}
