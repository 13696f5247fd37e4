"""The rules for identities, the Azure control plane, flows and alerts: well formed, exact on rows, else quiet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import CompiledRule, RuleSet, detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows

ROOT = Path(__file__).parents[2]
TABLES = ("AzureActivity", "AuditLogs", "SigninLogs", "AzureNetworkAnalytics_CL", "AlertInfo", "AlertEvidence")
FILES = sorted(path for table in TABLES for path in (ROOT / "tools/detections/rules" / table).glob("*.yml"))
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RULES = {path: yaml.load(path.read_text(encoding="utf-8"), LOADER) for path in FILES}
DATA = yaml.load(Path(__file__).with_name("cloud.yaml").read_text(encoding="utf-8"), LOADER)
ROWS = [(table, {**part["given"], **row}) for table, part in DATA.items() for row in part["rows"]]
NAME_OF = {rule["id"]: path.stem for path, rule in RULES.items()}


@cache
def ours() -> RuleSet:
    pack = load_rules()
    return RuleSet(tuple(rule for rule in pack.rules if rule.id in NAME_OF), pack.faults)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_rule_says_who_wrote_it_what_it_means_and_what_may_be_wrong(path: Path) -> None:
    rule, catalog = RULES[path], AttackCatalog.bundled()
    assert rule["author"] == "soc-analyst"
    assert rule["license"] == "MIT"
    assert rule["level"] in ("low", "medium", "high", "critical")
    assert rule["falsepositives"]
    assert rule["description"].strip().endswith(".")
    techniques = [
        tag.removeprefix("attack.") for tag in rule["tags"] if tag.startswith("attack.t") and tag[8].isdigit()
    ]
    tactics = [tag.removeprefix("attack.") for tag in rule["tags"] if not tag[8].isdigit()]
    assert techniques
    assert len(set(rule["tags"])) == len(rule["tags"])
    assert all(catalog.technique(id) for id in techniques)
    assert all(catalog.tactics(short) == (short,) for short in tactics)


def test_ids_and_titles_are_unique() -> None:
    assert Counter(rule["id"] for rule in RULES.values()).most_common(1)[0][1] == 1
    titles = Counter((path.parent.name, rule["title"]) for path, rule in RULES.items())
    assert titles.most_common(1)[0][1] == 1


def test_the_first_technique_is_a_current_one() -> None:
    catalog = AttackCatalog.bundled()
    first = {
        path: next(tag for tag in rule["tags"] if tag[8].isdigit()).removeprefix("attack.")
        for path, rule in RULES.items()
    }
    assert [path.stem for path, id in first.items() if catalog.current(id) != catalog.technique(id)] == []


def test_every_rule_compiles_to_its_folder_s_table() -> None:
    compiled: dict[str, CompiledRule] = {rule.id: rule for rule in ours().rules}
    assert ours().faults == ()
    for path, rule in RULES.items():
        assert compiled[rule["id"]].table == path.parent.name


def raised(table: str, row: Mapping[str, Any]) -> set[str]:
    """Return the names of the rules of medium level and above that one row raises."""
    fields = {name: [value] for name, value in row.items() if name != "fires"}
    columns = {"TimeGenerated": [datetime(2026, 3, 4, tzinfo=UTC)], **fields}
    case = Evidence([TableRows.collect(table, [("q1", pa.table(columns))])])
    found = detect(case, rules=ours())
    return {NAME_OF[d.rule.id] for d in found if d.rule.id in NAME_OF and d.rule.level != "low"}


@pytest.mark.parametrize(("table", "row"), ROWS, ids=[f"{table}-{i}" for i, (table, _) in enumerate(ROWS)])
def test_a_row_raises_these_rules_and_no_others(table: str, row: Mapping[str, Any]) -> None:
    assert raised(table, row) == set(row["fires"]), json.dumps({k: v for k, v in row.items() if k != "fires"})


def raised_at_once(table: str, rows: Sequence[Mapping[str, Any]]) -> list[set[str]]:
    """Return the same for each of many rows, laid months apart and each done by somebody else."""
    names = sorted({name for row in rows for name in row} - {"fires"})
    apart = [_somebody_else(row, number) for number, row in enumerate(rows)]
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in apart] for name in names}
    columns["TimeGenerated"] = [datetime(1990, 3, 4, tzinfo=UTC) + timedelta(days=31 * n) for n in range(len(rows))]
    found: list[set[str]] = [set() for _ in rows]
    for each in detect(Evidence([TableRows.collect(table, [("q1", pa.table(columns))])]), rules=ours()):
        if each.rule.id in NAME_OF and each.rule.level != "low":
            for ref in each.rows:
                found[ref.row].add(NAME_OF[each.rule.id])
    return found


def _somebody_else(row: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    caller = str(row.get("Caller", ""))
    one = f"{number}{caller}" if "@" in caller else f"{caller[:-4]}{number:04}" if caller else ""
    return {**row, "Caller": one} if caller else row


@pytest.mark.parametrize(
    ("table", "column", "unwanted"),
    [("AzureActivity", "ActivityStatusValue", "Failure"), ("AzureActivity", "ActivityStatusValue", "Start"),
     ("AuditLogs", "Result", "failure")],
)  # fmt: skip
def test_what_was_not_done_raises_nothing(table: str, column: str, unwanted: str) -> None:
    rows = [{**row, column: unwanted} for owner, row in ROWS if owner == table]
    if table == "AzureActivity":
        assert raised_at_once(table, rows) == [set()] * len(rows)
    else:
        assert all(raised(table, row) == set() for row in rows)


def _sibling(operation: str, act: str) -> str:
    thing = operation.rsplit("/", 2 if operation.lower().endswith("/action") else 1)[0]
    return f"{thing}/{act}"


OF_AZURE = [row for table, row in ROWS if table == "AzureActivity" and row["fires"]]
READ_BY_RIGHT = ("/vaults/", "/secrets/")
"""To read these is itself what the rules look for."""


def test_an_act_of_azure_is_known_without_its_status_and_however_it_is_written() -> None:
    done = [row for row in OF_AZURE if row["ActivityStatusValue"] == "Success"]
    wanted = [set(row["fires"]) for row in done]
    assert raised_at_once("AzureActivity", [{**row, "ActivityStatusValue": ""} for row in done]) == wanted
    shouted = [{**row, "OperationNameValue": row["OperationNameValue"].upper()} for row in done]
    assert raised_at_once("AzureActivity", shouted) == wanted


def test_to_look_at_a_resource_of_azure_raises_nothing() -> None:
    looked = [{**row, "OperationNameValue": _sibling(row["OperationNameValue"], "read")} for row in OF_AZURE]
    looked = [row for row in looked if not any(each in row["OperationNameValue"].lower() for each in READ_BY_RIGHT)]
    found = raised_at_once("AzureActivity", looked)
    assert [row["OperationNameValue"] for row, names in zip(looked, found, strict=True) if names] == []


def test_an_alert_is_told_by_the_techniques_it_names_itself() -> None:
    columns = {
        "TimeGenerated": [datetime(2026, 3, 4, tzinfo=UTC)] * 2,
        "Title": ["A file was found", "A process was found"],
        "Severity": ["High", "High"],
        "Category": ["Persistence", "Persistence"],
        "AttackTechniques": ['["Web Shell (T1505.003)", "T1078"]', ""],
    }
    case = Evidence([TableRows.collect("AlertInfo", [("q1", pa.table(columns))])])
    told = {d.rows[0].row: d.techniques for d in detect(case, rules=ours()) if NAME_OF[d.rule.id] == "persistence_high"}
    assert told[0] == ("T1505.003", "T1078")
    assert told[1][0] == "T1547"
