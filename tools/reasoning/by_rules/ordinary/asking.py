"""What to ask a workspace about earlier days, for the few signals that its answer could lower."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from soc_analyst.state.findings import Detection
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.kql.render import render
from soc_analyst.tools.kql.tree import Binary, Call, Expr, Name, Named, Pipeline, Query, Summarize, Table, Where
from soc_analyst.tools.kql.tree import Literal as Value
from soc_analyst.tools.reasoning.past import LIKE, REACHING, Likeness

from .floor import may_be_lowered
from .plainness import is_plain
from .scanning import SCANS, sources

__all__ = ["Question", "questions"]

TIME = "TimeGenerated"
BEGINNING = re.compile(r"^[^\d%]{0,60}")
"""How a text begins, up to what varies."""
SHORTEST = 6
HOUR = 36_000_000_000
"""In ticks of 100 ns."""


@dataclass(frozen=True)
class Question:
    """A query over a table's earlier days.

    like: rows alike one row. places: how many hosts it knows. reached: how many a source reached, by the hour.
    """

    kind: Literal["like", "places", "reached"]
    table: str
    kql: str
    source: str = ""


def questions(
    detections: Iterable[Detection], evidence: Evidence, tables: Mapping[str, TableSchema], most: int
) -> tuple[Question, ...]:
    """Return the questions, those of the highest levels first; none where nothing could be lowered."""
    ordered = sorted(detections, key=lambda each: each.level != "high")
    asked = (question for each in ordered if may_be_lowered(each) for question in _of(each, evidence, tables))
    return tuple(dict.fromkeys(asked))[:most]


def _of(detection: Detection, evidence: Evidence, tables: Mapping[str, TableSchema]) -> Iterator[Question]:
    rows = [(ref.table, row) for ref in detection.rows if (row := evidence.row(ref)) is not None]
    if not rows or not all(is_plain(row) for _, row in rows):
        return
    for table, row in rows:
        like, schema = LIKE.get(table), tables.get(table)
        if like is not None and schema is not None and set(like.columns) <= set(schema.columns) and row.get(like.text):
            yield Question("like", table, _like(table, like, row, schema))
            if like.place == "DeviceName":
                yield Question("places", table, _places(table))
    if detection.techniques[0].partition(".")[0] in SCANS:
        for table, source in sources(detection, evidence):
            columns = (REACHING[table].source, REACHING[table].target)
            if (schema := tables.get(table)) is not None and set(columns) <= set(schema.columns):
                yield Question("reached", table, _reached(table, source), source)


def _like(table: str, like: Likeness, row: Mapping[str, Any], schema: TableSchema) -> str:
    tests = [_equal(name, row.get(name)) for name in like.names]
    beginning = BEGINNING.match(str(row[like.text]))
    if like.text not in like.names and beginning is not None and len(beginning[0]) >= SHORTEST:
        tests.append(Binary("startswith", Name(like.text), Value("string", beginning[0])))
    groups = tuple(_named(name, schema) for name in like.columns)
    return _summarized(table, tests, Named(Call("count"), "Rows"), groups)


def _named(column: str, schema: TableSchema) -> Named:
    if schema.columns[column].type == "dynamic":
        return Named(Call("tostring", (Name(column),)), column)
    return Named(Name(column))


def _places(table: str) -> str:
    return _summarized(table, [], Named(Call("dcount", (Name("DeviceName"),)), "Places"), (), by_hour=False)


def _reached(table: str, source: str) -> str:
    reaching = REACHING[table]
    tests: list[Expr] = [Binary("=~", Name(reaching.source), Value("string", source))]
    return _summarized(table, tests, Named(Call("dcount", (Name(reaching.target),)), "Targets"), ())


def _equal(column: str, value: object) -> Expr:
    if value in (None, ""):
        return Call("isempty", (Name(column),))
    return Binary("==", Name(column), Value("string", str(value)))


def _summarized(
    table: str, tests: Iterable[Expr], what: Named, groups: tuple[Named, ...], *, by_hour: bool = True
) -> str:
    hour = (Named(Call("bin", (Name(TIME), Value("timespan", HOUR))), TIME),) if by_hour else ()
    steps = (*(Where(test) for test in tests), Summarize((what,), (*groups, *hour)))
    return render(Query((), Pipeline(Table(table), steps)))
