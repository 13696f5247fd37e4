"""What Sigma engines get wrong: escaping, case, missing columns, encodings, dashes, regexes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from soc_analyst.tools.detections import RuleSet, examine, load_rules
from soc_analyst.tools.detections.ruleset import CompiledRule
from soc_analyst.tools.evidence import Evidence, TableRows

PROCESSES = {"product": "windows", "category": "process_creation"}
REGISTRY = {"product": "windows", "category": "registry_set"}


def rules_of(folder: Path, detection: dict[str, Any], logsource: dict[str, str]) -> RuleSet:
    """Return the one rule, compiled from its file as a user's would be, without the built-in pack."""
    rule = {"title": "T", "id": "00000000-0000-4000-8000-000000000001", "logsource": logsource, "detection": detection}
    folder.joinpath("rule.yml").write_text(yaml.safe_dump(rule), encoding="utf-8")
    loaded = load_rules([folder])
    own: tuple[CompiledRule, ...] = tuple(each for each in loaded.rules if each.id == rule["id"])
    return RuleSet(own, loaded.faults, loaded.unsupported)


def hits(
    folder: Path, detection: dict[str, Any], table: str, logsource: dict[str, str], **columns: list[Any]
) -> list[int]:
    """Return the rows on which the rule fires."""
    size = len(next(iter(columns.values())))
    rows = TableRows(table, pa.table({"DeviceName": ["h"] * size, **columns}), ("q",) * size, tuple(range(size)))
    ruleset = rules_of(folder, detection, logsource)
    assert ruleset.rules, (ruleset.faults, ruleset.unsupported)
    found = examine(Evidence([rows]), rules=ruleset).detections
    return sorted(ref.row for each in found if each.rule.title == "T" for ref in each.rows)


def on_commands(folder: Path, selection: dict[str, Any], lines: list[str | None]) -> list[int]:
    """Return the command lines that a selection matches."""
    detection = {"selection": selection, "condition": "selection"}
    return hits(folder, detection, "DeviceProcessEvents", PROCESSES, ProcessCommandLine=lines)


@pytest.mark.parametrize(
    ("pattern", "lines", "expected"),
    [
        (r"a*c", ["abc", "a*c", "ac", "abd"], [0, 1, 2]),
        (r"a\*c", ["abc", "a*c", "ac"], [1]),
        (r"a\?c", ["abc", "a?c"], [1]),
        (r"a?c", ["abc", "a?c", "ac"], [0, 1]),
        (r"c:\\*", ["c:\\x", "c:*"], [0]),
        ("a_b", ["a_b", "axb"], [0]),
        ("a%b", ["a%b", "a--b"], [0]),
        ("a.c", ["abc", "a.c"], [1]),
    ],
)
def test_wildcards_and_escapes(tmp_path: Path, pattern: str, lines: list[str | None], expected: list[int]) -> None:
    assert on_commands(tmp_path, {"CommandLine": pattern}, lines) == expected


def test_plain_equality_ignores_case_and_cased_does_not(tmp_path: Path) -> None:
    lines: list[str | None] = ["MSHTA.EXE", "mshta.exe"]
    assert on_commands(tmp_path, {"CommandLine": "mshta.exe"}, lines) == [0, 1]
    assert on_commands(tmp_path, {"CommandLine|cased": "mshta.exe"}, lines) == [1]
    assert on_commands(tmp_path, {"CommandLine|contains|cased": "MSHTA"}, lines) == [0]


def test_regexes_mind_case_unless_told(tmp_path: Path) -> None:
    lines: list[str | None] = ["WhoAmI /all", "whoami /all", "who?mi*"]
    assert on_commands(tmp_path, {"CommandLine|re": "who?ami.*"}, lines) == [1]
    assert on_commands(tmp_path, {"CommandLine|re|i": "who?ami.*"}, lines) == [0, 1]
    assert on_commands(tmp_path, {"CommandLine|re": r"who\?mi\*$"}, lines) == [2]


def test_base64_offsets_and_dashes_are_alternatives(tmp_path: Path) -> None:
    import base64

    encoded: list[str | None] = [base64.b64encode(b"x" * shift + b"http://evil").decode() for shift in range(3)]
    assert on_commands(tmp_path, {"CommandLine|base64offset|contains": "http://"}, encoded) == [0, 1, 2]
    dashed: list[str | None] = ["a -enc b", "a /enc b", "a \u2013enc b", "a enc b"]
    assert on_commands(tmp_path, {"CommandLine|windash|contains|all": [" -enc", "a"]}, dashed) == [0, 1, 2]


def test_a_null_value_meets_no_filter(tmp_path: Path) -> None:
    detection = {
        "selection": {"CommandLine|contains": "x"},
        "filter": {"ParentCommandLine|contains": "good"},
        "condition": "selection and not filter",
    }
    found = hits(
        tmp_path, detection, "DeviceProcessEvents", PROCESSES,
        ProcessCommandLine=["x", "x", "x"], InitiatingProcessCommandLine=[None, "good", "bad"],
    )  # fmt: skip
    assert found == [0, 2]


def test_denying_a_missing_column_never_fires(tmp_path: Path) -> None:
    for condition in ("not gone", "seen and here or not gone", "not gone and not gone"):
        detection = {
            "gone": {"ParentCommandLine|contains": "good"},
            "seen": {"CommandLine": "absent"},
            "here": {"CommandLine": "absent"},
            "condition": condition,
        }
        assert hits(tmp_path, detection, "DeviceProcessEvents", PROCESSES, ProcessCommandLine=["x"]) == []


def test_a_rule_without_its_columns_is_counted(tmp_path: Path) -> None:
    ruleset = rules_of(tmp_path, {"s": {"ParentCommandLine": "x"}, "condition": "s"}, PROCESSES)
    rows = TableRows("DeviceProcessEvents", pa.table({"DeviceName": ["h"]}), ("q",), (0,))
    assert examine(Evidence([rows]), rules=ruleset).skipped == {"DeviceProcessEvents without ParentCommandLine": 1}


@pytest.mark.parametrize("regex", [r"(?=a)b", r"(a)\1", "a{1,5000}"])
def test_a_regex_that_could_run_away_is_unsupported(tmp_path: Path, regex: str) -> None:
    ruleset = rules_of(tmp_path, {"s": {"CommandLine|re": regex}, "condition": "s"}, PROCESSES)
    assert ruleset.rules == ()
    assert ruleset.unsupported == {"regular expression that RE2 does not take": 1}


def test_registry_names_and_numbers_go_both_ways(tmp_path: Path) -> None:
    detection = {
        "s": {"TargetObject|startswith": "HKLM\\System\\CurrentControlSet\\", "Details": "DWORD (0x00000001)"},
        "condition": "s",
    }
    found = hits(
        tmp_path, detection, "DeviceRegistryEvents", REGISTRY,
        ActionType=["RegistryValueSet"] * 3, RegistryKey=["HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Lsa"] * 3,
        RegistryValueName=["A"] * 3, RegistryValueData=["1", "0x1", "2"], RegistryValueType=["Dword"] * 3,
    )  # fmt: skip
    assert found == [0, 1]


def test_an_image_is_found_by_name_alone(tmp_path: Path) -> None:
    detection = {"s": {"ParentImage|endswith": "\\cmd.exe"}, "condition": "s"}
    found = hits(
        tmp_path, detection, "DeviceProcessEvents", PROCESSES,
        InitiatingProcessFolderPath=["", "C:\\Windows", "C:\\Windows\\CMD.exe", "C:\\xcmd.exe"],
        InitiatingProcessFileName=["cmd.exe", "cmd.exe", "cmd.exe", "xcmd.exe"],
    )  # fmt: skip
    assert found == [0, 1, 2]
