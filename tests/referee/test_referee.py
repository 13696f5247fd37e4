"""What the guard approves, Microsoft's own parser accepts, and finds no other table or column in it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text
from soc_analyst.tools.guard.binder import bind
from soc_analyst.tools.kql import parse

from ..guard.mutants import MUTANTS, honest
from .official import Referee

Tables = Mapping[str, TableSchema]


def accept(referee: Referee, approved: ApprovedQuery) -> None:
    """Assert that the official parser reads an approved text as the guard does."""
    ruling = referee.judge(approved.kql)
    assert ruling.faults == [], approved.kql
    assert ruling.kind == "Query"
    # Each table is named once, in its own view: whatever follows reads the view.
    assert ruling.tables == dict.fromkeys(approved.tables, 1), approved.kql
    assert ruling.columns == {table: tuple(sorted(columns)) for table, columns in approved.columns.items()}


@pytest.mark.parametrize("kql", honest())
def test_honest_query(kql: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert verdict.approved is not None, verdict.diagnostics
    accept(referee, verdict.approved)


@pytest.mark.parametrize("kql", honest())
def test_honest_query_returns_what_the_binder_says(
    kql: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    tree = parse(kql).tree
    assert verdict.approved is not None
    assert tree is not None
    ours = {name: cell.kind for name, cell in bind(tree, policy, tables).output.cells.items()}
    output = referee.judge(verdict.approved.kql).output
    assert [name for name, _ in output] == list(ours)
    assert {name: kind for name, kind in output if ours[name] not in (kind, "any")} == {}


STEPS = st.sampled_from([step for kql in honest() for step in kql.replace("\n", " ").split(" | ")[1:]])
PATCHED = st.builds(
    lambda kql, steps: " | ".join([kql, *steps]), st.sampled_from(honest()), st.lists(STEPS, min_size=1, max_size=3)
)
"""Honest queries that go on with steps of others: many are refused, those approved are of forms nobody wrote down."""


def _judged(kql: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    if verdict.approved is not None:
        accept(referee, verdict.approved)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kql=st.one_of(PATCHED, MUTANTS))
def test_generated_query(kql: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    _judged(kql, referee, policy, tables, window)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kql=st.one_of(PATCHED, MUTANTS))
def test_thousands_of_generated_queries(
    kql: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow
) -> None:
    _judged(kql, referee, policy, tables, window)
