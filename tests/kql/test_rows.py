"""Functions of neighbouring rows and the taking apart of values, with the answers that Kusto documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from soc_analyst.tools.kql import EngineRefusal, parse, render, to_sql

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SCHEMA = {"T": ["TimeGenerated", "Name", "Size", "Data", "Zz1"]}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    con.execute("CREATE TABLE T (TimeGenerated TIMESTAMP, Name VARCHAR, Size BIGINT, Data JSON, Zz1 VARCHAR)")
    rows = [
        ("2026-03-04 11:00", "ana", 3, '{"a": ["x", "y"], "b": [1, 2, 3]}', "kept"),
        ("2026-03-04 10:00", "bo", 1, '{"a": []}', "kept"),
        ("2026-03-04 10:30", "ana", 2, None, "kept"),
    ]
    con.executemany("INSERT INTO T VALUES (?, ?, ?, ?, ?)", rows)
    yield con
    con.close()


@pytest.mark.parametrize(
    ("steps", "rows"),
    [
        ("sort by Size asc | extend n = row_number() | project Size, n", [(1, 1), (2, 2), (3, 3)]),
        ("sort by Size asc | extend n = row_number(5) | project n", [(5,), (6,), (7,)]),
        ("sort by Size desc | extend p = prev(Size), q = next(Size) | project p, q", [(None, 2), (3, 1), (2, None)]),
        ("sort by Size asc | extend p = prev(Name, 1, '') | project p", [("",), ("bo",), ("ana",)]),
        ("sort by Size asc | extend p = prev(Size, 2, 0) | project p", [(0,), (0,), (1,)]),
        ("sort by Size asc | extend c = row_cumsum(Size) | project c", [(1,), (3,), (6,)]),
        ("sort by Size asc | extend c = row_cumsum(Size, Name == 'ana') | project c", [(1,), (2,), (3,)]),
        (
            "sort by Name asc, Size asc | extend n = row_number(1, prev(Name) != Name) | project Name, n",
            [("ana", 1), ("ana", 2), ("bo", 1)],
        ),
        ("sort by Size asc | where prev(Name) == 'bo' | project Size, Zz1", [(2, "kept")]),
        ("sort by Size asc | project gap = Size - prev(Size) | where isnotnull(gap)", [(1,), (1,)]),
        ("top 2 by Size asc | serialize n = row_number() | project Size, n", [(1, 1), (2, 2)]),
        ("sort by Size asc | serialize | where row_number() == 2 | project Size", [(2,)]),
        (
            "sort by TimeGenerated asc | project d = TimeGenerated - prev(TimeGenerated) | where d > 0s",
            [(timedelta(minutes=30),), (timedelta(minutes=30),)],
        ),
        (
            "sort by Size asc | extend n = row_number() | join kind=inner (T | sort by Size desc | "
            "project Size, m = row_number()) on Size | project n, m | sort by n asc",
            [(1, 3), (2, 2), (3, 1)],
        ),
        ("parse kind=simple Name with 'a' Rest | project Rest", [("na",), ("",), ("na",)]),
        ("parse-where kind=regex Name with 'a[a-z]' Rest | project Rest", [("a",), ("a",)]),
        ("mv-expand x = Data.a to typeof(string) | project x", [("x",), ("y",), ("",)]),
        (
            "where Size == 3 | mv-expand with_itemindex=i x = Data.a, y = Data.b | project i, tostring(x), tolong(y)",
            [(0, "x", 1), (1, "y", 2), (2, "", 3)],
        ),
        ("mv-apply x = Data.b to typeof(long) on (where x > 1) | project Size, x", [(3, 2), (3, 3)]),
        ("mv-apply x = Data.b to typeof(long) on (top 1 by x) | where x > 0 | project Size, x", [(3, 3)]),
        (
            "where Size == 3 | mv-apply x = Data.b to typeof(long) on (sort by x desc | take 2 | extend y = x * 2) "
            "| project x, y",
            [(3, 6), (2, 4)],
        ),
        (
            "mv-apply x = Data.b to typeof(long) on (where x > 1 | project big = x) | project Size, big",
            [(3, 2), (3, 3)],
        ),
        (
            "sort by Size asc | mv-apply x = Data.b to typeof(long) on (where x > 1 "
            "| summarize n = count(), m = max(x)) | project Size, n, m",
            [(1, 0, None), (2, 0, None), (3, 2, 3)],
        ),
        (
            "where Size == 3 | mv-apply x = Data.b to typeof(long) on (summarize n = count() by odd = x % 2) "
            "| project odd, n | sort by odd asc",
            [(0, 1), (1, 2)],
        ),
        (
            "where Size == 3 | mv-apply x = Data.a to typeof(string) on "
            "(summarize joined = strcat_array(make_list(x), '-')) | project joined, Zz1",
            [("x-y", "kept")],
        ),
        ("where Size == 3 | mv-apply Data on (summarize n = count()) | project n", [(2,)]),
        ("where Size == 3 | mv-apply with_itemindex=i x = Data.b limit 2 on (where i >= 0) | project i", [(0,), (1,)]),
        (
            "where Size == 3 | mv-apply x = Data.a on (distinct y = tostring(x)) | project y | sort by y asc",
            [("x",), ("y",)],
        ),
        ("where Size == 3 | mv-expand x = Data.b to typeof(long) limit 2 | project x", [(1,), (2,)]),
    ],
)
def test_answers(con: duckdb.DuckDBPyConnection, steps: str, rows: list[tuple[object, ...]]) -> None:
    tree = parse(f"T | {steps}").tree
    assert tree is not None, parse(f"T | {steps}").diagnostics
    sql = to_sql(render(tree), SCHEMA, NOW)
    assert con.execute(sql.text, sql.parameters).fetchall() == rows


def test_rows_keep_their_order_in_a_table_of_many_blocks() -> None:
    con = duckdb.connect()
    con.execute("SET threads = 4")
    con.execute("CREATE TABLE T AS SELECT hash(i) % 300000 AS Size FROM range(300000) s(i)")
    kql = "T | sort by Size asc | extend p = prev(Size, 1, 0), n = row_number() | where p > Size or n < 1 | count"
    sql = to_sql(kql, {"T": ["Size"]}, NOW)
    assert con.execute(sql.text, sql.parameters).fetchall() == [(0,)]


def test_helper_columns_are_gone(con: duckdb.DuckDBPyConnection) -> None:
    sql = to_sql("T | sort by Size asc | extend p = prev(Size)", SCHEMA, NOW)
    names = [column[0] for column in con.execute(sql.text, sql.parameters).description or ()]
    assert names == [*SCHEMA["T"], "p"]


@pytest.mark.parametrize(
    ("step", "construct"),
    [
        ("make-series n = count() on TimeGenerated from ago(1d) to now() step 1h by Name", "make-series"),
        ("top-nested 2 of Name by count(), top-nested 1 of Size by max(Size)", "top-nested"),
        ("top-hitters 2 of Name by Size", "top-hitters"),
        ("mv-apply x = Data.a on (extend n = row_number())", "neighbouring rows within mv-apply"),
        ("mv-apply x = Data.a on (summarize avg(tolong(x)))", r"avg\(\) within mv-apply"),
        ("sample 2", "sample"),
        ("sample-distinct 2 of Name", "sample-distinct"),
    ],
)
def test_what_only_azure_has_is_refused_by_its_name(step: str, construct: str) -> None:
    with pytest.raises(EngineRefusal, match=f"the embedded engine has no {construct}$"):
        to_sql(f"T | where Size > 1 | {step}", SCHEMA, NOW)
