"""What several workspaces answered, told as one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from soc_analyst.state.queries import ApprovedQuery, Diagnostic, Shape
from soc_analyst.tools.logs.azure.joining import joined
from soc_analyst.tools.logs.base import WORKSPACE, QueryResult

from .conftest import approved

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TOO_LARGE = Diagnostic(code="too-large", message="rows are missing")


def query(shape: Shape, row_cap: int = 100) -> ApprovedQuery:
    return approved("T", row_cap=row_cap).model_copy(update={"shape": shape})


def rows(*minutes: int, cut: bool = False) -> QueryResult:
    times = [NOON - timedelta(minutes=m) for m in minutes]
    table = pa.table({"TimeGenerated": pa.array(times, pa.timestamp("us", "UTC")), "m": list(minutes)})
    return QueryResult("partial", table, truncated=True, diagnostics=(TOO_LARGE,)) if cut else QueryResult("ok", table)


def test_rows_come_newest_first_and_name_their_workspace() -> None:
    found = joined({"a": rows(1, 5), "b": rows(2, 3)}, query("rows"))
    assert found.rows["m"].to_pylist() == [1, 2, 3, 5]
    assert found.rows[WORKSPACE].to_pylist() == ["a", "b", "b", "a"]
    assert (found.status, found.truncated) == ("ok", False)


def test_below_the_cut_of_one_workspace_no_rows_of_another_are_kept() -> None:
    found = joined({"a": rows(1, 5, 9, 20), "b": rows(2, 7, cut=True)}, query("rows"))
    assert found.rows["m"].to_pylist() == [1, 2, 5, 7]
    assert (found.status, found.truncated) == ("partial", True)
    assert [why.message for why in found.diagnostics] == ["b: rows are missing"]


def test_the_cap_holds_for_all_together() -> None:
    found = joined({"a": rows(1, 5), "b": rows(2, 3)}, query("rows", row_cap=3))
    assert found.rows["m"].to_pylist() == [1, 2, 3] and found.truncated


def test_coverage_is_that_of_all_together() -> None:
    def held(count: int, first: datetime | None, last: datetime | None) -> QueryResult:
        times = pa.timestamp("us", "UTC")
        table = pa.table({"Rows": [count], "First": pa.array([first], times), "Last": pa.array([last], times)})
        return QueryResult("ok", table)

    hour = timedelta(hours=1)
    answers = {"a": held(3, NOON - hour, NOON), "b": held(4, NOON - 2 * hour, NOON - hour), "c": held(0, None, None)}
    assert joined(answers, query("coverage")).rows.to_pylist() == [{"Rows": 7, "First": NOON - 2 * hour, "Last": NOON}]


def test_values_are_counted_over_all() -> None:
    def counted(**values: int) -> QueryResult:
        return QueryResult("ok", pa.table({"DeviceName": list(values), "Rows": list(values.values())}))

    found = joined({"a": counted(x=3, y=1), "b": counted(y=4)}, query("values"))
    assert found.rows.to_pylist() == [{"DeviceName": "y", "Rows": 5}, {"DeviceName": "x", "Rows": 3}]


def test_a_workspace_that_failed_leaves_the_others_and_is_named() -> None:
    failed = QueryResult.failed(Diagnostic(code="denied", message="may not read"))
    half = joined({"a": rows(1), "b": failed}, query("rows"))
    assert (half.status, half.rows.num_rows, half.diagnostics[0].message) == ("partial", 1, "b: may not read")
    assert joined({"a": failed, "b": failed}, query("rows")).status == "failed"
