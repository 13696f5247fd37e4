"""What an operation asked for stands in the row that began it; that it was done, in another: both are the act."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.state.findings import Detection
from soc_analyst.tools.detections import detect
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.proof.claims import check

from .pack import name_of, of_table

Row = Mapping[str, Any]
START = datetime(2026, 3, 4, 9, tzinfo=UTC)
GROUP = "/subscriptions/s/resourceGroups/erp"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ANY_TO_RDP = {"access": "Allow", "direction": "Inbound", "sourceAddressPrefix": "*", "destinationPortRange": "3389"}
INSIDE = {**ANY_TO_RDP, "sourceAddressPrefix": "10.1.0.0/16"}
ACTS = {
    "privileged_role_assigned": ("Microsoft.Authorization/roleAssignments/write", {"RoleDefinitionId": f"/x/{OWNER}"}),
    "nsg_opens_management_port": ("Microsoft.Network/networkSecurityGroups/securityRules/write", ANY_TO_RDP),
    "storage_account_weakened": ("Microsoft.Storage/storageAccounts/write", {"supportsHttpsTrafficOnly": False}),
    "container_made_public": (
        "Microsoft.Storage/storageAccounts/blobServices/containers/write", {"publicAccess": "Container"}),
    "key_vault_opened": ("Microsoft.KeyVault/vaults/write", {"networkAcls": {"defaultAction": "Allow"}}),
    "sql_firewall_opened_to_all": (
        "Microsoft.Sql/servers/firewallRules/write", {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"}),
    "vm_script_or_access_extension": (
        "Microsoft.Compute/virtualMachines/extensions/write", {"type": "CustomScriptExtension"}),
    "log_retention_shortened": ("Microsoft.OperationalInsights/workspaces/write", {"retentionInDays": 7}),
}  # fmt: skip
BY_ACT = [pytest.param(name, *act, id=name) for name, act in ACTS.items()]


def row(seconds: float, operation: str, status: str, body: object = None, **other: object) -> Row:
    told = {"statusCode": "Created"} if body is None else {"requestbody": json.dumps({"properties": body})}
    return {
        "TimeGenerated": START + timedelta(seconds=seconds), "OperationNameValue": operation.upper(),
        "ActivityStatusValue": status, "Caller": "ana@contoso.com", "CallerIpAddress": "198.51.100.7",
        "CorrelationId": "c-1", "_ResourceId": f"{GROUP}/providers/x/y".lower(), "ResourceId": f"{GROUP}/providers/x/y",
        "Properties": json.dumps(told), **other,
    }  # fmt: skip


def raised(*rows: Row) -> dict[str, Detection]:
    columns = {name: [one.get(name) for one in rows] for name in rows[0]}
    case = Evidence([TableRows.collect("AzureActivity", [("q1", pa.table(columns))])])
    found = detect(case, rules=of_table("AzureActivity"))
    assert all(check(claim, case, {}).verified for each in found for claim in each.claims if not claim.rule)
    return {name_of()[each.rule.id].partition("/")[2]: each for each in found if each.rule.id in name_of()}


@pytest.mark.parametrize(("rule", "operation", "body"), BY_ACT)
def test_what_was_asked_for_and_done_is_one_act(rule: str, operation: str, body: object) -> None:
    found = raised(row(0, operation, "Start", body), row(2, operation, "Success"))
    assert {ref.row for ref in found[rule].rows} == {0, 1}


@pytest.mark.parametrize(("rule", "operation", "body"), BY_ACT)
def test_what_was_only_asked_for_is_no_act(rule: str, operation: str, body: object) -> None:
    start = row(0, operation, "Start", body)
    assert rule not in raised(start)
    assert rule not in raised(start, row(2, operation, "Failure"))


@pytest.mark.parametrize(
    "other",
    [
        {"CorrelationId": "c-2"},
        {"Caller": "bo@contoso.com"},
        {"_ResourceId": "/x/z"},
        {"OperationNameValue": "X/write"},
    ],
)
def test_another_request_is_not_what_was_done(other: dict[str, str]) -> None:
    rule, (operation, body) = next(iter(ACTS.items()))
    assert rule not in raised(row(0, operation, "Start", body), row(2, operation, "Success", **other))
    assert rule not in raised(row(5, operation, "Start", body), row(2, operation, "Success"))


def test_without_a_correlation_what_follows_soon_is_one_act() -> None:
    rule, (operation, body) = next(iter(ACTS.items()))
    start = row(0, operation, "Start", body, CorrelationId=None)
    assert rule in raised(start, row(1_700, operation, "Success", CorrelationId=None))
    assert rule not in raised(start, row(1_900, operation, "Success", CorrelationId=None))


def test_a_harmless_request_clears_what_was_done() -> None:
    operation = ACTS["nsg_opens_management_port"][0]
    assert "nsg_rule_changed" in raised(row(2, operation, "Success"))
    assert "nsg_rule_changed" not in raised(row(0, operation, "Start", INSIDE), row(2, operation, "Success"))


@pytest.mark.parametrize("properties", ["{", "[]", '{"requestbody": ', '{"requestbody": null}', ""])
def test_properties_cut_off_are_borne(properties: str) -> None:
    operation, body = ACTS["key_vault_opened"]
    start = row(0, operation, "Start", body)
    assert "key_vault_opened" not in raised({**start, "Properties": properties}, row(2, operation, "Success"))
    done = {**row(2, operation, "Success"), "Properties": properties if "request" not in properties else "cut {"}
    assert "key_vault_opened" in raised(start, done)
