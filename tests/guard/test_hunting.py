"""Everyday hunting queries are let through, run, and see nothing outside the window or the allowed columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text, recheck

Tables = Mapping[str, TableSchema]


def _queries(file: str) -> list[str]:
    return Path(__file__).with_name(file).read_text(encoding="utf-8").strip().split("\n\n")[1:]


def _approved(kql: str, policy: Policy, tables: Tables, window: TimeWindow) -> ApprovedQuery:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert verdict.approved is not None, verdict.diagnostics
    assert recheck(verdict.approved, policy=policy, tables=tables) == ()
    return verdict.approved


def _nothing_hidden(rows: list[tuple[object, ...]]) -> None:
    assert "c4n4ry" not in str(rows)
    assert "66613" not in str(rows)


@pytest.mark.parametrize("kql", _queries("hunts.kql"))
def test_hunt_finds_rows_within_its_bounds(
    kql: str, policy: Policy, tables: Tables, window: TimeWindow, workspace: Any
) -> None:
    rows = workspace.run(_approved(kql, policy, tables, window))
    assert rows, "every hunt here matches the rows in the window"
    _nothing_hidden(rows)


@pytest.mark.parametrize("kql", _queries("honest.kql"))
def test_honest_query_runs_within_its_bounds(
    kql: str, policy: Policy, tables: Tables, window: TimeWindow, workspace: Any
) -> None:
    _nothing_hidden(workspace.run(_approved(kql, policy, tables, window)))


def test_honest_queries_read_every_table(policy: Policy) -> None:
    texts = "\n".join(_queries("honest.kql"))
    assert [table for table in policy.tables if table not in texts] == []
