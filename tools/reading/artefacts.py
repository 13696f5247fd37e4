"""Things that show by their form alone what they are: addresses, hashes, paths, domains, principals, ports."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from soc_analyst.state.entities import Entity, EntityKind

from .masking import Mask
from .vocabulary import alternatives, vocabulary

__all__ = ["Found", "find_artefacts", "refang"]


@dataclass(frozen=True)
class Found:
    """An entity and where it stands."""

    start: int
    entity: Entity

    @classmethod
    def of(cls, kind: EntityKind, value: str, start: int) -> Found:
        """Return an entity found at `start`."""
        return cls(start, Entity(kind=kind, value=value))


Reader = Callable[[re.Match[str]], list[Found] | None]
"""Returns what a match names, nothing to take it away unnamed, or None to leave it standing."""


def refang(text: str) -> str:
    """Return the text with hxxp, [.], (dot), [@], [:] put back into what they stand for."""
    plain = re.sub(r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?", ".", text, flags=re.I)
    plain = re.sub(r"\s?[\[({](?:@|at)[\])}]\s?", "@", plain, flags=re.I)
    plain = re.sub(r"[\[({](:|://|/)[\])}]", r"\1", plain)
    return re.sub(r"^(h)(?:xx|XX|tt|\*\*)(ps?)", r"\1tt\2", plain, flags=re.I) if "://" in plain[:12] else plain


def _entity(kind: EntityKind) -> Reader:
    return lambda found: [Found.of(kind, _trimmed(found["v"]), found.start("v"))]


def _trimmed(value: str) -> str:
    return value.rstrip(".,;:!?'\"")


def _unnamed(_found: re.Match[str]) -> list[Found] | None:
    return []


def _url(found: re.Match[str]) -> list[Found] | None:
    value = refang(found["v"].rstrip(".,;:!?'\""))
    if value.endswith(")") and "(" not in value:
        value = value.rstrip(")")
    return [Found.of("url", value, found.start("v"))]


def _refanged(kind: EntityKind) -> Reader:
    return lambda found: [Found.of(kind, refang(_trimmed(found["v"])), found.start("v"))]


_NEAR = 60
"""How many characters before a form are looked at for what it is."""


def _address(found: re.Match[str]) -> list[Found] | None:
    """Read an address or network, with the port after it; a number like a version's is taken away unnamed."""
    if re.search(
        r"(?:version|ver\.?|\bv|build|release)\s*$", found.string[max(0, found.start() - _NEAR) : found.start()], re.I
    ):
        return []
    value = refang(found["v"])
    try:
        ipaddress.ip_network(value, strict=False) if "/" in value else ipaddress.ip_address(value)
    except ValueError:
        return [] if ":" not in value else None
    port = found.groupdict().get("port")
    rest = [Found.of("port", str(int(port)), found.start("port"))] if port and _is_port(port) else []
    return [Found.of("ip", value, found.start("v")), *rest]


def _is_port(text: str) -> bool:
    return 0 < int(text) < 65536


def _ports(found: re.Match[str]) -> list[Found] | None:
    numbers = [each for each in re.finditer(r"\d+", found["v"]) if _is_port(each[0])]
    base = found.start("v")
    return [Found.of("port", str(int(each[0])), base + each.start()) for each in numbers] or None


def _down_level(found: re.Match[str]) -> list[Found] | None:
    """Read DOMAIN\\user, unless it is a piece of a path."""
    if re.search(r"\.(?:exe|dll|ps1|bat|txt|docx?|log)$", found["v"], re.I):
        return [Found.of("file", found["v"], found.start("v"))]
    return [Found.of("account", _trimmed(found["v"]), found.start("v"))]


def _file_name(found: re.Match[str]) -> list[Found] | None:
    kind: EntityKind = "process" if found["ext"].lower() in ("exe", "scr", "pif") else "file"
    return [Found.of(kind, found["v"], found.start("v"))]


def _domain(found: re.Match[str]) -> list[Found] | None:
    value = refang(found["v"]).strip(".")
    labels, names = value.lower().split("."), vocabulary("names")
    if value.lower() in names["not_domains"] or all(label.isdigit() for label in labels):
        return None
    before = found.string[max(0, found.start() - _NEAR) : found.start()]
    kind = _kind_of_domain(labels, before, found.string[found.end() : found.end() + _NEAR])
    if kind == "host":
        return [Found.of("host", value, found.start("v"))]
    known = (
        labels[-1] in names["top_domains"]
        or (len(labels[-1]) == 2 and labels[-1].isalpha())
        or labels[-1].startswith("xn--")
    )
    defanged = value != found["v"]
    if _ROLE_BEFORE.search(before) or (not known and not defanged) or re.fullmatch(r"[A-Z][a-z]+\.[A-Z][a-z]+", value):
        return None
    return [Found.of("domain", value, found.start("v"))]


_ROLE_BEFORE = re.compile(r"\b(?:user(?:name)?|account|acct|employee|by)\s+['\"]?$", re.I)


_SUBJECT_BEFORE = re.compile(
    r"\b(?:(?:on|triage\s+of|look(?:ing)?\s+(?:at|into)|going\s+on\s+with|(?:logs|activity|events)\s+(?:on|of|for|from)"
    r"|review|investigate)\s+|check:\s*)$",
    re.I,
)


def _kind_of_domain(labels: list[str], before: str, after: str) -> str:
    """Tell a host's full name from a domain: by the words before it, its suffix, its first label."""
    names = vocabulary("names")
    if re.search(rf"\b{alternatives(names['roles_of_host'])}s?\s+(?:named\s+|called\s+)?['\"]?$", before, re.I):
        return "host"
    if re.search(r"\b(?:domains?|tenant|site|website|url|fqdn of)\s+['\"]?$", before, re.I):
        return "domain"
    if labels[-1] in names["internal_suffixes"]:
        return "host"
    if len(labels) > 2 and (_SUBJECT_BEFORE.search(before) or re.match(r"\s+for\s+the\s+window\b", after)):
        return "host" if labels[-2] != "onmicrosoft" else "domain"
    if len(labels) < 3 or re.search(
        r"\b(?:to|with|contact(?:ed|ing)?|visit(?:ed)?|resolv\w+|for|toward|lookups?\s+of)\s+$", before, re.I
    ):
        return "domain"
    head = labels[0]
    numbered = re.fullmatch(r"[a-z][a-z-]*?-?\d{1,4}", head) and not re.fullmatch(r"(?:c2|cdn\d*|ns\d|s3|img\d*)", head)
    parts = re.split(r"[-\d]+", head)
    return "host" if numbered or (len(parts) > 1 and parts[0] in names["host_parts"]) else "domain"


@cache
def _table() -> tuple[tuple[re.Pattern[str], Reader], ...]:
    names = vocabulary("names")
    dot = r"(?:\.|\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?)"
    octets = rf"\d{{1,3}}(?:{dot}\d{{1,3}}){{3}}"
    label = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})"
    name = rf"{label}(?:{dot}{label})+"
    edge = r"(?<![\w@.\\/-])"
    segment = r"[^\\/\s\"'<>|:*?,;]+"
    tail = rf"(?:\\{segment}(?:(?:\s{segment}){{1,3}}(?=\\))?)+\\?"
    extensions = alternatives(names["file_extensions"] + [ext for ext in names["process_extensions"] if ext != "com"])
    listed = r"(?:(?:\s*,\s*(?:and\s+|or\s+)?|\s*/\s*|\s+(?:and|or)\s+)\d{1,5}\b)*"
    spaced = rf"(?:\s{segment}){{1,3}}(?=\\)"
    systems = r"(?:NT AUTHORITY|NT SERVICE|BUILTIN|IIS APPPOOL|FONT DRIVER HOST|WINDOW MANAGER)"
    numbered = (
        r"(?:event\s?ids?|eventids?|events?|eids?|kb|id|pid|ticket|case|incident"
        r"|error(?:\s+code)?|status|code|type|rule)"
    )
    rows: tuple[tuple[str, Reader], ...] = (
        (rf"(?P<v>\b{_SCHEME}\s?(?:\[:\]|:|\[:)//?\]?[^\s<>\"'\x00]+)", _url),
        (r"(?P<v>/subscriptions/[^\s\"'?,;]+)", _entity("resource")),
        (rf"(?P<v>\b(?:HKLM|HKCU|HKU|HKCR|HKCC|HKEY_[A-Z_]+):?{tail})", _entity("registry_key")),
        (rf"(?P<v>(?<!\w)[A-Z]:\\(?:{segment}(?:{spaced})?{tail}|{segment}\\?)?)", _entity("file")),
        (r"(?P<v>(?<![\w\\])\\\\[\w.$-]+(?:\\[^\\\s\"'<>|?,;]+)+\\?)", _entity("file")),
        (r"(?P<v>%\w+%(?:\\[^\\\s\"'<>|?,;]+)+)", _entity("file")),
        (
            rf"(?P<v>{edge}[\w.+'-]{{1,64}}(?:#EXT#)?\s?(?:@|[\[(](?:@|at)[\])])\s?{label}(?:{dot}{label})+)",
            _refanged("account"),
        ),
        (rf"(?P<v>\b{systems}\\[\w.$-]+(?: Service)?)", _entity("account")),
        (r"\b(?:version|ver\.?|build|release|v)\s?(?P<v>\d+(?:\.\d+)+)\b", _unnamed),
        (rf"(?P<v>{edge}(?:{octets}|\[?{octets}\]?)(?:/\d{{1,2}})?(?![\w]|\.\d))(?::(?P<port>\d{{1,5}})\b)?", _address),
        (r"(?P<v>(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:/\d{1,3})?(?![\w:]))", _address),
        (r"(?P<v>\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b)", _entity("resource")),
        (r"(?P<v>(?<![\w-])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![\w-]))", _entity("hash")),
        (r"(?P<v>\b(?:[\w.$-]+\\){2,}[\w.$-]+\\?)", _entity("file")),
        (r"(?P<v>(?<![\w\\])[a-z][\w.-]{0,30}\\[\w.$-]+)(?!\\)", _down_level),
        (r"(?P<v>(?<![\w/.:])(?:~/|/)(?:[\w.@+-]+/)*[\w.@+*-]*(?<=[\w+*-]))(?<!/\d)", _unix_path),
        (rf"\b{numbered}\s*[:#=]?\s*(?P<v>#?\d{{2,7}}\b{listed})", _unnamed),
        (r"(?P<v>\b(?:46\d\d|47\d\d|5140|7045|1102)\b)(?=\s+(?:events?|logs?|type)\b)", _unnamed),
        (rf"\bports?\s*(?:numbers?\s*)?[:#=]?\s*(?P<v>\d{{1,5}}\b{listed})", _ports),
        (r"\b(?:tcp|udp)\s?[/: -]\s?(?P<v>\d{1,5})\b(?!\.)", _ports),
        (r"(?<![\w.])(?P<v>\d{1,5})\s?/\s?(?:tcp|udp)\b", _ports),
        (rf"\b{_TOWARDS}\s*[:=]?\s*(?P<v>\d{{2,5}})\b(?![:./-]\d|\s*(?:{_COUNTED}))", _ports),
        (r"(?<![\w.:/-])(?P<v>\d{2,5})\s+(?:outbound|inbound)\b", _ports),
        (r"(?:(?<=\s)|(?<=\()):(?P<v>\d{2,5})\b(?![:.])", _ports),
        (rf"(?P<v>{edge}[\w][\w$-]*(?:\.[\w-]+)*\.(?P<ext>{extensions}))\b(?!\.\w)", _file_name),
        (rf"(?:{edge}|(?<=\*\.))(?P<v>{name})(?![\w@])", _domain),
    )
    return tuple((re.compile(source, re.I), read) for source, read in rows)


_SCHEME = r"(?:h(?:tt|xx|\*\*)ps?|ftps?|sftp|ldaps?|smb|rdp|wss?)"
_TOWARDS = (
    r"(?:outbound|inbound|egress|ingress|dport|dstport|destination|traffic\s+(?:on|to)|connections?\s+(?:on|to)"
    r"|listening\s+on)"
)
_COUNTED = (
    r"connections?|hosts?|users?|attempts?|events?|times|flows?|rows?|MB|GB|KB|bytes|hours?|days?|minutes?|weeks?"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
)


def _unix_path(found: re.Match[str]) -> list[Found] | None:
    """Read a path under a root directory or of two segments; `and/or` and dates are none."""
    value = _trimmed(found["v"])
    if value.count("/") < 2 or not re.search(r"[A-Za-z]", value):
        return None
    return [Found.of("file", value, found.start("v"))]


def find_artefacts(mask: Mask) -> Iterator[Found]:
    """Yield what shows its kind by its form, taking each from the mask; earlier forms win over later ones."""
    for pattern, read in _table():
        for found in mask.matches(pattern):
            result = read(found)
            if result is not None:
                mask.take(found.start(), found.end(), named=bool(result))
                yield from result
