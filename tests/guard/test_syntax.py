"""Default deny by kind: what the dialect does not list is refused, whoever made the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy
from soc_analyst.tools.guard.binder import bind
from soc_analyst.tools.guard.dialect import dialect
from soc_analyst.tools.kql import calls, parse, tabular, tree
from soc_analyst.tools.kql.tree import Binary, Join, Literal, Name, Node, Operator, Pipeline, Query, Table, Where
from soc_analyst.tools.kql.words import ARITHMETIC, COMPARISONS, JOIN_KINDS, MEMBERSHIPS, STRING_OPERATORS

ABSTRACT = {"Node", "Expr", "Operator", "Source"}


@dataclass(frozen=True)
class Teleport(Operator):
    """A step that nobody listed."""


STEPS = {
    "a step": Teleport(),
    "an operator": Where(Binary("resembles", Name("Id"), Literal("string", "x"))),
    "a literal": Where(Binary("==", Name("Id"), Literal("guid", "x"))),  # type: ignore[arg-type]
    "a join": Join("sideways", Pipeline(Table("AuditLogs")), ()),
}


@pytest.mark.parametrize("what", STEPS)
def test_what_is_not_listed_is_refused(what: str, policy: Policy, tables: Mapping[str, TableSchema]) -> None:
    bound = bind(Query((), Pipeline(Table("SigninLogs"), (STEPS[what],))), policy, tables)
    assert {fault.code for fault in bound.diagnostics} == {"refused-syntax"}


def test_the_list_is_of_what_can_be_read_and_of_nothing_else() -> None:
    kinds = {name for room in (tree, tabular, calls) for name in room.__all__ if _is_node(getattr(room, name))}
    syntax = dialect().syntax
    assert syntax.nodes == kinds - ABSTRACT
    assert syntax.operators == ARITHMETIC | COMPARISONS | STRING_OPERATORS | MEMBERSHIPS
    assert syntax.joins == JOIN_KINDS


def _is_node(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Node)


def test_a_listed_query_is_bound(policy: Policy, tables: Mapping[str, TableSchema]) -> None:
    found = parse("SigninLogs | where Id == 'x' | take 1").tree
    assert found is not None
    assert bind(found, policy, tables).diagnostics == ()
    assert bind(replace(found, body=replace(found.body, steps=(Teleport(),))), policy, tables).diagnostics
