"""Sentences held against rows and claims: what nothing bears out goes, whoever wrote it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from .grounds import Grounds
from .relations import denied_by, relations_hold, says_harmless
from .specifics import Specific, specifics

__all__ = ["Spoken", "Worded", "borne_out"]

Spoken = Literal["by code", "as finding", "as reason"]

_SENTENCE = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"'”)]))\s+(?=[^a-z\s])|\s*\n+\s*")

LONGER = 20
"""Characters of a sentence that is a part of a claim's statement for certain."""


@dataclass(frozen=True)
class Worded:
    """A text with what its sources bear out, and the sentences that they do not."""

    text: str
    removed: tuple[str, ...] = ()


def borne_out(
    text: str,
    grounds: Grounds,
    *,
    names: Collection[str] = (),
    denied: Collection[str] = (),
    checked: bool = True,
    spoken: Spoken = "by code",
) -> Worded:
    """Keep the sentences whose numbers, times, addresses, hosts, accounts, paths and hashes the sources bear out.

    `names` are the names of hosts and accounts that the case knows, in lower case: one of them in plain prose counts
    as a name even where it looks like any word. Sentences without such things stand: nothing in them can be checked.
    What code itself said stands to the letter. A sentence that tells a statement of `denied` goes, which are claims
    that do not hold; where a text is not to be `checked`, that alone goes. What a model has `spoken` is held to its
    words for order, ends and absence too; and as a finding it may not say that something is harmless.
    """
    kept: list[str] = []
    removed: list[str] = []
    before = ""
    for sentence in _parts(text, grounds.said):
        stands = grounds.says(sentence) or not _rests_on(sentence, denied)
        if stands and checked and not grounds.says(sentence):
            stands = _borne_out(sentence, grounds, names, spoken, before)
        (kept if stands else removed).append(sentence)
        before = sentence
    return Worded(" ".join(kept) if removed else text, tuple(removed))


def _rests_on(sentence: str, denied: Collection[str]) -> bool:
    """Return whether a sentence tells one of these statements, or is a part of one."""
    return any(one and (one.rstrip(".") in sentence or (len(sentence) >= LONGER and sentence in one)) for one in denied)


def _borne_out(sentence: str, grounds: Grounds, names: Collection[str], spoken: Spoken, before: str) -> bool:
    told = list(specifics(_plain_digits(sentence), names))
    nowhere = denied_by(grounds.claims, sentence)
    if not all(_holds(one, grounds) or one.text.casefold() in nowhere for one in told):
        return False
    if spoken == "by code":
        return True
    things = [one.text for one in told if one.kind == "word" and one.text]
    return (
        all(grounds.counts_of(one.number, things) for one in told if one.kind == "count")
        and relations_hold(sentence, before, grounds.rows, grounds.claims)
        and not (spoken == "as finding" and says_harmless(sentence))
    )


def _parts(text: str, said: Iterable[str]) -> list[str]:
    """Split a text into sentences; what code said in it is one, wherever that ends."""
    known = sorted({one.strip() for one in said if len(one) >= LONGER and one.strip() in text}, key=len, reverse=True)
    if not known:
        return _sentences(text)
    told = re.split(f"({'|'.join(re.escape(one) for one in known)})", text)
    return [part for at, one in enumerate(told) for part in ([one] if at % 2 else _sentences(one))]


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE.split(text) if sentence and sentence.strip()]


def _plain_digits(text: str) -> str:
    """Write digits of all scripts and widths as ASCII, so that none is a way around."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in normal)


def _holds(one: Specific, grounds: Grounds) -> bool:
    if one.kind == "count":
        return grounds.count(one.number)
    if one.kind == "lapse":
        return grounds.count(one.number) or grounds.elapsed(one.number, one.unit)
    if one.kind == "word":
        return not one.text or grounds.hold(one.text)
    if one.text.startswith("*"):
        return any(day.endswith(one.text[1:]) for day, _ in grounds.moments)
    return grounds.names_time(one.text, one.clock)
