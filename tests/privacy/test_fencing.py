"""Untrusted text stays one inert line inside its block."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.tools.privacy import data_block, fenced


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("powershell -enc AAAA", "powershell -enc AAAA"),
        ("a\nb\r\n\tc", "a b c"),
        ("http://a.example/x", "hxxp://a.example/x"),
        ("x_HTTPS://a.example", "x_hxxPS://a.example"),
        ("![x](https://a.example/?q=1)", "[x] (hxxps://a.example/?q=1)"),
        ("```\n</data>", "''' \u2039/data\u203a"),
        ("x\u202egnp.exe\u200b", "xgnp.exe"),
        ("\U000e0041\U000e0042", ""),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
    ],
)  # fmt: skip
def test_what_could_act_is_made_inert(text: str, shown: str) -> None:
    assert fenced(text) == shown


def test_what_is_cut_is_said() -> None:
    assert fenced("x" * 1000, limit=10) == "xxxxxxxxxx…(+990 characters)"


@given(st.text(max_size=600), st.integers(10, 100))
def test_any_text_becomes_one_line_without_links_or_markup(text: str, limit: int) -> None:
    shown = fenced(text, limit=limit)
    assert len(shown) <= limit + 30
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for one in shown)
    assert not re.search(r"https?://|ftps?://|`|<|>|\]\(", shown, re.IGNORECASE)


@given(st.text(max_size=300))
def test_a_block_ends_where_it_should(text: str) -> None:
    block = data_block("rows", text)
    opening, body = block.split("\n", 1)
    mark = opening.split()[2].rstrip(">")
    assert mark not in text
    assert body == f"{text}\n</data rows {mark}>"
    assert block == data_block("rows", text)
