"""Rows as conditions that single them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import orjson

from soc_analyst.state.tables import ColumnType, TableSchema
from soc_analyst.tools.kql.literals import datetime_text
from soc_analyst.tools.kql.tree import Between, Binary, Expr, Literal, LiteralKind, Logical, Name, Where

__all__ = ["TIME", "Row", "moment_of", "pinned", "row_of"]

Row = Mapping[str, object]
TIME = "TimeGenerated"
LONGEST = 1_000
"""Characters of a value that is compared, where others tell the row too."""
WHOLE = frozenset({"long", "int"})


def row_of(line: str) -> Row:
    """Return the row of a log line, empty where it is none."""
    try:
        found = orjson.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def moment_of(row: Row) -> datetime | None:
    """Return when a row happened, where it says so."""
    try:
        moment = datetime.fromisoformat(str(row[TIME]))
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def pinned(rows: Sequence[Row], schema: TableSchema) -> tuple[Where, ...]:
    """Return steps that keep these rows and no others: what all share first, then each; none where nothing tells one.

    A row is told by its time and the columns that identify it, where it fills them; else by all that can be compared.
    """
    told = [dict(_tests(row, schema)) for row in rows]
    if not all(told):
        return ()
    shared = {name: test for name, test in told[0].items() if all(one.get(name) == test for one in told)}
    own = [tuple(test for name, test in one.items() if name not in shared) for one in told]
    steps = [Where(test) for test in shared.values()]
    return (*steps, Where(_any(dict.fromkeys(own)))) if all(own) else tuple(steps)


def _any(rows: Iterable[tuple[Expr, ...]]) -> Expr:
    parts = tuple(tests[0] if len(tests) == 1 else Logical("and", tests) for tests in rows)
    return parts[0] if len(parts) == 1 else Logical("or", parts)


def _tests(row: Row, schema: TableSchema) -> Iterator[tuple[str, Expr]]:
    moment = moment_of(row)
    if moment is not None and TIME in schema.columns:
        yield TIME, _at(moment)
    known = all(_said(row.get(name)) for name in schema.identity) and all(n in schema.columns for n in schema.identity)
    for name in schema.identity if schema.identity and known else schema.columns:
        literal = _literal(row.get(name), schema.columns[name].type)
        if literal is not None and (known or len(str(literal.value)) <= LONGEST):
            yield name, Binary("==", Name(name), literal)


def _at(moment: datetime) -> Expr:
    """Test for a time as far as rows are kept: to the microsecond, where a workspace has tenths of it."""
    first = datetime_text(moment)
    return Between(Name(TIME), Literal("datetime", first), Literal("datetime", f"{first[:-2]}9Z"))


def _said(value: object) -> bool:
    return value is not None and value != ""


def _literal(value: object, kind: ColumnType) -> Literal | None:
    """Return a value to compare a column of this kind with; None for what has several forms, as JSON and fractions."""
    if isinstance(value, bool):
        return Literal("bool", value) if kind == "bool" else None
    if isinstance(value, str):
        return Literal("string", value) if kind == "string" and value else None
    if isinstance(value, int | float) and float(value).is_integer():
        as_kind: LiteralKind = "real" if kind == "real" else "long"
        return Literal(as_kind, float(value) if kind == "real" else int(value)) if kind in {*WHOLE, "real"} else None
    return None
