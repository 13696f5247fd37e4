"""Rules for Microsoft Sentinel: the fields it asks for, by names it knows, and a query that the guard allows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import CompiledRule, load_rules
from soc_analyst.tools.detections.as_kql import kql_of, sentinel_yaml, table_of
from soc_analyst.tools.detections.tree import Unsupported
from soc_analyst.tools.guard import check_text

from .rows_of_rules import START, write
from .test_as_kql import PACK, POLICY, TABLES, WINDOW, opened, rows_of

CATALOG = AttackCatalog.bundled()
TACTICS = {
    "Reconnaissance", "ResourceDevelopment", "InitialAccess", "Execution", "Persistence", "PrivilegeEscalation",
    "DefenseEvasion", "CredentialAccess", "Discovery", "LateralMovement", "Collection", "CommandAndControl",
    "Exfiltration", "Impact",
}  # fmt: skip
COUNTED = """
title: Failed logon
name: failed
id: 22222222-0000-4000-8000-000000000001
tags: [attack.t1110, attack.credential-access]
logsource: {product: windows, category: logon}
detection: {s: {ActionType: LogonFailed}, condition: s}
level: low
---
title: Many failed logons
id: 22222222-0000-4000-8000-000000000002
level: high
tags: [attack.t1110, attack.credential-access]
correlation:
  type: TYPE
  rules: [failed]
  group-by: [DeviceName]
  timespan: 10m
  condition: {gte: 3FIELD}
"""


def written(rule: CompiledRule) -> dict[str, Any]:
    table = TABLES[table_of(rule, PACK.rules)]
    return dict(yaml.safe_load(sentinel_yaml(rule, kql_of(rule, TABLES), table, CATALOG)))


def can_be_said(rule: CompiledRule) -> bool:
    try:
        kql_of(rule, TABLES)
    except Unsupported:
        return False
    return True


SAMPLED = [next(filter(can_be_said, PACK.rules[at:])) for at in range(0, len(PACK.rules) - 40, 40)]
"""Every fortieth rule, or the next one that a query can say."""


@pytest.mark.parametrize("rule", SAMPLED, ids=lambda rule: rule.title)
def test_a_rule_has_what_sentinel_asks_for(rule: CompiledRule) -> None:
    found = written(rule)
    assert UUID(found["id"])
    assert found["kind"] == "Scheduled"
    assert found["severity"] in ("High", "Medium", "Low", "Informational")
    assert set(found["tactics"]) <= TACTICS
    assert found["tactics"]
    assert all(re.fullmatch(r"T1[0-6]\d\d(\.\d{3})?", id) for id in found["relevantTechniques"])
    assert found.get("entityMappings") or rule.table == "AlertInfo"
    columns = {each["columnName"] for entity in found.get("entityMappings", ()) for each in entity["fieldMappings"]}
    assert columns <= TABLES[rule.table].columns.keys()
    assert check_text(found["query"], policy=POLICY, tables=TABLES, window=WINDOW).allowed


def counted(folder: Path, kind: str, field: str = "") -> tuple[CompiledRule, tuple[CompiledRule, ...]]:
    folder.joinpath("own.yml").write_text(COUNTED.replace("TYPE", kind).replace("FIELD", field))
    rules = load_rules([folder]).rules
    return next(rule for rule in rules if rule.title == "Many failed logons"), rules


@pytest.mark.parametrize(
    ("kind", "field", "accounts", "fires"),
    [
        ("event_count", "", ["a", "a", "A"], True),
        ("event_count", "", ["a", "a"], False),
        ("value_count", ", field: TargetUserName", ["a", "b", "c"], True),
        ("value_count", ", field: TargetUserName", ["a", "A", "b", "", "b"], False),
    ],
)
async def test_a_counting_correlation_fires_at_its_threshold_and_not_below(
    tmp_path: Path, kind: str, field: str, accounts: list[str], fires: bool
) -> None:
    rule, rules = counted(tmp_path, kind, field)
    failed = [{"DeviceName": "ws-1", "ActionType": "LogonFailed", "AccountName": name} for name in accounts]
    other = [{"DeviceName": "ws-1", "ActionType": "LogonSuccess", "AccountName": f"u{n}"} for n in range(5)]
    write(tmp_path / "logs", {"DeviceLogonEvents": [*failed, *other]}, TABLES)
    async with opened(str(tmp_path / "logs"), tmp_path / "home") as workspace:
        found = (await rows_of(kql_of(rule, TABLES, rules), workspace)).to_pylist()
    assert [(row["DeviceName"], row["TimeGenerated"]) for row in found] == ([("ws-1", START)] if fires else [])


def test_a_correlation_looks_back_as_far_as_it_counts(tmp_path: Path) -> None:
    rule, rules = counted(tmp_path, "event_count")
    longer = CompiledRule(**{**vars(rule), "correlation": {**(rule.correlation or {}), "seconds": 90_000}})
    told = yaml.safe_load(sentinel_yaml(longer, "T", TABLES[table_of(rule, rules)], CATALOG))
    assert told["queryPeriod"] == "25h"
    assert told["queryFrequency"] == "1h"
    assert told["entityMappings"] == [
        {"entityType": "Host", "fieldMappings": [{"identifier": "FullName", "columnName": "DeviceName"}]}
    ]


def test_an_order_of_events_is_refused_by_name(tmp_path: Path) -> None:
    rule, rules = counted(tmp_path, "temporal_ordered")
    with pytest.raises(Unsupported, match="correlation temporal_ordered"):
        kql_of(rule, TABLES, rules)


def test_a_table_that_policy_does_not_allow_is_refused_by_name() -> None:
    rule = next(rule for rule in PACK.rules if rule.table == "SigninLogs")
    with pytest.raises(Unsupported, match="table SigninLogs"):
        kql_of(rule, {name: table for name, table in TABLES.items() if name != "SigninLogs"})
