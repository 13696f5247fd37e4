"""Queries that cost too much end with one clear line, and the workspace goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from .conftest import approved

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
T = "DeviceProcessEvents"
CROSSED = f"{T} | extend k = 1 " + "".join(
    f"| join kind=inner ({T} | extend k = 1 | project k, c{i} = ProcessCommandLine) on k " for i in range(6)
)


@pytest.fixture
def many(folder):
    """Return a folder with two thousand rows of up to a hundred words."""
    rows = [
        {
            "TimeGenerated": (NOW - timedelta(seconds=at)).isoformat(),
            "ProcessCommandLine": " ".join(f"a{i}" for i in range(at % 100)),
        }
        for at in range(2_000)
    ]
    (folder / f"{T}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return folder


HEAVY = {
    "rows of a cross join": f"{CROSSED}| where strcat(c0, c1) has 'zz'",
    "an aggregate of a cross join": f"{CROSSED}| summarize n = countif(strcat(c0, c1, c2) contains 'zz')",
    "a list of everything": f"{CROSSED}| summarize make_list(strcat(c0, c1, c2))",
    "a set of everything": f"{CROSSED}| summarize make_set(strcat(c0, c1, c2, c3, c4))",
    "arrays expanded into arrays": T
    + "".join(f" | mv-expand a{i} = split(ProcessCommandLine, ' ')" for i in range(6))
    + " | count",
    "everything in order": f"{CROSSED}| sort by c0 asc, c1 desc",
}


async def test_what_costs_too_much_ends_within_its_time_and_is_said(many, open_logs):
    async with open_logs(many) as workspace:
        for name, kql in HEAVY.items():
            result = await workspace.run(approved(kql), timeout=0.5)
            assert (result.status, result.rows.num_rows) == ("failed", 0), name
            (said,) = result.diagnostics
            assert said.code in ("timeout", "memory"), (name, said)
            assert said.hint
            assert "\n" not in said.message
            after = await workspace.run(approved(f"{T} | count"), timeout=30)
            assert after.rows.to_pylist() == [{"Count": 2_000}], name


async def test_a_pattern_that_would_run_away_elsewhere_is_linear_here(many, ask):
    kql = f"{T} | where ProcessCommandLine matches regex @'^(a+)+(a+)+(.*x.*y){{1,20}}$' | count"
    assert (await ask(many, kql)).rows.to_pylist() == [{"Count": 0}]
