"""Whatever tree is rendered, reading its text gives the same tree."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.kql import parse, render
from soc_analyst.tools.kql.tabular import (
    Expanded,
    Level,
    MakeSeries,
    MvApply,
    MvExpand,
    Parse,
    Pattern,
    Piece,
    Sample,
    SampleDistinct,
    Serialize,
    Series,
    TopHitters,
    TopNested,
)
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
    Logical,
    Member,
    Membership,
    Name,
    Named,
    Negative,
    Pipeline,
    Project,
    ProjectNames,
    Query,
    Sort,
    SortKey,
    Summarize,
    Table,
    Take,
    Top,
    Union,
    Where,
)
from soc_analyst.tools.kql.words import ARITHMETIC, COMPARISONS, JOIN_KINDS, MEMBERSHIPS, STRING_OPERATORS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.one_of(
    st.sampled_from(["a", "DeviceName", "has", "by", "a b", "let", "x-y", '"', "\\", "\n"]), TEXT.filter(bool)
)
TABLES = st.sampled_from(["T", "SigninLogs", "my table", "where"])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**62), 2**62), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)


def _datetime(parts: tuple[int, int, int, int]) -> str:
    year, month, hour, ticks = parts
    return f"{year:04d}-{month:02d}-28T{hour:02d}:59:01.{ticks:07d}Z"


LITERALS = st.one_of(
    st.builds(Literal, st.just("string"), TEXT),
    st.builds(Literal, st.just("long"), st.integers(-(2**63) + 1, 2**63 - 1)),
    st.builds(Literal, st.just("int"), st.integers(0, 2**31 - 1)),
    st.builds(Literal, st.just("real"), st.floats(0, allow_infinity=False, allow_nan=False)),
    st.builds(Literal, st.just("bool"), st.booleans()),
    st.builds(Literal, st.just("timespan"), st.integers(-(2**60), 2**60)),
    st.builds(
        Literal,
        st.just("datetime"),
        st.tuples(st.integers(1, 9999), st.integers(1, 12), st.integers(0, 23), st.integers(0, 9_999_999)).map(
            _datetime
        ),
    ),
    st.builds(
        Literal,
        st.just("dynamic"),
        JSON.filter(lambda value: value is not None).map(lambda value: json.dumps(value, separators=(",", ":"))),
    ),
    st.builds(Literal, st.sampled_from(["long", "int", "real", "bool", "datetime", "timespan", "dynamic"]), st.none()),
)


def _flat(op: str, operands: list[Expr]) -> Logical:
    flat = [
        each for one in operands for each in (one.operands if isinstance(one, Logical) and one.op == op else (one,))
    ]
    return Logical(op, tuple(flat))  # type: ignore[arg-type]


def _deeper(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(_flat, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(Binary, st.sampled_from(sorted(ARITHMETIC | COMPARISONS | STRING_OPERATORS)), inner, inner),
        st.builds(Negative, inner.filter(lambda one: not isinstance(one, Literal))),
        st.builds(Call, st.sampled_from(["tolower", "strcat", "not", "f"]), several),
        st.builds(Membership, st.sampled_from(sorted(MEMBERSHIPS)), inner, several),
        st.builds(Membership, st.just("in"), inner, st.just(()), st.builds(Pipeline, tables(), st.just((COUNT,)))),
        st.builds(Between, inner, inner, inner, st.booleans()),
        st.builds(Member, inner, NAMES),
        st.builds(Index, inner, inner.filter(lambda one: not (isinstance(one, Literal) and one.kind == "string"))),
    )


def tables() -> st.SearchStrategy[Table]:
    return st.builds(Table, st.just("T"))


COUNT = Count()
NAME = st.builds(Name, NAMES)
EXPRESSIONS: st.SearchStrategy[Expr] = st.recursive(st.one_of(LITERALS, NAME), _deeper, max_leaves=8)
PATTERNS = st.builds(Pattern, st.sampled_from(["*", "a*", "*_x", "Dev*ce*"]), st.sampled_from(["", "asc", "desc"]))
KINDS = st.sampled_from([None, "string", "long", "datetime"])
NAMED = st.builds(Named, EXPRESSIONS, st.one_of(st.none(), NAMES))
KEYS = st.builds(SortKey, EXPRESSIONS, st.booleans(), st.none())
JOIN_KEYS = st.one_of(NAME.map(lambda name: JoinKey(name, name)), st.builds(JoinKey, NAME, NAME))


def _some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, min_size=1, max_size=3).map(tuple)


def _tabular() -> tuple[st.SearchStrategy[Any], ...]:
    count, index = st.integers(0, 99), st.one_of(st.none(), NAMES)
    items = _some(st.builds(Expanded, NAMED, st.sampled_from([None, "string", "long"])))
    some = st.one_of(st.none(), EXPRESSIONS)
    pieces = _some(st.one_of(st.builds(Piece, TEXT), st.builds(Piece, st.none(), NAMES, KINDS), st.just(Piece())))
    named = pieces.filter(lambda found: any(piece.name for piece in found))
    body = st.builds(Pipeline, st.none(), _some(st.one_of(st.builds(Where, EXPRESSIONS), st.builds(Take, count))))
    series = _some(st.builds(Series, NAMED, some))
    levels = _some(st.builds(Level, NAMED, NAMED, st.one_of(st.none(), count), some, st.booleans()))
    return (
        st.builds(Serialize, st.one_of(st.just(()), _some(NAMED))),
        st.builds(Parse, st.sampled_from(["simple", "regex", "relaxed"]), EXPRESSIONS, named, st.booleans()),
        st.builds(MvExpand, items, index, st.one_of(st.none(), count), st.booleans()),
        st.builds(MvApply, items, body, index, st.one_of(st.none(), count)),
        st.builds(MakeSeries, series, NAMED, EXPRESSIONS, some, some, st.one_of(st.just(()), _some(NAMED))),
        st.builds(TopNested, levels),
        st.builds(TopHitters, count, NAMED, some),
        st.builds(Sample, count),
        st.builds(SampleDistinct, count, NAMED),
        st.builds(ProjectNames, st.just("reorder"), _some(PATTERNS)),
    )


def _steps(arms: st.SearchStrategy[Pipeline]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(Where, EXPRESSIONS),
        st.builds(Project, _some(NAMED)),
        st.builds(Extend, _some(NAMED)),
        st.builds(ProjectNames, st.sampled_from(["away", "keep", "reorder"]), _some(NAME)),
        st.builds(Summarize, _some(NAMED), st.one_of(st.just(()), _some(NAMED))),
        st.builds(Sort, _some(KEYS)),
        st.builds(Top, st.integers(0, 99), KEYS),
        st.builds(Take, st.integers(0, 99)),
        st.just(COUNT),
        st.builds(Distinct, st.one_of(st.just(()), _some(NAMED))),
        *_tabular(),
        st.builds(Join, st.sampled_from(sorted(JOIN_KINDS)), arms, _some(JOIN_KEYS)),
        st.builds(Union, _some(arms)),
    )


def _pipelines(arms: st.SearchStrategy[Pipeline]) -> st.SearchStrategy[Pipeline]:
    return st.builds(Pipeline, st.builds(Table, TABLES), st.lists(_steps(arms), max_size=3).map(tuple))


ARMS = st.builds(Pipeline, st.builds(Table, TABLES), st.just(()))
PIPELINES = _pipelines(_pipelines(ARMS))
LETS = st.builds(Let, st.sampled_from(["p", "q r"]), st.one_of(LITERALS, _pipelines(ARMS)))
QUERIES = st.builds(Query, st.one_of(st.just(()), LETS.map(lambda let: (let,))), PIPELINES)


@settings(max_examples=250, deadline=None)
@given(QUERIES)
def test_text_reads_back_as_the_same_tree(tree: Query) -> None:
    text = render(tree)
    parsed = parse(text, max_text=1_000_000)
    assert parsed.tree == tree, (text, parsed.diagnostics)
    assert render(parsed.tree) == text
