"""Rows of any type and size: every rule and statistic is run over them, and none stops the run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.tools.detections import detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables

TABLES = load_tables()
PACK = load_rules()
START = datetime(2026, 3, 4, tzinfo=UTC)
SIZE = 30
TELLING = "powershell -enc SQBFAFgAIABlAHYAaQBsAGUAdgBpAGwAZQB2AGkAbABlAHYAaQBs"
KINDS: dict[str, Callable[[int], Any]] = {
    "null": lambda _: None,
    "int": lambda at: at,
    "list": lambda at: [str(at), None],
    "struct": lambda at: {"a": at},
    "not a number": lambda at: float("nan") if at % 2 else 1.5,
    "bytes": lambda _: b"\xff\xfe",
    "time": lambda _: START,
    "rather long": lambda at: "cmd.exe /c " + "^ " * 100 + "A" * 10_000 if at < 2 else "",
    "long": lambda at: "cmd.exe /c " + "^ " * 1_000 + "A" * 1_000_000 if at < 2 else "",
}
SLOW = frozenset({"long", "struct", "time", "bytes"})
"""Kinds that take seconds each, or are met by the same code as those that remain."""


def hostile(table: str, kind: str, timed: bool) -> TableRows:
    columns = {name: pa.array([KINDS[kind](at) for at in range(SIZE)]) for name in TABLES[table].columns}
    if timed:
        columns["TimeGenerated"] = pa.array([START + timedelta(seconds=at) for at in range(SIZE)])
    return TableRows(table, pa.table(columns), ("q",) * SIZE, tuple(range(SIZE)))


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if kind in SLOW else kind for kind in KINDS]
)
def test_a_run_goes_on_over_columns_of_another_type_and_finds_what_stands_beside(kind: str, timed: bool) -> None:
    tables = [hostile(table, kind, timed) for table in TABLES if table != "DeviceProcessEvents"]
    bad = hostile("DeviceProcessEvents", kind, timed).rows
    column = bad.column_names.index("ProcessCommandLine")
    bad = bad.set_column(column, "ProcessCommandLine", pa.array([TELLING] * SIZE))
    bad = bad.set_column(bad.column_names.index("FileName"), "FileName", pa.array(["powershell.exe"] * SIZE))
    rows = TableRows("DeviceProcessEvents", bad, ("q",) * SIZE, tuple(range(SIZE)))
    found = detect(Evidence([*tables, rows]), rules=PACK, tables=TABLES)
    assert any(ref.table == "DeviceProcessEvents" for each in found for ref in each.rows)
