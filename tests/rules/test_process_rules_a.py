"""The process rules of process_a.yaml: well formed, firing on their rows, silent on what looks like them."""

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

TABLE = "DeviceProcessEvents"
FOLDER = Path(__file__).parents[2] / "tools/detections/rules" / TABLE
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DATA: list[dict[str, Any]] = yaml.load(Path(__file__).with_name("process_a.yaml").read_text("utf-8"), LOADER)
FILES: list[dict[str, Any]] = [yaml.load(path.read_text("utf-8"), LOADER) for path in sorted(FOLDER.glob("*.yml"))]
TITLES = [entry["rule"] for entry in DATA]
RULES: dict[str, dict[str, Any]] = {rule["title"]: rule for rule in FILES if rule["title"] in set(TITLES)}


def techniques_of(rule: dict[str, Any]) -> list[str]:
    return [tag.removeprefix("attack.") for tag in rule["tags"] if tag.startswith("attack.t") and tag[8].isdigit()]


def tactics_of(rule: dict[str, Any]) -> list[str]:
    return [tag.removeprefix("attack.") for tag in rule["tags"] if not tag[8].isdigit()]


@cache
def ours() -> RuleSet:
    pack, ids = load_rules(), {rule["id"] for rule in RULES.values()}
    return RuleSet(tuple(rule for rule in pack.rules if rule.id in ids), pack.faults)


@cache
def fired() -> frozenset[tuple[str, str, int]]:
    """Return (title, "fires" or "silent", row) of each row of the data on which its own rule fired.

    Each row stands on a host of its own, so that every detection cites it.
    """
    places = [(e["rule"], kind, n) for e in DATA for kind in ("fires", "silent") for n in range(len(e[kind]))]
    rows = [row for entry in DATA for kind in ("fires", "silent") for row in entry[kind]]
    names = sorted({name for row in rows for name in row})
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in names}
    columns["DeviceName"] = [f"host{n}" for n in range(len(rows))]
    columns["TimeGenerated"] = [datetime(2026, 3, 4, tzinfo=UTC)] * len(rows)
    found = detect(Evidence([TableRows.collect(TABLE, [("q1", pa.table(columns))])]), rules=ours())
    cited = {(each.rule.id, ref.row) for each in found for ref in each.rows}
    return frozenset(place for at, place in enumerate(places) if (RULES[place[0]]["id"], at) in cited)


def test_every_entry_of_the_data_has_a_rule_and_all_of_them_compile() -> None:
    assert ours().faults == ()
    assert {rule.title for rule in ours().rules} == set(TITLES)


def test_ids_and_titles_are_unique_in_the_whole_folder() -> None:
    assert Counter(rule["id"] for rule in FILES).most_common(1)[0][1] == 1
    assert Counter(TITLES).most_common(1)[0][1] == 1


@pytest.mark.parametrize("title", TITLES)
def test_a_rule_says_who_wrote_it_what_it_means_and_what_may_be_wrong(title: str) -> None:
    rule, catalog = RULES[title], AttackCatalog.bundled()
    assert UUID(rule["id"]).version == 4
    assert (rule["author"], rule["license"]) == ("soc-analyst", "MIT")
    assert rule["level"] in ("low", "medium", "high", "critical")
    assert rule["falsepositives"] and all(rule["falsepositives"])
    assert rule["description"].strip().endswith(".")
    assert len(set(rule["tags"])) == len(rule["tags"])
    assert techniques_of(rule) and all(catalog.technique(id) for id in techniques_of(rule))
    assert tactics_of(rule) and all(catalog.tactics(tactic) == (tactic,) for tactic in tactics_of(rule))


def test_the_first_technique_is_a_current_one() -> None:
    catalog = AttackCatalog.bundled()
    first = {title: techniques_of(rule)[0] for title, rule in RULES.items()}
    assert [title for title, id in first.items() if catalog.current(id) != catalog.technique(id)] == []


@pytest.mark.parametrize("entry", DATA, ids=lambda entry: str(entry["rule"]))
def test_a_rule_fires_on_its_rows_and_is_silent_on_what_looks_like_them(entry: dict[str, Any]) -> None:
    assert entry["fires"] and entry["silent"]
    missed = [n for n in range(len(entry["fires"])) if (entry["rule"], "fires", n) not in fired()]
    loud = [n for n in range(len(entry["silent"])) if (entry["rule"], "silent", n) in fired()]
    assert (missed, loud) == ([], [])
