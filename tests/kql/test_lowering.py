"""What is lowered from our tree is what the library reads from the text of that tree."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from duckdb_kql._antlr.KqlLexer import KqlLexer
from duckdb_kql.lower import lower
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from soc_analyst.tools.kql import parse, to_sql
from soc_analyst.tools.kql.engine.grammar import GRAMMAR_WORDS
from soc_analyst.tools.kql.engine.lowering import _FUNCTIONS, NotMapped, lowered, translated, translated_text
from soc_analyst.tools.kql.render import render_for_engine
from soc_analyst.tools.kql.tree import (
    Between,
    Binary,
    Call,
    Count,
    Distinct,
    Expr,
    Extend,
    Index,
    Join,
    JoinKey,
    Let,
    Literal,
    Member,
    Membership,
    Name,
    Named,
    Pipeline,
    Project,
    ProjectNames,
    ProjectRename,
    Query,
    Sort,
    SortKey,
    Star,
    Summarize,
    Table,
    Take,
    Top,
    Union,
    Where,
)
from soc_analyst.tools.kql.walking import walk
from soc_analyst.tools.kql.words import (
    ARITHMETIC,
    COMPARISONS,
    JOIN_KINDS,
    LOOKUP_KINDS,
    MEMBERSHIPS,
    STRING_OPERATORS,
)

from .test_roundtrip import LITERALS, QUERIES, _flat, _some

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SCHEMA = {name: ["TimeGenerated", "A", "B1", "Process_Id", "Is", "Has", "By"] for name in ("T", "SigninLogs")}

NAMES = st.one_of(
    st.sampled_from(["TimeGenerated", "A", "B1", "Process_Id", "Is", "Has", "By", "T", "Description", "True", "NULL"]),
    st.from_regex(r"[A-Z][A-Za-z0-9_]{0,6}", fullmatch=True),
    st.from_regex(r"[a-z_][A-Za-z0-9_]{0,6}", fullmatch=True),
    st.sampled_from(
        ["count_", "set_A", "k", "d", "h", "user", "min_x", "descr", "in_", "_x", "x1", "int32", "e1", "tick"]
    ),
)
NAME = st.builds(Name, NAMES)
SPANS = st.builds(Literal, st.just("timespan"), st.integers(0, 400).map(lambda minutes: minutes * 600_000_000))
LEAVES = st.one_of(LITERALS, SPANS, NAME, NAME, NAME, st.just(Call("now")))


def _deeper(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(_flat, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(Binary, st.sampled_from(sorted(ARITHMETIC | COMPARISONS | STRING_OPERATORS)), inner, inner),
        st.builds(Call, st.sampled_from(sorted(_FUNCTIONS)), several),
        st.builds(Membership, st.sampled_from(sorted(MEMBERSHIPS)), inner, several),
        st.builds(Between, inner, inner, inner, st.booleans()),
        st.builds(Member, st.one_of(NAME, inner), NAMES),
        st.builds(Index, st.one_of(NAME, inner), st.builds(Literal, st.just("long"), st.integers(0, 9))),
    )


EXPRESSIONS: st.SearchStrategy[Expr] = st.recursive(LEAVES, _deeper, max_leaves=8)
NAMED = st.builds(Named, EXPRESSIONS, st.one_of(st.none(), NAMES))
KEYS = st.builds(SortKey, st.one_of(NAME, EXPRESSIONS), st.booleans(), st.sampled_from([None, True, False]))
JOIN_KEYS = st.one_of(NAME.map(lambda name: JoinKey(name, name)), st.builds(JoinKey, NAME, NAME))
LATEST = st.builds(Named, st.builds(lambda key: Call("arg_max", (key, Star())), NAME), st.none())


def _steps(arms: st.SearchStrategy[Pipeline]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(Where, EXPRESSIONS),
        st.builds(Project, _some(NAMED)),
        st.builds(Extend, _some(NAMED)),
        st.builds(ProjectNames, st.just("away"), _some(NAME)),
        st.builds(ProjectRename, _some(st.builds(Named, NAME, NAMES))),
        st.builds(Summarize, _some(st.one_of(NAMED, LATEST)), st.one_of(st.just(()), _some(NAMED))),
        st.builds(Sort, _some(KEYS)),
        st.builds(Top, st.integers(0, 99), KEYS),
        st.builds(Take, st.integers(0, 99)),
        st.just(Count()),
        st.builds(Distinct, _some(NAMED)),
        st.builds(Join, st.sampled_from(sorted(JOIN_KINDS)), arms, _some(JOIN_KEYS)),
        st.builds(Join, st.sampled_from(sorted(LOOKUP_KINDS)), arms, _some(JOIN_KEYS), st.just(True)),
        st.builds(Union, _some(arms)),
    )


def _pipelines(arms: st.SearchStrategy[Pipeline], least: int = 0) -> st.SearchStrategy[Pipeline]:
    steps = st.lists(_steps(arms), min_size=least, max_size=3).map(tuple)
    return st.builds(Pipeline, st.builds(Table, st.sampled_from(["T", "SigninLogs"])), steps)


ARMS = st.builds(Pipeline, st.builds(Table, st.just("T")), st.just(()))
LETS = st.lists(st.builds(Let, st.sampled_from(["T", "V", "A"]), _pipelines(ARMS, 1)), max_size=2).map(tuple)
MAPPED = st.builds(Query, LETS, _pipelines(_pipelines(ARMS)))


def _plain(value: Any) -> Any:
    """Return nodes of the library's form as plain values, whichever name their module was loaded under."""
    if dataclasses.is_dataclass(value):
        parts = {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
        return (type(value).__name__, parts)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return (type(value).__name__, value)


def _misread(node: Any) -> bool:
    """Return whether the library looks for an order in the text of a sort key and finds it in a name or a string."""
    return isinstance(node, SortKey) and bool(re.search("asc|desc|nulls", render_for_engine(node.expr).lower()))


def _outcome(translate: Any) -> Any:
    try:
        found = translate()
    except NotMapped:
        raise
    except Exception as error:  # noqa: BLE001 - the library's refusals must be the same, whatever their kind
        return type(error).__name__, str(error)
    return found


@settings(max_examples=300, deadline=None)
@given(st.one_of(MAPPED, MAPPED, QUERIES))
@example(Query((), Pipeline(Table("T"), (Where(Binary("has", Name("A"), Literal("string", "\U0001f600 \u202f é"))),))))
def test_same_form_and_same_sql_as_from_the_text(tree: Query) -> None:
    try:
        mine = lowered(tree)
    except NotMapped:
        return
    assume(not any(map(_misread, walk(tree))))
    text = render_for_engine(tree)
    assert _plain(mine) == _plain(lower(text)), text

    def given_text() -> Any:
        return translated_text(text, SCHEMA, NOW)

    assert _outcome(lambda: translated(tree, SCHEMA, NOW)) == _outcome(given_text), text


EVERYDAY = [
    "T | where TimeGenerated between (datetime(2026-03-04) .. now()) and A has_any ('x', 'y') | sort by TimeGenerated",
    "let T = T | where TimeGenerated >= ago(1d) | project TimeGenerated, A; T | where A =~ 'x' or B1 > 3 | take 5",
    "T | summarize Rows = count(), First = min(TimeGenerated) by tostring(A) | sort by Rows desc, A asc",
    "T | summarize arg_max(TimeGenerated, *) by A | join kind=inner (T | where B1 != 1.5) on $left.A == $right.Has",
    "T | where isnotempty(A.Inner[0].Part) | distinct A, Kind = tolower(B1) | union T | count",
]


@pytest.mark.parametrize("kql", EVERYDAY)
def test_everyday_queries_go_the_short_way(kql: str) -> None:
    tree = parse(kql).tree
    assert tree is not None
    assert _plain(lowered(tree)) == _plain(lower(render_for_engine(tree)))


@pytest.mark.parametrize(
    "kql",
    [
        "T | mv-expand A",
        "T | where A in (T | project B1)",
        "let V = T | where A == 1; T | where A in (V)",
        "let x = 5; T | where A == x",
        "T | where count_ == -5",
        "T | where A > 1tick",
    ],
)
def test_what_is_not_mapped_is_said(kql: str) -> None:
    tree = parse(kql).tree
    assert tree is not None
    with pytest.raises(NotMapped):
        lowered(tree)


def test_the_short_way_leaves_the_generated_parser_unread() -> None:
    code = (
        "import sys, datetime; from soc_analyst.tools.kql import to_sql;"
        f"to_sql({EVERYDAY[1]!r}, {SCHEMA!r}, datetime.datetime(2026, 3, 4));"
        "sys.exit('antlr4' in sys.modules or 'duckdb_kql' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_name_that_holds_the_name_of_an_order_is_sorted_as_asked() -> None:
    sql = to_sql("T | sort by Description asc, Ascii desc | project Description", {"T": ["Description", "Ascii"]}, NOW)
    with duckdb.connect() as con:
        con.execute("create table T as from (values ('b', 1), ('a', 1), ('a', 2), ('c', 0)) t(Description, Ascii)")
        assert [row[0] for row in con.execute(sql.text, sql.parameters).fetchall()] == ["a", "a", "b", "c"]


def test_every_word_of_the_grammar_is_known() -> None:
    words = {name.strip("'") for name in KqlLexer.literalNames}
    assert {word for word in words if word.replace("_", "a").isalnum() and not word[0].isdigit()} <= GRAMMAR_WORDS


def test_now_is_bound_once_and_only_where_it_is_asked_for() -> None:
    asked, unasked = (
        to_sql(f"T | where TimeGenerated > {when}", SCHEMA, NOW) for when in ("ago(1h)", "datetime(2026-03-01)")
    )
    assert list(asked.parameters.values()) == [NOW.replace(tzinfo=None)] or list(asked.parameters.values()) == [NOW]
    assert not unasked.parameters
