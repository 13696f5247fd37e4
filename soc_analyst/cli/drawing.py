"""Diagnostics on a terminal: the line of the query, carets under the place, and what to write instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from soc_analyst.state.queries import Diagnostic

__all__ = ["drawn"]

WIDTH = 100
"""Cells of a query's line that are shown; a longer one is cut around the place."""
BEFORE = 40
"""Cells kept before the place in a line that is cut."""


def drawn(text: str, diagnostics: Iterable[Diagnostic], *, marked: bool = True) -> Iterator[str]:
    """Return a line for each diagnostic and, where asked for, its place drawn; hostile characters show as escapes."""
    for diagnostic in diagnostics:
        before = text[: diagnostic.start]
        line, column = before.count("\n") + 1, diagnostic.start - (before.rfind("\n") + 1) + 1
        why = f"{diagnostic.code}: {_shown(diagnostic.message)}{_hint(diagnostic)}"
        yield f"soc-analyst: refused at {line}:{column} {why}"
        if marked and diagnostic.length:
            yield from _marked(text, diagnostic)


def _hint(diagnostic: Diagnostic) -> str:
    return f" ({_shown(diagnostic.hint)})" if diagnostic.hint else ""


def _marked(text: str, diagnostic: Diagnostic) -> Iterator[str]:
    """Return the line on which a place begins, cut around it, and carets of the same width below it."""
    begin = text.rfind("\n", 0, diagnostic.start) + 1
    end = text.find("\n", diagnostic.start)
    end = len(text) if end < 0 else end
    stop = min(diagnostic.start + diagnostic.length, end)
    backwards, cut_left = _fitting(text[begin : diagnostic.start][::-1], BEFORE)
    left = "".join(reversed(backwards))
    middle = "".join(_fitting(text[diagnostic.start : stop], WIDTH - BEFORE)[0])
    right, cut_right = _fitting(text[stop:end], max(WIDTH - _cells(left) - _cells(middle), 0))
    start = "... " if cut_left else ""
    yield f"  {start}{left}{middle}{''.join(right)}{' ...' if cut_right else ''}"
    yield f"  {' ' * (len(start) + _cells(left))}{'^' * max(_cells(middle), 1)}"


def _fitting(characters: str, most: int) -> tuple[list[str], bool]:
    """Return the shown forms of the first characters that fit, and whether some do not."""
    found: list[str] = []
    used = 0
    for character in characters:
        shown = _shown(character)
        used += _cells(shown)
        if used > most:
            return found, True
        found.append(shown)
    return found, False


def _shown(text: str) -> str:
    """Return text with every character that draws nothing, or more than itself, as its escape."""
    return "".join(" " if one == "\t" else one if one.isprintable() else _escape(one) for one in text)


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _cells(text: str) -> int:
    """Return the cells that a terminal gives to printable text."""
    return sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
