"""Untrusted text as data: one line, nothing that renders, nothing that ends the block it stands in."""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ["data_block", "fenced"]

LONGEST = 400
"""Characters of one value that are shown unless the caller says otherwise."""
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Categories of characters that a reader does not see as they are: controls, directions, tags, private use."""
_CLOSED = (
    (re.compile(r"htt(ps?://)", re.IGNORECASE), r"hxx\1"),
    (re.compile(r"ft(ps?://)", re.IGNORECASE), r"fx\1"),
    (re.compile(r"(javascript|vbscript|data):(?=\S)", re.IGNORECASE), r"\1[:]"),
    (re.compile(r"!?\[([^\]\n]{0,200})\]\("), r"[\1] ("),
)
"""What would open or render, and how it is written instead."""
_MARKUP = str.maketrans({"`": "'", "<": "\u2039", ">": "\u203a"})


def fenced(text: str, *, limit: int = LONGEST) -> str:
    """Return a value of a row as one inert line of at most `limit` characters, plus what was cut.

    Controls, zero-width and direction characters become spaces or go; links do not open, markup does not render.
    """
    head = text[: 4 * limit + 16]
    shown = "".join(_visible(one) for one in unicodedata.normalize("NFC", head))
    for pattern, inert in _CLOSED:
        shown = pattern.sub(inert, shown)
    shown = " ".join(shown.translate(_MARKUP).split())
    cut = len(text) - len(head) + max(0, len(shown) - limit)
    return f"{shown[:limit]}…(+{cut} characters)" if cut else shown


def data_block(name: str, text: str) -> str:
    """Return a text between marks that do not occur in it. Same text, same marks."""
    mark = _mark(name, text)
    return f"<data {name} {mark}>\n{text}\n</data {name} {mark}>"


def _mark(name: str, text: str) -> str:
    mark = hashlib.sha256(f"{name}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
    length = next((n for n in range(8, len(mark) + 1) if mark[:n] not in text), len(mark))
    return mark[:length]


def _visible(one: str) -> str:
    if one in "\n\r\t":
        return " "
    return "" if unicodedata.category(one) in _UNSEEN else one
