"""The rules of endpoint_b to _f: well formed, firing on their rows, silent on their look-alikes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
import yaml

from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import RuleSet, detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows

RULES_FOLDER = Path(__file__).parents[2] / "tools/detections/rules"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FILES = [
    Path(__file__).with_name(name)
    for name in (
        "endpoint_b.yaml",
        "endpoint_c.yaml",
        "endpoint_d.yaml",
        "endpoint_e.yaml",
        "endpoint_f.yaml",
        "endpoint_g.yaml",
    )
]
DATA: list[dict[str, Any]] = [entry for file in FILES for entry in yaml.load(file.read_text("utf-8"), LOADER)]
RULES: dict[str, dict[str, Any]] = {
    entry["rule"]: yaml.load((RULES_FOLDER / entry["rule"]).read_text("utf-8"), LOADER) for entry in DATA
}
TABLES = sorted({path.partition("/")[0] for path in RULES})


def techniques_of(rule: dict[str, Any]) -> list[str]:
    return [tag.removeprefix("attack.") for tag in rule["tags"] if tag.startswith("attack.t") and tag[8].isdigit()]


@cache
def ours() -> RuleSet:
    pack, ids = load_rules(), {rule["id"] for rule in RULES.values()}
    return RuleSet(tuple(rule for rule in pack.rules if rule.id in ids), pack.faults)


@cache
def fired(table: str) -> frozenset[tuple[str, int, str, int]]:
    """Return (rule, its place, "fires" or "silent", row) of each row of the data on which its own rule fired.

    Each row stands on a host of its own, so that every detection cites it.
    """
    places = [(e, kind, n) for e in DATA if e["rule"].startswith(f"{table}/") for kind in ("fires", "silent")
              for n in range(len(e[kind]))]  # fmt: skip
    rows = [entry[kind][n] for entry, kind, n in places]
    names = sorted({name for row in rows for name in row})
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in names}
    columns["DeviceName"] = [row.get("DeviceName", f"host{n}") for n, row in enumerate(rows)]
    columns["TimeGenerated"] = [datetime(2026, 3, 4, tzinfo=UTC)] * len(rows)
    found = detect(Evidence([TableRows.collect(table, [("q1", pa.table(columns))])]), rules=ours())
    cited = {(each.rule.id, ref.row) for each in found for ref in each.rows}
    own = [(RULES[entry["rule"]]["id"], at) for at, (entry, _, _) in enumerate(places)]
    return frozenset(
        (entry["rule"], at, kind, n)
        for at, ((entry, kind, n), key) in enumerate(zip(places, own, strict=True))
        if key in cited
    )


@pytest.mark.parametrize("path", RULES)
def test_a_rule_says_who_wrote_it_what_it_means_and_what_may_be_wrong(path: str) -> None:
    rule, catalog = RULES[path], AttackCatalog.bundled()
    assert UUID(rule["id"]).version == 4
    assert (rule["author"], rule["license"]) == ("soc-analyst", "MIT")
    assert rule["level"] in ("low", "medium", "high", "critical")
    assert rule["falsepositives"] and all(rule["falsepositives"])
    assert rule["description"].strip().endswith(".")
    assert len(set(rule["tags"])) == len(rule["tags"])
    assert all(catalog.technique(id) for id in techniques_of(rule))
    tactics = [tag.removeprefix("attack.") for tag in rule["tags"] if not tag[8].isdigit()]
    assert tactics and all(catalog.tactics(tactic) == (tactic,) for tactic in tactics)


def test_the_first_technique_is_a_current_one() -> None:
    catalog = AttackCatalog.bundled()
    first = {path: techniques_of(rule)[0] for path, rule in RULES.items()}
    assert [path for path, id in first.items() if catalog.current(id) != catalog.technique(id)] == []


def test_ids_and_titles_are_unique() -> None:
    assert Counter(rule["id"] for rule in RULES.values()).most_common(1)[0][1] == 1
    titles = Counter((path.partition("/")[0], rule["title"]) for path, rule in RULES.items())
    assert titles.most_common(1)[0][1] == 1


def test_every_rule_compiles_to_its_folder_s_table() -> None:
    table_of = {rule.id: rule.table for rule in ours().rules}
    assert ours().faults == ()
    assert {path: table_of.get(rule["id"]) for path, rule in RULES.items()} == {p: p.partition("/")[0] for p in RULES}


@pytest.mark.parametrize("entry", DATA, ids=lambda entry: entry["rule"])
def test_a_rule_fires_on_its_rows_and_not_on_their_look_alikes(entry: dict[str, Any]) -> None:
    own = {(kind, n) for rule, _, kind, n in fired(entry["rule"].partition("/")[0]) if rule == entry["rule"]}
    assert entry["fires"] and entry["silent"]
    assert own == {("fires", n) for n in range(len(entry["fires"]))}
