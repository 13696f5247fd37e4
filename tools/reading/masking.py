"""A text of which parts are taken away once they are understood, so that nothing is read twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["FILLER", "Mask"]

FILLER = "\x00"
"""Stands for a taken character: neither blank nor part of a word, and never in a question that was let in."""


class Mask:
    """The rest of a text; offsets stay those of the whole."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = text
        """As `text`, but with what was set aside and not named, such as event ids, left in."""

    def take(self, start: int, end: int, *, named: bool = True) -> None:
        """Mark [start, end) as understood, or with `named` off as something that is no name."""
        gap = FILLER * (end - start)
        self.text = self.text[:start] + gap + self.text[end:]
        if named:
            self.words = self.words[:start] + gap + self.words[end:]

    def matches(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Yield matches from left to right, each looked for in what is left after the former were taken."""
        pos = 0
        while found := pattern.search(self.text, pos):
            yield found
            pos = max(found.end(), found.start() + 1)
