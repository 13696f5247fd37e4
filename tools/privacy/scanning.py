"""Names inside free text: those that are known, by one pass over the text, and those that look like a person's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import ahocorasick

from .kinds import Kind

__all__ = ["Span", "names_in", "replaced", "words_in"]

_NAME = r"[\w.+'-]{1,64}"
_PROFILES = r"[\\/](?:Users|Documents and Settings)[\\/]{1,2}"
_FOLDER = r"[^\\/:*?\"'<>|\s]{1,64}"
_LOOKS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("USER", re.compile(rf"(?<![\w.+'-])({_NAME})@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,8}}")),
    ("USER", re.compile(rf"{_PROFILES}({_FOLDER}(?:[ ]{_FOLDER}){{0,3}})(?=[\\/])", re.IGNORECASE)),
    ("USER", re.compile(rf"{_PROFILES}({_FOLDER})(?![^\s\"'])", re.IGNORECASE)),
    ("USER", re.compile(r"(?<![\w/])/home/([\w.-]{1,64})")),
    ("SID", re.compile(r"\b(S-1-(?:5-21|12-1)(?:-\d{1,10}){3,5})\b", re.IGNORECASE)),
)  # fmt: skip
_ADDRESS: tuple[Kind, re.Pattern[str]] = (
    "IP_PUB",
    re.compile(
        r"(?<![\w.:])((?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4})(?![\w.:]*\w)", re.IGNORECASE
    ),
)
_PART_OF_A_WORD = re.compile(r"[\w-]")


@dataclass(frozen=True)
class Span:
    """A stretch of a text and what takes its place."""

    start: int
    end: int
    text: str


def names_in(text: str, *, addresses: bool) -> Iterator[tuple[Kind, int, int]]:
    """Yield where a text names a person by mail address, profile folder or SID, and addresses where asked."""
    for kind, pattern in (*_LOOKS, _ADDRESS) if addresses else _LOOKS:
        for found in pattern.finditer(text):
            yield kind, *found.span(1)


def words_in(words: Mapping[str, str]) -> Callable[[str], Iterable[Span]]:
    """Return a search for whole words, given in lower case, whatever the case they stand in."""
    if not words:
        return lambda _text: ()
    automaton = ahocorasick.Automaton()
    for word, token in words.items():
        automaton.add_word(lowered(word), (len(lowered(word)), token))
    automaton.make_automaton()

    def search(text: str) -> Iterator[Span]:
        for last, (length, token) in automaton.iter(lowered(text)):
            start = last + 1 - length
            if _whole(text, start, last + 1):
                yield Span(start, last + 1, token)

    return search


def lowered(text: str) -> str:
    """Return a text in lower case, position by position: letters that would become two stay as they are."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := one.lower()) == 1 else one for one in text)


def replaced(text: str, spans: Iterable[Span]) -> str:
    """Return a text with the spans replaced; where spans overlap, the first and longest is taken."""
    parts, at = [], 0
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if span.start >= at:
            parts += [text[at : span.start], span.text]
            at = span.end
    return "".join([*parts, text[at:]])


def _whole(text: str, start: int, end: int) -> bool:
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    return not _PART_OF_A_WORD.match(before) and not _PART_OF_A_WORD.match(after)
