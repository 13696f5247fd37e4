"""A KQL text of an analyst's or an agent's own, through the same guard as the investigation's, and its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.errors import UnreachableError
from soc_analyst.state.queries import ApprovedQuery, Coverage, Diagnostic
from soc_analyst.tools.guard import TextVerdict, check_text, weigh
from soc_analyst.tools.logs.base import QueryResult, Survey, Workspace, lacking_of

from ..context import Context
from ..desk.desk import Desk, open_desk
from .own_text import faults_of, window_of
from .parting import MOST_PARTS, hit_a_limit, in_parts
from .probing import cover
from .surveying import surveyed

__all__ = ["Queried", "queried", "require_something_looked_at"]

TIMEOUT = 120.0
"""Seconds that a query may take."""


@dataclass(frozen=True)
class Queried:
    """What came of a KQL text: `result` where it ran, else the `faults` for which it did not."""

    window: TimeWindow
    verdict: TextVerdict
    faults: tuple[Diagnostic, ...] = ()
    query: ApprovedQuery | None = None
    """What ran, with what it was expected to read."""
    result: QueryResult | None = None
    notes: tuple[str, ...] = ()
    """What is to be known of the workspace: what it lacks of a refused query's tables, what could not be surveyed."""
    held: tuple[Coverage, ...] = ()
    """What the tables hold in the window, where no row came back."""

    @property
    def cut_at(self) -> int | None:
        """Return the cap on rows where it cut the result."""
        if self.query is None or self.result is None or not self.result.truncated:
            return None
        return self.query.row_cap if self.result.rows.num_rows == self.query.row_cap else None


async def queried(text: str, context: Context) -> Queried:
    """Pass a KQL text through the guard, then run it; raise UnreachableError where the workspace could not answer.

    A query that hits a limit of the workspace is asked in parts of its window, where that comes to the same.
    """
    async with open_desk(context) as whole, whole.workspace() as workspace:
        desk = whole.within(workspace.lacking)
        window = window_of(context, await workspace.now(), desk.policy.max_window_days)
        verdict = await asyncio.to_thread(check_text, text, policy=desk.policy, tables=desk.tables, window=window)
        faults = await asyncio.to_thread(faults_of, verdict, context, desk.tables)
        if verdict.approved is None or faults:
            lacking = lacking_of((name for name in workspace.lacking if name in text), workspace)
            return Queried(window, verdict, faults, notes=lacking)
        survey = await surveyed(window, desk, workspace, verdict.tables)
        cost = weigh(verdict.approved, survey.volumes, desk.policy)
        if cost.faults:
            return Queried(window, verdict, cost.faults, notes=survey.notes)
        result = await _whole_or_parts(cost.query, desk, workspace)
        if result.status == "failed":
            raise UnreachableError("; ".join(_said(why) for why in result.diagnostics))
        held = () if result.rows.num_rows else await _held(verdict.tables, window, desk, workspace, survey)
    return Queried(window, verdict, (), cost.query, result, survey.notes, held)


def require_something_looked_at(came: Queried) -> None:
    """Raise UnreachableError where no row came back since there was none to look at: silence is not absence."""
    if not came.held or any(entry.rows_in_window for entry in came.held):
        return
    window, notes = came.window, "".join(f"; {entry.table}: {entry.note}" for entry in came.held if entry.note)
    span = f"from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    names = ", ".join(entry.table for entry in came.held)
    raise UnreachableError(f"{names}: no rows {span}{notes}; widen the window with --since and --until")


async def _whole_or_parts(query: ApprovedQuery, desk: Desk, workspace: Workspace) -> QueryResult:
    async def ask(part: ApprovedQuery) -> QueryResult:
        return await workspace.run(part, timeout=TIMEOUT)

    result = await ask(query)
    return await in_parts(query, result, desk, ask, most=MOST_PARTS) if hit_a_limit(result) else result


async def _held(
    tables: Sequence[str], window: TimeWindow, desk: Desk, workspace: Workspace, survey: Survey
) -> tuple[Coverage, ...]:
    return tuple([await cover(table, window, desk, workspace, survey.volumes) for table in tables])


def _said(diagnostic: Diagnostic) -> str:
    from soc_analyst.tools.records.safe_text import printable

    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    return printable(f"{diagnostic.message}{hint}".replace("\n", " "))
