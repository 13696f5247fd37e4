"""What analyst and critic show of a case beside the brief, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping

from soc_analyst.tools.models.base import Size
from soc_analyst.tools.privacy import Pseudonyms, data_block
from soc_analyst.tools.reasoning.base import CaseFile

from .brief import columns_read

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
    """Return the tables of the evidence with the columns that a brief reads: what claims and indicators can be about.

    Of columns that a brief does not read a model could only guess; hashes it may point at unseen.
    """
    return {table: columns_read(rows, case.tables.get(table)) for table, rows in case.evidence.items() if len(rows)}


def question_of(case: CaseFile, pseudonyms: Pseudonyms) -> str:
    """Return the user's own words as data: they may hold a pasted log line."""
    return data_block("question", pseudonyms.hide_text(case.question[:LONGEST_QUESTION]) or "-")


def window_of(case: CaseFile) -> str:
    """Return the window that was looked into, and whether the question states it."""
    window = case.reading.window
    return f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC ({window.basis})"
