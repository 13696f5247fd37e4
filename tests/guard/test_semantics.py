"""What expressions give on the embedded engine, held to what Microsoft documents of Kusto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from soc_analyst.state.tables import Column, TableSchema
from soc_analyst.tools.guard import load_policy
from soc_analyst.tools.guard.binder import bind
from soc_analyst.tools.guard.dialect import dialect
from soc_analyst.tools.kql import EngineRefusal, parse, render, to_sql

NOW = datetime(2026, 3, 4, 12)
_TEXT = Path(__file__).with_name("semantics.txt").read_text(encoding="utf-8")
CASES = [line.rsplit(" => ", 1) for line in _TEXT.splitlines() if line and not line.startswith("#")]
TYPES = {
    "TimeGenerated": "datetime", "s": "string", "e": "string", "n": "long", "m": "long", "z": "long", "i": "int",
    "r": "real", "b": "bool", "t": "datetime", "u": "datetime", "d": "dynamic", "l": "dynamic",
}  # fmt: skip
ROW = """CREATE TABLE Row AS SELECT TIMESTAMP '2026-03-04 11:00' AS TimeGenerated, 'PowerShell_ise.exe -Enc' AS s,
    '' AS e, 7::BIGINT AS n, (-7)::BIGINT AS m, NULL::BIGINT AS z, NULL::INTEGER AS i, 1.5::DOUBLE AS r, true AS b,
    TIMESTAMP '2026-03-04 05:06:07.123' AS t, NULL::TIMESTAMP AS u,
    '{"a":{"b":[10,20]},"q":"text","f":true,"nothing":null}'::JSON AS d, '[1,2,3]'::JSON AS l"""
TABLES = {
    "Row": TableSchema(
        name="Row",
        description="one row",
        topics=(),
        columns={name: Column(type=kind, description=name) for name, kind in TYPES.items()},  # type: ignore[arg-type]
    )
}
POLICY = load_policy().model_copy(update={"tables": {"Row": tuple(TYPES)}})


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    con.execute(ROW)
    yield con
    con.close()


def canonical(kql: str) -> str:
    tree = parse(kql).tree
    assert tree is not None, parse(kql).diagnostics
    bound = bind(tree, POLICY, TABLES)
    assert not bound.diagnostics, bound.diagnostics
    return render(bound.tree)


def value_of(con: duckdb.DuckDBPyConnection, kql: str) -> str:
    sql = to_sql(canonical(kql), {"Row": list(TYPES)}, NOW)
    return str(con.execute(sql.text, sql.parameters).fetchall()[0][0])


@pytest.mark.parametrize(("expression", "expected"), CASES, ids=[case[0] for case in CASES])
def test_expression(con: duckdb.DuckDBPyConnection, expression: str, expected: str) -> None:
    assert value_of(con, f"Row | project x = {expression}") == expected


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("count()", "1"),
        ("sum(z)", "0"),
        ("dcount(e)", "1"),
        ("max(z)", "None"),
        ("round(avg(n), 2)", "7.0"),
        ("countif(n > 1 and s has 'ise')", "1"),
        ("tostring(make_set(s))", '["PowerShell_ise.exe -Enc"]'),
        ("tostring(make_set(z))", "[]"),
        ("tostring(make_list(e))", '[""]'),
        ("tostring(make_set(l))", "[1,2,3]"),
        ("tostring(make_list(t))", '["2026-03-04T05:06:07.1230000Z"]'),
        ("array_length(make_set(l, 2))", "2"),
        ("tostring(make_set(bag_pack('k', n)))", '[{"k":7}]'),
        ("tostring(make_set_if(s, n > 100))", "[]"),
        ("tostring(make_list_with_nulls(z))", "[null]"),
        ("maxif(n, n > 100)", "None"),
        ("take_anyif(s, n == 7)", "PowerShell_ise.exe -Enc"),
        ("percentile(n, 50)", "7"),
        ("count_distinct(n)", "1"),
        ("binary_all_or(n)", "7"),
        ("sum(n) / count()", "7"),
        ("sum(n) * 1.0 / count()", "7.0"),
    ],
)
def test_aggregate(con: duckdb.DuckDBPyConnection, aggregate: str, expected: str) -> None:
    found = value_of(con, f"Row | summarize x = {aggregate}")
    assert sorted(found) == sorted(expected) if "make_set" in aggregate else found == expected


def test_percentiles_are_columns_of_their_own() -> None:
    text = canonical("Row | summarize percentiles(n, 50, 99.9)")
    assert "percentile_n_50 = percentile(n, 50), percentile_n_99_9 = percentile(n, real(99.9))" in text


@pytest.mark.parametrize("call", ["geo_info_from_ip_address(s)", "parse_xml(s)", "hash(s)", "ipv6_compare(s, s)"])
def test_what_only_azure_has_is_allowed_and_refused_by_name(call: str) -> None:
    name = call.partition("(")[0]
    assert name in dialect().azure_only
    with pytest.raises(EngineRefusal, match=f"the embedded engine has no function {name}"):
        to_sql(canonical(f"Row | project x = {call}"), {"Row": list(TYPES)}, NOW)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("where w == '' | count", "1"),
        ("where w != '' | count", "0"),
        ("where isempty(w) | count", "1"),
        ("where w !has 'x' | count", "1"),
        ("summarize x = tostring(make_set(w))", '[""]'),
        ("project x = strcat('<', w, '>')", "<>"),
    ],
)
def test_a_text_without_a_match_is_empty(con: duckdb.DuckDBPyConnection, rest: str, expected: str) -> None:
    joined = "Row | join kind=leftouter (Row | where n == 8 | project s, w = e) on s"
    assert value_of(con, f"{joined} | {rest}") == expected


def test_an_aggregate_within_a_function_names_the_column() -> None:
    text = canonical("Row | summarize tostring(make_set(s)), round(avg(n), 2) by z | where set_s has 'x' and avg_n > 1")
    assert "set_s = tostring(make_set(s)), avg_n = round(avg(n), 2)" in text
