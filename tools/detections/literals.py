"""Texts that a regular expression needs, so that only values which hold them are searched.

The reader is small on purpose: what it does not understand it counts as anything, which costs time and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Needed", "needed_texts"]

Needed = tuple[tuple[str, ...], ...]
"""Of each group at least one text, in lower case, stands in whatever the expression finds."""

SHORTEST = 3
"""Shorter texts stand in most values: looking for them saves nothing."""
MOST = 40
"""Texts of one group."""
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
NO_CHARACTER = frozenset("bBAzZ")
CLASSES = frozenset("dDsSwWC")


@lru_cache(maxsize=16_384)
def needed_texts(pattern: str) -> Needed:
    """Return the groups of a pattern in RE2 syntax; none where any value might be found.

    Kept, since each round of a hunt looks for the same thousand patterns, and to read them takes longer than to search.
    """
    reader = _Reader(pattern)
    try:
        found = reader.alternatives()
    except _NotUnderstood:
        return ()
    return () if reader.at < len(pattern) else tuple(dict.fromkeys(found.groups))


class _NotUnderstood(Exception):
    """The pattern is left to RE2 alone."""


@dataclass
class _Part:
    """What a part of a pattern needs; `text` is set where it finds that text alone."""

    groups: list[tuple[str, ...]] = field(default_factory=list)
    text: str | None = None


class _Sequence:
    """Parts that follow each other, of which neighbouring texts become one."""

    def __init__(self) -> None:
        self._groups: list[tuple[str, ...]] = []
        self._run = ""
        self._whole = True

    def add(self, part: _Part, least: int, most: int | None) -> None:
        """Take in a part that stands from `least` to `most` times."""
        if least == most == 1 and part.text is not None:
            self._run += part.text
            return
        if least and part.text is not None:
            self._run += part.text
        self._cut()
        self._whole = False
        if least:
            self._groups.extend(part.groups)

    def end(self) -> _Part:
        """Return what all of it needs."""
        text = self._run if self._whole else None
        self._cut()
        return _Part(self._groups, text)

    def _cut(self) -> None:
        if len(self._run) >= SHORTEST:
            self._groups.append((self._run,))
        self._run = ""


class _Reader:
    """A walk over a pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def alternatives(self) -> _Part:
        """Read up to the end of a group or of the pattern."""
        branches = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _any_of(branches)

    def _sequence(self) -> _Part:
        sequence = _Sequence()
        while self._peek() not in ("", "|", ")"):
            part = self._part()
            sequence.add(part, *self._times())
        return sequence.end()

    def _part(self) -> _Part:
        sign = self._take()
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escape()
        if sign in ("^", "$"):
            return _Part(text="")
        return _letter(sign) if sign != "." else _Part()

    def _group(self) -> _Part:
        if self._peek() == "?":
            self._flags()
            if self._pattern[self.at - 1] == ")":
                return _Part(text="")
        found = self.alternatives()
        if self._take() != ")":
            raise _NotUnderstood
        return found

    def _flags(self) -> None:
        """Skip flags or a name, up to what is grouped; flags alone end with their bracket."""
        while self._take() not in (":", ">", ")"):
            continue

    def _class(self) -> _Part:
        if self._peek() == "^":
            self.at += 1
        first = True
        while first or self._peek() != "]":
            first = False
            if self._pattern.startswith("[:", self.at):
                self.at = self._pattern.index(":]", self.at) + 2 if ":]" in self._pattern[self.at :] else self._fail()
            elif self._take() == "\\":
                self.at += 1
        self.at += 1
        return _Part()

    def _escape(self) -> _Part:
        sign = self._take()
        if sign in CONTROLS:
            return _letter(CONTROLS[sign])
        if sign in NO_CHARACTER:
            return _Part(text="")
        if sign in CLASSES:
            return _Part()
        if sign.isalnum():
            self._fail()
        return _letter(sign)

    def _times(self) -> tuple[int, int | None]:
        least, most = self._repeated()
        if self._peek() == "?" and (least, most) != (1, 1):
            self.at += 1
        return least, most

    def _repeated(self) -> tuple[int, int | None]:
        known: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        sign = self._peek()
        if sign in known:
            self.at += 1
            return known[sign]
        end = self._pattern.find("}", self.at) if sign == "{" else -1
        low, comma, high = self._pattern[self.at + 1 : end].partition(",") if end > 0 else ("", "", "")
        if not low.isdigit() or not (high.isdigit() or not high):
            return 1, 1
        self.at = end + 1
        least = int(low)
        # A repeat of exactly one is rare enough to go with the others.
        return least, (int(high) if high else None) if comma else max(least, 2)

    def _peek(self) -> str:
        return self._pattern[self.at : self.at + 1]

    def _take(self) -> str:
        if self.at >= len(self._pattern):
            self._fail()
        self.at += 1
        return self._pattern[self.at - 1]

    def _fail(self) -> int:
        raise _NotUnderstood


def _letter(sign: str) -> _Part:
    # Beyond ASCII, cases fold in ways of which `lower` knows only some.
    return _Part(text=sign.lower()) if sign.isascii() else _Part()


def _any_of(branches: list[_Part]) -> _Part:
    """Need one text of each branch; a branch that needs none frees the others."""
    chosen: list[tuple[str, ...]] = []
    for branch in branches:
        if not branch.groups:
            return _Part()
        chosen.append(max(branch.groups, key=_telling))
    texts = tuple(dict.fromkeys(text for group in chosen for text in group))
    return _Part([texts]) if len(texts) <= MOST else _Part()


def _telling(group: tuple[str, ...]) -> int:
    return min(len(text) for text in group)
