"""Other languages: telling which one it is, and reading its words of time through the English ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from .vocabulary import vocabulary

__all__ = ["Translated", "english_time_words", "language_of"]

_NAMES = {"de": "German", "fr": "French", "es": "Spanish"}


@dataclass(frozen=True)
class Translated:
    """A text with English words of time; `origin[i]` is where its character i stood in the original."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where [start, end) stood in the original."""
        return self.origin[start], self.origin[end]


@cache
def _words(code: str) -> frozenset[str]:
    return frozenset(vocabulary("times")["languages"][code])


def language_of(text: str) -> tuple[str, str]:
    """Return the code and the name of a question's language: `en`, one of those known, or an empty code for another."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    scores = {code: sum(word in _words(code) for word in words) for code in vocabulary("times")["languages"]}
    best = max(scores, key=lambda code: scores[code])
    foreign = sum(not word.isascii() for word in words)
    if scores["en"] >= scores[best] and (scores["en"] or not foreign):
        return "en", "English"
    if scores[best] >= 2:
        return best, _NAMES[best]
    return ("", "") if foreign else ("en", "English")


@cache
def _translation(code: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    pairs = sorted(vocabulary("times")["translations"][code].items(), key=lambda pair: len(pair[0]), reverse=True)
    source = "|".join(f"(?P<w{index}>{pattern})" for index, (pattern, _) in enumerate(pairs))
    return re.compile(rf"(?<!\w)(?:{source})(?!\w)", re.I), tuple(english for _, english in pairs)


def english_time_words(text: str, code: str) -> Translated:
    """Return the text with this language's words of time put into English; other text stays as it is."""
    if code not in vocabulary("times")["translations"]:
        return Translated(text, tuple(range(len(text) + 1)))
    pattern, english = _translation(code)
    parts: list[str] = []
    origin: list[int] = []
    pos = 0
    for found in pattern.finditer(text):
        word = english[int((found.lastgroup or "w0")[1:])]
        parts += [text[pos : found.start()], word]
        origin += [*range(pos, found.start()), *([found.start()] * len(word))]
        pos = found.end()
    return Translated("".join(parts) + text[pos:], (*origin, *range(pos, len(text) + 1)))
