"""Every row of a table in a window, page by page through the guard, and the detections over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Detection
from soc_analyst.state.queries import ApprovedQuery, PlannedQuery, TypedQuery
from soc_analyst.tools.detections import Examination, RuleSet, examine, fired_again
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.evidence.packing import packed
from soc_analyst.tools.guard import Verdict, check, weigh
from soc_analyst.tools.logs.base import QueryResult, Workspace, lacking_of
from soc_analyst.tools.proof.claims import check as checked
from soc_analyst.tools.reasoning.by_rules.ordinary import weighed

from ..desk.desk import Desk
from ..desk.rules import known_good_for, rules_for
from .parting import MOST_PARTS, hit_a_limit, in_parts
from .recalling import recalled, to_ask
from .surveying import surveyed

__all__ = ["Sweep", "Swept", "sweep"]

PAGE_TIMEOUT = 120.0
"""Seconds that one page may take."""
TIME = "TimeGenerated"
LEVELS = ("critical", "high", "medium", "low", "informational")


@dataclass(frozen=True)
class Swept:
    """The rows read of one table; `note` says why it is not all that the window holds, empty where it is all."""

    rows: TableRows
    note: str = ""


@dataclass(frozen=True)
class Sweep:
    """What the detections found over whole tables."""

    window: TimeWindow
    evidence: Evidence
    detections: tuple[Detection, ...]
    read: tuple[Swept, ...]
    skipped: dict[str, int]
    """How many rules could not see what they look for, by the reason."""
    warnings: tuple[str, ...]
    rules: RuleSet


async def sweep(tables: Sequence[str], window: TimeWindow, desk: Desk, workspace: Workspace) -> Sweep:
    """Run all rules and statistics over these tables; at most `max_rows` of the context are read, shared evenly."""
    each = max(1, desk.context.max_rows // max(1, len(tables)))
    dear = await _too_much(tables, window, desk, workspace)
    read = [await _swept(table, window, desk, workspace, each, dear.get(table, "")) for table in tables]
    evidence = Evidence(swept.rows for swept in read)
    rules = await asyncio.to_thread(rules_for, desk)
    found: Examination = await asyncio.to_thread(examine, evidence, rules=rules, tables=desk.tables)
    good = await asyncio.to_thread(known_good_for, desk, window.end)
    known = good.weighed(found.detections, evidence, desk.tables)
    past = await recalled(await to_ask(known, evidence, desk), window, desk, lambda: nullcontext(workspace))
    told = await asyncio.to_thread(weighed, known, evidence, past)
    proved = await asyncio.to_thread(lambda: tuple(_proved(told, evidence, rules, desk)))
    return Sweep(
        window=window,
        evidence=evidence,
        detections=tuple(sorted(proved, key=_by_weight)),
        read=tuple(read),
        skipped=dict(found.skipped),
        warnings=(*lacking_of(tables, workspace), *rules.warnings, *good.warnings),
        rules=rules,
    )


def _proved(detections: Sequence[Detection], evidence: Evidence, rules: RuleSet, desk: Desk) -> Iterator[Detection]:
    """Evaluate the claims of each detection on the rows that were read, its rule run again."""
    again = fired_again({each.rule.id for each in detections}, evidence, rules=rules, tables=desk.tables)
    for detection in detections:
        claims = tuple(checked(claim, evidence, {}, again) for claim in detection.claims)
        yield detection.model_copy(update={"claims": claims})


def _by_weight(detection: Detection) -> tuple[int, str, str]:
    return LEVELS.index(detection.level), detection.rule.title, detection.statement


async def _too_much(tables: Sequence[str], window: TimeWindow, desk: Desk, workspace: Workspace) -> Mapping[str, str]:
    """Return why tables are not read whole, where that is more than policy lets be read."""
    volumes = (await surveyed(window, desk, workspace, tables)).volumes
    spent, why = 0, {}
    for table in tables:
        approved = (await _approved(table, window.start, window.end, window, desk)).approved
        cost = weigh(approved, volumes, desk.policy, spent=spent) if approved is not None else None
        if cost is not None and cost.faults:
            why[table] = "; ".join(f"{fault.message} ({fault.hint})" for fault in cost.faults)
        elif cost is not None and cost.query.estimate is not None:
            spent += cost.query.estimate.bytes or 0
    return why


async def _approved(table: str, start: datetime, end: datetime, window: TimeWindow, desk: Desk) -> Verdict:
    typed = TypedQuery(table=table, start=start, end=end)
    planned = PlannedQuery(id=f"sweep-{table}", purpose="read the table for the detections", typed=typed)
    return await asyncio.to_thread(check, planned, policy=desk.policy, tables=desk.tables, window=window)


async def _swept(table: str, window: TimeWindow, desk: Desk, workspace: Workspace, most: int, dear: str) -> Swept:
    if dear:
        return Swept(TableRows.collect(table, ()), dear)
    pages: list[tuple[str, pa.Table]] = []
    left, note = most, ""
    async for page, truncated, why in _pages(table, window, desk, workspace):
        kept = packed(page.slice(0, left))
        pages.append((f"{table}-{len(pages) + 1}", kept))
        left -= kept.num_rows
        note = why
        if kept.num_rows < page.num_rows or (not left and truncated):
            note = f"only the newest {most:,} rows were read; more with --max-rows, or narrow with --since"
            break
    start = desk.policy.start_of(table, window.start, window.end)
    unseen = f"seen from {start:%Y-%m-%d %H:%M} on only, as policy says" if start > window.start else ""
    return Swept(TableRows.collect(table, pages), "; ".join(filter(None, (note, unseen))))


async def _pages(
    table: str, window: TimeWindow, desk: Desk, workspace: Workspace
) -> AsyncIterator[tuple[pa.Table, bool, str]]:
    """Yield the rows newest first; each page begins at the time of the last row of the one before."""
    start, end = desk.policy.start_of(table, window.start, window.end), window.end
    while True:
        verdict = await _approved(table, start, end, window, desk)
        if verdict.approved is None:
            yield pa.table({}), False, _said(diagnostic.message for diagnostic in verdict.diagnostics)
            return
        result = await _whole_or_parts(verdict.approved, desk, workspace)
        whole = result.status in ("ok", "empty")
        goes_on = result.truncated and (whole or _is_cut(result))
        yield result.rows, goes_on, "" if whole else _said(diagnostic.message for diagnostic in result.diagnostics)
        if not goes_on:
            return
        oldest = pc.min(result.rows[TIME]).as_py() + timedelta(microseconds=1)
        if oldest >= end:
            yield result.rows.slice(0, 0), False, f"more than {result.rows.num_rows:,} rows share one moment"
            return
        end = oldest


async def _whole_or_parts(query: ApprovedQuery, desk: Desk, workspace: Workspace) -> QueryResult:
    """Return a page; one that hits a limit is asked in parts, unless the newest of its rows came."""
    ask = partial(workspace.run, timeout=PAGE_TIMEOUT)
    result: QueryResult = await ask(query)
    if not hit_a_limit(result) or _is_cut(result):
        return result
    return await in_parts(query, result, desk, ask, most=MOST_PARTS)


def _is_cut(result: QueryResult) -> bool:
    """Return whether the rows that came are the newest ones, so that the older can be asked for where they end."""
    return result.rows.num_rows > 0 and all(why.code == "too-large" for why in result.diagnostics)


def _said(messages: Iterable[str]) -> str:
    return "; ".join(messages)
