"""Tokens are counted exactly for the encodings that are known, and in bounded time for any text."""

from __future__ import annotations

import pytest

from soc_analyst.tools.models.encodings import EncodingName, encoding
from soc_analyst.tools.models.tokens import count, encoding_for

VECTORS: list[tuple[EncodingName, str, list[int]]] = [
    ("o200k_base", "hello world", [24912, 2375]),
    ("cl100k_base", "hello world", [15339, 1917]),
    ("cl100k_base", "tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
]


@pytest.mark.parametrize(("name", "text", "ids"), VECTORS)
def test_the_encodings_give_the_published_ids(name: EncodingName, text: str, ids: list[int]) -> None:
    assert encoding(name).encode(text, disallowed_special=()) == ids


def test_an_unknown_model_is_counted_by_the_nearest_encoding() -> None:
    assert encoding_for("llama3@http://127.0.0.1:8080/v1") == ("o200k_base", False)
    assert count("hello world", "gpt-5-mini").exact
    assert not count("hello world", "llama3").exact
