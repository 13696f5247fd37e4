"""Values of rows as they stand in a brief: hidden where personal, fenced, and cut with the cut said."""

from __future__ import annotations

import re
from dataclasses import dataclass

from soc_analyst.tools.privacy import Pseudonyms, fenced

from .marks import left_out
from .shortening import leaves_of, shortened

__all__ = ["Cells"]

LONGEST = 200
"""Characters of a value that are shown."""
READ = 4_000
"""Characters of a longer value, half from each end, that are looked through for names to hide."""
ENDING = 60
"""Characters of a cut value that are kept of its end."""
SHORT = 60
"""Characters of a name of the question's that are shown."""
WORD = r"[A-Za-z0-9_.@\\-]{1,60}"
LAST_WORD, FIRST_WORD = re.compile(f"{WORD}$"), re.compile(WORD)
LAST_MARK, FIRST_MARK = re.compile(r"<[^<>]*$"), re.compile(r"^[^<>]*>")
"""Marks that a cut went through."""


@dataclass(frozen=True)
class Cells:
    """Writes values of rows: `value` and `text` return a cell, and how many characters it does not show."""

    pseudonyms: Pseudonyms

    def value(self, table: str, column: str, value: str) -> tuple[str, int]:
        """Write a column's value."""
        if len(value) > READ:
            return self.text(value)
        return self._written(self.pseudonyms.hide_value(table, column, value))

    def text(self, text: str) -> tuple[str, int]:
        """Write a free text."""
        if len(text) <= READ:
            return self._written(self.pseudonyms.hide_text(text))
        half = READ // 2
        head, tail = (self._plain(self.pseudonyms.hide_text(end)) for end in (text[:half], text[-half:]))
        return _joined(head, tail, len(text) - READ)

    def short(self, text: str) -> str:
        """Write a name of the question's."""
        shown = self._plain(self.pseudonyms.hide_text(text))
        return shown if len(shown) <= SHORT else f"{shown[:SHORT]}{left_out(len(shown) - SHORT)}"

    def _written(self, hidden: str) -> tuple[str, int]:
        leaves = leaves_of(hidden)
        plain = self._plain(leaves)
        short = shortened(plain)
        text, cut = _cut(short)
        return text, max(0, len(hidden) - len(leaves)) + max(0, len(plain) - len(short)) + cut

    def _plain(self, text: str) -> str:
        """Fence a text; names that invisible characters broke up stand whole after it, and are hidden then."""
        return self.pseudonyms.hide_text(fenced(text, limit=4 * READ))


def _cut(text: str) -> tuple[str, int]:
    return (text, 0) if len(text) <= LONGEST else _joined(text, text, -len(text))


def _joined(head: str, tail: str, between: int) -> tuple[str, int]:
    """Join the begin of one text to the end of another; no word, which may be a pseudonym, is cut in two."""
    start, end = LAST_MARK.sub("", head[: LONGEST - ENDING]), FIRST_MARK.sub("", tail[-ENDING:])
    last, first = LAST_WORD.search(start), FIRST_WORD.match(end)
    start = start[: last.start()] if last and last.start() else start
    end = end[first.end() :] if first and first.end() < len(end) else end
    missing = len(head) + len(tail) + between - len(start) - len(end)
    return f"{start}{left_out(missing)}{end}", missing
