"""What may be asked: the policy as a value, and how a file lies over the default."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from soc_analyst.state.base import Value
from soc_analyst.state.tables import TableSchema

from .policy_keys import Faults, Given, Read, nearest, read_policy

__all__ = ["DEFAULT_POLICY", "Budgets", "Policy", "Refusals", "TablePolicy", "load_policy"]

DEFAULT_POLICY = Path(__file__).with_name("policy.yaml")


class Budgets(Value):
    """The most an investigation can be allowed; `usd` in dollars, `seconds` of wall time."""

    rounds: int
    queries: int
    rows: int
    usd: float
    seconds: float


class Refusals(Value):
    """What a team takes away from the dialect."""

    functions: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


class TablePolicy(Value):
    """What holds for one table besides its columns; None is what holds for all."""

    max_window_days: float | None = None
    row_cap: int | None = None
    personal: tuple[str, ...] = ()
    """Columns that are personal data here, besides those that the table's description marks."""


class Policy(Value):
    """The policy in force. Two policies with the same content have the same hash, wherever it came from."""

    tables: dict[str, tuple[str, ...]]
    """The columns of each table that can be read."""
    of_table: dict[str, TablePolicy] = Field(default_factory=dict)
    """The tables for which something else holds than for all."""
    max_window_days: float
    row_cap: int
    max_queries_per_round: int
    max_text: int
    max_nesting: int
    max_values: int
    max_joins: int
    max_union_arms: int
    max_expansions: int
    max_set_size: int
    max_calls: int
    max_call_depth: int
    max_scan_gb: float
    """Gigabytes (10^9 bytes) that the window of one query may hold in its tables, where that is known."""
    max_case_scan_gb: float
    """The same of all queries of a case together."""
    expensive_tables: tuple[str, ...] = ()
    """Tables that are paid by what a query reads."""
    costly: Literal["refuse", "ask"] = "refuse"
    """What becomes of a query that reads one of them, or more than it may."""
    ask_above_gb: float = 10
    """Gigabytes of a plan from which on a person is asked, where the user wants to be asked about what is costly."""
    models: tuple[str, ...]
    write_back: Literal["off", "incidents"] = "off"
    """What may be written into a workspace, and by a person's yes only: nothing, or Microsoft Sentinel incidents."""
    refuse: Refusals = Refusals()
    budgets: Budgets
    origins: dict[str, str] = Field(default_factory=dict)
    """Where each value came from, `default` or file and line, by keys like `row_cap` and `tables.AlertInfo`."""

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the content as canonical JSON."""
        content = self.model_dump(mode="json", exclude={"origins"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def days_of(self, table: str) -> float:
        """Return the longest stretch of time, in days, that a query may see of a table."""
        own = self.of_table[table].max_window_days if table in self.of_table else None
        return self.max_window_days if own is None else min(own, self.max_window_days)

    def start_of(self, table: str, start: datetime, end: datetime) -> datetime:
        """Return where the part of a window begins that can be seen of a table: its end is what is kept."""
        return max(start, end - timedelta(days=self.days_of(table)))

    def row_cap_of(self, tables: Iterable[str]) -> int:
        """Return the rows that a query over these tables may return."""
        own = (self.of_table[table].row_cap for table in tables if table in self.of_table)
        return min([self.row_cap, *(cap for cap in own if cap is not None)])


def load_policy(path: Path | None = None, schemas: Mapping[str, TableSchema] | None = None) -> Policy:
    """Return the default policy, or that with the keys of a file over it.

    With `schemas` each table and column that the file names must be one of theirs. Raise OperatorError naming file,
    line and key for all that is wrong.
    """
    default = _default()
    if path is None:
        return default
    faults = Faults(path)
    given = read_policy(path, faults)
    policy = _over(default, given, faults)
    if schemas is not None:
        _names_exist(given, schemas, faults)
    faults.end()
    return policy


@lru_cache(maxsize=1)
def _default() -> Policy:
    faults = Faults(DEFAULT_POLICY)
    given = read_policy(DEFAULT_POLICY, faults)
    faults.end()
    tables = {key: one.value for key, one in _within("tables", given).items()}
    parts = {name: {k: one.value for k, one in _within(name, given).items()} for name in ("budgets", "refuse")}
    origins = dict.fromkeys(given, "default")
    return Policy.model_validate({**_plain(given), **parts, "tables": tables, "origins": origins})


def _plain(given: Read) -> dict[str, object]:
    return {key: one.value for key, one in given.items() if "." not in key}


def _within(prefix: str, given: Read) -> Read:
    return {key.partition(".")[2]: one for key, one in given.items() if key.startswith(f"{prefix}.")}


def _over(default: Policy, given: Read, faults: Faults) -> Policy:
    changes = _plain(given)
    for part in ("budgets", "refuse"):
        own = {key: one.value for key, one in _within(part, given).items()}
        changes[part] = {**getattr(default, part).model_dump(), **own}
    tables = _within("tables", given)
    kept = {key: origin for key, origin in default.origins.items() if not (tables and key.startswith("tables."))}
    if tables:
        names = [key for key in tables if "." not in key]
        changes["tables"] = {name: _columns_of(default, name, tables, faults) for name in names}
        own_rules = {name: _rules_of(name, tables) for name in names}
        changes["of_table"] = {name: rules for name, rules in own_rules.items() if rules}
    origins = {key: f"{faults.path}:{one.line}" for key, one in given.items()}
    return Policy.model_validate({**default.model_dump(), **changes, "origins": {**kept, **origins}})


def _columns_of(default: Policy, table: str, tables: Read, faults: Faults) -> tuple[str, ...]:
    columns = tables[table].value
    if columns == "default":
        if table not in default.tables:
            hint = nearest(table, default.tables)
            faults.add(f"tables.{table}: the default policy has no such table{hint}", tables[table].line)
        columns = default.tables.get(table, ())
    chosen = dict.fromkeys((*_listed(columns), *_listed(tables, table, "also")))
    without = _listed(tables, table, "without")
    for name in without:
        if name not in chosen:
            faults.add(f"tables.{table}.without: `{name}` is not among its columns", tables[f"{table}.without"].line)
    return tuple(name for name in chosen if name not in without)


def _listed(value: object, table: str = "", part: str = "") -> tuple[str, ...]:
    if isinstance(value, dict):
        given = value.get(f"{table}.{part}")
        value = given.value if isinstance(given, Given) else ()
    return value if isinstance(value, tuple) else ()


def _rules_of(table: str, tables: Read) -> dict[str, object]:
    return {key: tables[f"{table}.{key}"].value for key in TablePolicy.model_fields if f"{table}.{key}" in tables}


def _names_exist(given: Read, schemas: Mapping[str, TableSchema], faults: Faults) -> None:
    for name in _listed(given["expensive_tables"].value) if "expensive_tables" in given else ():
        if name not in schemas:
            line = given["expensive_tables"].line
            faults.add(f"expensive_tables: there is no table `{name}`{nearest(name, schemas)}", line)
    for key, one in _within("tables", given).items():
        table, _, part = key.partition(".")
        if table not in schemas:
            if not part and one.value != "default":
                faults.add(f"tables.{table}: there is no such table{nearest(table, schemas)}", one.line)
            continue
        known = schemas[table].columns
        for name in one.value if isinstance(one.value, tuple) else ():
            if name not in known:
                hint = nearest(name, known).partition("; known are")[0]
                faults.add(f"tables.{key}: {table} has no column `{name}`{hint}", one.line)
