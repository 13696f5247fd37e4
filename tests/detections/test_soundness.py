"""Our engine against SQLite, through pySigma's backend: the same rows for every rule of the pack that it can ask.

The two share pySigma's reader of rules and our map of fields, and nothing after that: SQLite is asked of columns that
hold what a field reads, one for each of its forms.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation
from sigma.rule import SigmaRule

from soc_analyst.tools import detections
from soc_analyst.tools.detections import CompiledRule, RuleSet, load_rules
from soc_analyst.tools.detections.columns import TableViews
from soc_analyst.tools.detections.evaluating import rows_meeting
from soc_analyst.tools.detections.fields import field_map
from soc_analyst.tools.detections.resolving import Never, resolve
from soc_analyst.tools.detections.tree import fields_of
from soc_analyst.tools.detections.tree import tests_of as parts_of
from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.logs.tables import load_tables

from .rows_of_rules import proving, salted

TABLES = load_tables()
PACK = load_rules()
RULES = Path(str(detections.__file__)).parent / "rules"
MOST_FORMS = 24
"""Forms of a field that a row is asked about in SQLite; a row with more is left out."""


class NotComparable(Exception):
    """SQLite cannot ask what the rule asks; the text says why."""


def evaluated(rules: list[CompiledRule], views: TableViews) -> dict[str, set[int]]:
    """Return the rows that meet each rule, by our engine."""
    nodes = {rule.id: resolve(rule.tree, views) for rule in rules}
    known = {key: node for key, node in nodes.items() if not isinstance(node, Never)}
    found = zip(known, rows_meeting(list(known.values()), views), strict=True)
    return {rule.id: set() for rule in rules} | {key: set(rows.tolist()) for key, rows in found}


class Referee:
    """SQLite over the fields of one table's rows."""

    def __init__(self, views: TableViews, fields: set[str]) -> None:
        self.forms: dict[str, int] = {}
        columns: dict[str, list[str | None]] = {}
        for field in sorted(fields):
            view = views[field]
            texts = view.texts() if view is not None else []
            count = max(map(len, texts), default=0)
            self.forms[field] = count
            for form in range(min(count, MOST_FORMS)):
                columns[f"{field}#{form}"] = [each[form] if form < len(each) else None for each in texts]
        self._base = sqlite3.connect(":memory:")
        self._base.create_function("regexp", 2, _found)
        self._base.execute("create table logs (" + ", ".join(f"[{name}] text collate nocase" for name in columns) + ")")
        marks = ", ".join("?" * len(columns))
        self._base.executemany(f"insert into logs values ({marks})", zip(*columns.values(), strict=True))

    def rows(self, rule: CompiledRule, document: Mapping[str, Any]) -> set[int]:
        """Return the rows that a rule's SELECT finds; raise NotComparable where there is none."""
        self._check(rule)
        if _holds_empty(document["detection"]):
            raise NotComparable("an empty text, which SQLite tells from null")
        mapped = {
            name: [f"{name.lower()}#{form}" for form in range(self.forms[name.lower()])]
            for name in set(fields_of(rule.tree))
        }
        pipeline = ProcessingPipeline([ProcessingItem(FieldMappingTransformation(mapped))])
        try:
            [query] = sqliteBackend(pipeline).convert(SigmaCollection([SigmaRule.from_dict(dict(document))]))
        except (SigmaError, NotImplementedError) as error:
            raise NotComparable(f"backend: {type(error).__name__}") from error
        where = str(query).partition(" WHERE ")[2]
        _, limit = field_map().table_of(rule.logsource)
        for test in parts_of(limit) if limit else ():
            assert test[:1] + test[2:3] == ["text", "is"]
        kinds = [str(test[3]) for test in parts_of(limit)] if limit else []
        only = " or ".join(f"[actiontype#0] = '{kind}'" for kind in kinds) or "1"
        return {row - 1 for (row,) in self._base.execute(f"select rowid from logs where ({only}) and ({where})")}

    def _check(self, rule: CompiledRule) -> None:
        for test in parts_of(rule.tree):
            forms = 0 if test[1] is None else self.forms[test[1].lower()]
            if test[1] is None:
                raise NotComparable("keyword")
            if not forms:
                raise NotComparable("a field that no row fills")
            if forms > MOST_FORMS:
                raise NotComparable("a field of many forms")
            if test[0] in ("empty", "filled") and forms > 1:
                raise NotComparable("emptiness of a field of several forms")
            if test[0] == "number" and test[2] != "==":
                raise NotComparable("order of numbers kept as text")
            if not repr(test).isascii():
                raise NotComparable("letters whose case SQLite does not know")
            if test[0] == "cidr" and ":" in test[2]:
                raise NotComparable("network of IPv6, which the backend spells as text")


def _holds_empty(value: object) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value == "" or any(map(_holds_empty, inner))


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    # In the pack a point is a line break too; Python writes the number of a character in another way.
    written = re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", pattern)
    return re.compile(written, re.ASCII | re.DOTALL)


def _found(pattern: str, text: str | None) -> bool:
    return text is not None and bool(_expression(pattern).search(text))


def documents() -> Iterator[dict[str, Any]]:
    for path in sorted(RULES.glob("*/*.yml")):
        yield from yaml.load_all(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def rows_as_arrow(table: str, rows: list[dict[str, Any]]) -> TableRows:
    """Return rows as texts, as logs keep them; JSON for what is nested."""
    names = TABLES[table].columns
    columns = {name: pa.array([_kept(row.get(name)) for row in rows], pa.string()) for name in names}
    return TableRows(table, pa.table(columns), ("q",) * len(rows), tuple(range(len(rows))))


def _kept(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value)  # type: ignore[call-overload]


def compared(rules: RuleSet, count: int, seed: int) -> tuple[dict[str, tuple[int, int]], Counter[str]]:
    """Return rows that only one engine finds, by title, and how the rules fared by reason."""
    by_id = {str(document["id"]): document for document in documents()}
    base = proving()
    wrong: dict[str, tuple[int, int]] = {}
    fared: Counter[str] = Counter()
    of_table: dict[str, list[CompiledRule]] = defaultdict(list)
    for rule in rules.rules:
        if rule.correlation is None:
            of_table[rule.table].append(rule)
    for table, rows in salted(rules, TABLES, base, count, seed).items():
        views = TableViews(rows_as_arrow(table, rows), field_map())
        fields = {name.lower() for rule in of_table[table] for name in fields_of(rule.tree)} | {"actiontype"}
        referee = Referee(views, fields)
        for identity, ours in evaluated(of_table[table], views).items():
            rule = next(each for each in of_table[table] if each.id == identity)
            try:
                theirs = referee.rows(rule, by_id[identity])
            except NotComparable as why:
                fared[str(why)] += 1
                continue
            fared["fired" if ours else "silent"] += 1
            if ours != theirs:
                wrong[rule.title] = (len(ours - theirs), len(theirs - ours))
    return wrong, fared


def test_one_rule_in_12_finds_the_same_rows_as_sqlite() -> None:
    rules = RuleSet(PACK.rules[::12])
    wrong, fared = compared(rules, 1_200, seed=5)
    assert wrong == {}
    assert fared["fired"] + fared["silent"] > 0.8 * len(rules.rules)
    assert fared["fired"] > 0.6 * len(rules.rules)


@pytest.mark.slow
def test_every_rule_of_the_pack_finds_the_same_rows_as_sqlite() -> None:
    wrong, fared = compared(PACK, 4_000, seed=7)
    assert wrong == {}
    assert fared["fired"] + fared["silent"] > 0.9 * len(PACK.rules)
    assert fared["fired"] > 0.8 * len(PACK.rules)
