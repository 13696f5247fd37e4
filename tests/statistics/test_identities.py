"""Policies that ask for less, changes after an odd sign-in, refused changes, devices in a row, machines stopped."""

from __future__ import annotations

import json

import pytest

from soc_analyst.tools.detections.statistics import STATISTICS
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.claims import check

from .rows import Row, evidence, levels
from .test_operations import audit, azure
from .test_signins import signin

POLICY = {
    "displayName": "Second factor for all",
    "state": "enabled",
    "conditions": {
        "users": {"includeUsers": ["All"], "excludeUsers": ["a"]},
        "clientAppTypes": ["exchangeActiveSync", "other"],
        "signInRiskLevels": ["high", "medium"],
    },
    "grantControls": {"operator": "AND", "builtInControls": ["mfa", "compliantDevice"]},
    "sessionControls": {"signInFrequency": {"isEnabled": True, "value": 4}},
}


def policy(change: dict[str, object], operation: str = "Update conditional access policy") -> Row:
    """Return an update that replaces parts of the policy by their dotted names."""
    new = json.loads(json.dumps(POLICY))
    for path, value in change.items():
        *parents, last = path.split(".")
        part = new
        for parent in parents:
            part = part[parent]
        part[last] = value
    changed = {
        "displayName": "ConditionalAccessPolicy",
        "oldValue": json.dumps(POLICY),
        "newValue": json.dumps(new),
    }
    resources = [{"displayName": "Second factor for all", "type": "Policy", "modifiedProperties": [changed]}]
    return {**audit(0, operation), "TargetResources": json.dumps(resources)}


@pytest.mark.parametrize(
    "change",
    [
        {"conditions.users.excludeUsers": ["a", "b"]},
        {"conditions.users.includeUsers": ["group"]},
        {"conditions.clientAppTypes": ["exchangeActiveSync"]},
        {"conditions.signInRiskLevels": ["high"]},
        {"grantControls.builtInControls": ["compliantDevice"]},
        {"grantControls": None},
        {"grantControls.operator": "OR"},
        {"sessionControls.signInFrequency": None},
        {"sessionControls.signInFrequency.isEnabled": False},
    ],
)
def test_a_policy_that_asks_for_less(change: dict[str, object]) -> None:
    assert levels("AuditLogs", [policy(change)]) == {"stat-control-weakened": "medium"}


@pytest.mark.parametrize(
    "change",
    [
        {"displayName": "Second factor for everybody"},
        {"conditions.users.excludeUsers": []},
        {"conditions.clientAppTypes": ["all"]},
        {"conditions.signInRiskLevels": ["high", "medium", "low"]},
        {"grantControls.builtInControls": ["mfa", "compliantDevice", "approvedApplication"]},
        {"grantControls": {"builtInControls": ["compliantDevice"], "authenticationStrength": {"id": 1}}},
        {"state": "disabled", "conditions.users.excludeUsers": ["a", "b"]},
    ],
)  # fmt: skip
def test_a_policy_that_asks_for_as_much(change: dict[str, object]) -> None:
    assert levels("AuditLogs", [policy(change)]) == {}


def methods(old: str, new: str, name: str = "Sms") -> Row:
    values = [json.dumps({"configurations": [{"id": name, "state": state}]}) for state in (old, new)]
    changed = {"displayName": "Policy", "oldValue": values[0], "newValue": values[1]}
    resources = json.dumps([{"displayName": "Methods", "modifiedProperties": [changed]}])
    return {**audit(0, "Authentication Methods Policy Update"), "TargetResources": resources}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (methods("disabled", "enabled"), {"stat-control-weakened": "medium"}),
        (methods("enabled", "disabled"), {}),
        (methods("disabled", "enabled", "Fido2"), {}),
    ],
)
def test_a_weak_factor_allowed(row: Row, expected: dict[str, str]) -> None:
    assert levels("AuditLogs", [row]) == expected


def test_an_external_factor_that_another_issuer_signs_for() -> None:
    def row(old: str, new: str) -> Row:
        values = [json.dumps({"configurations": [{"id": "x", "discoveryUrl": url}]}) for url in (old, new)]
        changed = {"displayName": "Policy", "oldValue": values[0], "newValue": values[1]}
        resources = json.dumps([{"displayName": "Methods", "modifiedProperties": [changed]}])
        return {**audit(0, "Authentication Methods Policy Update"), "TargetResources": resources}

    assert levels("AuditLogs", [row("https://a.example", "https://b.example")]) == {"stat-control-weakened": "medium"}
    assert levels("AuditLogs", [row("https://a.example", "https://a.example")]) == {}


def joined(sign_in: dict[str, object], *changes: Row) -> dict[str, str]:
    """Return the levels that a success of Ana and what she changed thereafter raise together."""
    usual = [signin(i, f"u{i}@contoso.com", Location="DE", DeviceDetail="{}") for i in range(30)]
    case = Evidence(
        [
            evidence("SigninLogs", [*usual, signin(100, **sign_in)])["SigninLogs"],  # type: ignore[arg-type]
            *evidence("AzureActivity" if "Caller" in changes[0] else "AuditLogs", changes).values(),
        ]
    )
    detections = [found for statistic in STATISTICS for found in statistic(case)]
    assert all(check(claim, case, {}).verified for found in detections for claim in found.claims)
    return {found.rule.id: found.rule.level for found in detections}


OWNER = audit(700, "Add owner to application")
RISKY = {"RiskLevelDuringSignIn": "high", "Location": "DE"}


@pytest.mark.parametrize(
    "sign_in",
    [RISKY, {"Location": "KP"}, {"AuthenticationProtocol": "deviceCode"}, {"UserAgent": "python-requests/2.31"}],
)
@pytest.mark.parametrize("change", [OWNER, azure(900, "Microsoft.Web/sites/write")], ids=["directory", "cloud"])
def test_a_change_after_an_odd_sign_in(sign_in: dict[str, object], change: Row) -> None:
    assert joined(sign_in, change) == {"stat-change-after-odd-sign-in": "medium"}


@pytest.mark.parametrize(
    ("sign_in", "change"),
    [
        ({"Location": "DE"}, OWNER),
        ({"Location": "KP", "DeviceDetail": '{"isCompliant": true}'}, OWNER),
        ({"Location": "KP", "IPAddress": "10.0.0.4"}, OWNER),
        (RISKY, audit(50, "Add owner to application")),
        (RISKY, audit(50000, "Add owner to application")),
        (RISKY, audit(700, "Add owner to application", by="bo@contoso.com")),
        (RISKY, {**OWNER, "Result": "failure"}),
        (RISKY, {**OWNER, "InitiatedBy": OWNER["InitiatedBy"].replace('"}', '", "ipAddress": "192.0.2.9"}')}),
        (RISKY, audit(700, "Features_GetFeaturesAsync")),
        (RISKY, azure(900, "Microsoft.Web/sites/read")),
    ],
)  # fmt: skip
def test_what_does_not_follow_an_odd_sign_in(sign_in: dict[str, object], change: Row) -> None:
    plain = {"ip" if name == "IPAddress" else name: value for name, value in sign_in.items()}
    assert joined(plain, change) == {}


TRIED = (
    "Add member to role",
    "Add owner to application",
    "Update user",
    "Update policy",
    "Add application",
    "Add user",
)


@pytest.mark.parametrize(("kinds", "expected"), [(4, {}), (5, {"stat-forbidden-changes-tried": "medium"})])
def test_one_refused_change_after_another(kinds: int, expected: dict[str, str]) -> None:
    rows = [{**audit(i * 60, name), "Result": "failure"} for i, name in enumerate(TRIED[:kinds])]
    assert levels("AuditLogs", rows) == expected


def test_refusals_of_what_was_done_before_or_by_a_service_are_no_trying() -> None:
    done = [audit(i, name, target=f"t{i}@contoso.com") for i, name in enumerate(TRIED)]
    refused = [{**audit(4000 + i * 60, name), "Result": "failure"} for i, name in enumerate(TRIED)]
    assert levels("AuditLogs", [*done, *refused]) == {}
    service = [azure(i * 60, f"Microsoft.Web/{i}/write", "Failure", caller="0b7bdb3c-0c2f") for i in range(6)]
    assert levels("AzureActivity", service) == {}


def device(seconds: float, name: str, user: str = "bo@contoso.com") -> Row:
    things = [{"type": "Device", "displayName": name}, {"type": "User", "userPrincipalName": user}]
    by = json.dumps({"app": {"displayName": "Device Registration Service"}})
    return {**audit(seconds, "Register device"), "InitiatedBy": by, "TargetResources": json.dumps(things)}


def test_devices_joined_for_one_user_and_for_many() -> None:
    row = [device(i * 60.0, f"PC{i}") for i in range(5)]
    assert levels("AuditLogs", row) == {"stat-devices-joined": "medium"}
    assert levels("AuditLogs", row[:4]) == {}
    assert levels("AuditLogs", [device(i * 60.0, f"PC{i}", f"u{i}@contoso.com") for i in range(9)]) == {}


@pytest.mark.parametrize(
    ("caller", "expected"),
    [("ana@contoso.com", {"stat-machines-stopped-azure": "medium"}), ("0b7bdb3c-0c2f-4a5a-9e0e-2f6b8e1a7711", {})],
)
def test_machines_stopped_by_a_person_and_by_automation(caller: str, expected: dict[str, str]) -> None:
    stop = "Microsoft.Compute/virtualMachines/deallocate/action"
    assert levels("AzureActivity", [azure(i * 30.0, stop, caller=caller, n=i) for i in range(8)]) == expected
    assert levels("AzureActivity", [azure(i * 30.0, stop, caller=caller, n=i) for i in range(7)]) == {}


def test_policies_in_text_that_is_no_policy_are_borne() -> None:
    for text in (
        "",
        "[",
        "[1]",
        '[{"modifiedProperties": 1}]',
        '[{"modifiedProperties": [1, {"oldValue": "{", "newValue": {}}]}]',
    ):
        assert levels("AuditLogs", [{**policy({}), "TargetResources": text}]) == {}
