"""A query that hit a limit of the backend, asked again in parts of its window."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

import duckdb

from soc_analyst.state.costs import Scanned
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery, Diagnostic, PlannedQuery
from soc_analyst.tools.guard import check
from soc_analyst.tools.guard.parting import PARTS, Parting, parting_of
from soc_analyst.tools.kql import EngineRefusal
from soc_analyst.tools.logs.base import QueryResult
from soc_analyst.tools.logs.merging import merged

from ..desk.desk import Desk

__all__ = ["MOST_PARTS", "hit_a_limit", "in_parts"]

LIMITS = frozenset({"timeout", "too-large", "memory", "incomplete"})
"""Troubles that less of the same would not meet."""
MOST_HALVINGS = 3
MOST_PARTS = 14
"""Requests that the parts of one query may take: two, four and eight halves."""
SHORTEST = timedelta(minutes=1)


class Ask(Protocol):
    """Asks the workspace one approved query."""

    def __call__(self, query: ApprovedQuery, /) -> Awaitable[QueryResult]:
        """Return what came back."""
        ...


def hit_a_limit(result: QueryResult) -> bool:
    """Return whether a result is missing or short for a reason that a shorter window would not meet."""
    return result.status in ("failed", "partial") and any(why.code in LIMITS for why in result.diagnostics)


async def in_parts(query: ApprovedQuery, whole: QueryResult, desk: Desk, ask: Ask, *, most: int) -> QueryResult:
    """Ask each half of the window of a query, and halves of halves that hit a limit too, by at most `most` requests.

    The newest part comes first. The parts are put together as the query would have done it; where that cannot be, the
    result is returned as it was, with the reason. Each part passes the guard like any query.
    """
    parting = await asyncio.to_thread(parting_of, query, policy=desk.policy, tables=desk.tables)
    if isinstance(parting, Diagnostic):
        return replace(whole, diagnostics=(*whole.diagnostics, parting))
    if most < 2:
        return whole
    parts = _Parts(query, parting, desk, ask, most)
    await parts.halve(query.start, query.end, 1)
    return await asyncio.to_thread(parts.together, whole)


@dataclass
class _Parts:
    """The parts of one query, as far as they are known."""

    query: ApprovedQuery
    parting: Parting
    desk: Desk
    ask: Ask
    left: int
    done: list[QueryResult] = field(default_factory=list)
    unseen: list[tuple[datetime, datetime]] = field(default_factory=list)
    asked: int = 0
    over: bool = False
    """Whether no further part is asked: enough rows came, or something is wrong that parts do not mend."""

    async def halve(self, start: datetime, end: datetime, depth: int) -> None:
        """Ask the newer half of a window, then the older."""
        middle = start + (end - start) / 2
        for since, until in ((middle, end), (start, middle)):
            approved = None if self.over or self.left < 1 else await asyncio.to_thread(self._approved, since, until)
            if approved is None:
                self.unseen.append((since, until))
                continue
            self.left, self.asked = self.left - 1, self.asked + 1
            result = await self.ask(approved)
            if hit_a_limit(result) and depth < MOST_HALVINGS and until - since >= 2 * SHORTEST and self.left > 1:
                await self.halve(since, until, depth + 1)
            else:
                self._take(result, since, until)

    def _approved(self, start: datetime, end: datetime) -> ApprovedQuery | None:
        planned = PlannedQuery(id=self.query.id, purpose="a part of a query", kql=self.parting.part)
        window, policy = TimeWindow(start=start, end=end), self.desk.policy
        cap = self.query.row_cap
        return check(planned, policy=policy, tables=self.desk.tables, window=window, row_cap=cap).approved

    def _take(self, result: QueryResult, start: datetime, end: datetime) -> None:
        self.done.append(result)
        if result.status in ("failed", "partial"):
            self.unseen.append((start, end))
            self.over = not hit_a_limit(result)
        if not self.parting.merge and sum(part.rows.num_rows for part in self.done) >= self.query.row_cap:
            self.over = True

    def together(self, whole: QueryResult) -> QueryResult:
        """Return the parts as one result that says so. Blocks."""
        good = [part for part in self.done if part.status != "failed"]
        told = tuple(dict.fromkeys(why for part in self.done for why in part.diagnostics))
        if not any(part.rows.num_rows or part.status == "empty" for part in good):
            return replace(whole, requests=1 + self.asked, diagnostics=(*whole.diagnostics, *told))
        try:
            rows = merged([part.rows for part in good], self.parting.merge, name=PARTS, now=self.query.end)
        except (EngineRefusal, duckdb.Error):
            return replace(whole, requests=1 + self.asked, diagnostics=(*whole.diagnostics, _NOT_MERGED))
        enough = not self.parting.merge and rows.num_rows >= self.query.row_cap
        cut = any(part.truncated for part in good)
        complete = (not self.unseen or enough) and (not cut or self.parting.cut_is_sound)
        kept = rows.slice(0, self.query.row_cap) if rows.num_columns else rows
        status: Literal["ok", "empty", "partial"] = ("ok" if kept.num_rows else "empty") if complete else "partial"
        return QueryResult(
            status,
            kept,
            truncated=cut or enough or rows.num_rows > kept.num_rows or not complete,
            elapsed_ms=whole.elapsed_ms + sum(part.elapsed_ms for part in self.done),
            diagnostics=(self._said(whole, complete), *told),
            scanned=Scanned.together(part.scanned for part in (whole, *self.done)),
            requests=1 + self.asked,
        )

    def _said(self, whole: QueryResult, complete: bool) -> Diagnostic:
        why = whole.diagnostics[0].message if whole.diagnostics else "it hit a limit"
        message = f"asked in {len(self.done)} parts of its window, since of the whole: {why}"
        if complete:
            return Diagnostic(code="in-parts", message=message)
        spans = ", ".join(f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}" for start, end in sorted(self.unseen)[:4])
        missing = (
            f"rows are missing from {spans}" if spans else "parts were cut at the row cap before they were counted"
        )
        return Diagnostic(code="in-parts", message=f"{message}; {missing}", hint="Narrow the window or the conditions.")


_NOT_MERGED = Diagnostic(
    code="not-in-parts",
    message="its parts cannot be put together by the embedded engine",
    hint="Narrow the window or the conditions.",
)
