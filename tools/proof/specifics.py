"""What a sentence states that rows can bear out: numbers, times, addresses, names, paths and hashes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from soc_analyst.tools.reading.vocabulary import vocabulary

__all__ = ["Specific", "is_ordinary", "specifics"]

Kind = Literal["time", "lapse", "count", "word"]


@dataclass(frozen=True)
class Specific:
    """One such thing. Of a time, `text` is the date or nothing and `clock` the clock or nothing.

    Of a lapse, `number` counts units of `unit` seconds.
    """

    kind: Kind
    text: str
    clock: str = ""
    number: float = 0.0
    unit: float = 0.0


MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH = rf"(?P<month>{'|'.join(f'{m}|{m[:3]}' for m in MONTHS)})\.?"
_CLOCK = (
    r"(?<![\d.:])(?P<clock>\d{1,2}:\d{2}(?::\d{2})?)(?![\d:])(?:\.\d+)?\s*(?P<half>(?i:[ap]\.?m)\b\.?)?"
    r"\s*(?P<zone>Z\b|[A-Z]{3,4}\b|[+-]\d{2}:?\d{2})?"
)
_TIMES = (
    re.compile(rf"(?P<date>\d{{4}}-\d{{2}}-\d{{2}})(?:[T ]|\s+at\s+|,\s*){_CLOCK}"),
    re.compile(r"(?P<date>\d{4}[-/]\d{2}[-/]\d{2})(?![\d-])"),
    re.compile(
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH}(?:,?\s+(?P<year>\d{{4}}))?\b", re.IGNORECASE
    ),
    re.compile(
        rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s+(?P<year>\d{{4}})\b(?!:))?", re.IGNORECASE
    ),
    re.compile(_CLOCK),
    re.compile(r"\b(?P<hour>\d{1,2})\s?(?P<half>[ap]\.?m)\b\.?", re.IGNORECASE),
)
_UTC = frozenset({"", "Z", "UTC", "GMT"})
_QUOTED = re.compile(
    r"“([^”]+)”|«([^»]+)»|\"([^\"]+)\"|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)|\u2018([^\u2019]+)\u2019(?!\w)"
)
_NUMBER = re.compile(r"(\d{1,3}(?:[,']\d{3})+|\d+)(\.\d+)?(%|[kKmMgGtT]?i?[bB]|[kKMx]|ms|[smhd]|st|nd|rd|th)?\Z")
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_LARGE = {
    "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0, "ninety": 90.0,
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "twice": 2.0, "thrice": 3.0, "dozen": 12.0,
}  # fmt: skip
_AS_NUMBER = {word: float(i) for i, word in enumerate(_SMALL)} | _LARGE
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
_VAGUE_NUMBERS = frozenset({"dozens", "hundreds", "thousands", "millions", "billions"})
_ORDINARY = frozenset({"one", "zero"})
"""Words that are seldom meant as a count."""

NAMES_A_NUMBER = frozenset(
    {"port", "ports", "id", "ids", "pid", "ppid", "event", "events", "type", "types", "code", "codes", "error",
     "errors", "result", "results", "status", "version", "level", "rule", "number", "process", "tcp", "udp", "eventid"}
)  # fmt: skip
"""Words after which a number is a name and no count."""
COUNTED = frozenset({"failed", "successful", "distinct", "different", "unique", "more", "further", "other", "separate"})
NOT_PLURAL = frozenset({"is", "was", "has", "this", "thus", "as", "its", "across", "process", "address", "access"})
NAMING = frozenset(
    {"user", "account", "host", "device", "server", "machine", "workstation", "computer", "domain", "named", "called",
     "username", "hostname", "administrator", "employee", "controller", "colleague", "laptop"}
)  # fmt: skip
"""Words after which a name may stand."""
_ENDINGS = ("ed", "ing", "ly", "ion", "ions", "ment", "ity")
"""What an unknown word in lower case ends in where it is no name."""
TERMS = re.compile(
    r"(t\d{4}(\.\d{3})?|ta\d{4}|base64|base32|sha-?1|sha-?256|md5|utf-?8|utf-?16(le)?|oauth2?|ipv[46]|x64|x86|win32|win64"
    r"|ntlmv[12]|smbv[123]|http/[12](\.[01])?|tls1\.[0-3]|c2|2fa|m365|o365|office365|log4j|log4shell|rc4|aes-?256|des3"
    r"|wow64|kerberos5|e\.g|i\.e|etc|vs|u\.s|n/a|ad-ds|as-rep|\.net|asp\.net|node\.js|and/or|he/she|c\+\+"
    r"|windows10|windows11|24/7|tcp/ip|ci/cd|mitre|att&ck|i/o)\Z"
)
"""Terms of the field that look like names; a technique's id is held against the catalogue by who writes it."""
_EDGES = ".,;:!?()[]{}\"'“”\u2018\u2019«»`*…"
_OWNER = re.compile(r"['\u2019]s\Z")
_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?\Z")


def specifics(sentence: str, names: Collection[str] = ()) -> Iterator[Specific]:
    """Yield what a sentence states of the world; `names` are names known in the case, in lower case."""
    rest = sentence.replace("[.]", ".").replace("(.)", ".").replace("hxxp", "http").replace("[:]", ":")
    for pattern in _TIMES:
        for found in pattern.finditer(rest):
            yield _time(found)
        rest = pattern.sub(" ", rest)
    for found in _QUOTED.finditer(rest):
        yield Specific("word", next(group for group in found.groups() if group is not None).strip(_EDGES + " "))
    yield from _of_words(rest, names)


def _time(found: re.Match[str]) -> Specific:
    parts = found.groupdict()
    if (parts.get("zone") or "").strip() not in _UTC:
        return Specific("word", found[0])
    date = (parts.get("date") or "").replace("/", "-")
    if parts.get("month"):
        month = next(i for i, name in enumerate(MONTHS, 1) if name.startswith(parts["month"].lower()[:3]))
        date = f"{parts.get('year') or '*'}-{month:02}-{int(parts['day']):02}"
    return Specific("time", date, _clock(parts.get("clock") or parts.get("hour") or "", parts.get("half") or ""))


def _clock(clock: str, half: str) -> str:
    if not clock:
        return ""
    hour, colon, rest = clock.partition(":")
    number = int(hour)
    if half:
        number = number % 12 + (12 if half.lower().startswith("p") else 0)
    return f"{number:02}{colon or ':'}{rest}"


def _of_words(text: str, names: Collection[str]) -> Iterator[Specific]:
    words = [_OWNER.sub("", word.strip(_EDGES)) for word in text.split()]
    for at, word in enumerate(words):
        before = words[at - 1].lower() if at else ""
        after = next((one.lower() for one in words[at + 1 : at + 2]), "")
        found = _of_word(word, before, after, names)
        if found is not None:
            yield found


def _of_word(word: str, before: str, after: str, names: Collection[str]) -> Specific | None:
    low = word.casefold()
    if not low or (_is_term(low) and not _TECHNIQUE.match(low)):
        return None
    if (number := _as_count(low, before, after)) is not None:
        return number
    known = low in names and (low not in _english() or before in NAMING)
    if known or _looks_specific(word) or (before in NAMING and _is_name(word)):
        return Specific("word", word)
    return None


def _as_count(low: str, before: str, after: str) -> Specific | None:
    """Return a number that counts or measures; None for one that names, which the rows must hold as a word."""
    if low in _VAGUE_NUMBERS:
        return Specific("count", low, number=-1.0)
    parts = low.split("-")
    if all(part in _AS_NUMBER for part in parts) and low not in _ORDINARY:
        return _counted(low, sum(_AS_NUMBER[part] for part in parts), after)
    found = _NUMBER.match(low)
    if found is None:
        return None
    names = before in NAMES_A_NUMBER or (len(found[1]) >= 3 and not found[3] and not _counts(after))
    if names and not found[2] and not found[3]:
        return None
    return _counted(low, float(re.sub(r"[,']", "", found[1]) + (found[2] or "")), after)


def _counted(low: str, number: float, after: str) -> Specific:
    unit = _UNITS.get(after.removesuffix("s"))
    return Specific("lapse", low, number=number, unit=unit) if unit else Specific("count", low, number=number)


def _counts(after: str) -> bool:
    return after in COUNTED or (len(after) > 2 and after.endswith("s") and after not in NOT_PLURAL)


def _is_term(low: str) -> bool:
    """Return whether a word is a term of the field, or made of one: `base64-encoded`."""
    first, hyphen, rest = low.partition("-")
    return bool(TERMS.match(low) or (hyphen and TERMS.match(first) and rest.isalpha()))


def _looks_specific(word: str) -> bool:
    return bool(
        re.search(r"\d|[@\\_]|://|\w\.\w|^/\w|\w/\w+/|\w\$$", word)
        or re.fullmatch(r"[A-Z]{2,}(?:-[A-Z]+)+", word)
        or re.fullmatch(r"[A-Za-z+/=]{24,}", word)
        or _mixed_scripts(word)
    )


def _mixed_scripts(word: str) -> bool:
    """Return whether Latin letters stand beside letters that look like them: a name made to be misread."""
    return bool(re.search(r"[A-Za-z]", word) and re.search(r"[\u0370-\u03ff\u0400-\u04ff]", word))


def is_ordinary(word: str) -> bool:
    """Return whether a word in lower case is one of plain English, which names nothing."""
    return word in _english() or len(word) < 3


@cache
def _english() -> frozenset[str]:
    """Return ordinary words, none of which is a name."""
    return frozenset(str(vocabulary("words")["english"]).split())


def _is_name(word: str) -> bool:
    """Return whether a word may be a name where one is expected."""
    low = word.lower()
    return (
        low.isalpha() and len(low) > 1 and low not in _english() and (word[0].isupper() or not low.endswith(_ENDINGS))
    )
