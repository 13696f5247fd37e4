"""A later question on a thread: what it leaves unsaid is taken from the one before and from what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from soc_analyst.state.entities import Entity, EntityKind, Reading, TimeWindow

from .question import read_question

__all__ = ["Earlier", "carried_on", "guided", "leaves_out"]

WHY = re.compile(
    r"^\W*(why\b(?!\s+(?:did|do|does|was|were|is|are|has|have|would|could|can)\s+(?!you\b|this\s+(?:a|confirmed|suspected)))"
    r"|how\s+(?:do|did|can|could|are)\s+you\s+\w*\s*(?:know|tell|think|sure|certain|conclude|say)"
    r"|what\s+makes\s+you|on\s+what\s+(?:basis|grounds?|evidence)|what(?:'s|\s+is|\s+was)\s+(?:the|your)\s+(?:evidence|proof|basis|reason\w*)"
    r"|(?:show|give)\s+(?:me\s+)?(?:the|your)\s+(?:evidence|proof|reason\w*)|explain\s+(?:that|this|yourself|why|your|the\s+(?:verdict|finding|outcome))"
    r"|are\s+you\s+(?:sure|certain)|prove\s+(?:it|that))",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(
    r"\b(?:(?:the\s+)?(?:other|remaining)|any\s+other|another|rest\s+of\s+the)\s+"
    r"(?:hosts?|machines?|devices?|servers?|computers?|endpoints?|workstations?|clients?|systems?|boxes|fleet)\b"
    r"|\b(?:elsewhere|anywhere\s+else|somewhere\s+else)\b",
    re.IGNORECASE,
)
WIDEN = re.compile(
    r"^\W*(?:(?:please|now|can\s+you|could\s+you|and)\s+)*(?:widen|extend|expand|broaden|enlarge|stretch|go\s+back|look\s+back|reach\s+back)\b"
    r"(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
BY = re.compile(r"\bby\s+(?P<span>.+)$", re.IGNORECASE | re.DOTALL)
SPAN = re.compile(
    r"\b(?P<span>(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|thirty|ninety|half\s+an?)\s+"
    r"(?:minute|hour|day|week|fortnight|month|quarter|year)s?)\b",
    re.IGNORECASE,
)
IGNORE = re.compile(
    r"^\W*(?:(?:please|now|and|but|can\s+you|could\s+you)\s+)*(?:ignore|exclude|leave\s+out|disregard|skip|filter\s+out|forget(?:\s+about)?)\s+(?P<what>.+)$",
    re.IGNORECASE | re.DOTALL,
)
KINDS: dict[EntityKind, str] = {
    "account": r"accounts?|users?|persons?|people|identity|identities|he|she|him|her",
    "host": r"hosts?|machines?|devices?|servers?|computers?|endpoints?|workstations?|laptops?|box",
    "ip": r"ips?|ip\s+address(?:es)?|address(?:es)?",
    "hash": r"hash(?:es)?",
    "file": r"files?|binary|binaries",
    "process": r"process(?:es)?|programs?",
    "domain": r"domains?",
    "resource": r"resources?|vms?|virtual\s+machines?|applications?|apps?",
}
POINTING = r"(?:this|that|these|those|the\s+same|the\s+said|said|its|their)"
PRONOUN = re.compile(r"\b(?:he|she|him|her|they|them)\b", re.IGNORECASE)
WORDS = re.compile(r"[a-z]{3,}")
FILLERS = frozenset(
    {"the", "our", "all", "any", "and", "host", "hosts", "server", "servers", "machine", "machines", "device",
     "account", "user", "from", "everything", "anything", "about", "activity", "named", "called", "its", "that",
     "this"}
)  # fmt: skip
SHORT_FORMS = {
    "backup": ("backup", "bkp", "bck", "bak", "veeam", "dpm"),
    "backups": ("backup", "bkp", "bck", "bak", "veeam", "dpm"),
    "scanner": ("scan", "nessus", "qualys", "rapid7", "openvas"),
    "build": ("build", "bld", "jenkins", "agent"),
    "mail": ("mail", "exch", "mx"),
    "database": ("sql", "db", "ora"),
    "jump": ("jump", "jmp", "bastion", "paw"),
    "file": ("file", "fs", "nas"),
    "domain": ("dc",),
    "controller": ("dc",),
    "monitoring": ("mon", "zabbix", "nagios"),
    "deployment": ("deploy", "sccm", "mecm", "wsus"),
    "patch": ("patch", "wsus", "sccm"),
}
"""How names are shortened in the names of hosts."""
MOST_CARRIED = 6


@dataclass(frozen=True)
class Earlier:
    """The question before, and what its findings name, the most serious first."""

    reading: Reading
    named: tuple[Entity, ...] = ()
    carried: tuple[Entity, ...] = ()
    """Of these what an intrusion carries from host to host."""


def carried_on(question: str, asked: Reading, earlier: Earlier | None) -> Reading:
    """Return what a question is about, with window, things and exclusions of the one before where it names none.

    It may ask why, elsewhere, for a wider window, or without something: then all else is as it was.
    """
    if earlier is None:
        return asked
    if WHY.match(question) and not asked.entities:
        return earlier.reading.model_copy(update={"follows": "why", "notes": ()})
    if (ignored := IGNORE.match(question)) is not None:
        return _without(ignored["what"], asked, earlier)
    if (wider := WIDEN.match(question)) is not None:
        return _widened(wider["rest"], asked, earlier)
    if ELSEWHERE.search(question):
        return _elsewhere(asked, earlier)
    return _inherited(question, asked, earlier)


def leaves_out(question: str) -> bool:
    """Return whether a question asks to leave something out."""
    return IGNORE.match(question) is not None


def guided(reading: Reading, words: Reading) -> Reading:
    """Return the reading with what guidance names in its place: the time, the things, the kinds of activity."""
    changes: dict[str, object] = {}
    if words.window.basis != "assumed":
        changes["window"] = words.window
    if words.entities:
        changes["entities"] = words.entities
    if words.topics:
        changes["topics"] = words.topics
    return reading.model_copy(update=changes)


def _inherited(question: str, asked: Reading, earlier: Earlier) -> Reading:
    before = earlier.reading
    changes, notes = _window_of(asked, before)
    changes["excluded"] = before.excluded
    pointed = _pointed_at(question, earlier)
    if pointed:
        changes["entities"] = tuple(dict.fromkeys([*asked.entities, *pointed]))
        notes.append(f"taken over from what was found: {_told(pointed)}")
    elif not asked.entities and before.entities:
        changes["entities"] = before.entities
        notes.append(f"nothing was named: taken over from the question before: {_told(before.entities)}")
    return asked.model_copy(update={**changes, "follows": "more" if pointed else "", "notes": tuple(notes)})


def _window_of(asked: Reading, before: Reading) -> tuple[dict[str, object], list[str]]:
    notes = list(asked.notes)
    if asked.window.basis != "assumed":
        return {}, notes
    notes = [note for note in notes if not note.startswith("the question names no time")]
    notes.append("no time was named: the window of the question before is used")
    return {"window": before.window.model_copy(update={"basis": "assumed"})}, notes


def _pointed_at(question: str, earlier: Earlier) -> tuple[Entity, ...]:
    """Return what `this account` or `she` means: what was asked about, else the first that findings name."""
    found: list[Entity] = []
    for kind, words in KINDS.items():
        named = re.search(rf"\b{POINTING}\s+(?:{words})\b", question, re.IGNORECASE)
        if named or (kind == "account" and PRONOUN.search(question)):
            plural = named is not None and re.search(r"\b(these|those|their)\b", named[0], re.IGNORECASE)
            of_kind = _of_kind(kind, earlier)
            found += of_kind if plural else of_kind[:1]
    return tuple(found)


def _of_kind(kind: EntityKind, earlier: Earlier) -> list[Entity]:
    asked = [one for one in earlier.reading.entities if one.kind == kind]
    return list(dict.fromkeys([*asked, *(one for one in earlier.named if one.kind == kind)]))


def _elsewhere(asked: Reading, earlier: Earlier) -> Reading:
    """Look for what was found on other hosts than was asked about; where none was, than it was found on."""
    before = earlier.reading
    changes, notes = _window_of(asked, before)
    asked_about = tuple(one for one in before.entities if one.kind == "host")
    hosts = asked_about or tuple(one for one in earlier.named if one.kind == "host")
    followed = asked.entities or earlier.carried[:MOST_CARRIED]
    changes |= {
        "entities": followed,
        "excluded": tuple(dict.fromkeys([*before.excluded, *hosts])),
        "follows": "elsewhere",
        "suspicion": True,
    }
    notes.append(f"looked for on other hosts than {_told(hosts) or 'none'}: {_told(followed) or 'anything suspicious'}")
    return asked.model_copy(update={**changes, "notes": tuple(notes)})


def _widened(rest: str, asked: Reading, earlier: Earlier) -> Reading:
    """Ask the question before again over more time: as far back as is said, else twice as long."""
    before, window = earlier.reading, earlier.reading.window
    if asked.window.basis != "assumed":
        start, end = min(asked.window.start, window.start), max(asked.window.end, window.end)
    else:
        start, end = _further_back(rest, window), window.end
    wider = TimeWindow(start=start, end=end, basis="stated", phrase=rest.strip(" .?!")[:80])
    note = f"the question before, from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    return before.model_copy(update={"window": wider, "follows": "widen", "notes": (note,)})


def _further_back(rest: str, window: TimeWindow) -> datetime:
    by = BY.search(rest)
    span = SPAN.search(by["span"] if by else rest)
    length = _length(span["span"], window.end) if span else None
    if length is None:
        return window.start - (window.end - window.start)
    return window.start - length if by else min(window.start, window.end - length)


def _length(span: str, now: datetime) -> timedelta | None:
    read = read_question(f"anything in the last {span}", now=now)
    return None if read.window.basis == "assumed" else read.window.end - read.window.start


def _without(what: str, asked: Reading, earlier: Earlier) -> Reading:
    """Ask the question before again without some things: those named, or known ones that are called so."""
    before = earlier.reading
    out = asked.entities or tuple(_called(what, [*before.entities, *earlier.named]))
    if not out:
        called = what.strip(" .?!")[:60]
        note = f"nothing of this case is called {called!r}, so nothing was left out: name a host or account"
        return before.model_copy(update={"follows": "ignore", "notes": (note,)})
    return before.model_copy(
        update={
            "excluded": tuple(dict.fromkeys([*before.excluded, *out])),
            "entities": tuple(one for one in before.entities if one not in out),
            "follows": "ignore",
            "notes": (f"left out: {_told(out)}",),
        }
    )


def _called(what: str, known: Iterable[Entity]) -> Iterable[Entity]:
    """Yield known things whose names hold a word of a description, or how that word is shortened in names."""
    words = [word for word in WORDS.findall(what.casefold()) if word not in FILLERS]
    parts = [part for word in words for part in SHORT_FORMS.get(word, (word,))]
    for one in dict.fromkeys(known):
        if one.kind in ("host", "account", "resource") and any(part in one.value.casefold() for part in parts):
            yield one


def _told(entities: Iterable[Entity]) -> str:
    return ", ".join(f"{entity.kind} {entity.value}" for entity in entities)
