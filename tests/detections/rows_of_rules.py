"""Rows to compare engines on: those that prove the pack's rules, and others salted with what rules look for."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.detections import CompiledRule, RuleSet
from soc_analyst.tools.detections.fields import field_map
from soc_analyst.tools.detections.tree import tests_of

PROOFS = Path(__file__).parents[1] / "rules" / "rows"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
START = datetime(2026, 3, 4, tzinfo=UTC)
Rows = dict[str, list[dict[str, Any]]]


def proving() -> Rows:
    """Return the rows that the tests of the pack are made of, by table."""
    rows: Rows = defaultdict(list)
    for path in sorted(PROOFS.glob("*/*.yaml")):
        proof = _read(path)
        rows[path.parent.name] += [*proof["fires"], *proof["silent"]]
    for path in sorted(PROOFS.glob("*.yaml")):
        part = _read(path)
        rows[path.stem] += [{**part["given"], **row} for row in part["rows"]]
    return rows


def salted(rules: RuleSet, tables: Mapping[str, TableSchema], base: Rows, count: int, seed: int = 5) -> Rows:
    """Return rows of the base with the literals of rules put where they look, in odd case and company."""
    chance = random.Random(seed)
    rows: Rows = defaultdict(list)
    by_table: dict[str, list[CompiledRule]] = defaultdict(list)
    for rule in rules.rules:
        by_table[rule.table].append(rule)
    for table, own in by_table.items():
        for _ in range(count):
            row = dict(chance.choice(base.get(table) or [{}]))
            for column, value in _salt(chance.choice(own), tables[table], chance):
                row[column] = value
            rows[table].append(row)
    return rows


def write(folder: Path, rows: Rows, tables: Mapping[str, TableSchema]) -> None:
    """Write the rows as a workspace; each has a moment of its own, by which it is known."""
    folder.mkdir()
    for table, own in rows.items():
        known = tables[table].columns
        lines = []
        for at, row in enumerate(own):
            kept = {name: value for name, value in row.items() if name in known}
            lines.append(json.dumps({**kept, "TimeGenerated": (START + timedelta(seconds=at)).isoformat()}))
        (folder / f"{table}.jsonl").write_text("\n".join(lines) + "\n")


def _read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), LOADER)


def _salt(rule: CompiledRule, schema: TableSchema, chance: random.Random) -> Iterator[tuple[str, Any]]:
    columns = {name.lower(): name for name in schema.columns}
    tests = [test for test in tests_of(rule.tree) if test[0] in ("text", "number", "empty") and test[1]]
    for test in chance.sample(tests, min(len(tests), 6)):
        for reading in field_map().readings(rule.table, test[1], columns)[:1]:
            column = chance.choice([name for name in reading.columns if name])
            if schema.columns[column].type == "string":
                yield column, _value(test, chance)


def _value(test: list[Any], chance: random.Random) -> Any:
    if test[0] == "empty":
        return chance.choice(["", None])
    plain = test[2] if test[0] == "number" or test[2] == "like" else test[3]
    text = str(test[3]) if test[0] == "number" else "x".join(p for p in test[3] if isinstance(p, str)) \
        if test[2] == "like" else str(plain)  # fmt: skip
    odd = chance.choice([text, text.upper(), text.title()])
    return chance.choice([odd, odd, f"{odd} tail", f"head {odd}", f"a\\{odd}", odd[:-1], f"{odd}\n{odd}"])
