"""Telling a name from a word: the stop list, and what the names of hosts and accounts look like."""

from __future__ import annotations

import re
from functools import cache

from .vocabulary import vocabulary

__all__ = [
    "is_account_shape",
    "is_acronym",
    "is_english",
    "is_host_shape",
    "is_resource_shape",
    "looks_compound",
    "never_a_host",
]

_SUFFIXES = ("s", "es", "ed", "d", "ly", "'s", "\u2019s")


@cache
def _lowered(section: str) -> frozenset[str]:
    return frozenset(word.lower() for word in vocabulary("names")[section])


@cache
def _known_words() -> frozenset[str]:
    tools = (str(term) for term in vocabulary("topics")["terms"])
    return frozenset([*vocabulary("words")["english"].split(), *tools]) | _lowered("acronyms")


@cache
def _endings() -> tuple[str, ...]:
    return tuple(vocabulary("words")["endings"])


def is_acronym(word: str) -> bool:
    """Return whether this is a term of the trade rather than a name, such as MFA."""
    return word.lower() in _lowered("acronyms")


def is_english(word: str) -> bool:
    """Return whether this is an ordinary word of a question rather than a name."""
    plain, known = word.lower().strip("'\u2019-_."), _known_words()
    if plain in known:
        return True
    if "-" in plain:
        return all(is_english(part) for part in plain.split("-") if part)
    stems = (plain.removesuffix(suffix) for suffix in _SUFFIXES if plain.endswith(suffix))
    return any(stem in known for stem in stems if len(stem) > 3) or plain.endswith(_endings())


def looks_compound(word: str) -> bool:
    """Return whether a word is put together like a name, `web-frontend`, and unlike `web-based` or `sign-in`."""
    parts = re.split(r"[-_]", word.lower())
    return len(parts) > 1 and not any(part in _lowered("not_host_parts") for part in parts)


@cache
def _no_host() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{shape})" for shape in vocabulary("names")["not_host_shapes"]), re.I)


def never_a_host(word: str) -> bool:
    """Return whether a word has a host's shape and is something else: a CVE, a technique, a ticket, TLS1.2."""
    return _no_host().fullmatch(word.lower().strip("-")) is not None


def is_host_shape(word: str) -> bool:
    """Return whether a word looks like a short host name: WS-123, DC01, pedro-computer, win-l0zzq76pmuf."""
    lower = word.lower().strip("-")
    parts = re.split(r"[-_]", lower)
    if never_a_host(lower) or len(lower) > 63 or "." in lower or lower.endswith("$") or not re.search("[a-z]", lower):
        return False
    if any(part in _lowered("not_host_parts") for part in parts):
        return False
    return _is_hyphenated_host(word, parts) if "-" in lower else _is_plain_host(word)


def _is_hyphenated_host(word: str, parts: list[str]) -> bool:
    digits = bool(re.search(r"\d", word))
    if any(re.sub(r"\d+$", "", part) in _lowered("host_parts") for part in parts) and not is_english(word):
        return True
    return digits and (word.isupper() or not all(is_english(part) or part.isdigit() for part in parts[:-1]))


def _is_plain_host(word: str) -> bool:
    """Return whether a word without hyphens is a host's: letters and a number, or a pseudonym for one."""
    lower = word.lower()
    if re.fullmatch(r"computerpii_[0-9a-f]+", lower):
        return True
    if not re.fullmatch(r"[a-z]{2,14}\d{1,5}(?:[a-z]{1,6}\d{0,3})?", lower):
        return False
    head = re.sub(r"\d.*", "", lower)
    return len(re.findall(r"\d", lower)) > 1 or head in _lowered("host_parts") or word[:2].isupper()


def is_resource_shape(word: str) -> bool:
    """Return whether a word looks like an Azure resource's name: prod-nsg, rg-data."""
    parts = re.split(r"[-_]", word.lower())
    return looks_compound(word) and (parts[0] in _lowered("resource_parts") or parts[-1] in _lowered("resource_parts"))


_ACCOUNTS = re.compile(
    r"(?:svc|sa|srv_acct|service|adm|admin|da|t[0-2]|gmsa)[._][a-z0-9_.-]+\$?"
    r"|(?:svc|sa|adm|gmsa)-[a-z0-9_.-]+\$?"
    r"|[a-z][a-z0-9-]*_(?:adm|admin|svc|da)"
    r"|[a-z]{1,20}\.[a-z]{2,20}\d*"
    r"|[a-z0-9][\w-]{1,18}\$"
)


def is_account_shape(word: str) -> bool:
    """Return whether a word looks like an account: svc_sql, adm-kim, j.doe, DC01$."""
    return _ACCOUNTS.fullmatch(word.lower()) is not None and not is_english(word)
