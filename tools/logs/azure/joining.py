"""What several workspaces answered, as one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.costs import Scanned
from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.tools.logs.base import WORKSPACE, QueryResult

__all__ = ["joined"]

Status = Literal["ok", "empty", "partial", "failed"]
TIME = "TimeGenerated"


def joined(answers: Mapping[str, QueryResult], query: ApprovedQuery) -> QueryResult:
    """Return the answers of workspaces as one: rows and troubles name theirs; counts are those of all together."""
    if len(answers) == 1:
        return next(iter(answers.values()))
    parts = [_with_name(part, name, query) for name, part in answers.items()]
    rows = _together([part.rows for part in parts if part.rows.num_rows] or [parts[0].rows], query)
    whole = _without_gaps(rows, parts) if query.shape == "rows" else rows
    kept = whole.slice(0, query.row_cap) if whole.num_columns else whole
    return QueryResult(
        _status(parts, kept.num_rows),
        kept,
        truncated=rows.num_rows > query.row_cap or any(part.truncated for part in parts),
        diagnostics=tuple(dict.fromkeys(why for part in parts for why in part.diagnostics)),
        scanned=Scanned.together(part.scanned for part in parts),
    )


def _with_name(part: QueryResult, workspace: str, query: ApprovedQuery) -> QueryResult:
    rows = part.rows
    if rows.num_rows and query.shape in ("rows", "free"):
        rows = rows.append_column(WORKSPACE, pa.array([workspace] * rows.num_rows, pa.string()))
    said = tuple(why.model_copy(update={"message": f"{workspace}: {why.message}"}) for why in part.diagnostics)
    return replace(part, rows=rows, diagnostics=said)


def _together(tables: Sequence[pa.Table], query: ApprovedQuery) -> pa.Table:
    if len(tables) == 1:
        return tables[0]
    rows = pa.concat_tables(tables, promote_options="permissive")
    if query.shape == "coverage":
        return pa.table(
            {"Rows": [pc.sum(rows["Rows"])], "First": [pc.min(rows["First"])], "Last": [pc.max(rows["Last"])]}
        )
    if query.shape == "values":
        (column,) = (name for name in rows.column_names if name != "Rows")
        counted = rows.group_by(column, use_threads=False).aggregate([("Rows", "sum")])
        return counted.rename_columns([column, "Rows"]).select(rows.column_names).sort_by([("Rows", "descending")])
    return rows.sort_by([(TIME, "descending")]) if TIME in rows.column_names else rows


def _without_gaps(rows: pa.Table, parts: Sequence[QueryResult]) -> pa.Table:
    """Return the rows down to where the first workspace was cut: what is asked next begins there, for all of them."""
    if TIME not in rows.column_names:
        return rows
    cut = [pc.min(part.rows[TIME]).as_py() for part in parts if part.truncated and part.rows.num_rows]
    latest = max((time for time in cut if isinstance(time, datetime)), default=None)
    return rows if latest is None else rows.filter(pc.greater_equal(rows[TIME], pa.scalar(latest)))


def _status(parts: Sequence[QueryResult], rows: int) -> Status:
    failed = sum(part.status == "failed" for part in parts)
    if failed == len(parts):
        return "failed"
    if failed or any(part.status == "partial" for part in parts):
        return "partial" if rows else "failed"
    return "ok" if rows else "empty"
