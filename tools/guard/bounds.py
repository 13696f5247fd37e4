"""The bounded form: views of allowed columns inside the window, the query, and a row cap.

    let SigninLogs = SigninLogs | where TimeGenerated >= datetime(..) and TimeGenerated < datetime(..) | project ..;
    SigninLogs
    | where ..
    | take N+1

A view hides the table of its name, so whatever follows sees no other rows and no other columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from soc_analyst.tools.kql.literals import datetime_text
from soc_analyst.tools.kql.tree import (
    Binary,
    Let,
    Literal,
    Logical,
    Name,
    Named,
    Pipeline,
    Project,
    Query,
    Table,
    Take,
    Where,
)

from .frames import PORTAL_TIME, TABLE_NAME, TIME

__all__ = ["Bounds", "bounded", "inside"]


@dataclass(frozen=True)
class Bounds:
    """The half-open window [start, end), the rows that may be kept, and the columns of each table's view."""

    start: datetime
    end: datetime
    row_cap: int
    columns: Mapping[str, tuple[str, ...]]
    starts: Mapping[str, datetime]
    """Where the view of each table begins; later than the window where policy allows less of that table."""
    given: Mapping[str, tuple[str, ...]]
    """What the view of each table gives beside its columns: names of GIVEN."""


def bounded(query: Query, bounds: Bounds) -> Query:
    """Return the bounded form of a bound query."""
    views = tuple(_view(table, columns, bounds) for table, columns in bounds.columns.items())
    body = query.body
    capped = Pipeline(body.source, (*body.steps, Take(bounds.row_cap + 1)))
    return Query((*views, *query.lets), capped)


def _view(table: str, columns: tuple[str, ...], bounds: Bounds) -> Let:
    since = Binary(">=", Name(TIME), Literal("datetime", datetime_text(bounds.starts[table])))
    until = Binary("<", Name(TIME), Literal("datetime", datetime_text(bounds.end)))
    values = {PORTAL_TIME: Name(TIME), TABLE_NAME: Literal("string", table)}
    also = (Named(values[name], name) for name in bounds.given.get(table, ()))
    shown = Project((*(Named(Name(column)) for column in columns), *also))
    return Let(table, Pipeline(Table(table), (Where(Logical("and", (since, until))), shown)))


def inside(query: Query, tables: tuple[str, ...]) -> Query | None:
    """Return the query within a bounded form over these tables, or None where the text has not that form.

    It only undoes `bounded`; whoever asks must bound the result again and compare.
    """
    if tuple(let.name for let in query.lets[: len(tables)]) != tables or not query.body.steps:
        return None
    *steps, last = query.body.steps
    if not isinstance(last, Take):
        return None
    return Query(query.lets[len(tables) :], Pipeline(query.body.source, tuple(steps)))
