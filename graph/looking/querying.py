"""An analyst's own KQL under the same guard as the investigation's, for programs and notebooks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pyarrow as pa
from pydantic import ValidationError

from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.desk import Desk, open_desk
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.errors import OperatorError, UnreachableError
from soc_analyst.state.queries import ApprovedQuery, Diagnostic
from soc_analyst.tools.guard import TextVerdict, check_text, weigh
from soc_analyst.tools.logs.base import QueryResult, Workspace
from soc_analyst.tools.logs.embedded import lacking

from .answer import Answer
from .parting import MOST_PARTS, hit_a_limit, in_parts
from .surveying import surveyed

__all__ = ["aquery", "query", "whole_or_parts", "window_of"]

TIMEOUT = 120.0
Moment = datetime | str


def query(
    kql: str, *, context: Context | None = None, since: Moment | None = None, until: Moment | None = None
) -> Answer:
    """Pass a KQL text through the guard and run it; also where an event loop is already running, as in notebooks."""
    asked: Coroutine[None, None, Answer] = aquery(kql, context=context, since=since, until=until)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asked)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, asked).result()


async def aquery(
    kql: str, *, context: Context | None = None, since: Moment | None = None, until: Moment | None = None
) -> Answer:
    """Pass a KQL text through the guard and run it over a window: that of the context, unless one is given here.

    Without any it is the longest that policy allows, up to the workspace's clock. Refused is a value; raise
    UnreachableError where the workspace cannot answer.
    """
    chosen = _within(context or Context(), since, until)
    async with open_desk(chosen) as whole, whole.workspace() as workspace:
        desk = whole.within(workspace.lacking)
        window = window_of(chosen, await workspace.now(), desk.policy.max_window_days)
        verdict = check_text(kql, policy=desk.policy, tables=desk.tables, window=window)
        faults = _faults(verdict, desk)
        if verdict.approved is None or faults:
            return _refused(faults)
        survey = await surveyed(window, desk, workspace, verdict.tables)
        cost = weigh(verdict.approved, survey.volumes, desk.policy)
        if cost.faults:
            return _refused(cost.faults)
        result = await whole_or_parts(cost.query, desk, workspace)
    if result.status == "failed":
        raise UnreachableError("; ".join(fault.message for fault in result.diagnostics))
    diagnostics = (*verdict.diagnostics, *result.diagnostics)
    return Answer(True, result.rows, verdict.approved.kql, result.truncated, diagnostics)


def window_of(context: Context, now: datetime, longest_days: float) -> TimeWindow:
    """Return the window of the options; without them the longest that policy allows, up to the workspace's clock."""
    end = context.until or now
    start = context.since or end - timedelta(days=longest_days)
    if end <= start:
        raise OperatorError("the window ends before it starts", where="--since/--until")
    return TimeWindow(start=start, end=end, basis="option" if context.since else "assumed")


async def whole_or_parts(query: ApprovedQuery, desk: Desk, workspace: Workspace) -> QueryResult:
    """Run a query; one that hits a limit of the workspace is asked in parts of its window, where that is the same."""

    async def ask(part: ApprovedQuery) -> QueryResult:
        return await workspace.run(part, timeout=TIMEOUT)

    result = await ask(query)
    return await in_parts(query, result, desk, ask, most=MOST_PARTS) if hit_a_limit(result) else result


def _within(context: Context, since: Moment | None, until: Moment | None) -> Context:
    given = {name: value for name, value in (("since", since), ("until", until)) if value is not None}
    if not given:
        return context
    try:
        return Context.model_validate({**context.model_dump(exclude_unset=True), **given})
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise OperatorError(
            f"{given.get(name)!r} is no ISO 8601 time, such as 2026-03-04T14:00:00Z", where=name
        ) from None


def _faults(verdict: TextVerdict, desk: Desk) -> tuple[Diagnostic, ...]:
    """Return why a query cannot run: what the guard refuses, else what the embedded engine lacks."""
    if verdict.approved is None:
        return verdict.diagnostics
    return () if desk.context.workspace.startswith("azure:") else lacking(verdict.approved, desk.tables)


def _refused(faults: tuple[Diagnostic, ...]) -> Answer:
    return Answer(False, pa.table({}), diagnostics=faults)
