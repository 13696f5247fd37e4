"""How many rows tables hold, and when, so that a budget of rows goes where rows are, and a page holds its fill."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from soc_analyst.state.costs import Volume, volume_of
from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.logs.base import Workspace

from ..desk.desk import Desk
from .probing import count_of

__all__ = ["fitting", "least_first", "rows_held"]


async def rows_held(
    tables: Sequence[str], window: TimeWindow, desk: Desk, workspace: Workspace, volumes: Iterable[Volume]
) -> dict[str, int | None]:
    """Return how many rows each table holds in the part of a window that policy lets be seen, None where none can tell.

    What a folder holds was counted when it was surveyed; a service is asked for a count, since its bill only estimates.
    """
    known = tuple(volumes)

    async def held(table: str) -> int | None:
        start = desk.policy.start_of(table, window.start, window.end)
        volume = volume_of(known, table, start, window.end)
        if volume is not None and volume.basis == "loaded" and (volume.start, volume.end) == (start, window.end):
            return sum(volume.rows)
        return await count_of(table, window, desk, workspace)

    return dict(zip(tables, await asyncio.gather(*map(held, tables)), strict=True))


def least_first(held: Mapping[str, int | None]) -> list[str]:
    """Return the tables by what they hold, those of which nobody knows last."""
    return sorted(held, key=lambda table: (held[table] is None, held[table] or 0))


def fitting(volume: Volume | None, start: datetime, end: datetime, most: int) -> datetime:
    """Return from when on at most so many rows should lie before `end`, by whole parts of what is known, at least one.

    Where nothing is known it is `start`.
    """
    if volume is None or not volume.rows:
        return start
    width = (volume.end - volume.start) / len(volume.rows)
    since = end
    for begin in (volume.start + width * at for at in reversed(range(len(volume.rows)))):
        if begin >= end:
            continue
        if since < end and (volume.within(begin, end).rows or 0) > most:
            return since
        since = begin
        if since <= start:
            return start
    return start
