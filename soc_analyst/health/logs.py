"""The steps that look into the logs: the workspace opens, and each table of the policy has rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from soc_analyst.graph.desk.desk import Desk, open_desk, wall_clock
from soc_analyst.graph.looking.probing import cover
from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.logs.base import Workspace
from soc_analyst.tools.logs.workspaces import AzureSettings, open_workspace

from .azure import answering
from .chart import CANNOT_LOOK, Chart, failed, noted, well
from .checkup import Fact, StepResult, TableHealth

__all__ = ["tables", "workspace"]


async def workspace(chart: Chart) -> StepResult:
    """Open the workspace; a live one is asked first whether it answers at all."""
    answered = await answering(chart) if chart.live else well("")
    if answered.status == "failed":
        return answered
    assert chart.policy is not None
    opened = open_workspace(
        chart.context.workspace,
        data_dir=chart.context.data_dir,
        columns=chart.policy.tables,
        policy_hash=chart.policy.hash,
        now=chart.context.now,
        clock=wall_clock,
        azure=AzureSettings(chart.settings.logs_endpoint, chart.settings.authority, chart.credential),
    )
    chart.workspace = await chart.stack.enter_async_context(opened)
    now = await chart.workspace.now()
    told = [answered.what] if answered.what else []
    told.append(f"{len(chart.workspace.tables)} of {len(chart.policy.tables)} tables, clock {now:%Y-%m-%d %H:%M} UTC")
    facts = {**answered.facts, "name": chart.workspace.name, "clock": now.isoformat()}
    return answered.model_copy(update={"what": "; ".join(told), "facts": facts})


async def tables(chart: Chart) -> StepResult:
    """Count the rows of each table of the policy in the last days, and find the last one."""
    assert chart.workspace is not None and chart.policy is not None
    found = chart.workspace
    async with open_desk(chart.context.model_copy(update={"model": "none"}), found.lacking) as desk:
        window = await _window(chart, found)
        held = await asyncio.gather(*(_table(one, window, desk, found) for one in chart.policy.tables))
    return _told(held, window)


async def _window(chart: Chart, found: Workspace) -> TimeWindow:
    assert chart.policy is not None
    end = chart.context.until or await found.now()
    days = min(chart.days, chart.policy.max_window_days)
    return TimeWindow(start=chart.context.since or end - timedelta(days=days), end=end + timedelta(microseconds=1))


async def _table(table: str, window: TimeWindow, desk: Desk, found: Workspace) -> TableHealth:
    lacking = found.lacking.get(table, ())
    if table not in found.tables:
        return TableHealth(table=table, status="missing", why="the workspace has no such table")
    covered = await cover(table, window, desk, found)
    if covered.rows_in_window is None:
        return TableHealth(table=table, status="failed", lacking=lacking, why=covered.note)
    rows = covered.rows_in_window
    return TableHealth(table=table, status="ok" if rows else "empty", rows=rows, last=covered.last, lacking=lacking)


CONNECT = "connect their data sources in Microsoft Sentinel (Data connectors) if you need them."


def _told(held: Sequence[TableHealth], window: TimeWindow) -> StepResult:
    told = _judged(held, f"{(window.end - window.start).total_seconds() / 86_400:.3g} days")
    facts: dict[str, Fact] = {"start": window.start.isoformat(), "end": window.end.isoformat()}
    return told.model_copy(update={"tables": tuple(held), "facts": facts})


def _judged(held: Sequence[TableHealth], span: str) -> StepResult:
    """Say whether there is something to look at, and whether every table that is there can be asked."""
    with_rows = sum(one.status == "ok" for one in held)
    what = f"{with_rows} of {len(held)} have rows in {span}"
    if refused := [one.table for one in held if one.status == "failed"]:
        hint = (
            "Ask again; where the reason stays, see it with `soc-analyst query`, or take the table out of the policy."
        )
        return failed(CANNOT_LOOK, f"{what}; {', '.join(refused)} could not be asked", hint)
    if not with_rows:
        return failed(CANNOT_LOOK, f"none of {len(held)} has rows in {span}", f"Look further back by --days; {CONNECT}")
    if any(one.status != "ok" or one.lacking for one in held):
        return noted(what, f"A hunt says of what is missing that it could not look there; {CONNECT}")
    return well(what)
