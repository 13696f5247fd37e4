"""What is asked whatever a model plans: the question's own subject, and the mending of what did not come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from soc_analyst.state.plans import Plan
from soc_analyst.state.queries import AnyOf, PlannedQuery, TypedQuery
from soc_analyst.tools.reasoning.base import Situation
from soc_analyst.tools.reasoning.by_rules.planner import RulesPlanner

__all__ = ["covers", "floor", "with_whole_rows"]

_MENDED = frozenset({"refused", "failed", "truncated"})


def floor(situation: Situation, planned: Iterable[PlannedQuery]) -> Plan:
    """Return what the rules would ask and a model's queries do not: nothing that a model says takes from it.

    At first that is the question's subject in every table that can answer; later the mending of each query that was
    refused, failed or cut and about whose table the model asks nothing.
    """
    asked = tuple(query.typed for query in planned if query.typed is not None)
    if not situation.records and not situation.feedback:
        plan = RulesPlanner().plan(situation)
        missing = (q for q in plan.queries if q.typed is None or not any(covers(one, q.typed) for one in asked))
        return plan.model_copy(update={"queries": tuple(missing)})
    tables = {one.table for one in asked}
    open_ = tuple(
        back
        for back in situation.feedback
        if back.kind in _MENDED and back.query.typed is not None and back.query.typed.table not in tables
    )
    if not open_:
        return Plan(round=situation.round)
    return RulesPlanner().plan(replace(situation, feedback=open_, leads=()))


def with_whole_rows(queries: Iterable[PlannedQuery], situation: Situation) -> tuple[PlannedQuery, ...]:
    """Ask for all columns where another query reads the same table: half a row beside a whole one would count twice."""
    planned = tuple(queries)
    asked = Counter(one.typed.table for one in planned if one.typed is not None)
    asked.update(record.table for record in situation.records)
    return tuple(
        one.model_copy(update={"typed": one.typed.model_copy(update={"columns": ()})})
        if one.typed is not None and asked[one.typed.table] > 1
        else one
        for one in planned
    )


def covers(wider: TypedQuery, narrower: TypedQuery) -> bool:
    """Return whether one query returns every row and column that another does."""
    return (
        wider.table == narrower.table
        and wider.shape == narrower.shape == "rows"
        and wider.start <= narrower.start
        and wider.end >= narrower.end
        and not wider.columns
        and wider.limit is None
        and all(any(_implies(given, wanted) for given in narrower.where) for wanted in wider.where)
    )


def _implies(given: AnyOf, wanted: AnyOf) -> bool:
    return set(given.conditions) <= set(wanted.conditions)
