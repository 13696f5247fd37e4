"""Correlations that count, as KQL: over stretches of time that follow one another, where the engine's may overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql.tree import (
    Binary,
    Expr,
    Extend,
    Literal,
    Name,
    Named,
    Pipeline,
    Query,
    Summarize,
    Table,
    Where,
)

from ..ruleset import CompiledRule
from ..tree import Unsupported
from .readings import Fields
from .tests import fields_of, wanted_of
from .words import all_of, any_of, call, number

__all__ = ["counting"]

TIME = Name("TimeGenerated")
COUNT, VALUES, FIRST, LAST = "Matches", "Values", "FirstSeen", "LastSeen"
OPERATORS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "==", "neq": "!="}
TICKS = 10_000_000
MOST_VALUES = 10_000
"""Distinct values told apart in one group."""


def counting(rule: CompiledRule, tables: Mapping[str, TableSchema], known: Mapping[str, CompiledRule]) -> Query:
    """Return the groups whose matches in one stretch of time are as many as the rule says; raise Unsupported."""
    told: Mapping[str, Any] = rule.correlation or {}
    if told["type"] not in ("event_count", "value_count"):
        raise Unsupported(f"correlation {told['type']}")
    parts = [known[reference] for reference in told["rules"] if reference in known]
    if len({part.table for part in parts}) != 1 or len(parts) < len(told["rules"]) or told["aliases"]:
        raise Unsupported("correlation over several tables")
    fields = fields_of(parts[0].table, tables)
    groups = {name: _first(name, fields) for name in told["group_by"]}
    value = _value(told, fields)
    needed = [*groups.values(), *([value] if value is not None else [])]
    wanted = all_of([any_of(wanted_of(part, fields) for part in parts), *map(_told, needed)])
    counted = call("count") if value is None else _distinct(value)
    by = [Named(call("tolower", value), _column(name, fields)) for name, value in groups.items()]
    stretch = Named(call("bin", TIME, Literal("timespan", told["seconds"] * TICKS)), TIME.name)
    ends = (Named(call("min", TIME), FIRST), Named(call("max", TIME), LAST))
    summed = Summarize((Named(counted, COUNT if value is None else VALUES), *ends), (*by, stretch))
    several = [] if value is None else [Extend((Named(call("array_length", Name(VALUES)), COUNT),))]
    enough = Where(Binary(OPERATORS[told["op"]], Name(COUNT), number(told["count"])))
    steps: list[Extend] = list(fields.steps(wanted, *needed))
    return Query((), Pipeline(Table(parts[0].table), (*steps, Where(wanted), summed, *several, enough)))


def _first(name: str, fields: Fields) -> Expr:
    found = fields.read(name)
    if found is None or not found.texts:
        raise Unsupported(f"correlation by {name}")
    return found.texts[0]


def _told(value: Expr) -> Expr:
    return call("isnotempty", value)


def _value(told: Mapping[str, Any], fields: Fields) -> Expr | None:
    """Return what is counted, or None where it is the matches themselves."""
    if told["type"] == "event_count":
        return None
    names = told["field"] if isinstance(told["field"], list) else [told["field"]]
    if len(names) != 1:
        raise Unsupported("correlation of several values")
    return _first(names[0], fields)


def _distinct(value: Expr) -> Expr:
    """Collect the values, to be counted exactly: `dcount` estimates."""
    return call("make_set", call("tolower", value), number(MOST_VALUES))


def _column(name: str, fields: Fields) -> str:
    """Return the table's own name for a group, so that it is known as an entity further on."""
    columns = {column.lower(): column for column in fields.schema.columns}
    found = fields.read(name)
    plain = next((text.name for text in (found.texts if found else ()) if isinstance(text, Name)), "")
    return plain if plain in fields.schema.columns else columns.get(name.lower(), name.replace(".", "_"))
