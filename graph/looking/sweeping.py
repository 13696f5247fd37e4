"""Every row of a table in a window, page by page through the guard, and the detections over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.costs import Volume, volume_of
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Detection
from soc_analyst.state.queries import ApprovedQuery, PlannedQuery, TypedQuery
from soc_analyst.tools.detections import Examination, RuleSet, examine, fired_again
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.evidence.packing import packed
from soc_analyst.tools.guard import Verdict, check, weigh
from soc_analyst.tools.logs.base import QueryResult, Workspace
from soc_analyst.tools.proof.claims import check as checked
from soc_analyst.tools.reasoning.by_rules.ordinary import weighed

from ..desk.desk import Desk
from ..desk.rules import known_good_for, rules_for
from .parting import MOST_PARTS, hit_a_limit, in_parts
from .recalling import recalled, to_ask
from .sharing import fitting, least_first, rows_held
from .surveying import surveyed

__all__ = ["MORE", "Sweep", "Swept", "sweep"]

PAGE_TIMEOUT = 120.0
"""Seconds that one page may take."""
TIME = "TimeGenerated"
MORE = "more with --max-rows, or narrow with --since"
LEVELS = ("critical", "high", "medium", "low", "informational")


@dataclass(frozen=True)
class Swept:
    """The rows read of one table, and why they are not all that the window holds."""

    rows: TableRows
    why: str = ""
    """What is amiss beside the budget of rows, empty where nothing is."""
    taken: int = 0
    """Rows read, copies among them."""
    held: int | None = None
    """Rows that the window holds as far as policy lets it be seen; None where nobody could count."""
    left_out: bool = False
    """Whether the budget left rows out."""

    @property
    def share(self) -> str:
        """Return how many rows were read of how many."""
        known = self.held is not None and self.held > self.taken
        return f"{self.taken:,} of {self.held:,}" if known else f"{self.taken:,}"

    @property
    def note(self) -> str:
        """Return why the rows are not all that the window holds, empty where they are."""
        cut = f"only the newest {self.share} rows were read; {MORE}" if self.left_out else ""
        return "; ".join(filter(None, (cut, self.why)))


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
    """Run all rules and statistics over these tables; at most `max_rows` of the context are read, shared by need."""
    read = await _read(tables, window, desk, workspace)
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
        read=read,
        skipped=dict(found.skipped),
        warnings=(*_notes_on(tables, workspace), *rules.warnings, *good.warnings),
        rules=rules,
    )


def _notes_on(tables: Sequence[str], workspace: Workspace) -> Iterator[str]:
    """Yield what is to be known of these tables or their files: rows that were left out, values, missing columns."""
    return (note for note in workspace.notes if note.startswith(tuple(tables)))


def _proved(detections: Sequence[Detection], evidence: Evidence, rules: RuleSet, desk: Desk) -> Iterator[Detection]:
    """Evaluate the claims of each detection on the rows that were read, its rule run again."""
    again = fired_again({each.rule.id for each in detections}, evidence, rules=rules, tables=desk.tables)
    for detection in detections:
        claims = tuple(checked(claim, evidence, {}, again) for claim in detection.claims)
        yield detection.model_copy(update={"claims": claims})


def _by_weight(detection: Detection) -> tuple[int, str, str]:
    return LEVELS.index(detection.level), detection.rule.title, detection.statement


async def _read(tables: Sequence[str], window: TimeWindow, desk: Desk, workspace: Workspace) -> tuple[Swept, ...]:
    """Read the tables, those that hold least first: what one does not need of its share, the larger ones have more."""
    volumes = (await surveyed(window, desk, workspace, tables)).volumes
    dear = await _too_much(tables, window, desk, volumes)
    read = {table: Swept(TableRows.collect(table, ()), why) for table, why in dear.items()}
    held = await rows_held([table for table in tables if table not in dear], window, desk, workspace, volumes)
    left = desk.context.max_rows
    for place, table in enumerate(least_first(held)):
        pages = _pages(table, window, desk, workspace, volume_of(volumes, table, window.start, window.end))
        swept = await _swept(table, pages, window, desk, max(1, left // (len(held) - place)))
        read[table] = replace(swept, held=held[table])
        left -= swept.taken
        for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
            pool.release_unused()
    return tuple(read[table] for table in tables)


async def _too_much(
    tables: Sequence[str], window: TimeWindow, desk: Desk, volumes: Iterable[Volume]
) -> Mapping[str, str]:
    """Return why tables are not read whole, where that is more than policy lets be read."""
    known = tuple(volumes)
    spent, why = 0, {}
    for table in tables:
        approved = (await _approved(table, window.start, window.end, window, desk)).approved
        cost = weigh(approved, known, desk.policy, spent=spent) if approved is not None else None
        if cost is not None and cost.faults:
            why[table] = "; ".join(f"{fault.message} ({fault.hint})" for fault in cost.faults)
        elif cost is not None and cost.query.estimate is not None:
            spent += cost.query.estimate.bytes or 0
    return why


async def _approved(table: str, start: datetime, end: datetime, window: TimeWindow, desk: Desk) -> Verdict:
    typed = TypedQuery(table=table, start=start, end=end)
    planned = PlannedQuery(id=f"sweep-{table}", purpose="read the table for the detections", typed=typed)
    return await asyncio.to_thread(check, planned, policy=desk.policy, tables=desk.tables, window=window)


async def _swept(table: str, pages: AsyncIterator[_Page], window: TimeWindow, desk: Desk, most: int) -> Swept:
    """Keep the newest rows of a table, at most so many."""
    held: list[tuple[str, pa.Table]] = []
    taken, left_out, note = 0, False, ""
    async for page in pages:
        kept = packed(page.rows.slice(0, most - taken + page.again))
        held.append((f"{table}-{len(held) + 1}", kept))
        taken += kept.num_rows - page.again
        note = page.why
        left_out = kept.num_rows < page.rows.num_rows or (taken >= most and page.cut)
        if left_out:
            break
    start = desk.policy.start_of(table, window.start, window.end)
    unseen = f"seen from {start:%Y-%m-%d %H:%M} on only, as policy says" if start > window.start else ""
    rows = TableRows.collect(table, held)
    return Swept(rows, "; ".join(filter(None, (note, unseen))), taken, left_out=left_out)


@dataclass(frozen=True)
class _Page:
    """Rows newest first; `again` of them were the last of the page before, `why` says what is amiss."""

    rows: pa.Table
    cut: bool = False
    """Whether its time holds more rows."""
    why: str = ""
    again: int = 0


async def _pages(
    table: str, window: TimeWindow, desk: Desk, workspace: Workspace, volume: Volume | None
) -> AsyncIterator[_Page]:
    """Yield the rows newest first; each page begins at the time of the last row of the one before.

    Where it is known when rows are, a page asks for about as much time as it can hold: sorting less takes less.
    """
    start, end = desk.policy.start_of(table, window.start, window.end), window.end
    again = 0
    while True:
        since = fitting(volume, start, end, desk.policy.row_cap_of([table]))
        verdict = await _approved(table, since, end, window, desk)
        if verdict.approved is None:
            yield _Page(pa.table({}), why=_said(diagnostic.message for diagnostic in verdict.diagnostics))
            return
        result = await _whole_or_parts(verdict.approved, desk, workspace)
        whole = result.status in ("ok", "empty")
        cut = result.truncated and (whole or _is_cut(result))
        why = "" if whole else _said(diagnostic.message for diagnostic in result.diagnostics)
        yield _Page(result.rows, cut, why, min(again, result.rows.num_rows))
        if not cut and (since <= start or not whole):
            return
        again, oldest = 0, since
        if cut:
            last = pc.min(result.rows[TIME])
            again = pc.sum(pc.equal(result.rows[TIME], last)).as_py()
            oldest = last.as_py() + timedelta(microseconds=1)
        if oldest >= end:
            yield _Page(pa.table({}), why=f"more than {result.rows.num_rows:,} rows share one moment")
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
