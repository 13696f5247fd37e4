"""Whether an answer is written in another language than it was asked for, by its script and its little words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from soc_analyst.state.base import Value

__all__ = ["foreign"]

FOREIGN = 0.5
"""The share of letters that are not Latin from which on a text is of another script."""
LEAST_WORDS, LEAST_LITTLE = 8, 3
LOOKED_AT = 20_000
"""Characters that are read of a text."""


class _LittleWords(Value):
    english: frozenset[str]
    others: frozenset[str]


@lru_cache(maxsize=1)
def _little_words() -> _LittleWords:
    read = yaml.safe_load(Path(__file__).with_name("little_words.yaml").read_text("utf-8"))
    others = frozenset(word for words in read["others"].values() for word in words.split())
    return _LittleWords(english=frozenset(read["english"].split()), others=others)


def foreign(answer: BaseModel, request: str) -> bool:
    """Return whether an answer is not written as the request asks.

    Most letters are not Latin, and there few are; or the little words of another language outnumber those of English.
    """
    told = " ".join(_strings(answer.model_dump(mode="json")))
    return _not_latin(told) > FOREIGN > 5 * _not_latin(request) or _reads_foreign(told)


def _reads_foreign(text: str) -> bool:
    little = _little_words()
    words = re.findall(r"[^\W\d_]+", text[:LOOKED_AT].lower())
    english, others = (sum(word in known for word in words) for known in (little.english, little.others))
    return len(words) >= LEAST_WORDS and others >= LEAST_LITTLE and others > 2 * english


def _not_latin(text: str) -> float:
    """Return the share of letters that are not Latin."""
    letters = [one for one in text[:LOOKED_AT] if one.isalpha()]
    others = sum(not one.isascii() and not unicodedata.name(one, "").startswith("LATIN") for one in letters)
    return others / len(letters) if letters else 0.0


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
