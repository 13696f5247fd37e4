"""Typed query to tree. Values become literals and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from soc_analyst.state.queries import AnyOf, Condition, Scalar, TypedQuery
from soc_analyst.state.tables import ColumnType

from .literals import datetime_text
from .tree import (
    Binary,
    Call,
    Expr,
    Literal,
    Logical,
    Membership,
    Name,
    Named,
    Operator,
    Pipeline,
    Project,
    Query,
    Sort,
    SortKey,
    Summarize,
    Table,
    Where,
)  # fmt: skip

__all__ = ["TIME", "tree_of"]

TIME = "TimeGenerated"

Types = Mapping[str, ColumnType]

_ANY = ("has_any", "in", "in~", "!in", "!in~")


def tree_of(query: TypedQuery, types: Types | None = None) -> Query:
    """Return the tree of a typed query, without window and row cap, which the guard adds.

    `types` gives the KQL types of the table's columns, so that dynamic ones are compared as text. The conditions must
    have been checked: each operator with as many values as it takes.
    """
    steps = [Where(_any_of(one, types or {})) for one in query.where]
    return Query((), Pipeline(Table(query.table), (*steps, *_SHAPES[query.shape](query, types or {}))))


def _any_of(group: AnyOf, types: Types) -> Expr:
    tests = tuple(_test(condition, types) for condition in group.conditions)
    return tests[0] if len(tests) == 1 else Logical("or", tests)


def _test(condition: Condition, types: Types) -> Expr:
    column: Expr = Name(condition.column)
    if types.get(condition.column) == "dynamic":
        column = Call("tostring", (column,))
    literals = tuple(_literal(value, types.get(condition.column)) for value in condition.values)
    if condition.op in ("isempty", "isnotempty"):
        return Call(condition.op, (column,))
    if condition.op in _ANY:
        return Membership(condition.op, column, literals)
    return Binary(condition.op, column, literals[0])


def _literal(value: Scalar, kind: ColumnType | None) -> Literal:
    if isinstance(value, bool):
        return Literal("bool", value)
    if isinstance(value, int):
        return Literal("real", float(value)) if kind == "real" else Literal("long", value)
    if isinstance(value, float):
        return Literal("real", value)
    if kind == "datetime":
        return Literal("datetime", datetime_text(_instant(value)))
    return Literal("string", value)


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rows(query: TypedQuery, _: Types) -> tuple[Operator, ...]:
    """Return the newest rows first."""
    columns = tuple(dict.fromkeys((TIME, *query.columns)))
    kept = (Project(tuple(Named(Name(name)) for name in columns)),) if query.columns else ()
    return (*kept, Sort((SortKey(Name(TIME)),)))


def _coverage(_query: TypedQuery, _: Types) -> tuple[Operator, ...]:
    return (
        Summarize(
            (
                Named(Call("count"), "Rows"),
                Named(Call("min", (Name(TIME),)), "First"),
                Named(Call("max", (Name(TIME),)), "Last"),
            )
        ),
    )


def _values(query: TypedQuery, types: Types) -> tuple[Operator, ...]:
    """Return each distinct value with its rows, most frequent first and ties by value, so that a cut is repeatable."""
    column = Name(query.values_of)
    as_text = Named(Call("tostring", (column,)), query.values_of)
    group = as_text if types.get(query.values_of) == "dynamic" else Named(column)
    grouped = Summarize((Named(Call("count"), "Rows"),), (group,))
    return (grouped, Sort((SortKey(Name("Rows")), SortKey(column, ascending=True))))


_SHAPES: dict[str, Callable[[TypedQuery, Types], tuple[Operator, ...]]] = {
    "rows": _rows,
    "coverage": _coverage,
    "values": _values,
}
