"""String operators on the engine against a slow reference: terms, ordinal case, nulls as empty strings."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import datetime

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soc_analyst.tools.kql import to_sql
from soc_analyst.tools.kql.engine.matching import _FOLDED_INTO
from soc_analyst.tools.kql.render import quoted

NOW = datetime(2026, 3, 4, 12)
ALPHABET = (
    "aAkKsSiIzß\u1e9e\u0130\u0131\u017f\u212a\u00e9\u00c9\u0301\u03c3\u03c2\u03a3\u00b5\u0436\u041677_-.\\/%'\"[^$ \n"
)
PIECES = st.sampled_from(
    ["ki", "Skills", "enc", "-enc ", "a_b", "C:\\Kit\\", "100%", "\u0416\u0443\u043a", "\u00dcber"]
)
TEXTS = st.lists(st.one_of(st.sampled_from(ALPHABET), PIECES), max_size=6).map("".join)


def capital(one: str) -> str:
    """Return what ordinal comparison without case compares."""
    upper = one.upper()
    return one if len(upper) != 1 or one in "\u0131\u017f" else upper


def fold(text: str) -> str:
    return "".join(map(capital, text))


def in_term(text: str, at: int) -> bool:
    return 0 <= at < len(text) and unicodedata.category(text[at])[0] in "LN"


def places(value: str, text: str) -> Iterator[int]:
    return (at for at in range(len(value) - len(text) + 1) if value.startswith(text, at))


def found(value: str, text: str, begins: bool, ends: bool) -> bool:
    """Look for text in a value, beginning and ending at the edges of terms where its own edges are of terms."""
    for at in places(value, text):
        end = at + len(text)
        starts_well = not begins or not in_term(text, 0) or not in_term(value, at - 1)
        if starts_well and (not ends or not in_term(text, len(text) - 1) or not in_term(value, end)):
            return True
    return False


def answer(op: str, value: str, text: str) -> bool:
    if op.startswith("!"):
        return not answer(op[1:] if op != "!~" else "=~", value, text)
    word = op.removesuffix("_cs")
    if not op.endswith("_cs"):
        value, text = fold(value), fold(text)
    if word in ("=~", "in~"):
        return value == text
    if word in ("startswith", "endswith"):
        return value.startswith(text) if word == "startswith" else value.endswith(text)
    begins = word in ("has", "hasprefix", "has_any", "has_all")
    return found(value, text, begins, word in ("has", "hassuffix", "has_any", "has_all"))


OPERATORS = [
    f"{bang}{word}{cased}"
    for word in ("has", "hasprefix", "hassuffix", "contains", "startswith", "endswith")
    for cased in ("", "_cs")
    if (word, cased) not in (("hasprefix", "_cs"), ("hassuffix", "_cs"))
    for bang in ("", "!")
]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set TimeZone='UTC'; create table T (Id bigint, A varchar)")
        yield con


def matching(con: duckdb.DuckDBPyConnection, where: str, values: list[str]) -> list[int]:
    con.execute("delete from T")
    con.executemany("insert into T values (?, ?)", [(at, value) for at, value in enumerate(values)])
    sql = to_sql(f"T | where {where} | project Id", {"T": ["Id", "A"]}, NOW)
    return sorted(row[0] for row in con.execute(sql.text, sql.parameters).fetchall())


@settings(max_examples=250, deadline=None)
@given(st.sampled_from([*OPERATORS, "=~", "!~"]), st.lists(TEXTS, min_size=1, max_size=8), TEXTS.filter(bool))
@example("has", ["a_k", "\u212a a", "ak", "k"], "k")
@example("contains", ["S\u212aI", "s\u0131k", "ski"], "ski")
@example("=~", ["\u0130", "i", "I", "\u0131"], "i")
@example("has", ["\u03a3\u03a3", "a-\u03c2\u03c3!", "\u03c3"], "\u03c3\u03c3")
@example("!contains", ["", "a%b", "ab"], "%")
def test_operator_is_the_reference(con: duckdb.DuckDBPyConnection, op: str, values: list[str], text: str) -> None:
    values = [*values, text, text.upper(), text.lower(), f"x{text}", f"{text}x", f"-{text}_", ""]
    expected = [at for at, value in enumerate(values) if answer(op, value, text)]
    assert matching(con, f"A {op} {quoted(text)}", values) == expected


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["in~", "!in~", "has_any", "has_all"]),
    st.lists(TEXTS, min_size=1, max_size=6),
    st.lists(TEXTS.filter(bool), min_size=1, max_size=4),
)
@example("in~", ["\u212ait", "KIT", "kit"], ["kit", "other"])
@example("!in~", ["\u03c3", "\u03c2", "b"], ["\u03a3"])
def test_list_is_the_reference(con: duckdb.DuckDBPyConnection, op: str, values: list[str], texts: list[str]) -> None:
    values = [*values, *texts, " ".join(texts), "_".join(reversed(texts)).swapcase(), ""]
    each = [[answer(op.removeprefix("!"), value, text) for text in texts] for value in values]
    expected = [at for at, one in enumerate(each) if (all if op == "has_all" else any)(one) != op.startswith("!")]
    assert matching(con, f"A {op} ({', '.join(map(quoted, texts))})", values) == expected


def test_null_is_the_empty_string(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from T")
    con.execute("insert into T values (1, NULL), (2, 'kit')")
    for op in [*OPERATORS, "=~", "!~", "in~", "!in~", "has_any", "has_all"]:
        item = '("kit")' if op in ("in~", "!in~", "has_any", "has_all") else '"kit"'
        sql = to_sql(f"T | where A {op} {item} | project Id", {"T": ["Id", "A"]}, NOW)
        rows = sorted(row[0] for row in con.execute(sql.text, sql.parameters).fetchall())
        assert rows == ([1] if op.startswith("!") else [2]), op


def test_letters_that_the_engine_folds_other_characters_into(con: duckdb.DuckDBPyConnection) -> None:
    """Whatever else the engine's lower() makes ASCII would need to be asked again."""
    con.execute("create or replace temp table c as select chr(range::int) as one from range(128, 55296)")
    folded = con.execute("select distinct lower(one) from c where ascii(lower(one)) < 128").fetchall()
    assert {one for (one,) in folded} == _FOLDED_INTO
    likes = [
        letter for letter in map(chr, range(97, 123)) if con.execute(f"from c where one ilike '{letter}'").fetchall()
    ]
    assert set(likes) == _FOLDED_INTO


def test_long_text_and_dynamic_values(con: duckdb.DuckDBPyConnection) -> None:
    long = "Ab1-" * 3_000
    assert matching(con, f"A has {quoted(long.lower())}", [long, long[1:], f"x{long}"]) == [0]
    con.execute('create or replace table D as select 1 as Id, \'{"a": ["x-Kit"]}\'::json as A')
    for where in ('A.a[0] has "kit"', 'A has "kit"', 'A.a[0] !has "ki"', 'A.a[0] =~ "X-KIT"', 'A contains "x-k"'):
        sql = to_sql(f"D | where {where} | project Id", {"D": ["Id", "A"]}, NOW)
        assert con.execute(sql.text, sql.parameters).fetchall() == [(1,)], where
