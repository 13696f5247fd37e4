"""What the tables hold in the window of a case, looked up once before anything is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.logs.base import Survey, Workspace

from ..desk.desk import Desk

__all__ = ["surveyed"]


async def surveyed(window: TimeWindow, desk: Desk, workspace: Workspace, only: Sequence[str] = ()) -> Survey:
    """Return what the tables hold, all of them or some, and say as warnings of which that could not be told."""
    start = max(window.start, window.end - timedelta(days=desk.policy.max_window_days))
    tables = tuple(name for name in only or desk.tables if name not in desk.policy.expensive_tables)
    found = await workspace.survey(tables, start, window.end)
    said = tuple(f"Of what queries will read: {note}." for note in found.notes)
    return Survey(found.volumes, said)
