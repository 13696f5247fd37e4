"""Small questions beside the plan: what a table covers, and which values occur. Each goes through the guard too."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from soc_analyst.state.costs import Volume
from soc_analyst.state.entities import Entity, EntityKind, TimeWindow
from soc_analyst.state.queries import AnyOf, Coverage, PlannedQuery, TypedQuery
from soc_analyst.tools.guard import check
from soc_analyst.tools.logs.base import Workspace

from ..desk.desk import Desk
from ..desk.opened import remembered
from .arriving import unsettled_from

__all__ = ["count_of", "cover", "known_values", "like", "rows_where", "same_name"]

PROBE_TIMEOUT = 30.0
"""Seconds a probe may take."""
MOST_VALUES = 5_000
NEAREST = 5


@dataclass(frozen=True)
class Known:
    """The hosts and accounts that occur, by kind; `whole` unless a log that names them could not be asked."""

    values: Mapping[EntityKind, set[str]]
    whole: bool = True

    def of(self, kind: EntityKind) -> set[str]:
        """Return those of a kind."""
        return self.values.get(kind, set())


async def cover(
    table: str, window: TimeWindow, desk: Desk, workspace: Workspace, volumes: Iterable[Volume] = ()
) -> Coverage:
    """Return how many rows a table holds in the part of the window that policy lets be seen, the first and the last.

    Of a table that holds none, the newest row before the window tells a source that fell silent from one that never
    sent anything. `volumes` say how long rows take to come in.
    """
    rows, why = await _probe(
        TypedQuery(table=table, start=window.start, end=window.end, shape="coverage"), desk, workspace
    )
    if rows is None or not rows.num_rows:
        return Coverage(table=table, note=why or "the probe returned nothing")
    start = desk.policy.start_of(table, window.start, window.end)
    found = rows.to_pylist()[0]
    count = int(found["Rows"] or 0)
    first, last = (found["First"], found["Last"]) if count else (None, None)
    before, silence = (None, "") if count else await _silence(table, window, desk, workspace)
    entry = Coverage(
        table=table, rows_in_window=count, first=first, last=last, last_before=before,
        seen_from=start if start > window.start else None,
        unsettled_from=unsettled_from(table, window, desk, workspace, volumes),
    )  # fmt: skip
    return entry.model_copy(update={"note": _note(entry, silence)})


async def _silence(table: str, window: TimeWindow, desk: Desk, workspace: Workspace) -> tuple[datetime | None, str]:
    """Return the newest row before a window that holds none, and what to say of it."""
    start = window.end - timedelta(days=desk.policy.days_of(table))
    if start >= window.start:
        return None, "no rows in the window"
    rows, _ = await _probe(TypedQuery(table=table, start=start, end=window.start, shape="coverage"), desk, workspace)
    before: datetime | None = rows.to_pylist()[0]["Last"] if rows is not None and rows.num_rows else None
    if before is not None:
        return before, f"no rows in the window; the newest before it is of {before:%Y-%m-%d %H:%M}"
    days = f"{desk.policy.days_of(table):g}"
    return None, "no rows in the window" + (f", nor in the {days} days up to its end" if rows is not None else "")


def _note(entry: Coverage, silence: str) -> str:
    seen, late = entry.seen_from, entry.unsettled_from
    notes = (
        silence,
        f"seen from {seen:%Y-%m-%d %H:%M} on only" if seen else "",
        f"rows from {late:%Y-%m-%d %H:%M} on may not have come in yet" if late else "",
    )
    return "; ".join(filter(None, notes))


async def count_of(table: str, window: TimeWindow, desk: Desk, workspace: Workspace, *where: AnyOf) -> int | None:
    """Return how many rows of a table in the window meet these tests, or None where that cannot be told."""
    typed = TypedQuery(table=table, start=window.start, end=window.end, shape="coverage", where=where)
    rows, _ = await _probe(typed, desk, workspace)
    return int(rows.to_pylist()[0]["Rows"] or 0) if rows is not None and rows.num_rows else None


async def rows_where(
    test: AnyOf, table: str, window: TimeWindow, desk: Desk, workspace: Workspace
) -> tuple[pa.Table | None, str]:
    """Return the rows of a table in a window that meet a test, the newest 5,000; or None and why there are none."""
    start = desk.policy.start_of(table, window.start, window.end)
    return await _probe(TypedQuery(table=table, start=start, end=window.end, where=(test,)), desk, workspace)


async def known_values(kinds: Iterable[EntityKind], end: datetime, desk: Desk, workspace: Workspace) -> Known:
    """Return the hosts or accounts that occur in the longest window policy allows, by kind."""
    start = end - timedelta(days=desk.policy.max_window_days)
    wanted = [(kind, table, column) for kind in kinds for table, column in _naming(kind, desk)]
    results = await asyncio.gather(
        *(
            _probe(TypedQuery(table=table, start=start, end=end, shape="values", values_of=column), desk, workspace)
            for _, table, column in wanted
        )
    )
    known: dict[EntityKind, set[str]] = {}
    for (kind, _, column), (rows, _) in zip(wanted, results, strict=True):
        values = rows[column].to_pylist() if rows is not None and column in rows.column_names else []
        known.setdefault(kind, set()).update(str(value) for value in values if value)
    return Known(known, whole=all(rows is not None and not why for rows, why in results))


def like(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return known names that a mistyped one may have meant, nearest first."""
    by_short = {value.split(".")[0].split("@")[0].casefold(): value for value in sorted(known, reverse=True)}
    short = name.rsplit("\\", 1)[-1].split(".")[0].split("@")[0].casefold()
    return tuple(by_short[near] for near in difflib.get_close_matches(short, by_short, n=NEAREST, cutoff=0.7))


def _naming(kind: EntityKind, desk: Desk) -> list[tuple[str, str]]:
    """Return the most direct column of each table that names a kind of thing."""
    named: list[tuple[str, str]] = []
    for table, schema in desk.tables.items():
        columns = [
            c for c in schema.columns_of(kind) if schema.columns[c].type == "string" and not c.startswith("Remote")
        ]
        named.extend((table, column) for column in columns[:1])
    return named


async def _probe(typed: TypedQuery, desk: Desk, workspace: Workspace) -> tuple[pa.Table | None, str]:
    window = TimeWindow(start=typed.start, end=typed.end)
    planned = PlannedQuery(
        id=f"probe-{typed.table}", purpose="probe", typed=typed.model_copy(update={"limit": MOST_VALUES})
    )
    verdict = await asyncio.to_thread(
        check, planned, policy=desk.policy, tables=desk.tables, window=window, row_cap=MOST_VALUES
    )
    if verdict.approved is None:
        return None, "; ".join(diagnostic.message for diagnostic in verdict.diagnostics)
    result = await remembered(verdict.approved.kql, partial(workspace.run, verdict.approved, timeout=PROBE_TIMEOUT))
    why = "; ".join(diagnostic.message for diagnostic in result.diagnostics)
    return (None, why) if result.status == "failed" else (result.rows, why if result.status == "partial" else "")


def same_name(entity: Entity, known: Iterable[str]) -> bool:
    """Return whether a host or account occurs among known names."""
    wanted = entity.value.rsplit("\\", 1)[-1].casefold()
    short = wanted.split(".")[0].split("@")[0]
    for value in known:
        name = value.rsplit("\\", 1)[-1].rsplit("/", 1)[-1].casefold()
        if name == wanted or name.split(".")[0].split("@")[0] == short:
            return True
    return False
