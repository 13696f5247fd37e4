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


NETWORK = {"product": "windows", "category": "network_connection"}
AUDIT = {"product": "azure", "service": "auditlogs"}
SIGNIN = {"product": "azure", "service": "signinlogs"}


def on(folder: Path, table: str, logsource: dict[str, str], selection: Any, **columns: list[Any]) -> list[int]:
    return hits(folder, {"s": selection, "condition": "s"}, table, logsource, **columns)


def test_a_field_may_be_compared_with_another(tmp_path: Path) -> None:
    own, parent = ["a.exe", "A.EXE", "b.exe", None, None], ["A.exe", "a.exe -x", "c.exe", None, "d"]
    columns = {"ProcessCommandLine": own, "InitiatingProcessCommandLine": parent}
    table = "DeviceProcessEvents"
    assert on(tmp_path, table, PROCESSES, {"CommandLine|fieldref": "ParentCommandLine"}, **columns) == [0]
    starts = {"ParentCommandLine|fieldref|startswith": "CommandLine"}
    assert on(tmp_path, table, PROCESSES, starts, **columns) == [0, 1]


@pytest.mark.parametrize(
    ("network", "expected"),
    [("10.0.0.0/8", [0, 4]), ("2001:db8::/32", [1, 2]), ("fe80::/10", []), ("192.168.1.7", [3])],
)
def test_networks_of_both_kinds(tmp_path: Path, network: str, expected: list[int]) -> None:
    addresses = [
        "10.1.2.3",
        "2001:db8::1",
        "2001:0DB8:0:0::2",
        "192.168.1.7",
        "::ffff:10.9.9.9",
        "110.1.1.1",
        "x",
        None,
    ]
    modifier = "|cidr" if "/" in network else ""
    found = on(tmp_path, "DeviceNetworkEvents", NETWORK, {f"DestinationIp{modifier}": network}, RemoteIP=addresses)
    assert found == expected


def test_keywords_stand_in_any_text_and_all_of_them_where_told(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "ProcessCommandLine": ["x EVIL", None, "bad"],
        "FileName": ["", "evil.exe", "evil"],
    }
    table = "DeviceProcessEvents"
    assert on(tmp_path, table, PROCESSES, ["evil"], **columns) == [0, 1, 2]
    assert on(tmp_path, table, PROCESSES, {"|all": ["evil", "bad"]}, **columns) == [2]


def test_paths_lead_through_json_lists_and_text(tmp_path: Path) -> None:
    inner = '{"role": {"name": "Global Administrator"}}'
    targets = [
        '[{"type": "User", "modifiedProperties": [{"displayName": "R", "newValue": "\\"Owner\\""}]}]',
        '[{"type": "Group"}]',
        "[{",
        None,
        f'[{{"more": "{inner}"}}]'.replace('{"role', '{\\"role').replace('": {"name": "', '\\": {\\"name\\": \\"')
        .replace('Administrator"}}', 'Administrator\\"}}'),
    ]  # fmt: skip

    def found(selection: dict[str, Any]) -> list[int]:
        return on(tmp_path, "AuditLogs", AUDIT, selection, TargetResources=targets)

    assert found({"TargetResources.modifiedProperties.newValue|contains": "owner"}) == [0]
    assert found({"targetresources.TYPE": ["group", "user"]}) == [0, 1]
    assert found({"TargetResources.more.role.name": "global administrator"}) == [4]


def test_hashes_go_bare_and_with_their_kind(tmp_path: Path) -> None:
    columns = {"SHA256": ["ab" * 32, None], "MD5": ["cd" * 16, "cd" * 16], "ProcessCommandLine": ["x", "y"]}
    for value, expected in (("SHA256=" + "AB" * 32, [0]), ("ab" * 32, [0]), ("MD5=" + "cd" * 16, [0, 1])):
        assert on(tmp_path, "DeviceProcessEvents", PROCESSES, {"Hashes|contains": value}, **columns) == expected
    unseen = rules_of(tmp_path, {"s": {"Imphash": "ab"}, "condition": "s"}, PROCESSES)
    assert unseen.unsupported == {"field Imphash": 1}


def test_all_values_and_existence(tmp_path: Path) -> None:
    lines: list[str | None] = ["a b", "a", None, ""]
    assert on_commands(tmp_path, {"CommandLine|contains|all": ["a", "B"]}, lines) == [0]
    assert on_commands(tmp_path, {"CommandLine|exists": True}, lines) == [0, 1]
    assert on_commands(tmp_path, {"CommandLine|exists": False}, lines) == [2, 3]
    assert on_commands(tmp_path, {"CommandLine": None}, lines) == [2, 3]
    assert on_commands(tmp_path, {"CommandLine": ""}, lines) == [2, 3]
    assert on_commands(tmp_path, {"CommandLine": "*"}, lines) == [0, 1]


@pytest.mark.parametrize(
    ("modifier", "encoding"), [("wide", "utf-16-le"), ("utf16le", "utf-16-le"), ("utf16be", "utf-16-be")]
)
def test_encoded_commands_of_wide_characters(tmp_path: Path, modifier: str, encoding: str) -> None:
    import base64

    coded: list[str | None] = [
        "powershell -e " + base64.b64encode(("x" * shift + "iex(New-Object)").encode(encoding)).decode()
        for shift in range(3)
    ]
    assert on_commands(tmp_path, {f"CommandLine|{modifier}|base64offset|contains": "iex(New"}, coded) == [0, 1, 2]


def test_placeholders_are_unsupported_and_counted(tmp_path: Path) -> None:
    loaded = rules_of(tmp_path, {"s": {"User|expand": "%admins%"}, "condition": "s"}, PROCESSES)
    assert loaded.rules == ()
    assert loaded.unsupported == {"placeholder": 1}


@pytest.mark.parametrize(
    ("part", "value", "expected"), [("hour", 3, [0]), ("day", 4, [0, 1]), ("year", 2025, [2]), ("minute", 30, [0, 2])]
)
def test_parts_of_a_time(tmp_path: Path, part: str, value: int, expected: list[int]) -> None:
    times = ["2026-03-04T03:30:00Z", "2026-03-04T12:00:01.5Z", "2025-12-31T23:30:00+00:00", "never", None]
    columns = {"ProcessCommandLine": ["x"] * 5, "ProcessCreationTime": times}
    selection = {f"ProcessCreationTime|{part}": value}
    assert on(tmp_path, "DeviceProcessEvents", PROCESSES, selection, **columns) == expected


def test_numbers_kept_as_text_are_compared_as_numbers(tmp_path: Path) -> None:
    ports = ["99", "1000", " 5", "9e1", "1_000", "x", "", None, "1" * 5000]

    def found(selection: dict[str, Any]) -> list[int]:
        return on(tmp_path, "DeviceNetworkEvents", NETWORK, selection, RemotePort=ports)

    assert found({"DestinationPort|gt": 99}) == [1]
    assert found({"DestinationPort|gte": 90, "DestinationPort|lt": 1000}) == [0, 3]
    assert found({"DestinationPort": 1000}) == [1]


def test_nulls_wrong_types_and_long_texts_cost_no_other_row(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {
        "ProcessCommandLine": ["x" * 1_000_000 + "EVIL", None, "evil", ""],
        "ProcessId": [1, None, 4, 5],
        "InitiatingProcessCommandLine": [None] * 4,
    }
    selection = {"CommandLine|contains": "evil", "ProcessId": 4}
    assert on(tmp_path, "DeviceProcessEvents", PROCESSES, selection, **rows) == [2]
    assert on_commands(tmp_path, {"CommandLine|re": "(?i)x+evil$"}, rows["ProcessCommandLine"]) == [0]
    rows |= {"ProcessCommandLine": [1.5, None, 2.0, float("nan")], "FileName": [["evil"], [], None, ["a"]]}
    assert on(tmp_path, "DeviceProcessEvents", PROCESSES, {"CommandLine": 2, "ProcessId": 4}, **rows) == [2]
    assert on(tmp_path, "DeviceProcessEvents", PROCESSES, {"FileName|contains": "evil"}, **rows) == [0]
    rows |= {"ProcessCommandLine": [None] * 4}
    assert on(tmp_path, "DeviceProcessEvents", PROCESSES, {"CommandLine|contains": "e"}, **rows) == []


def test_azure_fields_go_by_the_names_that_public_rules_use(tmp_path: Path) -> None:
    consent = '[{"modifiedProperties": [{"displayName": "ConsentContext.IsAdminConsent", "newValue": "\\"False\\""}]}]'
    audit = {"OperationName": ["Consent to application", "Add user"], "TargetResources": [consent, None],
             "ResultReason": [None, "Microsoft.online.Security.x"], "Result": ["success", "failure"]}  # fmt: skip
    for selection, expected in (
        ({"ConsentContext.IsAdminConsent": "false", "properties.message": "Consent to application"}, [0]),
        ({"failure_status_reason|contains": "online.security"}, [1]),
        ({"properties.message": "Add user", "Status": "failure"}, [1]),
        ({"operationName|contains|all": ["consent", "application"]}, [0]),
    ):
        assert on(tmp_path, "AuditLogs", AUDIT, selection, **audit) == expected
    signin = {"AuthenticationProtocol": ["deviceCode", "ropc", None], "ResultType": ["0", "50126", "0"],
              "DeviceDetail": ['{"isCompliant": true, "trustType": ""}', '{"isCompliant": false}', None],
              "RiskEventTypes_V2": ['["passwordSpray", "x"]', "[]", None]}  # fmt: skip
    for selection, expected in (
        ({"properties.message": "Device Code"}, [0]),
        ({"properties.message": "ROPC"}, [1]),
        ({"Status": "Success"}, [0, 2]),
        ({"authentication_result": "failure", "resulttype": [50126, 50053]}, [1]),
        ({"DeviceDetail.isCompliant": False}, [1]),
        ({"DeviceDetail.isCompliant": "True"}, [0]),
        ({"riskEventType": "passwordSpray"}, [0]),
    ):
        assert on(tmp_path, "SigninLogs", SIGNIN, selection, **signin) == expected
