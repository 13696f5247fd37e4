"""Rows take their time to a live workspace: what is too young to be judged by its absence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from soc_analyst.state.costs import Volume
from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.logs.base import Workspace

from ..desk.desk import Desk

__all__ = ["unsettled_from"]

LEAST = timedelta(minutes=1)
"""What is allowed at least: a measure is of the rows that have come in."""


def unsettled_from(
    table: str, window: TimeWindow, desk: Desk, workspace: Workspace, volumes: Iterable[Volume]
) -> datetime | None:
    """Return from where on rows of a window may not have come in yet, or None where all should have.

    Measured on the wall clock, whatever the investigation's clock is; by what rows of the table took so far, else by
    the catalogue's allowance.
    """
    allowed = workspace.allowance(table)
    if allowed is None:
        return None
    measured = next((one.delay_seconds for one in volumes if one.table == table and one.delay_seconds), None)
    delay = allowed if measured is None else max(LEAST, timedelta(seconds=measured))
    settled = desk.moment() - delay
    return max(window.start, settled) if window.end > settled else None
