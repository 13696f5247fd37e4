"""What a text may speak of: the rows it cites, the claims that hold, and what code itself said of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from soc_analyst.state.findings import Claim

__all__ = ["Grounds"]

_BEFORE, _AFTER = r"(?<![\w-])", r"(?![\w-])"
_WHOLE_NUMBER = re.compile(r"(?<![\w.:/\\-])\d+(?:\.\d+)?(?![\w:/\\-]|\.\d)")
_PARTS = re.compile(r"(?<=[:;.)])\s")
"""Where a statement goes on to another thing: from how many of whom to what one of them looks like."""
_DATE = re.compile(r"\b(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?)?")
_JOINT = re.compile(r"([\w.$-]+)(?:\\|:)([\w.$-]+)")
"""`CONTOSO\\jdoe`, `203.0.113.7:443`."""
_CLOCK = re.compile(r"\b(\d{2}:\d{2})(:\d{2})?\b")
_CERTAIN = frozenset({"==", "=~", "in", "in~", "contains", "startswith", "endswith"})
"""Tests that a row meets only where it holds the value."""


@dataclass(frozen=True)
class Grounds:
    """The sources of one text. `said` holds texts that code made, such as the statements of detections."""

    rows: tuple[Mapping[str, Any], ...] = ()
    claims: tuple[Claim, ...] = ()
    said: tuple[str, ...] = ()

    def says(self, sentence: str) -> bool:
        """Return whether code itself said a sentence, to the letter."""
        return any(sentence in text for text in self.said)

    def hold(self, word: str) -> bool:
        """Return whether a word, name, address or path stands in the sources, whole and without regard to case.

        What rows hold in two columns may stand as one: an address with its port, an account with its domain.
        """
        joint = _JOINT.fullmatch(word)
        return self._stands(word) or (joint is not None and self._together(joint[1], joint[2]))

    def _together(self, left: str, right: str) -> bool:
        wanted = {left.casefold(), right.casefold()}
        return any(wanted <= {_whole(value) for value in row.values()} for row in self.rows)

    def _stands(self, word: str) -> bool:
        wanted = re.escape(word.casefold())
        after = rf"{_AFTER}(?!\.\w)" if "." in word else _AFTER
        before = rf"{_BEFORE}(?<!\d\.)" if word[:1].isdigit() else _BEFORE
        before = before if word[:1].isalnum() else ""
        after = after if word[-1:].isalnum() else ""
        return re.search(f"{before}{wanted}{after}", self._text) is not None

    def count(self, number: float) -> bool:
        """Return whether a number was counted: a claim that holds expects it, or code said it."""
        return number in self._counted

    def counts_of(self, number: float, things: Sequence[str]) -> bool:
        """Return whether a number was counted of one of these things; of whatever there is where none is named."""
        if not things:
            return self.count(number)
        counted = [claim for claim in self._verified if claim.expected is not None and claim.expected == number]
        texts = (*self.said, *(claim.statement for claim in counted))
        told = [part.casefold() for text in texts for part in _PARTS.split(text) if number in _numbers_in(part)]
        return any(thing.casefold() in part for thing in things for part in told)

    def elapsed(self, number: float, seconds: float) -> bool:
        """Return whether two events of the sources lie this many units of so many seconds apart, rounded."""
        return any(round(apart / seconds) == number or apart // seconds == number for apart in self._lapses)

    def names_time(self, date: str, clock: str) -> bool:
        """Return whether an event of the sources has this date (`2026-03-04`) and clock (`12:01`, `12:01:30`).

        An empty part is not asked for.
        """
        return any((not date or date == day) and (not clock or time.startswith(clock)) for day, time in self._moments)

    @property
    def moments(self) -> frozenset[tuple[str, str]]:
        """Return all dates with their clocks."""
        return self._moments

    @cached_property
    def _verified(self) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.verified)

    @cached_property
    def _text(self) -> str:
        values = (str(value) for row in self.rows for value in row.values() if value not in (None, ""))
        return "\n".join([*values, *self.said, *self._claimed]).casefold()

    @cached_property
    def _claimed(self) -> tuple[str, ...]:
        """Values that claims hold of rows. What a claim denies, or allows among others, is in no row for certain."""
        return tuple(value for claim in self._verified for value in _values(claim))

    @cached_property
    def _counted(self) -> frozenset[float]:
        expected = {float(claim.expected) for claim in self._verified if claim.expected}
        said = {number for text in self.said for number in _numbers_in(text)}
        return frozenset(expected | said)

    @cached_property
    def _lapses(self) -> frozenset[float]:
        of_rows = [row["TimeGenerated"] for row in self.rows if isinstance(row.get("TimeGenerated"), datetime)]
        of_claims = [ref.time for claim in self._verified for ref in claim.rows if ref.time is not None]
        seconds = {_utc(moment).timestamp() for moment in (*of_rows, *of_claims)}
        return frozenset(abs(left - right) for left in seconds for right in seconds if left != right)

    @cached_property
    def _moments(self) -> frozenset[tuple[str, str]]:
        of_rows = {_moment(value) for row in self.rows for value in row.values() if isinstance(value, datetime)}
        of_claims = {_moment(ref.time) for claim in self._verified for ref in claim.rows if ref.time is not None}
        texts = [*self.said, *self._claimed, *_texts(self.rows)]
        return frozenset(of_rows | of_claims | {one for text in texts for one in _moments_in(text)})


def _numbers_in(text: str) -> frozenset[float]:
    return frozenset(float(found[0]) for found in _WHOLE_NUMBER.finditer(text))


def _values(claim: Claim) -> Iterable[str]:
    if claim.kind in ("same_entity", "value"):
        yield claim.value
    if claim.kind in ("first", "last") or (claim.kind == "count" and claim.expected):
        certain = (condition for condition in claim.where if condition.op in _CERTAIN and len(condition.values) == 1)
        yield from (str(condition.values[0]) for condition in certain)


def _texts(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (value for row in rows for value in row.values() if isinstance(value, str))


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _whole(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).casefold()


def _moment(value: datetime) -> tuple[str, str]:
    utc = _utc(value)
    return f"{utc:%Y-%m-%d}", f"{utc:%H:%M:%S}"


def _moments_in(text: str) -> Iterable[tuple[str, str]]:
    for found in _DATE.finditer(text):
        yield found[1], f"{found[2] or ''}{found[3] or ''}"
    for found in _CLOCK.finditer(text):
        yield "", f"{found[1]}{found[2] or ''}"
