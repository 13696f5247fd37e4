"""What a sentence says of rows without naming a number: what came before what, what was first, what never was.

A model's word for it is not enough. An order must be that of the rows which the two parts of the sentence speak of, or
else a claim of order must hold; a first or last and an absence must be claimed, and the claim must be about the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from soc_analyst.state.findings import Claim

from .specifics import is_ordinary

__all__ = ["denied_by", "relations_hold", "says_harmless"]

Row = Mapping[str, Any]
_EARLIER = r"(?:,?\s*(?:and\s+)?then\b|followed by|before|prior to|preced(?:es|ed|ing)|led to|ahead of)"
_LATER = r"(?:after|following|preceded by|subsequent to|later than|once)"
_BACK = r"(?:afterwards?|later|subsequently|thereafter|next|then|after that|following (?:this|that))"
_JOINT = re.compile(
    rf"(?P<left>.*?)\s*\b(?:(?P<later>preceded by|{_LATER})|(?P<earlier>{_EARLIER}))\b\s*(?P<right>.*)", re.I
)
_LEADING = re.compile(
    rf"^(?:(?P<later>{_LATER})|(?P<earlier>before|prior to))\b\s*(?P<left>[^,]+),\s*(?P<right>.+)$", re.I
)
_AGAIN = re.compile(rf"^(?:and\s+|it\s+)?{_BACK}\b[,\s]*(?P<right>.+)$", re.I)
_ORDER = re.compile(
    r"\b(?:before|after|afterwards?|then|followed by|following|later|earlier|subsequent(?:ly)?|prior to|preced\w+"
    r"|led to|thereafter|in this order|in turn)\b",
    re.I,
)
_NO_ORDER = re.compile(
    r"\b(?:looks? after|named after|after all|the following|soon(?:er)? or later|later stages?)\b", re.I
)
_ABSENT = re.compile(
    r"\b(?:no|never|none|nothing|nobody|neither|nowhere|absence|absent|without any|not a single|not one|zero"
    r"|(?:do|does|did|was|were|is|are|has|have|had|could|can)(?:\s+not|n[\u2019']t)|cannot)\b",
    re.I,
)
_NO_ABSENCE = re.compile(
    r"\b(?:no longer|no doubt|no later than|no earlier than|no less than|no more than|no matter"
    r"|not only|not (?:usual|ordinary|normal|common|expected|typical|routine|benign|legitimate))\b",
    re.I,
)
_ENDS: Mapping[Literal["first", "last"], re.Pattern[str]] = {
    "first": re.compile(r"\b(?:first|earliest|initial(?:ly)?|began with|started with|at the start)\b", re.I),
    "last": re.compile(r"\b(?:last|latest|final(?:ly)?|ended with|most recent(?:ly)?|at the end)\b", re.I),
}
_NO_END = re.compile(
    r"\b(?:first[- ](?:stage|party|time|hand|name|line)|initial access"
    r"|(?:at|in the) (?:first|last) (?:place|resort)"
    r"|(?:last|final) (?:\w+ )?(?:seconds?|minutes?|hours?|days?|weeks?|months?|name|stage))\b",
    re.I,
)
_HARMLESS = re.compile(
    r"\b(?:benign|harmless|legitimate|authori[sz]ed|sanctioned|false positives?|false alarms?|innocuous|ordinary work"
    r"|(?:expected|routine|normal|ordinary) (?:activity|behaviou?r|operation|administration|maintenance|traffic|use)"
    r"|(?:safe|can be|may be|should be) (?:to )?ignored?|nothing (?:suspicious|malicious|to worry)|not malicious)\b",
    re.I,
)
_DENIED = re.compile(r"\b(?:not|no|never|hardly|isn[\u2019']t|wasn[\u2019']t|un|neither)\s+(?:\w+\s+){0,2}\Z", re.I)
_WORD = re.compile(r"[\w$.\\/:@-]{2,}")
_OTHERS = ("Initiating", "Parent", "Target")
"""Columns of a row that tell of another thing than the event itself."""


class _Split(NamedTuple):
    left: str
    right: str


def says_harmless(sentence: str) -> bool:
    """Return whether a sentence says that something is ordinary work, which no finding is the place for."""
    found = _HARMLESS.search(sentence)
    return found is not None and _DENIED.search(sentence[: found.start()]) is None


def relations_hold(sentence: str, before: str, rows: Sequence[Row], claims: Sequence[Claim]) -> bool:
    """Return whether what a sentence says of order, ends and absence is borne out; `before` is the one before it."""
    plain = _NO_ORDER.sub(" ", _NO_END.sub(" ", _NO_ABSENCE.sub(" ", sentence)))
    if _ABSENT.search(plain) and not any(_denies(claim, sentence) for claim in claims):
        return False
    for kind, pattern in _ENDS.items():
        if pattern.search(plain) and not any(_ends(claim, kind, sentence, rows) for claim in claims):
            return False
    return not _ORDER.search(plain) or _in_order(plain, before, rows, claims)


def denied_by(claims: Iterable[Claim], sentence: str) -> frozenset[str]:
    """Return the values, in lower case, that a sentence rightly says are nowhere."""
    if not _ABSENT.search(_NO_ABSENCE.sub(" ", sentence)):
        return frozenset()
    held = [claim for claim in claims if _denies(claim, sentence)]
    values = (value for claim in held for condition in claim.where for value in condition.values)
    return frozenset(str(value).casefold() for value in values)


def _denies(claim: Claim, sentence: str) -> bool:
    """Return whether an absence that holds is of what the sentence names."""
    if claim.kind != "absent" or not claim.verified:
        return False
    if any(condition.values for condition in claim.where):
        return _names_what_it_tests(claim, sentence)
    return claim.table.casefold() in sentence.casefold()


def _ends(claim: Claim, kind: str, sentence: str, rows: Sequence[Row]) -> bool:
    """Return whether a claim of a first or last row holds and the sentence speaks of that row."""
    if claim.kind != kind or not claim.verified or not _names_what_it_tests(claim, sentence):
        return False
    spoken = _spoken_of(sentence, rows)
    return not spoken or any(row.get("TimeGenerated") == claim.rows[0].time for row in spoken)


def _names_what_it_tests(claim: Claim, sentence: str) -> bool:
    low = sentence.casefold()
    return all(str(value).casefold() in low for condition in claim.where for value in condition.values)


def _in_order(sentence: str, before: str, rows: Sequence[Row], claims: Sequence[Claim]) -> bool:
    split = _parted(sentence, before)
    claimed = any(claim.kind == "order" and claim.verified for claim in claims)
    if split is None:
        return claimed
    left, right = _spoken_of(split.left, rows), _spoken_of(split.right, rows)
    if not left and not right:
        return claimed
    left = left or [row for row in rows if row not in right]
    right = right or [row for row in rows if row not in left]
    earlier, later = _times(left), _times(right)
    if any(_claims_so(claim, earlier, later) for claim in claims):
        return True
    return bool(earlier and later) and min(earlier) <= min(later) and max(earlier) <= max(later)


def _claims_so(claim: Claim, earlier: Sequence[datetime], later: Sequence[datetime]) -> bool:
    """Return whether an order that holds is of rows which the two parts speak of, the one way and not the other."""
    if claim.kind != "order" or not claim.verified:
        return False
    first, last = claim.rows[0].time, claim.rows[-1].time
    return first in earlier and last in later and not (first in later and last in earlier)


def _parted(sentence: str, before: str) -> _Split | None:
    """Return the two parts that a sentence puts in order, the earlier one first."""
    text = sentence.strip().rstrip(".!?")
    if found := _AGAIN.match(text):
        return _Split(before, found["right"]) if before else None
    if found := _LEADING.match(text):
        return _Split(found["left"], found["right"]) if found["later"] else _Split(found["right"], found["left"])
    if (found := _JOINT.match(text)) and found["left"] and found["right"]:
        return _Split(found["right"], found["left"]) if found["later"] else _Split(found["left"], found["right"])
    return None


def _spoken_of(part: str, rows: Sequence[Row]) -> list[Row]:
    """Return the rows that a part of a sentence speaks of: those with the most of its words that tell rows apart."""
    words = {word.strip(".:,").casefold() for word in _WORD.findall(part)}
    ordinary = {word for word in words if is_ordinary(word)}
    for some in (words - ordinary, ordinary):
        for texts in ([_own_text(row) for row in rows], [_text(row) for row in rows]):
            if told := _best(some, texts):
                return [rows[at] for at in told]
    return []


def _best(words: Iterable[str], texts: Sequence[str]) -> list[int]:
    """Return the places of the texts that hold the most of these words, of those that not all of them hold."""
    counts = [0] * len(texts)
    for word in words:
        held = [_stands(word, text) for text in texts]
        if not all(held):
            counts = [count + one for count, one in zip(counts, held, strict=True)]
    most = max(counts, default=0)
    return [at for at, count in enumerate(counts) if count == most] if most else []


def _own_text(row: Row) -> str:
    own = (value for name, value in row.items() if not name.startswith(_OTHERS))
    return "\n".join(str(value) for value in own if value not in (None, "")).casefold()


def _text(row: Row) -> str:
    return "\n".join(str(value) for value in row.values() if value not in (None, "")).casefold()


def _stands(word: str, text: str) -> bool:
    return len(word) > 2 and _whole(word).search(text) is not None


@lru_cache(maxsize=4_096)
def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w]){re.escape(word)}(?![\w])")


def _times(rows: Sequence[Row]) -> list[datetime]:
    return [time for row in rows if isinstance(time := row.get("TimeGenerated"), datetime)]
