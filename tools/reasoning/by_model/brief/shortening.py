"""Long identifiers, encoded text, JSON and browser names, written shorter, with a mark for what is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from .marks import PART

__all__ = ["leaves_of", "shortened"]

LONG = (
    (re.compile(r"\b([0-9a-fA-F]{8})-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"), rf"\1{PART}"),
    (re.compile(r"\b(S-1-5-21)-\d+-\d+-\d+(-\d+)\b"), rf"\1{PART}\2"),
    (re.compile(r"\b([0-9a-fA-F]{8})[0-9a-fA-F]{24,}\b"), rf"\1{PART}"),
    (re.compile(r"(?<![A-Za-z0-9+/])([A-Za-z0-9+]{24})[A-Za-z0-9+/]{24,}={0,2}"), rf"\1{PART}"),
    (re.compile(r"\bMozilla/5\.0 (?=\()"), PART),
    (re.compile(r"AppleWebKit/[\d.]+ \(KHTML, like Gecko\)( Version/[\d.]+)?"), PART),
    (re.compile(r" Safari/[\d.]+"), ""),
)
DEEPEST = 6
LONGEST_JSON = 20_000
UNCLEAR = re.compile(r'[,="]')
"""Characters of a text by which it could pass for several leaves."""


def shortened(text: str) -> str:
    """Return a fenced text with its long parts shortened."""
    for pattern, short in LONG:
        text = pattern.sub(short, text)
    return text


def leaves_of(text: str) -> str:
    """Return JSON as `name=value, …` of what is filled, any other text as it is."""
    if text[:1] not in ("[", "{") or len(text) > LONGEST_JSON:
        return text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return ", ".join(_leaves(found, "", 0)) or text


def _leaves(value: object, name: str, depth: int) -> Iterator[str]:
    """Yield `name=value` of what is filled; a list's elements go by the name of the list."""
    if value is None or value in ("", [], {}):
        return
    if isinstance(value, str) and value[:1] in ("[", "{", '"') and depth < DEEPEST:
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, dict) and depth < DEEPEST:
        for key, one in value.items():
            yield from _leaves(one, str(key), depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for one in value:
            yield from _leaves(one, name, depth + 1)
    else:
        text = value if isinstance(value, str) and not UNCLEAR.search(value) else json.dumps(value, ensure_ascii=False)
        yield f"{_plain(name)}={text}" if name else text


def _plain(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) if UNCLEAR.search(name) else name
