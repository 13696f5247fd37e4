"""What may be asked: the policy as a value, and how it is read from a file."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import Field

from soc_analyst.state.base import Value
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.kql import MAX_NESTING, MAX_TEXT

from .policy_file import Entry, read_entries

__all__ = ["DEFAULT_POLICY", "Budgets", "Policy", "load_policy"]

DEFAULT_POLICY = Path(__file__).with_name("policy.yaml")
TIME = "TimeGenerated"


class Budgets(Value):
    """The most an investigation can be allowed; `usd` in dollars, `seconds` of wall time."""

    rounds: int
    queries: int
    rows: int
    usd: float
    seconds: float


class Policy(Value):
    """The policy in force. Two policies with the same content have the same hash, wherever it came from."""

    tables: dict[str, tuple[str, ...]]
    """The columns of each table that can be read."""
    max_window_days: float
    row_cap: int
    max_queries_per_round: int
    max_text: int
    max_nesting: int
    max_values: int
    models: tuple[str, ...]
    budgets: Budgets
    origins: dict[str, str] = Field(default_factory=dict)
    """Where each value came from, `default` or file and line, by keys like `row_cap` and `tables.AlertInfo`."""

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the content as canonical JSON."""
        content = self.model_dump(mode="json", exclude={"origins"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load_policy(path: Path | None = None) -> Policy:
    """Return the default policy, or that with the keys of a file over it.

    Raise OperatorError naming file, line and key for whatever is wrong.
    """
    default = _default()
    return default if path is None else _over(default, _read(path), path)


@lru_cache(maxsize=1)
def _default() -> Policy:
    values = _read(DEFAULT_POLICY)
    content = {key: value for key, (value, _) in values.items() if "." not in key}
    budgets = {key.partition(".")[2]: value for key, (value, _) in values.items() if key.startswith("budgets.")}
    tables = {key.partition(".")[2]: value for key, (value, _) in values.items() if key.startswith("tables.")}
    origins = dict.fromkeys(values, "default")
    return Policy.model_validate({**content, "budgets": budgets, "tables": tables, "origins": origins})


Read = dict[str, tuple[object, int]]
"""Values by dotted key, with the line of each."""


def _over(default: Policy, given: Read, path: Path) -> Policy:
    origins = {key: f"{path}:{line}" for key, (_, line) in given.items()}
    changes: dict[str, object] = {key: value for key, (value, _) in given.items() if "." not in key}
    budgets = {key.partition(".")[2]: value for key, (value, _) in given.items() if key.startswith("budgets.")}
    changes["budgets"] = {**default.budgets.model_dump(), **budgets}
    tables = {key.partition(".")[2]: pair for key, pair in given.items() if key.startswith("tables.")}
    kept = {key: origin for key, origin in default.origins.items() if not (tables and key.startswith("tables."))}
    if tables:
        changes["tables"] = {name: _columns_of(default, name, *pair, path) for name, pair in tables.items()}
    return Policy.model_validate({**default.model_dump(), **changes, "origins": {**kept, **origins}})


def _columns_of(default: Policy, table: str, value: object, line: int, path: Path) -> object:
    if value != "default":
        return value
    if table not in default.tables:
        hint = _nearest(table, default.tables)
        raise OperatorError(f"tables.{table}: the default policy has no such table{hint}", where=f"{path}:{line}")
    return default.tables[table]


def _read(path: Path) -> Read:
    top = read_entries(path)
    entries = top.value
    if not isinstance(entries, dict):
        raise OperatorError("a policy is a mapping of keys, such as `row_cap: 1000`", where=f"{path}:{top.line}")
    found: Read = {}
    for key, entry in entries.items():
        if key not in _READERS:
            hint = _nearest(key, _READERS)
            raise OperatorError(f"`{key}` is not a key of a policy{hint}", where=f"{path}:{entry.key_line}")
        found.update(_READERS[key](key, entry, path))
    return found


def _nearest(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known are {', '.join(sorted(known))}"


def _wrong(key: str, entry: Entry, path: Path, wanted: str) -> OperatorError:
    return OperatorError(f"{key}: {wanted} is wanted", where=f"{path}:{entry.line}")


def _number(*, low: float, high: float, whole: bool = True) -> Callable[[str, Entry, Path], Read]:
    def read(key: str, entry: Entry, path: Path) -> Read:
        value = entry.value
        is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type,operator]
            kind = "a whole number" if whole else "a number"
            raise _wrong(key, entry, path, f"{kind} from {low:g} to {high:g}")
        return {key: (value, entry.key_line)}

    return read


def _words(key: str, entry: Entry, path: Path) -> Read:
    if not isinstance(entry.value, tuple):
        raise _wrong(key, entry, path, "a list such as [first, second]")
    words = []
    for one in entry.value:
        if not isinstance(one.value, str) or not one.value.strip():
            raise _wrong(key, one, path, "a list of words")
        words.append(one.value)
    return {key: (tuple(dict.fromkeys(words)), entry.key_line)}


def _budgets(key: str, entry: Entry, path: Path) -> Read:
    if not isinstance(entry.value, dict):
        raise _wrong(key, entry, path, "a mapping such as {rounds: 5}")
    found: Read = {}
    for name, one in entry.value.items():
        if name not in _BUDGETS:
            hint = _nearest(name, _BUDGETS)
            raise OperatorError(f"`{key}.{name}` is not a key of a policy{hint}", where=f"{path}:{one.key_line}")
        found.update(_BUDGETS[name](f"{key}.{name}", one, path))
    return found


def _tables(key: str, entry: Entry, path: Path) -> Read:
    if not isinstance(entry.value, dict) or not entry.value:
        raise _wrong(key, entry, path, "a mapping of tables to lists of columns")
    found: Read = {}
    for name, one in entry.value.items():
        if one.value == "default":
            found[f"{key}.{name}"] = ("default", one.key_line)
            continue
        read = _words(f"{key}.{name}", one, path)
        columns, line = read[f"{key}.{name}"]
        assert isinstance(columns, tuple)
        if TIME not in columns:
            raise _wrong(f"{key}.{name}", one, path, f"a list of columns with {TIME} among them")
        found[f"{key}.{name}"] = (columns, line)
    return found


_BUDGETS = {
    "rounds": _number(low=1, high=1000),
    "queries": _number(low=1, high=100_000),
    "rows": _number(low=1, high=1_000_000_000),
    "usd": _number(low=0, high=1_000_000, whole=False),
    "seconds": _number(low=1, high=7 * 86_400, whole=False),
}

_READERS: dict[str, Callable[[str, Entry, Path], Read]] = {
    "max_window_days": _number(low=1 / 1440, high=4000, whole=False),
    "row_cap": _number(low=1, high=10_000_000),
    "max_queries_per_round": _number(low=1, high=1000),
    "max_text": _number(low=100, high=MAX_TEXT),
    "max_nesting": _number(low=4, high=MAX_NESTING),
    "max_values": _number(low=1, high=10_000),
    "models": _words,
    "budgets": _budgets,
    "tables": _tables,
}
"""Every key of a policy file, and how it is read."""
