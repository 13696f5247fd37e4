"""What a tenant knows to be good lowers with its reason, removes nothing, and holds as long and as far as it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Detection
from soc_analyst.tools.detections import RuleSet, detect, load_rules
from soc_analyst.tools.detections.known_good import read_known_good
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables

NOW = datetime(2026, 3, 4, tzinfo=UTC)
RULE = """
title: Backup tool
id: 33333333-0000-4000-8000-000000000001
logsource: {product: windows, category: process_creation}
detection: {s: {FileName: backup.exe}, condition: s}
level: LEVEL
"""
TOLD = "  owner: ops@contoso.com\n  reason: The nightly backup.\n  expires: 2026-12-31\n"


def row(**more: Any) -> dict[str, Any]:
    return {
        "TimeGenerated": NOW,
        "DeviceName": "bkp01.contoso.com",
        "AccountName": "svc-backup",
        "FileName": "backup.exe",
        "FolderPath": "C:\\Ops\\Backup\\backup.exe",
        "SHA256": "a" * 64,
        "ProcessCommandLine": "backup.exe --all",
        **more,
    }


def weighed(folder: Path, entry: str, *rows: dict[str, Any], level: str = "high") -> Detection:
    folder.joinpath("rule.yml").write_text(RULE.replace("LEVEL", level))
    known = folder.joinpath("known-good.yaml")
    known.write_text(f"- {entry}\n{TOLD}")
    rules = RuleSet(tuple(rule for rule in load_rules([folder]).rules if rule.id.startswith("33333333")))
    evidence = Evidence([TableRows.collect("DeviceProcessEvents", [("q1", pa.Table.from_pylist(list(rows)))])])
    found = [d for d in detect(evidence, rules=rules, tables=load_tables()) if d.rule.id.startswith("33333333")]
    (detection,) = read_known_good(known, NOW).weighed(found, evidence, load_tables())
    return detection


@pytest.mark.parametrize(
    "entry",
    [
        "hosts: [BKP01]",
        "hosts: ['bkp*.contoso.com']",
        "accounts: [svc-backup]",
        f"hashes: [{'A' * 64}]",
        "paths: ['C:\\Ops\\Backup\\*']",
        "rules: [backup tool]",
        "hosts: [bkp01]\n  accounts: [svc-*]\n  rules: [33333333-0000-4000-8000-000000000001]",
    ],
)
def test_what_an_entry_covers_is_low_and_says_why(tmp_path: Path, entry: str) -> None:
    found = weighed(tmp_path, entry, row())
    assert (found.level, found.rule.level) == ("low", "high")
    assert found.notes == (
        "Known good until 2026-12-31, says ops@contoso.com: The nightly backup. It would be high otherwise.",
    )


@pytest.mark.parametrize(
    "entry",
    [
        "hosts: [BKP02]",
        "hosts: [bkp01.example.com]",
        "accounts: [backup]",
        f"hashes: [{'b' * 64}]",
        "paths: ['C:\\Ops\\Other\\*']",
        "paths: ['*--all*']",
        "rules: [other rule]",
        "hosts: [bkp01]\n  accounts: [jdoe]",
    ],
)
def test_what_looks_like_it_is_left_as_it_is(tmp_path: Path, entry: str) -> None:
    found = weighed(tmp_path, entry, row())
    assert (found.level, found.notes) == ("high", ())


def test_one_row_that_is_not_covered_keeps_the_detection_up(tmp_path: Path) -> None:
    assert weighed(tmp_path, "accounts: [svc-backup]", row(), row(AccountName="mallory")).level == "high"
    assert weighed(tmp_path, "accounts: [svc-backup]", row(), row(ProcessCommandLine="backup.exe")).level == "low"


def test_a_critical_rule_is_lowered_only_by_name(tmp_path: Path) -> None:
    assert weighed(tmp_path, "hosts: [bkp01]", row(), level="critical").level == "critical"
    named = "hosts: [bkp01]\n  rules: [Backup tool]"
    assert weighed(tmp_path, named, row(), level="critical").level == "low"


def test_what_is_low_already_is_left_alone(tmp_path: Path) -> None:
    assert weighed(tmp_path, "hosts: [bkp01]", row(), level="low").notes == ()


@pytest.mark.parametrize(
    ("address", "covered"), [("10.0.5.9", True), ("::ffff:10.0.5.9", True), ("10.0.6.9", False), ("", False)]
)
def test_addresses_are_given_by_network(tmp_path: Path, address: str, covered: bool) -> None:
    tmp_path.joinpath("known.yaml").write_text(f"- addresses: [10.0.5.0/24]\n{TOLD}")
    (entry,) = read_known_good(tmp_path / "known.yaml", NOW).entries
    schema = load_tables()["SigninLogs"]
    quiet = Detection(rule={"id": "r", "title": "r", "level": "high"}, statement="", rows=())  # type: ignore[arg-type]
    assert entry.covers({"IPAddress": address}, schema, quiet) is covered


def test_an_expired_entry_is_said_and_not_applied(tmp_path: Path) -> None:
    path = tmp_path / "known.yaml"
    path.write_text(f"- hosts: [bkp01]\n{TOLD.replace('2026-12-31', '2026-03-03')}")
    found = read_known_good(path, NOW)
    assert found.entries == ()
    assert found.warnings == (f"{path}:1: expired on 2026-03-03 and not applied: The nightly backup (ops@contoso.com)",)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("hosts: [a]", 1, "is a list of entries"),
        ("- hosts: [bkp01]\n  reason: x\n  expires: 2026-12-31", 1, "the entry needs `owner`"),
        (f"- hosts: [bkp01]\n  host: [x]\n{TOLD}", 2, "'host' is no key"),
        (f"- hosts:\n    - bkp01\n    - '*'\n{TOLD}", 3, "covers too much"),
        (f"- addresses: [10.0.5.300]\n{TOLD}", 1, "is no address or network"),
        (f"- {TOLD.strip()}\n", 1, "names nothing"),
        (f"- hosts: []\n{TOLD}", 1, "the list is empty"),
        (f"- hosts: [5]\n{TOLD}", 1, "is no text"),
        ("- hosts: [bkp01]\n  owner: a\n  reason: b\n  expires: soon", 1, "is no date"),
        ("- [", 1, "this is not YAML"),
        ("- text", 1, "an entry is a mapping"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "known.yaml"
    path.write_text(text)
    with pytest.raises(OperatorError) as told:
        read_known_good(path, NOW)
    assert said in str(told.value)
    assert str(told.value).startswith(f"{path}:{line}: ") or said == "this is not YAML"
