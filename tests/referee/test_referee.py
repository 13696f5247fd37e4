"""What the guard approves, Microsoft's own parser accepts, and finds no other table or column in it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text
from soc_analyst.tools.guard.binder import bind
from soc_analyst.tools.kql import parse

from .official import Referee
from .texts import honest

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
