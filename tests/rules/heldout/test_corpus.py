"""The held-out events are what the benchmark takes them for."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.logs.tables import load_tables

HERE = Path(__file__).parent


def _cases(name: str) -> list[dict[str, Any]]:
    text = (HERE / f"{name}.yaml").read_text(encoding="utf-8")
    return list(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


CASES = {name: _cases(name) for name in ("attacks", "benign")}


@pytest.mark.parametrize("name", CASES)
def test_the_half_of_a_case_follows_from_its_id(name: str) -> None:
    halves = ("dev", "test")
    for case in CASES[name]:
        assert case["split"] == halves[int(sha256(case["id"].encode()).hexdigest(), 16) % 2], case["id"]


@pytest.mark.parametrize("name", CASES)
def test_ids_are_unique(name: str) -> None:
    ids = [case["id"] for case in CASES[name]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", CASES)
def test_rows_fill_columns_their_table_has(name: str) -> None:
    tables = load_tables()
    for case in CASES[name]:
        columns = tables[case["table"]].columns
        for row in case["rows"]:
            assert set(row) <= set(columns), case["id"]
            assert datetime.fromisoformat(row["TimeGenerated"]).tzinfo, case["id"]


def test_attacks_carry_techniques_the_catalogue_knows() -> None:
    catalog = AttackCatalog.bundled()
    for case in CASES["attacks"]:
        assert case["techniques"], case["id"]
        assert all(catalog.technique(each) for each in case["techniques"]), case["id"]


def test_no_event_is_both_an_attack_and_ordinary() -> None:
    ignored = {"TimeGenerated", "DeviceName", "ReportId"}
    told = {
        name: {repr([{k: v for k, v in row.items() if k not in ignored} for row in case["rows"]]) for case in cases}
        for name, cases in CASES.items()
    }
    assert not told["attacks"] & told["benign"]
