"""Whether a query returns events of a table as they stand there, or a table that it made of them."""

from __future__ import annotations

from collections.abc import Mapping

from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql import parse
from soc_analyst.tools.kql.tabular import Sample, Serialize
from soc_analyst.tools.kql.tree import (
    Extend,
    Let,
    Name,
    Named,
    Node,
    Operator,
    Pipeline,
    Project,
    ProjectNames,
    Sort,
    Take,
    Top,
    Where,
)

from .bounds import inside
from .check import MAX_RENDERED

__all__ = ["returns_events"]

TIME = "TimeGenerated"
_PLAIN = (Where, Sort, Take, Top, Sample)
_MOST_LETS = 50


def returns_events(approved: ApprovedQuery, tables: Mapping[str, TableSchema]) -> bool:
    """Return whether each row that comes back is one row of one table, with its time and under its own column names.

    What is not understood is a table that the query made: that hides rows from rules, and shows them nothing false.
    """
    if approved.shape != "free":
        return approved.shape == "rows"
    tree = parse(approved.kql, max_text=MAX_RENDERED).tree
    query = inside(tree, approved.tables) if tree is not None else None
    if query is None:
        return False
    columns = {name: frozenset(tables[name].columns) for name in approved.tables if name in tables}
    return _keeps(query.body, {let.name: let for let in query.lets}, columns)


def _keeps(pipeline: Pipeline, lets: Mapping[str, Let], columns: Mapping[str, frozenset[str]]) -> bool:
    """Follow a pipeline to its table; all steps on the way must leave rows as they are."""
    for _ in range(_MOST_LETS):
        source = pipeline.source
        if source is None:
            return False
        table = columns.get(source.name)
        own = frozenset[str]().union(*columns.values()) if table is None else table
        if not all(_leaves(step, own) for step in pipeline.steps):
            return False
        if table is not None:
            return True
        value: Node | None = lets[source.name].value if source.name in lets else None
        if not isinstance(value, Pipeline):
            return False
        pipeline = value
    return False


def _leaves(step: Operator, own: frozenset[str]) -> bool:
    """Return whether a step keeps, orders or widens rows, and changes no column of the table."""
    if isinstance(step, _PLAIN):
        return True
    if isinstance(step, Extend | Serialize):
        return not any({item.name, *item.more} & own for item in step.items)
    if isinstance(step, Project):
        return TIME in {_bare(item) for item in step.items} and not any(_renames(item, own) for item in step.items)
    if isinstance(step, ProjectNames):
        named = {name.name for name in step.names if isinstance(name, Name)}
        all_plain = len(named) == len(step.names)
        return step.how == "reorder" or (all_plain and (TIME in named) == (step.how == "keep"))
    return False


def _bare(item: Named) -> str:
    """Return the column that an item is as it stands, empty where it computes one."""
    expr = item.expr
    return expr.name if isinstance(expr, Name) and item.name in (None, expr.name) and not item.more else ""


def _renames(item: Named, own: frozenset[str]) -> bool:
    """Return whether an item puts another value under the name of a column of the table."""
    return not _bare(item) and bool({item.name, *item.more} & own)
