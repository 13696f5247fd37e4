"""What analyst and critic show of a case beside the brief, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.models.base import Size
from soc_analyst.tools.privacy import Pseudonyms, data_block
from soc_analyst.tools.reasoning.base import CaseFile

__all__ = ["LEAST_BUDGET", "budget_for", "columns_shown", "question_of", "window_of"]

BUDGET, LARGE_BUDGET = 4_000, 8_000
"""Tokens of a brief, and of one over more rows than `LARGE`."""
LARGE = 100_000
LEAST_BUDGET = 300
SPARE = 200
LONGEST_QUESTION = 4_000


def budget_for(case: CaseFile, size: Size) -> int:
    """Return the tokens that a brief may take, given a request without one."""
    rows = sum(len(rows) for rows in case.evidence.values())
    return max(LEAST_BUDGET, min(LARGE_BUDGET if rows > LARGE else BUDGET, size.room - SPARE))


def columns_shown(case: CaseFile) -> Mapping[str, tuple[str, ...]]:
    """Return the tables and columns of the evidence that hold anything: what claims can be about."""
    return {
        table: tuple(name for name in rows.rows.column_names if _holds_anything(rows.rows[name]))
        for table, rows in case.evidence.items()
        if len(rows)
    }


def question_of(case: CaseFile, pseudonyms: Pseudonyms) -> str:
    """Return the user's own words as data: they may hold a pasted log line."""
    return data_block("question", pseudonyms.hide_text(case.question[:LONGEST_QUESTION]) or "-")


def window_of(case: CaseFile) -> str:
    """Return the window that was looked into."""
    window = case.reading.window
    return f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"


def _holds_anything(column: pa.ChunkedArray) -> bool:
    if column.null_count == len(column):
        return False
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return bool(pc.any(pc.not_equal(column, "")).as_py())
    return True
