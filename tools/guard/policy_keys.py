"""Every key that a policy file may have, and how each is read: whatever is wrong becomes a fault with its line."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from soc_analyst.state.errors import OperatorError, OperatorErrors
from soc_analyst.tools.kql import MAX_NESTING, MAX_TEXT

from .dialect import dialect
from .naming import OPERATOR_NAMES
from .policy_file import Entry, read_entries

__all__ = ["TIME", "Faults", "Given", "Read", "read_policy"]

TIME = "TimeGenerated"
KUSTO_SET_SIZE = 1_048_576
"""Elements that make_set and make_list hold at most in Kusto, where nothing is said."""
_MODEL = re.compile(r"(catalogue|loopback|none|openai:\S+|azure:\S+|[^@\s]+@https?://[^@*\s]+)\Z")


@dataclass(frozen=True)
class Given:
    """A value as the file gives it, and the line of its key."""

    value: object
    line: int


Read = dict[str, Given]
"""Values by dotted key."""


@dataclass
class Faults:
    """What is wrong with one file."""

    path: Path
    found: list[OperatorError] = field(default_factory=list)

    def add(self, message: str, line: int) -> None:
        """Note a fault at a line."""
        self.found.append(OperatorError(message, where=f"{self.path}:{line}"))

    def wanted(self, key: str, entry: Entry, what: str) -> None:
        """Note that a value is not what its key takes."""
        self.add(f"{key}: {what} is wanted", entry.line)

    def unknown(self, key: str, name: str, known: Iterable[str], line: int) -> None:
        """Note a key that no policy has, with the nearest that it has."""
        self.add(f"`{key}` is not a key of a policy{nearest(name, known)}", line)

    def end(self) -> None:
        """Raise all that was found, in the order of the file."""
        if self.found:
            raise OperatorErrors.of(sorted(self.found, key=lambda fault: int(fault.where.rpartition(":")[2])))


Reader = Callable[[str, Entry, Faults], Read]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the ending of a message that names what was perhaps meant."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1) or [one for one in names if one.lower() == name.lower()]
    return f"; did you mean `{close[0]}`?" if close else f"; known are {', '.join(names)}"


def read_policy(path: Path, faults: Faults) -> Read:
    """Return the values of a file; raise OperatorError at once only where it is no plain mapping."""
    top = read_entries(path)
    if not isinstance(top.value, dict):
        raise OperatorError("a policy is a mapping of keys, such as `row_cap: 1000`", where=f"{path}:{top.line}")
    return _keys("", top.value, READERS, faults)


def _keys(prefix: str, entries: Mapping[str, Entry], readers: Mapping[str, Reader], faults: Faults) -> Read:
    found: Read = {}
    for name, entry in entries.items():
        key = f"{prefix}.{name}" if prefix else name
        if name in readers:
            found.update(readers[name](key, entry, faults))
        else:
            faults.unknown(key, name, readers, entry.key_line)
    return found


def _number(*, low: float, high: float, whole: bool = True) -> Reader:
    def read(key: str, entry: Entry, faults: Faults) -> Read:
        value = entry.value
        is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(value) and low <= value <= high:  # type: ignore[arg-type,operator]
            return {key: Given(value, entry.key_line)}
        faults.wanted(key, entry, f"{'a whole number' if whole else 'a number'} from {low:g} to {high:.10g}")
        return {}

    return read


def _words(key: str, entry: Entry, faults: Faults) -> Read:
    if not isinstance(entry.value, tuple):
        faults.wanted(key, entry, "a list such as [first, second]")
        return {}
    wrong = [one for one in entry.value if not isinstance(one.value, str) or not one.value.strip()]
    for one in wrong:
        faults.wanted(key, one, "a list of words")
    words = tuple(dict.fromkeys(one.value for one in entry.value))
    return {} if wrong else {key: Given(words, entry.key_line)}


def _models(key: str, entry: Entry, faults: Faults) -> Read:
    found = _words(key, entry, faults)
    for one in entry.value if found and isinstance(entry.value, tuple) else ():
        if not _MODEL.match(str(one.value)):
            faults.wanted(key, one, "catalogue, loopback, none, openai:NAME, azure:DEPLOYMENT or NAME@URL")
    return found


def _costly(key: str, entry: Entry, faults: Faults) -> Read:
    if entry.value in ("refuse", "ask"):
        return {key: Given(entry.value, entry.key_line)}
    faults.wanted(key, entry, "`refuse` or `ask`")
    return {}


def _write_back(key: str, entry: Entry, faults: Faults) -> Read:
    value = "off" if entry.value is False else entry.value  # YAML takes a bare `off` for false
    if value in ("off", "incidents"):
        return {key: Given(value, entry.key_line)}
    faults.wanted(key, entry, "`off` or `incidents`")
    return {}


def _some_of(known: Iterable[str], what: str) -> Reader:
    names = frozenset(known)

    def read(key: str, entry: Entry, faults: Faults) -> Read:
        found = _words(key, entry, faults)
        for one in entry.value if found and isinstance(entry.value, tuple) else ():
            if one.value not in names:
                faults.add(f"{key}: `{one.value}` is no {what} of the dialect{_like(str(one.value), names)}", one.line)
        return found

    return read


def _like(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(names), n=1)
    return f"; did you mean `{close[0]}`?" if close else "; docs/safety.md lists them"


def _mapping(readers: Mapping[str, Reader], example: str) -> Reader:
    def read(key: str, entry: Entry, faults: Faults) -> Read:
        if isinstance(entry.value, dict):
            return _keys(key, entry.value, readers, faults)
        faults.wanted(key, entry, f"a mapping such as {example}")
        return {}

    return read


def _tables(key: str, entry: Entry, faults: Faults) -> Read:
    if not isinstance(entry.value, dict) or not entry.value:
        faults.wanted(key, entry, "a mapping of tables to lists of columns")
        return {}
    found: Read = {}
    for name, one in entry.value.items():
        found.update(_table(f"{key}.{name}", one, faults))
    return found


def _table(key: str, entry: Entry, faults: Faults) -> Read:
    if not isinstance(entry.value, dict):
        return _columns(key, entry, faults)
    found = _keys(key, entry.value, TABLE, faults)
    columns = found.pop(f"{key}.columns", Given("default", entry.key_line))
    taken = found.get(f"{key}.without")
    if taken is not None and isinstance(taken.value, tuple) and TIME in taken.value:
        faults.add(f"{key}.without: {TIME} cannot be left out", taken.line)
    return {key: columns, **found}


def _columns(key: str, entry: Entry, faults: Faults) -> Read:
    if entry.value == "default":
        return {key: Given("default", entry.key_line)}
    if not isinstance(entry.value, tuple):
        faults.wanted(key, entry, "a list of columns, `default`, or a mapping such as {without: [IPAddress]}")
        return {}
    found = _words(key, entry, faults)
    if found and TIME not in {one.value for one in entry.value}:
        faults.wanted(key, entry, f"a list of columns with {TIME} among them")
    return found


TABLE: dict[str, Reader] = {
    "columns": _columns,
    "also": _words,
    "without": _words,
    "personal": _words,
    "max_window_days": _number(low=1 / 1440, high=4000, whole=False),
    "row_cap": _number(low=1, high=10_000_000),
}
"""What may be said of a single table."""

BUDGETS: dict[str, Reader] = {
    "rounds": _number(low=1, high=1000),
    "queries": _number(low=1, high=100_000),
    "rows": _number(low=1, high=1_000_000_000),
    "usd": _number(low=0, high=1_000_000, whole=False),
    "seconds": _number(low=1, high=7 * 86_400, whole=False),
}

REFUSE: dict[str, Reader] = {
    "functions": _some_of({*dialect().functions, *dialect().aggregates}, "function"),
    "operators": _some_of(OPERATOR_NAMES, "operator"),
}

READERS: dict[str, Reader] = {
    "max_window_days": _number(low=1 / 1440, high=4000, whole=False),
    "row_cap": _number(low=1, high=10_000_000),
    "max_queries_per_round": _number(low=1, high=1000),
    "max_text": _number(low=100, high=MAX_TEXT),
    "max_nesting": _number(low=4, high=MAX_NESTING),
    "max_values": _number(low=1, high=10_000),
    "max_joins": _number(low=0, high=32),
    "max_union_arms": _number(low=0, high=64),
    "max_expansions": _number(low=0, high=32),
    "max_set_size": _number(low=1, high=KUSTO_SET_SIZE),
    "max_calls": _number(low=0, high=256),
    "max_call_depth": _number(low=0, high=16),
    "max_scan_gb": _number(low=0, high=1_000_000, whole=False),
    "max_case_scan_gb": _number(low=0, high=1_000_000, whole=False),
    "ask_above_gb": _number(low=0, high=1_000_000, whole=False),
    "expensive_tables": _words,
    "costly": _costly,
    "models": _models,
    "write_back": _write_back,
    "refuse": _mapping(REFUSE, "{functions: [parse_json]}"),
    "budgets": _mapping(BUDGETS, "{rounds: 5}"),
    "tables": _tables,
}
