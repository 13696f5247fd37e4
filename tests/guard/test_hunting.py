"""Everyday hunting queries are let through, run, and see nothing outside the window or the allowed columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text, recheck

HUNTS = Path(__file__).with_name("hunts.kql").read_text(encoding="utf-8").split("\n\n")[1:]


@pytest.mark.parametrize("kql", HUNTS)
def test_hunt_runs_within_its_bounds(
    kql: str, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow, workspace: Any
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    assert verdict.allowed, verdict.diagnostics
    assert verdict.approved is not None
    rows = workspace.run(verdict.approved)
    assert rows, "every hunt here matches the rows in the window"
    assert "c4n4ry" not in str(rows)
    assert "66613" not in str(rows)
    assert recheck(verdict.approved, policy=policy, tables=tables) == ()
