"""Text of a finding as an incident may hold it: inert wherever it is shown, and within the service's limits.

The portal renders Markdown and HTML in comments, and passes titles on to mails and chats, which make links of their
own. Whoever wrote the log must not be able to draw, link or load anything there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from soc_analyst.state.entities import Entity
from soc_analyst.tools.privacy.fencing import fenced
from soc_analyst.tools.records.safe_text import inert

__all__ = ["Inert", "cut", "units"]

NEVER_LINKED = frozenset({"domain", "url", "ip"})
"""Kinds of entities that are written with broken dots wherever they occur."""
_BROKEN = (
    (re.compile(r"(?<!hxxp)(?<!hxxps):(?=//)", re.IGNORECASE), "[:]"),
    (re.compile(r"(?<![a-z0-9])(mailto|tel|sip|cid):", re.IGNORECASE), r"\1[:]"),
    (re.compile(r"(?<![a-z0-9])(www)\.", re.IGNORECASE), r"\1[.]"),
    (re.compile(r"@"), "[@]"),
    (re.compile(r"\](?=\()"), "] "),
    (re.compile(r"&(?=#?[0-9a-z]+;)", re.IGNORECASE), "& "),
)
"""What a reader of Markdown, HTML or plain text would make a link or a character of, and how it is written instead."""
_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+", re.IGNORECASE)
_TWICE = re.compile(r"\[+([.:@])\]+")


class Inert:
    """Write text of one finding so that nothing in it is live; the finding's own domains and addresses are broken."""

    def __init__(self, entities: Iterable[Entity] = (), indicators: Iterable[str] = ()) -> None:
        values = [one.value for one in entities if one.kind in NEVER_LINKED]
        names = sorted({name for value in [*values, *indicators] for name in _names(value)}, key=lambda n: (-len(n), n))
        self._known = re.compile("|".join(map(re.escape, names)), re.IGNORECASE) if names else None

    def __call__(self, text: str, *, limit: int = 400) -> str:
        """Return one line of at most `limit` characters and some for what is broken; a cut is said in it."""
        line = inert(fenced(text, limit=limit))
        for live, broken in _BROKEN:
            line = live.sub(broken, line)
        if self._known is not None:
            line = self._known.sub(lambda found: found[0].replace(".", "[.]"), line)
        return _TWICE.sub(r"[\1]", line)


def _names(value: str) -> Iterator[str]:
    """Yield the domain or address that a value is or, as a URL, leads to."""
    try:
        host = urlsplit(value).hostname if "://" in value else value.partition("/")[0]
    except ValueError:
        host = None
    if host and _DOMAIN.fullmatch(host):
        yield host


def units(text: str) -> int:
    """Return the length of a text as the service counts it: in code units of UTF-16."""
    return len(text) + sum(ord(one) > 0xFFFF for one in text)


def cut(text: str, most: int, *, said: str = " … (cut)") -> str:
    """Return a text of at most `most` code units, which ends in `said` where some of it is missing."""
    if units(text) <= most:
        return text
    room, kept = most - units(said), []
    for one in text:
        room -= units(one)
        if room < 0:
            break
        kept.append(one)
    return "".join(kept).rstrip() + said
