"""What tables hold in a window: from the workspace's own table Usage, else from a count of the rows.

Usage has the megabytes that were billed, or would have been, by table and hour (Azure Monitor table reference). It is
a small table: what it tells costs next to nothing. A few rows of each table tell how large one of its rows is, and how
long it took to come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError
from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult

from soc_analyst.state.costs import Volume
from soc_analyst.tools.kql.literals import datetime_text
from soc_analyst.tools.logs.base import Survey
from soc_analyst.tools.logs.volumes import PARTS, Piece, spread

from .asking import InBatch, Service
from .troubles import of_error, of_exception

__all__ = ["survey"]

SECONDS = 30.0
SAMPLED = 1_000
"""Rows of a table whose sizes are read; `take` gives any that are at hand."""
MEGABYTE = 1_000_000
HOUR = timedelta(hours=1)
LOOKED_BACK = timedelta(hours=25)
"""How far before the end of a short window the sample may lie."""

Rows = list[Mapping[str, Any]]


@dataclass(frozen=True)
class Asked:
    """Small questions to one workspace by one request; an answer is rows, or why there are none."""

    service: Service
    workspace: str

    async def all(self, queries: Mapping[str, str], start: datetime, end: datetime) -> dict[str, Rows | str]:
        """Return the answers by the queries' names."""
        batch = [LogsBatchQuery(self.workspace, kql, timespan=(start, end)) for kql in queries.values()]
        try:
            answers = await self.service.batch(batch, timeout=SECONDS) if batch else []
        except (AzureError, TimeoutError, ValueError, TypeError, KeyError, AttributeError) as error:
            return dict.fromkeys(queries, of_exception(error).message)
        return {name: _read(answer) for name, answer in zip(queries, answers, strict=True)}


async def survey(service: Service, workspace: str, tables: Sequence[str], start: datetime, end: datetime) -> Survey:
    """Return what tables hold in a window; tables of which Usage has nothing are counted."""
    asked = Asked(service, workspace)
    sampled = {name: _sample_text(name, min(start, end - LOOKED_BACK), end) for name in tables}
    answers = await asked.all({"Usage": _usage_text(tables, start, end), **sampled}, start - LOOKED_BACK, end + HOUR)
    usage = answers["Usage"]
    sizes = {name: _positive(answers[name], "Size") for name in tables}
    delays = {name: _positive(answers[name], "Delay") for name in tables}
    billed = _billed(usage, start, end) if not isinstance(usage, str) else {}
    volumes = [_of_usage(name, billed[name], sizes[name], start, end) for name in tables if name in billed]
    rest = [name for name in tables if name not in billed]
    counted, faults = await _counted(asked, rest, start, end)
    why = (f"the table Usage could not be read ({usage}); rows were counted instead",) if isinstance(usage, str) else ()
    told = [one.model_copy(update={"delay_seconds": delays[one.table]}) for one in (*volumes, *counted)]
    return Survey(tuple(told), (*why, *faults))


def _usage_text(tables: Sequence[str], start: datetime, end: datetime) -> str:
    """Ask for each hour, or for some hours at once where there are many."""
    hours = max(1, round((end - start) / HOUR / PARTS))
    names = ", ".join(f"'{name}'" for name in tables)
    window = f"TimeGenerated >= {_time(start - HOUR)} and TimeGenerated < {_time(end + HOUR)}"
    return (
        f"Usage\n| where {window}\n| where DataType in ({names})\n"
        "| summarize MBytes = sum(Quantity), Since = min(StartTime), Until = max(EndTime)"
        f" by DataType, At = bin(StartTime, {hours}h)"
    )


def _sample_text(table: str, start: datetime, end: datetime) -> str:
    window = f"TimeGenerated >= {_time(start)} and TimeGenerated < {_time(end)}"
    took = "datetime_diff('second', ingestion_time(), TimeGenerated)"
    return (
        f"{table}\n| where {window}\n| take {SAMPLED}\n"
        f"| summarize Size = avg(_BilledSize), Delay = percentile({took}, 95)"
    )


def _count_text(table: str, start: datetime, end: datetime) -> str:
    seconds = max(1, round((end - start).total_seconds() / PARTS))
    window = f"TimeGenerated >= {_time(start)} and TimeGenerated < {_time(end)}"
    return (
        f"{table}\n| where {window}\n"
        f"| summarize Rows = count(), Size = sum(_BilledSize) by At = bin(TimeGenerated, {seconds}s)"
    )


def _billed(rows: Rows, start: datetime, end: datetime) -> dict[str, list[Piece]]:
    """Return the bytes of each table in pieces of time; what Usage has not yet is taken to go on as before."""
    known_to = min(end, max((_utc(row["Until"]) for row in rows), default=start))
    pieces: dict[str, list[Piece]] = {}
    for row in rows:
        begun, ended = _utc(row["Since"]), _utc(row["Until"])
        if begun < end and start < ended and begun < ended:
            pieces.setdefault(str(row["DataType"]), []).append((begun, ended, float(row["MBytes"] or 0) * MEGABYTE))
    if known_to - start < min(HOUR, end - start):
        return {}
    return {name: [*own, *_going_on(own, start, known_to, end)] for name, own in pieces.items()}


def _going_on(pieces: Sequence[Piece], start: datetime, known_to: datetime, end: datetime) -> list[Piece]:
    if known_to >= end:
        return []
    known = sum(spread(pieces, start, known_to))
    return [(known_to, end, known * ((end - known_to) / (known_to - start)))]


def _of_usage(table: str, pieces: Sequence[Piece], size: float | None, start: datetime, end: datetime) -> Volume:
    rows = spread([(begun, ended, amount / size) for begun, ended, amount in pieces], start, end) if size else ()
    return Volume(table=table, start=start, end=end, sizes=spread(pieces, start, end), rows=rows, basis="usage")


async def _counted(
    asked: Asked, tables: Sequence[str], start: datetime, end: datetime
) -> tuple[list[Volume], list[str]]:
    answers = await asked.all({name: _count_text(name, start, end) for name in tables}, start, end)
    volumes = [_of_count(name, rows, start, end) for name, rows in answers.items() if not isinstance(rows, str)]
    faults = [f"{name} could not be counted ({why})" for name, why in answers.items() if isinstance(why, str)]
    return volumes, faults


def _of_count(table: str, rows: Rows, start: datetime, end: datetime) -> Volume:
    width = timedelta(seconds=max(1, round((end - start).total_seconds() / PARTS)))

    def parts(column: str) -> tuple[int, ...]:
        pieces = [(max(start, at), min(end, at + width), float(row[column] or 0)) for row in rows for at in _at(row)]
        return spread([piece for piece in pieces if piece[0] < piece[1]], start, end)

    return Volume(table=table, start=start, end=end, sizes=parts("Size"), rows=parts("Rows"), basis="count")


def _at(row: Mapping[str, Any]) -> list[datetime]:
    return [_utc(row["At"])] if isinstance(row["At"], datetime) else []


def _positive(answer: Rows | str, column: str) -> float | None:
    """Return a mean of the sample; None where there was no row, or it does not say."""
    value = answer[0].get(column) if not isinstance(answer, str) and answer else None
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _read(answer: InBatch) -> Rows | str:
    if isinstance(answer, LogsQueryError):
        return of_error(answer).message
    if isinstance(answer, LogsQueryPartialResult):
        return of_error(answer.partial_error).message if answer.partial_error else "the answer is not whole"
    return [dict(zip(table.columns, row, strict=True)) for table in answer.tables for row in table.rows]


def _time(moment: datetime) -> str:
    return f"datetime({datetime_text(moment)})"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
