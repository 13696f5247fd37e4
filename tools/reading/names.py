"""Names of hosts, accounts and resources, by the words beside them and by their shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from soc_analyst.state.entities import EntityKind

from .artefacts import Found
from .masking import FILLER, Mask
from .vocabulary import alternatives, vocabulary

__all__ = ["find_candidates", "find_names", "is_english"]

_WORD = r"[A-Z]['\u2019][A-Z][a-z]+|[A-Za-z0-9_][\w.$-]*[\w$]|[A-Za-z]"
_QUOTED = r"(?:\"(?P<q1>[^\"\x00]{1,80})\"|(?<!\w)'(?P<q2>[^'\x00]{1,80})'(?!\w)|[\u201c\u2018\u00ab](?P<q3>[^\u201d\u2019\u00bb\x00]{1,80})[\u201d\u2019\u00bb]|`(?P<q4>[^`\x00]{1,80})`)"
_CAPITALS = r"(?:[A-Z][\w&-]*)(?:\s+(?:[A-Z0-9][\w&-]*|(?:of|for|and)(?=\s+[A-Z])|policy|role|group|app|application|connector))*"
_MORE = r"(?:\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or|&)\s+)"


@cache
def _english() -> frozenset[str]:
    return frozenset(vocabulary("words")["english"].split())


@cache
def _all(section: str) -> frozenset[str]:
    return frozenset(word.lower() for word in vocabulary("names")[section])


def is_english(word: str) -> bool:
    """Return whether this is an ordinary word of a question rather than a name."""
    plain = word.lower().strip("'\u2019-_.")
    known = _english()
    if (
        plain in known
        or plain in _tools()
        or plain.removesuffix("'s").removesuffix("\u2019s") in known
        or plain.upper() in _acronyms()
    ):
        return True
    if "-" in plain:
        return all(is_english(part) for part in plain.split("-") if part)
    stems = (
        plain.removesuffix("s"),
        plain.removesuffix("es"),
        plain.removesuffix("ed"),
        plain.removesuffix("d"),
        plain.removesuffix("ly"),
    )
    return any(stem in known for stem in stems if len(stem) > 3) or plain.endswith(
        tuple(vocabulary("words")["endings"])
    )


@cache
def _tools() -> frozenset[str]:
    return frozenset(str(term) for term in vocabulary("topics")["terms"])


@cache
def _acronyms() -> frozenset[str]:
    return frozenset(vocabulary("names")["acronyms"])


@cache
def _no_host() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{shape})" for shape in vocabulary("names")["not_host_shapes"]), re.I)


def _is_host_shape(word: str) -> bool:
    """Return whether a word looks like a short host name: WS-123, DC01, pedro-computer, win-l0zzq76pmuf."""
    lower = word.lower().strip("-")
    if _no_host().fullmatch(lower) or len(lower) > 63 or "." in lower or lower.endswith("$"):
        return False
    parts, letters = re.split(r"[-_]", lower), re.search(r"[a-z]", lower)
    if not letters or any(part in _all("not_host_parts") for part in parts):
        return False
    digits = bool(re.search(r"\d", lower))
    if len(parts) > 1 and "-" in lower:
        known = any(re.sub(r"\d+$", "", part) in _all("host_parts") for part in parts)
        return (
            (known and not is_english(lower))
            or (digits and not all(is_english(part) or part.isdigit() for part in parts[:-1]))
            or (digits and word.isupper())
        )
    if re.fullmatch(r"computerpii_[0-9a-f]+", lower):
        return True
    return bool(re.fullmatch(r"[a-z]{2,14}\d{1,5}(?:[a-z]{1,6}\d{0,3})?", lower)) and (
        digits
        and (
            len(re.findall(r"\d", lower)) > 1 or re.sub(r"\d.*", "", lower) in _all("host_parts") or word[:2].isupper()
        )
    )


def _is_account_shape(word: str) -> bool:
    lower = word.lower()
    return bool(
        re.fullmatch(
            r"(?:svc|sa|srv_acct|service|adm|admin|da|t[0-2]|gmsa)[._][a-z0-9_.-]+\$?|(?:svc|sa|adm|gmsa)-[a-z0-9_.-]+\$?|[a-z][\w-]*_(?:adm|admin|svc|da)",
            lower,
        )
        or re.fullmatch(r"[a-z]{1,20}\.[a-z]{2,20}\d*", lower)
        or re.fullmatch(r"[a-z0-9][\w-]{1,18}\$", lower)
    )


_FORMER = r"(?:\s+(?:named|called|name|id|with\s+(?:the\s+)?(?:name|upn)|is))?\s*[:=]?\s*"


def find_names(mask: Mask) -> Iterator[Found]:
    """Yield the names that cues or shapes give away, taking each from the mask; the surest cues come first."""
    yield from _objects(mask)
    yield from _by_role(mask, "resource", "roles_of_resource")
    yield from _by_role(mask, "account", "roles_of_account")
    yield from _by_role(mask, "host", "roles_of_host")
    yield from _before_role(mask)
    yield from _by_shape(mask, "account", _is_account_shape)
    yield from _by_shape(mask, "host", _is_host_shape)
    yield from _by_preposition(mask)
    yield from _actors(mask)
    yield from _quoted(mask)


def _take(mask: Mask, kind: EntityKind, found: re.Match[str], group: str) -> Found:
    value, start = found[group], found.start(group)
    mask.take(found.start(group), found.end(group))
    return Found.of(kind, value.strip(), start)


def _quote_of(found: re.Match[str]) -> str:
    return next((name for name in ("q1", "q2", "q3", "q4") if found.groupdict().get(name)), "")


def _objects(mask: Mask) -> Iterator[Found]:
    """Yield directory objects: `Legacy Role, changed by …`, `sign-ins of … to Visual Studio Code`, `member to Global Administrator`."""
    changed = re.compile(
        rf"(?P<v>{_CAPITALS}|(?<!\w)[a-z0-9]+(?:[-_][\w-]+)+),?\s+(?:was\s+)?(?:changed|modified|updated|added|deleted|created)\s+by\b"
    )
    target = re.compile(
        rf"(?i:sign[- ]?ins?|signed\s+in|logins?|log\s?ons?|added?|members?|assign\w*|elevat\w*)\b[^?.\n]{{0,80}}?\sto\s+(?:the\s+)?(?P<v>{_CAPITALS})"
    )
    app = re.compile(
        rf"(?i:\b(?:to|of|for|in|into)\s+(?:the\s+)?(?:app(?:lication)?|service\s+principal|role|group)\s+)(?P<v>{_CAPITALS})"
    )
    for pattern in (changed, target, app):
        for found in mask.matches(pattern):
            if (
                not _is_host_shape(found["v"])
                and found["v"].split()[0].lower() not in _SENTENCE
                and found["v"].upper() not in _acronyms()
            ):
                yield _take(mask, "resource", found, "v")


_SENTENCE = frozenset(
    [
        "was",
        "is",
        "are",
        "has",
        "have",
        "did",
        "does",
        "can",
        "could",
        "please",
        "what",
        "who",
        "any",
        "anything",
        "show",
        "check",
        "list",
        "find",
        "i",
        "we",
        "were",
        "our",
        "my",
        "routine",
        "host",
        "server",
    ]
)


def _by_role(mask: Mask, kind: EntityKind, section: str) -> Iterator[Found]:
    """Yield what follows the word for its kind, and what is listed with it."""
    roles = alternatives(vocabulary("names")[section])
    cue = re.compile(rf"(?i:(?<![\w-]){roles}s?(?:\s+account|\s+name)?(?![\w-]){_FORMER})(?:{_QUOTED}|(?P<v>{_WORD}))")
    host_like = re.compile(rf"{_MORE}(?P<v>{_WORD})(?![\w-])")
    pos = 0
    while found := cue.search(mask.text, pos):
        name = _quote_of(found) or "v"
        plural = bool(re.match(rf"(?i){roles}s\b", found[0]))
        pos = found.end()
        if not (name != "v" or _may_be_named(found["v"], kind, plural=plural)):
            pos = found.start("v")
            continue
        named: EntityKind = (
            "host"
            if kind == "account" and name == "v" and found["v"].isupper() and _is_host_shape(found["v"])
            else kind
        )
        yield _take(mask, named, found, name)
        while (
            (more := host_like.match(mask.text, pos))
            and (plural or _is_host_shape(more["v"]))
            and _may_be_named(more["v"], kind, plural=True, listed=True)
        ):
            yield _take(mask, kind, more, "v")
            pos = more.end()


def _may_be_named(word: str, kind: EntityKind, *, plural: bool = False, listed: bool = False) -> bool:
    if word.isdigit():
        return kind == "account" and len(word) > 3
    if word.lower() in ("s", "named", "called") or len(word) < 2:
        return False
    if (
        listed
        and kind == "account"
        and word.lower() in ("admin", "administrator", "test", "guest", "root", "oracle", "backup", "service")
    ):
        return True
    if kind == "resource" and word[0].isupper() and word.lower() not in _SENTENCE and not plural:
        return not is_english(word) or len(word) > 3
    compound = re.search(r"[-_]", word) and not any(
        part in _all("not_host_parts") for part in re.split(r"[-_]", word.lower())
    )
    return (
        not is_english(word)
        or bool(compound)
        or (word.isupper() and len(word) > 2 and word not in _acronyms() and not plural)
    )


def _before_role(mask: Mask) -> Iterator[Found]:
    """Yield `build01 user`, `the bob account`, `mynsg NSG`."""
    for kind, section in (
        ("resource", "roles_of_resource"),
        ("account", "roles_of_account"),
        ("host", "roles_of_host"),
    ):
        roles = alternatives(vocabulary("names")[section])
        pattern = re.compile(rf"(?<![\w.-])(?P<v>[a-z_][\w.-]*[\w$])(?:['\u2019]s)?\s+(?i:{roles})\b", re.I)
        for found in mask.matches(pattern):
            if (
                not is_english(found["v"])
                and found["v"].upper() not in _acronyms()
                and (kind == "resource" or "-" not in found["v"])
                and not found["v"][0].isupper()
            ):
                yield _take(mask, kind, found, "v")  # type: ignore[arg-type]


def _by_shape(mask: Mask, kind: EntityKind, fits) -> Iterator[Found]:  # type: ignore[no-untyped-def]
    for found in mask.matches(re.compile(rf"(?<![\w.@#-])(?P<v>{_WORD})(?![\w@-])")):
        word = found["v"].removesuffix("'s")
        if fits(word) and not (kind == "account" and is_english(word)):
            yield _take(mask, kind, found, "v")


def _by_preposition(mask: Mask) -> Iterator[Found]:
    """Yield capitals such as JUMPBOX, and what stands after `on` and is no word."""
    pattern = re.compile(
        r"(?i:\b(?:on|triage|check|review|into|onto)\s+(?:of\s+)?)(?P<v>[A-Z][A-Z0-9_-]{2,}|[a-z][\w-]*[\w])(?![\w.-])(?!\s+[A-Z])"
    )
    for found in mask.matches(pattern):
        word = found["v"]
        on = found[0].lower().startswith("on")
        if not is_english(word) and (word.isupper() or on) and word.upper() not in _acronyms():
            yield _take(mask, "host", found, "v")


_WELL_KNOWN = frozenset(["administrator", "root", "guest", "krbtgt"])


def _actors(mask: Mask) -> Iterator[Found]:
    """Yield lower-case names where only a person or account can stand: `by jdoe`, `did arisa sign in`, `arisa's sign-ins`."""
    verbs = alternatives(vocabulary("names")["account_verbs"])
    person = r"[A-Z][a-z]+\s+[A-Z][a-z]+"
    patterns = (
        rf"(?P<v>{person})['\u2019]s\s+(?:account|mailbox|sign|log|user)",
        r"\b(?i:sign[- ]?ins?|log[- ]?ins?|mfa|mailbox|passwords?|consents?|grants?)\s+(?:\w+\s+)?(?:of|for|by|from)\s+(?P<v>[A-Za-z_][\w-]*\w)(?![\w.@\\-]|\s+[A-Z])",
        r"\b(?:by|as|impersonat\w+|logged\s+in\s+as)\s+(?P<v>[a-z_][\w.-]*[\w$])(?![\w@\\-])",
        rf"\b(?:[Dd]id|[Hh]as|[Hh]ad|[Ww]as|[Ww]ere|[Ii]s|[Dd]oes|[Ww]hen|[Ww]hy|[Ii]f|[Ww]hether|[Cc]an|[Ww]hat\s+(?:did|has|was|is))\s+(?P<v>[a-z_][\w.-]*[\w$])(?=\s+(?:been\s+|recently\s+|ever\s+)?{verbs}\b)",
        r"(?<![\w-])(?P<v>[a-z_][\w-]*\w)['\u2019]s\s+(?:account|mailbox|sign[- ]?ins?|log[- ]?[io]ns?|activity|password|session|mfa|credentials|devices?)",
    )
    for source in patterns:
        for found in mask.matches(re.compile(source)):
            word = found["v"]
            if " " in word:
                if not any(is_english(part) for part in word.split()):
                    yield _take(mask, "account", found, "v")
            elif not is_english(word) or word in _WELL_KNOWN:
                yield _take(mask, "account", found, "v")


def _quoted(mask: Mask) -> Iterator[Found]:
    """Yield quoted names: of a process or file by their ending, else of a resource when they look like a name."""
    for found in mask.matches(re.compile(_QUOTED)):
        name = _quote_of(found)
        words = found[name].split() if name else []
        if (
            0 < len(words) <= 6
            and found[name][0].isupper()
            and not all(is_english(word) and word.islower() for word in words)
        ):
            yield _take(mask, "resource", found, name)


def find_candidates(mask: Mask, most: int = 6) -> tuple[str, ...]:
    """Return bare words left over that may be names, to be confirmed against the data; at most `most`."""
    seen: dict[str, None] = {}
    several = re.compile(r"(?<!^)(?<![.?!:]\s)\b[A-Z][\w-]*[a-z](?:\s+[A-Z][\w-]*)+")
    for found in mask.matches(several):
        if not all(is_english(word) for word in found[0].split()) and FILLER not in found[0]:
            seen[found[0]] = None
            mask.take(found.start(), found.end())
    for found in mask.matches(re.compile(r"(?<![\w@#'\u2019-])[A-Za-z][\w.-]{1,62}[\w$](?!['\u2019]?\w)")):
        if (
            not is_english(found[0])
            and found[0].upper() not in _acronyms()
            and not _no_host().fullmatch(found[0].lower())
        ):
            seen[found[0]] = None
    return tuple(seen)[:most]
