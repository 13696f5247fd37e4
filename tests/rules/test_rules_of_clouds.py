"""Rows of the identity, cloud, flow and alert tables raise just the rules that `rows` says of them, also when changed.

In the file of a table `given` holds fields that each of its rows has unless it says otherwise; others are null.
`fires` names the rules of level medium and above, all of them: a row that raises more, or less, fails. `notes` names
low rules among those that the row raises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.tools.detections import detect
from soc_analyst.tools.evidence import Evidence, TableRows

from .pack import HOSTS, NAMES, ROWS_FOLDER, TABLES, name_of, of_table, read

CLOUD = [table for table in TABLES if not table.startswith(HOSTS)]
DATA = {table: read(ROWS_FOLDER / f"{table}.yaml") for table in CLOUD}
OF = {table: [{**part["given"], **row} for row in part["rows"]] for table, part in DATA.items()}
SAID = ("fires", "notes")


def raised_at_once(table: str, rows: Sequence[Mapping[str, Any]]) -> list[set[str]]:
    """Return the rules of medium level and above that each row raises."""
    return [{name for name, level in each.items() if level != "low"} for each in levels_at_once(table, rows)]


def levels_at_once(table: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the rules that each row raises, and their levels; laid a month apart, each by somebody else."""
    names = sorted({name for row in rows for name in row} - set(SAID))
    apart = [_somebody_else(row, number) for number, row in enumerate(rows)]
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in apart] for name in names}
    columns["TimeGenerated"] = [datetime(1990, 3, 4, tzinfo=UTC) + timedelta(days=31 * n) for n in range(len(rows))]
    found: list[dict[str, str]] = [{} for _ in rows]
    for each in detect(Evidence([TableRows.collect(table, [("q1", pa.table(columns))])]), rules=of_table(table)):
        if name := name_of().get(each.rule.id):
            for ref in each.rows:
                found[ref.row][name.partition("/")[2]] = each.rule.level
    return found


def _somebody_else(row: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    if "InitiatedBy" in row:
        return {**row, "InitiatedBy": row["InitiatedBy"].replace("ana@", f"ana{number}@")}
    if "UserPrincipalName" in row:
        return {**row, "UserPrincipalName": str(row["UserPrincipalName"] or "").replace("ana@", f"ana{number}@")}
    caller = str(row.get("Caller", ""))
    one = f"{number}{caller}" if "@" in caller else f"{caller[:-4]}{number:04}" if caller else ""
    return {**row, "Caller": one} if caller else row


@cache
def raised_by_all(table: str) -> list[dict[str, str]]:
    return levels_at_once(table, OF[table])


@pytest.mark.parametrize(("table", "position"), [(table, n) for table, rows in OF.items() for n in range(len(rows))])
def test_a_row_raises_these_rules_and_no_others(table: str, position: int) -> None:
    row = OF[table][position]
    told = json.dumps({name: value for name, value in row.items() if name not in SAID})
    found = raised_by_all(table)[position]
    assert {name for name, level in found.items() if level != "low"} == set(row["fires"]), told
    assert set(row.get("notes", ())) <= {name for name, level in found.items() if level == "low"}, told


@pytest.mark.parametrize("table", CLOUD)
def test_every_rule_is_raised_by_a_row(table: str) -> None:
    proved = {name for row in OF[table] for kind in SAID for name in row.get(kind, ())}
    assert {name for name in NAMES if name.startswith(f"{table}/")} == {f"{table}/{name}" for name in proved}


@pytest.mark.parametrize(
    ("table", "column", "unwanted"),
    [("AzureActivity", "ActivityStatusValue", "Failure"), ("AzureActivity", "ActivityStatusValue", "Start"),
     ("AuditLogs", "Result", "failure")],
)  # fmt: skip
def test_what_was_not_done_raises_nothing(table: str, column: str, unwanted: str) -> None:
    rows = [{**row, column: unwanted} for row in OF[table] if row.get(column) != unwanted]
    assert raised_at_once(table, rows) == [set()] * len(rows)


def _sibling(operation: str, act: str) -> str:
    thing = operation.rsplit("/", 2 if operation.lower().endswith("/action") else 1)[0]
    return f"{thing}/{act}"


OF_AZURE = [row for row in OF["AzureActivity"] if row["fires"]]
READ_BY_RIGHT = ("/vaults/", "/secrets/")
"""To read these is itself what the rules look for."""


def test_an_act_of_azure_is_known_without_its_status_and_however_it_is_written() -> None:
    done = [row for row in OF_AZURE if row["ActivityStatusValue"] == "Success"]
    wanted = [set(row["fires"]) for row in done]
    assert raised_at_once("AzureActivity", [{**row, "ActivityStatusValue": ""} for row in done]) == wanted
    shouted = [{**row, "OperationNameValue": row["OperationNameValue"].upper()} for row in done]
    assert raised_at_once("AzureActivity", shouted) == wanted
    accepted = raised_at_once("AzureActivity", [{**row, "ActivityStatusValue": "Accepted"} for row in done])
    assert all(early <= late for early, late in zip(accepted, wanted, strict=True))


def test_to_look_at_a_resource_of_azure_raises_nothing() -> None:
    looked = [{**row, "OperationNameValue": _sibling(row["OperationNameValue"], "read")} for row in OF_AZURE]
    looked = [row for row in looked if not any(each in row["OperationNameValue"].lower() for each in READ_BY_RIGHT)]
    found = raised_at_once("AzureActivity", looked)
    assert [row["OperationNameValue"] for row, names in zip(looked, found, strict=True) if names] == []


OF_DIRECTORY = [row for row in OF["AuditLogs"] if row["fires"] and row["Result"] != "failure"]
WAYS_BACK = {
    "Add ": "Remove ", "Create ": "Delete ", "Disable ": "Enable ", "Enable ": "Disable ", "Delete ": "Add ",
    "Remove ": "Add ", "Restore ": "Delete ", "Invite ": "Delete ", "Assign ": "Unassign ", "Hard Delete ": "Restore ",
    "Register ": "Unregister ", "Convert ": "Get ",
}  # fmt: skip
BAD_EITHER_WAY = {"Remove users strong authentication phone app detail", "Add verified domain", "Add unverified domain"}


def test_the_way_back_from_a_change_of_the_directory_raises_nothing() -> None:
    back = [
        {**row, "OperationName": back_again + row["OperationName"].removeprefix(done)}
        for row in OF_DIRECTORY for done, back_again in WAYS_BACK.items() if row["OperationName"].startswith(done)
    ]  # fmt: skip
    back = [row for row in back if row["OperationName"] not in BAD_EITHER_WAY]
    found = raised_at_once("AuditLogs", back)
    assert [(row["OperationName"], names) for row, names in zip(back, found, strict=True) if names] == []


@pytest.mark.parametrize("word", ["Get", "Read", "List"])
def test_to_look_at_the_directory_raises_nothing(word: str) -> None:
    rows = [{**row, "OperationName": f"{word} {row['OperationName'].partition(' ')[2]}"} for row in OF_DIRECTORY]
    rows = [row for row in rows if "elevated their access" not in row["OperationName"]]
    assert raised_at_once("AuditLogs", rows) == [set()] * len(rows)


OF_SIGN_INS = [row for row in OF["SigninLogs"] if row["fires"]]


@pytest.mark.parametrize("state", ["dismissed", "remediated", "confirmedSafe"])
def test_a_risk_that_somebody_closed_is_no_risk(state: str) -> None:
    found = raised_at_once("SigninLogs", [{**row, "RiskState": state} for row in OF_SIGN_INS])
    assert {name for names in found for name in names if name.startswith("risk_")} == set()


@pytest.mark.parametrize("result", ["50126", "50055", "50140", "50074"])
def test_a_sign_in_that_did_not_succeed_is_no_entry(result: str) -> None:
    calm = {"ResultType": result, "RiskLevelDuringSignIn": "none", "RiskState": "none", "RiskEventTypes_V2": "[]",
            "RiskLevelAggregated": "none", "UserAgent": "Firefox", "AuthenticationProtocol": "none"}  # fmt: skip
    found = raised_at_once("SigninLogs", [{**row, **calm} for row in OF_SIGN_INS])
    assert {name for names in found for name in names} <= {"break_glass_failed"}


def test_a_row_of_few_fields_is_known_as_well() -> None:
    bare = [{name: value for name, value in row.items() if name not in ("LoggedByService", "Result", "InitiatedBy")}
            for row in OF_DIRECTORY]  # fmt: skip
    by_whom = {"group_hard_deleted", "recovery_key_deleted", "device_posture_written",
               "conditional_access_changed_by_application", "guest_invited_oddly",
               "password_reset_by_sync_account"}  # fmt: skip
    missed = [
        (row["OperationName"], set(row["fires"]) - names)
        for row, names in zip(OF_DIRECTORY, raised_at_once("AuditLogs", bare), strict=True)
        if set(row["fires"]) - names - by_whom
    ]
    assert missed == []


def test_an_alert_is_told_by_the_techniques_it_names_itself() -> None:
    columns = {
        "TimeGenerated": [datetime(2026, 3, 4, tzinfo=UTC)] * 2,
        "Title": ["A file was found", "A process was found"],
        "Severity": ["High", "High"],
        "Category": ["Persistence", "Persistence"],
        "AttackTechniques": ['["Web Shell (T1505.003)", "T1078"]', ""],
    }
    case = Evidence([TableRows.collect("AlertInfo", [("q1", pa.table(columns))])])
    told = {
        d.rows[0].row: d.techniques
        for d in detect(case, rules=of_table("AlertInfo"))
        if name_of().get(d.rule.id) == "AlertInfo/persistence_high"
    }
    assert told[0] == ("T1505.003", "T1078")
    assert told[1][0] == "T1547"
