"""What a tenant knows to be good: its file, and what that leaves of a detection.

An entry names things, of which all kinds it gives must be in a row: hosts, accounts, addresses, hashes, paths; and the
rules it is for. It lowers a detection whose every cited row it covers to `low`, with its reason, and never removes one.
A critical rule is lowered only by an entry that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from soc_analyst.state.entities import EntityKind
from soc_analyst.state.errors import OperatorError, OperatorErrors
from soc_analyst.state.findings import Detection
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.guard.policy_file import Entry, read_entries

__all__ = ["KnownGood", "read_known_good"]

THINGS: Mapping[str, tuple[EntityKind, ...]] = {
    "hosts": ("host",), "accounts": ("account",), "addresses": ("ip",), "hashes": ("hash",), "paths": ("file",),
}  # fmt: skip
KINDS = (*THINGS, "rules")
TOLD = ("owner", "reason", "expires")
LEAST = 3
"""Characters of a pattern beside its stars: fewer would cover too much."""


@dataclass(frozen=True)
class Good:
    """One entry of the file, all in lower case but for what is told."""

    line: int
    things: Mapping[str, tuple[str, ...]]
    rules: frozenset[str]
    owner: str
    reason: str
    expires: date

    def is_for(self, detection: Detection) -> bool:
        """Tell whether the entry may speak of this rule."""
        rule = detection.rule
        named = not self.rules.isdisjoint((rule.id.lower(), rule.title.lower()))
        return named or (not self.rules and rule.level != "critical")

    def covers(self, row: Mapping[str, Any], schema: TableSchema | None, detection: Detection) -> bool:
        """Tell whether a row holds one thing of each kind that the entry names."""
        return all(
            any(
                MATCHES[kind](value, pattern) for value in _values(kind, row, schema, detection) for pattern in patterns
            )
            for kind, patterns in self.things.items()
        )


@dataclass(frozen=True)
class KnownGood:
    """The entries of a file that have not expired, and what the user should know of the others."""

    entries: tuple[Good, ...] = ()
    warnings: tuple[str, ...] = ()

    def weighed(
        self, detections: Iterable[Detection], evidence: Evidence, tables: Mapping[str, TableSchema]
    ) -> tuple[Detection, ...]:
        """Return the detections with those that an entry covers lowered."""
        return tuple(self._weighed(detection, evidence, tables) for detection in detections)

    def _weighed(self, detection: Detection, evidence: Evidence, tables: Mapping[str, TableSchema]) -> Detection:
        if not self.entries or detection.level in ("low", "informational"):
            return detection
        rows = [(evidence.row(ref) or {}, tables.get(ref.table)) for ref in detection.rows]
        for entry in self.entries:
            if entry.is_for(detection) and all(entry.covers(row, schema, detection) for row, schema in rows):
                note = f"Known good until {entry.expires}, says {entry.owner}: {entry.reason}. It would be"
                notes = (*detection.notes, f"{note} {detection.level} otherwise.")
                return detection.model_copy(update={"weighed_as": "low", "notes": notes})
        return detection


def read_known_good(path: Path, now: datetime) -> KnownGood:
    """Read the file; raise OperatorError with file and line of every fault. What has expired is said, not applied."""
    top = read_entries(path)
    if not isinstance(top.value, tuple):
        raise OperatorError("the file is a list of entries, each beginning with `- `", where=f"{path}:{top.line}")
    faults: list[OperatorError] = []
    entries = [_Reader(path, faults).entry(each) for each in top.value]
    if faults:
        raise OperatorErrors.of(faults)
    good = [entry for entry in entries if entry is not None]
    expired = [entry for entry in good if entry.expires < now.date()]
    warnings = tuple(
        f"{path}:{entry.line}: expired on {entry.expires} and not applied: {entry.reason} ({entry.owner})"
        for entry in expired
    )
    return KnownGood(tuple(entry for entry in good if entry not in expired), warnings)


class _Reader:
    def __init__(self, path: Path, faults: list[OperatorError]) -> None:
        self._path = path
        self._faults = faults

    def entry(self, given: Entry) -> Good | None:
        """Return an entry, or None where a fault was noted."""
        before = len(self._faults)
        if not isinstance(given.value, dict):
            self._fault(given, "an entry is a mapping of hosts, accounts, addresses, hashes, paths, rules and so on")
            return None
        values = given.value
        for key in values.keys() - {*KINDS, *TOLD}:
            self._fault(values[key], f"{key[:60]!r} is no key; known are {', '.join((*KINDS, *TOLD))}")
        things = {kind: self._patterns(kind, values[kind]) for kind in KINDS if kind in values}
        if not things:
            self._fault(given, f"the entry names nothing; give one of {', '.join(KINDS)}")
        owner, reason = (self._text(key, given) for key in ("owner", "reason"))
        expires = self._date(given)
        if len(self._faults) > before or expires is None:
            return None
        rules = frozenset(things.pop("rules", ()))
        return Good(given.line, things, rules, owner, reason.rstrip("."), expires)

    def _patterns(self, kind: str, given: Entry) -> tuple[str, ...]:
        items = given.value if isinstance(given.value, tuple) else (given,)
        found = []
        for item in items:
            value = item.value
            why = "is no text" if not isinstance(value, str) else _why_not(kind, value)
            if why:
                self._fault(item, f"{kind}: {str(value)[:60]!r} {why}")
            found.append(str(value).strip().lower())
        if not found:
            self._fault(given, f"{kind}: the list is empty")
        return tuple(found)

    def _text(self, key: str, given: Entry) -> str:
        value = given.value[key].value if isinstance(given.value, dict) and key in given.value else None
        if not isinstance(value, str) or not value.strip():
            self._fault(given, f"the entry needs `{key}`")
            return ""
        return " ".join(value.split())

    def _date(self, given: Entry) -> date | None:
        text = self._text("expires", given)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self._fault(given, f"expires: {text[:40]!r} is no date such as 2026-12-31")
            return None

    def _fault(self, at: Entry, message: str) -> None:
        self._faults.append(OperatorError(message, where=f"{self._path}:{at.key_line or at.line}"))


def _why_not(kind: str, value: str) -> str:
    if kind == "addresses":
        return "" if _network(value) is not None else "is no address or network such as 10.0.5.0/24"
    if kind in ("hashes", "rules"):
        return "" if value.strip() and "*" not in value else "must be whole"
    return "" if len(value.strip().replace("*", "").replace("?", "")) >= LEAST else "covers too much"


def _network(value: str) -> Any:
    try:
        return ip_network(value.strip(), strict=False)
    except ValueError:
        return None


def _within(value: str, pattern: str) -> bool:
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address) in _network(pattern)


def _named(value: str, pattern: str) -> bool:
    """Compare names as they are and in short: a host without its domain, an account without domain or suffix."""
    short = value.rsplit("\\", 1)[-1]
    forms = {value, short, short.split("@")[0], short.split(".")[0]}
    whole = set("@\\.") & set(pattern)
    return _fits(value, pattern) if whole else any(_fits(form, pattern) for form in forms)


def _fits(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "hosts": _named,
    "accounts": _named,
    "addresses": _within,
    "hashes": str.__eq__,
    "paths": lambda value, pattern: _fits(value, pattern),
}


def _values(kind: str, row: Mapping[str, Any], schema: TableSchema | None, detection: Detection) -> Sequence[str]:
    """Return what a row says of a kind of thing, and where it has no such column, what the detection found in it."""
    columns = schema.columns.items() if schema is not None else ()
    wanted = THINGS[kind]
    found = [row.get(name) for name, column in columns if column.entity in wanted and isinstance(row.get(name), str)]
    texts = [str(value).lower() for value in found if value] + (_paths(row) if kind == "paths" else [])
    return texts or [entity.value.lower() for entity in detection.entities if entity.kind in wanted]


def _paths(row: Mapping[str, Any]) -> list[str]:
    """Return whole paths where a log keeps folder and name apart."""
    pairs = (("FolderPath", "FileName"), ("InitiatingProcessFolderPath", "InitiatingProcessFileName"))
    told = [(str(row.get(folder) or "").lower(), str(row.get(name) or "").lower()) for folder, name in pairs]
    return [path for folder, name in told if folder for path in (folder, f"{folder.rstrip(chr(92))}\\{name}")]
