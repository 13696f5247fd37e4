"""Canonical text on the real engine: values stay data, time is given, what the engine lacks is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import duckdb
import pytest
from duckdb_kql.lower import lower
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soc_analyst.state.queries import AnyOf, Condition, TypedQuery
from soc_analyst.tools.kql import EngineRefusal, parse, render, to_sql, tree_of

NOW = datetime(2026, 3, 4, 12)
SCHEMA = {"T": ["TimeGenerated", "Name", "Size", "Data"], "U": ["Name", "Port"]}
HOSTILE = [
    *(
        '"',
        "'",
        "\\",
        "\n",
        "\r\n",
        "\t",
        "\x00",
        "\x1b",
        "\u2028",
        "\u202e",
        "\U0001f600",
        "\\u0041",
        '\\"',
        "*/",
        "--",
    ),
    *(
        '"; .drop table T',
        '") or 1 == 1 //',
        "'; DROP TABLE T; --",
        "${x}",
        "$kqlnow",
        "{0}",
        "%",
        "_",
        "h'x'",
        "@'",
        "```",
    ),
]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    con.execute("CREATE TABLE T (TimeGenerated TIMESTAMP, Name VARCHAR, Size BIGINT, Data JSON)")
    con.execute("CREATE TABLE U (Name VARCHAR, Port INT)")
    con.execute(
        "INSERT INTO T VALUES ('2026-03-04 11:00', 'plain', 1, '{\"a\": [\"x\"]}'), ('2026-03-01', 'other', 2, NULL)"
    )
    con.execute("INSERT INTO U VALUES ('plain', 443)")
    yield con
    con.close()


def run(con: duckdb.DuckDBPyConnection, kql: str) -> list[tuple[object, ...]]:
    tree = parse(kql).tree
    assert tree is not None, parse(kql).diagnostics
    sql = to_sql(render(tree), SCHEMA, NOW)
    return con.execute(sql.text, sql.parameters).fetchall()


@pytest.mark.parametrize(
    ("kql", "rows"),
    [
        ("T | where Name == 'plain' | project Size", [(1,)]),
        ("T | where TimeGenerated > ago(2h) | count", [(1,)]),
        ("T | where Name =~ 'PLAIN' and Name has 'plain' and Name !has 'pla' | project Size", [(1,)]),
        ("T | where Data.a[0] == 'x' | project tostring(Data.a[0])", [("x",)]),
        ("T | join kind=inner U on Name | project Port", [(443,)]),
        ("T | where Name in (U | project Name) | project Name", [("plain",)]),
        ("T | where Name in~ ('PLAIN', 'x') | summarize n = count() by bin(TimeGenerated, 1d) | project n", [(1,)]),
        ("let cut = ago(1d); T | where TimeGenerated between (cut .. 2d) | distinct Name", [("plain",)]),
        ("T | sort by Size asc | take 1 | project Name", [("plain",)]),
        ("T | top 1 by Size | project Name", [("other",)]),
        ("union (T | project Name), (U | project Name) | where Name == 'plain' | count", [(2,)]),
        ("T | where Name matches regex @'^pl\\w+$' | project Size", [(1,)]),
        ('T | where Name == "\\u0070lain" | project Size', [(1,)]),
        ("T | summarize arg_max(TimeGenerated, Name) | project Name", [("plain",)]),
    ],
)  # fmt: skip
def test_answers(con: duckdb.DuckDBPyConnection, kql: str, rows: list[tuple[object, ...]]) -> None:
    assert run(con, kql) == rows


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)))
@example("".join(HOSTILE))
def test_hostile_value_finds_itself_and_nothing_else(value: str) -> None:
    query = TypedQuery(
        table="T",
        start=NOW,
        end=NOW,
        where=(AnyOf(conditions=(Condition(column="Name", op="in", values=(value, "\x07none")),)),),
    )
    with duckdb.connect() as con:
        con.execute("CREATE TABLE T (TimeGenerated TIMESTAMP, Name VARCHAR)")
        con.execute(
            "INSERT INTO T VALUES (now()::TIMESTAMP, ?), (now()::TIMESTAMP, ?), (NULL, '')", [value, value + "x"]
        )
        sql = to_sql(render(tree_of(query)), {"T": ["TimeGenerated", "Name"]}, NOW)
        assert [row[1] for row in con.execute(sql.text, sql.parameters).fetchall()] == [value]
        assert con.execute("SELECT count(*) FROM T").fetchone() == (3,)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_value_in_every_place_a_value_can_stand(con: duckdb.DuckDBPyConnection, value: str) -> None:
    quoted = render(parse("T | where x == ''").tree).replace('""', "{}")  # type: ignore[arg-type]
    assert quoted.endswith("{}")
    for op in ("has", "contains", "startswith", "endswith", "=~", "!=", "has_any", "in~"):
        query = TypedQuery(
            table="T",
            start=NOW,
            end=NOW,
            where=(AnyOf(conditions=(Condition(column="Name", op=op, values=(value,)),)),),
        )
        sql = to_sql(render(tree_of(query)), SCHEMA, NOW)
        found = {row[1] for row in con.execute(sql.text, sql.parameters).fetchall()}
        assert found == ({"plain", "other"} if op == "!=" else set())


SAME = [
    "T | where Name == 'a' and Size > 1 or Size < 3 and not(isempty(Name))",
    "T | where Size + 1 * 2 - 3 > 4 or -Size < 2",
    "T | where TimeGenerated between (ago(1d) .. now()) and Name !in~ ('a', 'b')",
    "T | extend x = tolower(Name), y = Data.a['b c'][0] | project-away x | project-rename z = y",
    "T | summarize n = count(), dcount(Name), make_set(Name, 5) by bin(TimeGenerated, 1h), Size | order by n asc, Size",
    "T | join kind=leftanti (U | where Port == 443) on Name | take 5",
    "T | join kind=inner U on $left.Name == $right.Name | top 3 by Size asc nulls last",
    "T | where Name has_any ('a', 'b') or Name matches regex @'\\d' | distinct Name, Size | count",
    "let a = dynamic(['x', 'y']); let b = T | where Name in (a); b | where TimeGenerated > datetime(2026-03-04T05:06Z)",
    "T | mv-expand Data to typeof(string) | limit 3",
    "T | where Size !between (1 .. 2) or Name !startswith 'x' or Name !contains_cs 'y'",
]


@pytest.mark.parametrize("kql", SAME)
def test_canonical_text_means_to_another_parser_what_the_given_text_means(kql: str) -> None:
    tree = parse(kql).tree
    assert tree is not None
    given = str(lower(kql))
    again = str(lower(render(tree)))
    assert _plain(again) == _plain(given)


def _plain(ir: str) -> str:
    """Level the two spellings of one value that the trees of the other parser tell apart."""
    return ir.replace("T05:06:00Z", "T05:06Z").replace("'['x', 'y']'", "").replace(", ", ",").replace(": ", ":")


@pytest.mark.parametrize(
    ("kql", "said"),
    [
        ("T | project-reorder Name", "has no project-reorder"),
        ("T | where Name has 'x' | make-series n = count() on TimeGenerated step 1d", "has no make-series"),
        ("T | where Size > 1tick", "has no literal timespan"),
    ],
)
def test_what_the_engine_lacks_is_said(kql: str, said: str) -> None:
    with pytest.raises(EngineRefusal, match=said):
        to_sql(kql, SCHEMA, NOW)


@pytest.mark.parametrize("kql", [".show tables", "['/etc/passwd'] | take 1; T", "set x=1; T", "T | invoke f()"])
def test_text_that_cannot_be_read_never_reaches_the_engine(kql: str) -> None:
    with pytest.raises(EngineRefusal) as refusal:
        to_sql(kql, SCHEMA, NOW)
    assert not refusal.value.diagnostic.code.startswith("engine")


def test_a_view_that_keeps_every_column_is_left_out_for_the_engine_and_no_other() -> None:
    text = "let T = T | where A == 1 | project A, B;\nT\n| where B == 2\n| take 5"
    now = datetime(2026, 3, 4)
    whole, narrow = to_sql(text, {"T": ["B", "A"]}, now).text, to_sql(text, {"T": ["A", "B", "Hidden"]}, now).text
    con = duckdb.connect()
    con.execute("create table T as select 1 as A, 2 as B, 'x' as Hidden")
    assert "Hidden" not in [
        column[0]
        for column in con.execute(narrow, to_sql(text, {"T": ["A", "B", "Hidden"]}, now).parameters).description
    ]
    assert len(whole) < len(narrow)
