"""The held-out events are what the benchmark takes them for."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.logs.tables import load_tables

HERE = Path(__file__).parent


def _read(name: str) -> Any:
    text = (HERE / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def cases(name: str) -> list[dict[str, Any]]:
    """Return the events of a collection, read when a test asks: who only collects the tests needs their names alone."""
    return list(_read(name))


@cache
def around() -> dict[str, list[dict[str, Any]]]:
    """Return the rows that are laid around an attack."""
    return dict(_read("second_around"))


ATTACKS = (
    "attacks",
    "second_endpoint",
    "second_cloud",
    "third_endpoint",
    "third_cloud",
    "fourth_endpoint",
    "fourth_cloud",
)
ORDINARY = ("benign", "third_benign", "fourth_benign", "fourth_benign_cloud")
NAMES = (*ATTACKS, *ORDINARY)


def _tables(case: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows by table, of a case of several tables and of one that names its only one."""
    tables: dict[str, list[dict[str, Any]]] = case.get("tables") or {case["table"]: case["rows"]}
    return tables


@pytest.mark.parametrize("name", NAMES)
def test_the_half_of_a_case_follows_from_its_id(name: str) -> None:
    halves = ("dev", "test")
    for case in cases(name):
        assert case["split"] == halves[int(sha256(case["id"].encode()).hexdigest(), 16) % 2], case["id"]


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique(name: str) -> None:
    every = ATTACKS if name in ATTACKS else ORDINARY
    ids = [case["id"] for each in every for case in cases(each)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_rows_fill_columns_their_table_has(name: str) -> None:
    tables = load_tables()
    for case in cases(name):
        for table, rows in (*_tables(case).items(), *case.get("beside", {}).items()):
            assert all(set(row) <= set(tables[table].columns) for row in rows), case["id"]
            assert all(datetime.fromisoformat(row["TimeGenerated"]).tzinfo for row in rows), case["id"]


@pytest.mark.parametrize("name", NAMES)
def test_nested_values_are_json(name: str) -> None:
    tables = load_tables()
    for case in cases(name):
        for table, rows in _tables(case).items():
            nested = [name for name, column in tables[table].columns.items() if column.type == "dynamic"]
            said = [row[column] for row in rows for column in nested if row.get(column)]
            assert all(isinstance(json.loads(each), dict | list) for each in said), case["id"]


def test_attacks_are_usual_or_hard() -> None:
    for case in (case for name in ATTACKS for case in cases(name)):
        assert case["tier"] in ("usual", "hard"), case["id"]


def test_attacks_carry_techniques_the_catalogue_knows() -> None:
    catalog = AttackCatalog.bundled()
    for case in (case for name in ATTACKS for case in cases(name)):
        assert case["techniques"], case["id"]
        assert all(catalog.technique(each) for each in (*case["techniques"], *case.get("also", ()))), case["id"]


def test_no_event_is_both_an_attack_and_ordinary() -> None:
    told = {name: {_told(rows) for case in cases(name) for rows in _tables(case).values()} for name in NAMES}
    told["around"] = {_told(rows) for rows in around().values()}
    assert not set().union(*(told[name] for name in ATTACKS)) & set().union(
        *(told[name] for name in (*ORDINARY, "around"))
    )


def _told(rows: list[dict[str, Any]]) -> str:
    ignored = {"TimeGenerated", "DeviceName", "ReportId"}
    return repr([{key: value for key, value in row.items() if key not in ignored} for row in rows])


def test_the_rows_laid_around_an_attack_fill_columns_their_table_has() -> None:
    tables = load_tables()
    for table, rows in around().items():
        assert all(set(row) <= set(tables[table].columns) for row in rows), table
