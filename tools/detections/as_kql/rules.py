"""A rule as a KQL query over its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql import render
from soc_analyst.tools.kql.tree import Extend, Name, Pipeline, ProjectNames, Query, Table, Where

from ..ruleset import CompiledRule
from .counting import counting
from .tests import fields_of, wanted_of

__all__ = ["kql_of", "query_of", "table_of"]


def kql_of(rule: CompiledRule, tables: Mapping[str, TableSchema], rules: Iterable[CompiledRule] = ()) -> str:
    """Return the query as canonical text; raise Unsupported, with the reason, where KQL cannot say it.

    `rules` are those that a correlation may speak of.
    """
    return render(query_of(rule, tables, rules))


def query_of(rule: CompiledRule, tables: Mapping[str, TableSchema], rules: Iterable[CompiledRule] = ()) -> Query:
    """Return the query whose rows are those that meet the rule; of a correlation, one row for each group that does."""
    if rule.correlation is not None:
        return counting(rule, tables, {key: one for one in rules for key in (one.id, one.name) if key})
    fields = fields_of(rule.table, tables)
    wanted = wanted_of(rule, fields)
    steps = [*fields.steps(wanted), Where(wanted)]
    names = tuple(Name(step.items[0].name) for step in steps if isinstance(step, Extend) and step.items[0].name)
    away = (ProjectNames("away", names),) if names else ()
    return Query((), Pipeline(Table(rule.table), (*steps, *away)))


def table_of(rule: CompiledRule, rules: Iterable[CompiledRule]) -> str:
    """Return the table of a rule; of a correlation, that of the rules it counts."""
    named = rule.correlation["rules"] if rule.correlation else ()
    return rule.table or next((one.table for one in rules if one.id in named or one.name in named), "")
