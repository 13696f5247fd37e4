"""A KQL text of an analyst's or an agent's own: the window it sees, and why it cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.queries import Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import TextVerdict

from ..context import Context

__all__ = ["faults_of", "window_of"]


def window_of(context: Context, now: datetime, longest_days: float) -> TimeWindow:
    """Return the window of the options; without them the longest that policy allows, up to the workspace's clock."""
    end = context.until or now
    start = context.since or end - timedelta(days=longest_days)
    if end <= start:
        raise OperatorError("the window ends before it starts", where="--since/--until")
    return TimeWindow(start=start, end=end, basis="option" if context.since else "assumed")


def faults_of(verdict: TextVerdict, context: Context, tables: Mapping[str, TableSchema]) -> tuple[Diagnostic, ...]:
    """Return why a query cannot run: what the guard refuses, else what the embedded engine lacks."""
    if verdict.approved is None:
        return verdict.diagnostics
    if context.workspace.startswith("azure:"):
        return ()
    from soc_analyst.tools.logs.embedded import lacking

    return lacking(verdict.approved, tables)
