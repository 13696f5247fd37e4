"""Searching few values instead of all: the same answers as asking every value."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.detections import columns, matching, searching
from soc_analyst.tools.detections.columns import FieldView
from soc_analyst.tools.detections.fields import field_map
from soc_analyst.tools.detections.literals import needed_texts
from soc_analyst.tools.detections.matching import FieldTests
from soc_analyst.tools.detections.texts import Texts
from soc_analyst.tools.evidence import TableRows

PIECES = st.sampled_from(
    ["abc", "Abcd", "a", "b", r"\.", r"\s", r"\\", "[ab]", "[^a]", "[]a]", ".", "^", "$", r"\b", r"\d", "é", "s", "k"]
)
PATTERN = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["", "?", "*", "+", "{2}", "{0,1}", "{1,}", "??"])).map(
            lambda made: f"(?:{made[0]}){made[1]}"
        ),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,2}"])).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda made: f"({'|'.join(made)})"),
        st.lists(inner, min_size=2, max_size=2).map("|".join),
        inner.map(lambda made: f"(?i:{made})"),
    ),
    max_leaves=6,
)
TEXT = st.text("aAbBcCdD\u017f\u212aé\\. x1", max_size=12)


def taken(pattern: str) -> bool:
    try:
        re2.compile(pattern)
    except re2.error:
        return False
    return True


@settings(max_examples=500, deadline=None)
@given(pattern=PATTERN.filter(taken), text=TEXT)
def test_what_is_found_holds_the_texts_that_the_expression_needs(pattern: str, text: str) -> None:
    if text.isascii() and re2.search(f"(?i){pattern}", text):
        assert all(any(each in text.lower() for each in group) for group in needed_texts(pattern))


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        (r"(?i)net1?(\.exe)?\s+user\s", (("net",), ("user",))),
        (r"(bcd|efgh|xyzz?)k", (("bcd", "efgh", "xyz"),)),
        (r"^C:\\Users\\[a-z]{8}\.exe$", (("c:\\users\\",), (".exe",))),
        ("foo|bar|.", ()),
        (r"\x41bcd", ()),
        ("(abc){0,3}", ()),
        ("(abc){2}def", (("abc",), ("def",))),
    ],
)
def test_texts_that_are_needed(pattern: str, needed: tuple[tuple[str, ...], ...]) -> None:
    assert needed_texts(pattern) == needed


def view_of(values: list[str]) -> FieldView:
    return FieldView(
        len(values),
        Texts([pa.array(values[:7], pa.string()), pa.array(values[7:], pa.large_string())]),
        np.arange(len(values)),
    )


def plainly(test: tuple[object, ...], value: str) -> bool:
    if test[0] == "regex":
        return bool(value) and bool(re.search(str(test[1]), value))
    _, how, text, cased = test
    value = value if cased else value.lower()
    return bool(value) and {
        "is": value == text, "has": str(text) in value, "starts": value.startswith(str(text)),
        "ends": value.endswith(str(text)),
    }[str(how)]  # fmt: skip


@pytest.mark.parametrize("sampled", [3, 100_000])
@pytest.mark.parametrize("stretch", [20, 4_000_000])
def test_waiting_and_searching_give_the_same(monkeypatch: pytest.MonkeyPatch, sampled: int, stretch: int) -> None:
    monkeypatch.setattr(searching, "SAMPLED", sampled)
    monkeypatch.setattr("soc_analyst.tools.detections.texts.STRETCH", stretch)
    values = [
        "".join(made) for made in product(("", "cmd", "CMD.exe", "\u017fc"), (" ", "\0", " /C "), ("", "é", "net", "x"))
    ]
    values.append("")
    texts = ("cmd", "CMD.exe /C net", " ", "é", "sc", "\0")
    asked = product(("is", "has", "starts", "ends"), texts, (True, False))
    tests = [("text", how, text if cased else text.lower(), cased) for how, text, cased in asked]
    tests += [("regex", "cmd.*x"), ("regex", "(?i)NET$"), ("regex", "[^x]$"), ("regex", "x$|t$"), ("regex", "^(x|)$")]
    view = view_of(values)
    among = np.append(np.arange(0, len(values) - 1, 3), len(values) - 1)
    for test in tests:
        expected = [at for at, value in enumerate(values) if plainly(test, value)]
        for keys in ([test], tests):
            field = FieldTests(view, keys)
            some = set(field.values(test, among).tolist()) & set(among.tolist())
            assert some == set(expected) & set(among.tolist())
            assert field.values(test).tolist() == expected
            assert field.none(test) <= (not expected)


def test_expressions_are_batched_within_bounds() -> None:
    tests = [("regex", "x" * 300)] * 40
    sizes = [len(batch) for batch in matching._batched(tests)]
    assert sum(sizes) == 40
    assert max(sizes) * 300 <= matching.BATCH_LENGTH


@pytest.mark.parametrize("unlike", [0.0, 1.0])
def test_a_column_in_chunks_is_read_as_one(monkeypatch: pytest.MonkeyPatch, unlike: float) -> None:
    monkeypatch.setattr(columns, "MANY_ROWS", 1)
    monkeypatch.setattr(columns, "UNLIKE", unlike)
    chunks = [["one", "two", None], [], ["two", "Three", "é"], ["", "one"]]
    names = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks])
    rows = TableRows("T", pa.table({"Name": names}), ("q",) * 8, tuple(range(8)))
    view = columns.TableViews(rows, field_map())["Name"]
    assert view is not None
    assert view.texts() == [[text] if text else [] for chunk in chunks for text in chunk]
    assert view.firsts(np.arange(8)) == [text or "" for chunk in chunks for text in chunk]
    found = FieldTests(view, [("text", "has", "t", False)]).values(("text", "has", "t", False))
    assert np.flatnonzero(view.rows_with(found)).tolist() == [1, 3, 4]


def test_a_text_is_found_in_a_long_value_and_never_across_two() -> None:
    long = "x" * (searching.AT_ONCE - 2) + "needle" + " " * searching.AT_ONCE
    values = Texts.of([long, "nee", "dle", "éNEEDLE", "needle"])
    found = searching.positions_of(values, ["needle", "   ", "absent"])
    assert {text: at.tolist() for text, at in found.items()} == {"needle": [0, 3, 4], "   ": [0]}
