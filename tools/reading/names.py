"""Names of hosts, accounts and resources, by the words beside them and by their shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from soc_analyst.state.entities import EntityKind

from .artefacts import Found
from .masking import FILLER, Mask
from .shapes import (
    is_account_shape,
    is_acronym,
    is_english,
    is_host_shape,
    is_resource_shape,
    looks_compound,
    never_a_host,
)
from .vocabulary import alternatives, vocabulary

__all__ = ["find_candidates", "find_names"]

_WORD = r"[A-Z]['\u2019][A-Z][a-z]+|[A-Za-z0-9_][\w.$-]*[\w$]|[A-Za-z]"
_QUOTED = (
    r"(?:\"(?P<q1>[^\"\x00]{1,80})\"|(?<!\w)'(?P<q2>[^'\x00]{1,80})'(?!\w)"
    r"|[\u201c\u2018\u00ab](?P<q3>[^\u201d\u2019\u00bb\x00]{1,80})[\u201d\u2019\u00bb]|`(?P<q4>[^`\x00]{1,80})`)"
)
_CAPITALS = (
    r"(?:[A-Z][\w&-]*)"
    r"(?:\s+(?:[A-Z0-9][\w&-]*|(?:of|for|and)(?=\s+[A-Z])|policy|role|group|app|application|connector))*"
)
_NAMED = r"(?:\s+(?:named|called|name|id|with\s+(?:the\s+)?(?:name|upn)|is))?\s*[:=]?\s*"
_LISTED = re.compile(rf"(?:\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or|&)\s+)(?P<v>{_WORD})(?![\w-])")
_TOKEN = re.compile(rf"(?<![\w.@#-])(?P<v>{_WORD})(?![\w@-])")
_QUOTE = re.compile(_QUOTED)
_WELL_KNOWN = frozenset(["administrator", "root", "guest", "krbtgt"])
_GENERIC = frozenset([*_WELL_KNOWN, "admin", "test", "oracle", "backup", "service"])


def find_names(mask: Mask) -> Iterator[Found]:
    """Yield the names that cues or shapes give away, taking each from the mask; the surest cues come first."""
    yield from _objects(mask)
    for kind in _ROLES:
        yield from _after_role(mask, kind)
    for kind in _ROLES:
        yield from _before_role(mask, kind)
    yield from _by_shape(mask, "account", is_account_shape)
    yield from _by_shape(mask, "resource", is_resource_shape)
    yield from _by_shape(mask, "host", is_host_shape)
    yield from _after_on(mask)
    yield from _actors(mask)
    yield from _quoted(mask)


_ROLES: dict[EntityKind, str] = {
    "resource": "roles_of_resource",
    "account": "roles_of_account",
    "host": "roles_of_host",
}


@cache
def _openers() -> frozenset[str]:
    return frozenset(vocabulary("names")["openers"])


@cache
def _role(kind: EntityKind) -> str:
    return alternatives(vocabulary("names")[_ROLES[kind]])


def _take(mask: Mask, kind: EntityKind, found: re.Match[str], group: str = "v") -> Found:
    mask.take(found.start(group), found.end(group))
    return Found.of(kind, found[group].strip(), found.start(group))


def _quote_in(found: re.Match[str]) -> str:
    """Return the group of the quotation in a match, or nothing."""
    return next((name for name in ("q1", "q2", "q3", "q4") if found.groupdict().get(name)), "")


@cache
def _object_patterns() -> tuple[re.Pattern[str], ...]:
    activity = r"(?i:sign[- ]?ins?|signed\s+in|logins?|log\s?ons?|added?|members?|assign\w*|elevat\w*)"
    return (
        re.compile(
            rf"(?P<v>{_CAPITALS}|(?<![\w-])[a-z0-9]+[-_][\w-]*\w),?\s+(?:was\s+)?"
            r"(?:changed|modified|updated|added|deleted|created)\s+by\b"
        ),
        re.compile(rf"{activity}\b[^?.\n]{{0,80}}?\sto\s+(?:the\s+)?(?P<v>{_CAPITALS})"),
        re.compile(
            r"(?i:\b(?:to|of|for|in|into)\s+(?:the\s+)?(?:app(?:lication)?|service\s+principal|role|group)\s+)"
            rf"(?P<v>{_CAPITALS})"
        ),
    )


def _objects(mask: Mask) -> Iterator[Found]:
    """Yield directory objects: `Legacy Role, changed by`, `sign-ins of … to Visual Studio Code`."""
    for pattern in _object_patterns():
        for found in mask.matches(pattern):
            value = found["v"]
            if not (is_host_shape(value) or value.split()[0].lower() in _openers() or is_acronym(value)):
                yield _take(mask, "resource", found)


@cache
def _after_role_pattern(kind: EntityKind) -> re.Pattern[str]:
    return re.compile(
        rf"(?i:(?<![\w-])(?P<role>{_role(kind)}s?)(?:\s+account|\s+name)?(?![\w-]){_NAMED})(?:{_QUOTED}|(?P<v>{_WORD}))"
    )


_INDEFINITE = re.compile(r"\b(?:any|an?|which|what|every|each|no|other|another|some)\s+$", re.IGNORECASE)
"""After these a role is not followed by its name: any account fall, which user changed."""


def _after_role(mask: Mask, kind: EntityKind) -> Iterator[Found]:
    """Yield what follows the word for its kind, and what is listed with it."""
    pos = 0
    while found := _after_role_pattern(kind).search(mask.text, pos):
        quote, plural = _quote_in(found), found["role"].lower().endswith("s")
        vague = _INDEFINITE.search(mask.text, 0, found.start("role")) and not looks_compound(found["v"] or "")
        if not quote and (vague or not _may_be_named(found["v"], kind, plural=plural)):
            pos = found.start("v")
            continue
        pos = found.end()
        yield _take(mask, kind, found, quote or "v")
        while more := _LISTED.match(mask.text, pos):
            if not _may_be_listed(more["v"], kind, plural=plural):
                break
            pos = more.end()
            yield _take(mask, kind, more)


def _may_be_listed(word: str, kind: EntityKind, *, plural: bool) -> bool:
    if kind == "account" and plural and word.lower() in _GENERIC:
        return True
    return (plural or is_host_shape(word)) and _may_be_named(word, kind, plural=True)


def _may_be_named(word: str, kind: EntityKind, *, plural: bool) -> bool:
    """Return whether a word beside a role is a name: `host win`, `NSG nsg-web`, but not `host is`."""
    if word.isdigit():
        return kind == "account" and len(word) > 3
    if len(word) < 2 or word.lower() in ("named", "called"):
        return False
    if kind == "account" and plural and word.lower() in _GENERIC:
        return True
    if kind == "resource" and word[0].isupper() and word.lower() not in _openers() and not plural:
        return not is_english(word) or len(word) > 3
    shouted = word.isupper() and len(word) > 2 and not is_acronym(word) and not plural
    return not is_english(word) or looks_compound(word) or shouted


def _before_role(mask: Mask, kind: EntityKind) -> Iterator[Found]:
    """Yield `build01 user`, `the bob account`, `kv-prod key vault`."""
    pattern = re.compile(rf"(?<![\w.-])(?P<v>[a-z_][\w.-]*[\w$])(?:['\u2019]s)?\s+(?i:{_role(kind)})\b")
    for found in mask.matches(pattern):
        if not is_english(found["v"]) and (kind == "resource" or "-" not in found["v"]):
            yield _take(mask, kind, found)


def _by_shape(mask: Mask, kind: EntityKind, fits: Callable[[str], bool]) -> Iterator[Found]:
    for found in mask.matches(_TOKEN):
        if fits(found["v"]):
            yield _take(mask, kind, found)


_ON = re.compile(
    r"(?i:\b(?P<cue>on|triage|check|review|into|onto)\s+(?:of\s+)?)"
    r"(?P<v>[A-Z][A-Z0-9_-]{2,}|[a-z][\w-]*\w)(?![\w.-])(?!\s+[A-Z])"
)


_ON_HOST = re.compile(
    r"(?i:\bon\s+(?:the\s+)?(?:host|machine|server|device|computer|workstation)\s+)"
    rf"(?P<v>[A-Za-z]\w+)(?=\s*(?:{FILLER}|[?,;]|$))"
)


def _after_on(mask: Mask) -> Iterator[Found]:
    """Yield what ends a clause after `on host`, word or not; capitals such as JUMPBOX; no word after `on`."""
    for found in mask.matches(_ON_HOST):
        yield _take(mask, "host", found)
    for found in mask.matches(_ON):
        word = found["v"]
        if not is_english(word) and (word.isupper() or found["cue"].lower() == "on"):
            yield _take(mask, "host", found)


@cache
def _actor_patterns() -> tuple[re.Pattern[str], ...]:
    verbs = alternatives(vocabulary("names")["account_verbs"])
    name, ask = r"(?P<v>[a-z_][\w.-]*[\w$])", r"did|has|had|was|were|is|does|when|why|if|whether|can"
    owned = r"(?:account|mailbox|sign[- ]?ins?|log[- ]?[io]ns?|activity|password|session|mfa|credentials|devices?)"
    of_account = r"(?:sign[- ]?ins?|log[- ]?ins?|mfa|mailbox|passwords?|consents?|grants?)"
    sources = (
        r"(?P<v>[A-Z][a-z]+\s+[A-Z][a-z]+)['\u2019]s\s+(?:account|mailbox|sign|log|user)",
        rf"\b(?i:{of_account})\s+(?:\w+\s+)?(?:of|for|by|from)\s+(?P<v>[A-Za-z_][\w-]*\w)(?![\w.@\\-]|\s+[A-Z])",
        rf"\b(?:by|as|impersonat\w+|logged\s+in\s+as)\s+{name}(?![\w@\\-])",
        rf"\b(?i:{ask}|what\s+(?:did|has|was|is))\s+{name}(?=\s+(?:been\s+|recently\s+|ever\s+)?{verbs}\b)",
        rf"(?<![\w-])(?P<v>[a-z_][\w-]*\w)['\u2019]s\s+(?i:{owned})",
        rf"\b(?i:what)\s+{name}(?=\s+(?:did|does|has|had|was|is)\b)",
    )
    return tuple(re.compile(source) for source in sources)


def _actors(mask: Mask) -> Iterator[Found]:
    """Yield names where only an account can stand: `by jdoe`, `did arisa sign in`, `arisa's sign-ins`."""
    for pattern in _actor_patterns():
        for found in mask.matches(pattern):
            words = found["v"].split()
            if words[0] in _WELL_KNOWN or not any(is_english(word) for word in words):
                yield _take(mask, "account", found)


def _quoted(mask: Mask) -> Iterator[Found]:
    """Yield quoted names that look like an object's: capitalised and short."""
    for found in mask.matches(_QUOTE):
        quote = _quote_in(found)
        words = found[quote].split() if quote else []
        if 0 < len(words) <= 6 and found[quote][0].isupper():
            yield _take(mask, "resource", found, quote)


_CANDIDATE_PHRASE = re.compile(r"(?<!^)(?<![.?!:]\s)\b[A-Z][\w-]*[a-z](?:\s+[A-Z][\w-]*)+")
_CANDIDATE_WORD = re.compile(r"(?<![\w@#'\u2019-])[A-Za-z][\w.-]{1,62}[\w$](?!['\u2019]?\w)")


def find_candidates(mask: Mask, most: int = 6) -> tuple[str, ...]:
    """Return bare words left over that may be names, to be confirmed against the data; at most `most`."""
    seen: dict[str, None] = {}
    for found in mask.matches(_CANDIDATE_PHRASE):
        if FILLER not in found[0] and not all(is_english(word) for word in found[0].split()):
            seen[found[0]] = None
            mask.take(found.start(), found.end())
    for found in mask.matches(_CANDIDATE_WORD):
        if not is_english(found[0]) and not never_a_host(found[0]):
            seen[found[0]] = None
    return tuple(seen)[:most]
