"""What the tables hold in the window of a case, looked up once before anything is asked of them."""

from __future__ import annotations

from datetime import timedelta

from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.logs.base import Survey, Workspace

from .desk import Desk

__all__ = ["surveyed"]


async def surveyed(window: TimeWindow, desk: Desk, workspace: Workspace) -> Survey:
    """Return what the tables hold, and say as warnings of which that could not be told."""
    start = max(window.start, window.end - timedelta(days=desk.policy.max_window_days))
    found = await workspace.survey(tuple(desk.tables), start, window.end)
    said = tuple(f"What queries will read could not be told beforehand: {note}." for note in found.notes)
    return Survey(found.volumes, said)
