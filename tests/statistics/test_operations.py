"""Control plane and directory: enumeration, bursts, brief accounts."""

from __future__ import annotations

import json

import pytest

from .rows import Row, at, evidence, found, levels

READ = "MICROSOFT.NETWORK/PUBLICIPADDRESSES/READ"
DAY = 86400.0


def azure(seconds: float, operation: str, status: str = "Success", caller: str = "ana@contoso.com", n: int = 0) -> Row:
    return at(
        seconds, OperationNameValue=operation, ActivityStatusValue=status, Caller=caller,
        CallerIpAddress="198.51.100.7", ResourceId=f"/subscriptions/s/x/{n}",
    )  # fmt: skip


def audit(seconds: float, operation: str, target: str = "bo@contoso.com", by: str = "ana@contoso.com") -> Row:
    return at(
        seconds, OperationName=operation, Result="success",
        InitiatedBy=json.dumps({"user": {"userPrincipalName": by}, "app": None}),
        TargetResources=json.dumps([{"type": "User", "userPrincipalName": target}]),
    )  # fmt: skip


@pytest.mark.parametrize(("reads", "expected"), [(29, {}), (30, {"stat-cloud-enumeration": "medium"})])
def test_how_many_reads_are_an_enumeration(reads: int, expected: dict[str, str]) -> None:
    assert levels("AzureActivity", [azure(i * 20.0, READ, n=i) for i in range(reads)]) == expected


def test_the_kind_of_enumeration_follows_what_was_read() -> None:
    (network,) = found(evidence("AzureActivity", [azure(i, READ) for i in range(40)]))
    (storage,) = found(
        evidence("AzureActivity", [azure(i, "Microsoft.Storage/storageAccounts/read") for i in range(40)])
    )
    assert network.techniques == ("T1580",)
    assert storage.techniques == ("T1619",)


@pytest.mark.parametrize("status", ["Start", "Accept", "Failure"])
def test_only_what_was_done_counts(status: str) -> None:
    assert levels("AzureActivity", [azure(i, READ, status) for i in range(60)]) == {}


def test_reads_by_many_callers_are_nobodys_enumeration() -> None:
    assert levels("AzureActivity", [azure(i, READ, caller=f"u{i}@contoso.com") for i in range(60)]) == {}


def test_an_inventory_that_repeats_is_left_alone() -> None:
    rows = [azure(day * DAY + i, READ, n=i) for day in range(4) for i in range(25 if day < 3 else 40)]
    assert levels("AzureActivity", rows) == {}


def test_ten_deletions_in_minutes() -> None:
    rows = [azure(i * 30.0, "Microsoft.Compute/virtualMachines/delete", n=i) for i in range(10)]
    assert levels("AzureActivity", rows) == {"stat-mass-delete-azure": "high"}
    assert levels("AzureActivity", rows[:9]) == {}


def test_a_row_without_a_status_counts_as_done() -> None:
    rows = [azure(i * 30.0, "Microsoft.Compute/virtualMachines/delete", status="", n=i) for i in range(10)]
    assert levels("AzureActivity", rows) == {"stat-mass-delete-azure": "high"}


def test_what_one_request_takes_with_it_counts_once() -> None:
    rows = [{**azure(i, "Microsoft.Web/sites/delete", n=i), "CorrelationId": f"c{i // 6}"} for i in range(54)]
    assert levels("AzureActivity", rows) == {}


@pytest.mark.parametrize(
    ("group", "by", "expected"),
    [
        ("rg-shop-pr-41", "0b7bdb3c-0c2f-4a5a-9e0e-2f6b8e1a7711", {}),
        ("rg-shop-pr-41", "ana@contoso.com", {}),
        ("mc_aks_shop", "0b7bdb3c-0c2f-4a5a-9e0e-2f6b8e1a7711", {}),
        ("mc_aks_shop", "ana@contoso.com", {"stat-mass-delete-azure": "high"}),
        ("rg-contest", "ana@contoso.com", {"stat-mass-delete-azure": "high"}),
    ],
)
def test_what_is_made_for_a_while_is_cleared_away(group: str, by: str, expected: dict[str, str]) -> None:
    rows = [azure(i, "Microsoft.Web/sites/delete", caller=by) for i in range(12)]
    told = [{**row, "ResourceId": f"/subscriptions/s/resourceGroups/{group}/x/{i}"} for i, row in enumerate(rows)]
    assert levels("AzureActivity", told) == expected


def test_deletions_spread_over_days_are_work() -> None:
    rows = [azure(i * 7200.0, "Microsoft.Compute/disks/delete", n=i) for i in range(40)]
    assert levels("AzureActivity", rows) == {}


def test_five_secrets_read_in_minutes() -> None:
    rows = [azure(i * 30.0, "Microsoft.KeyVault/vaults/secrets/getSecret/action", n=i) for i in range(5)]
    assert levels("AzureActivity", rows) == {"stat-secrets-read-azure": "high"}


LIST_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"


@pytest.mark.parametrize(
    ("caller", "things", "expected"),
    [
        ("ana@contoso.com", 5, {"stat-keys-listed-azure": "high"}),
        ("ana@contoso.com", 2, {}),
        ("0b7bdb3c-0c2f-4a5a-9e0e-2f6b8e1a7711", 9, {}),
    ],
)
def test_keys_of_many_services_listed_by_a_person(caller: str, things: int, expected: dict[str, str]) -> None:
    rows = [azure(i * 30.0, LIST_KEYS, caller=caller, n=i % things) for i in range(10)]
    assert levels("AzureActivity", rows) == expected


@pytest.mark.parametrize(("made", "expected"), [(10, {}), (5, {"stat-mass-delete-azure": "high"})])
def test_whoever_keeps_the_last_few_makes_as_many_as_it_deletes(made: int, expected: dict[str, str]) -> None:
    rows = [azure(i * 30.0, "Microsoft.Compute/snapshots/delete", n=i) for i in range(10)]
    rows += [azure(i * 30.0 + 9, "Microsoft.Compute/snapshots/write", n=i + 20) for i in range(made)]
    assert levels("AzureActivity", rows) == expected


def test_a_history_of_deployments_is_pruned_all_the_time() -> None:
    assert levels("AzureActivity", [azure(i, "Microsoft.Resources/deployments/delete", n=i) for i in range(30)]) == {}


def test_containers_deleted_one_after_another() -> None:
    operation = "Microsoft.Storage/storageAccounts/blobServices/containers/delete"
    rows = [azure(i * 30.0, operation, n=i) for i in range(4)]
    assert levels("AzureActivity", rows) == {"stat-stores-emptied-azure": "medium"}
    assert levels("AzureActivity", rows[:3]) == {}


@pytest.mark.parametrize(
    ("operation", "count", "target", "by", "expected"),
    [
        ("Delete user", 14, "g{}_fabrikam.com#EXT#@contoso.com", "ana@contoso.com", {}),
        ("Delete device", 30, "pc{}", "ana@contoso.com", {}),
        ("Delete device", 40, "pc{}", "ana@contoso.com", {"stat-mass-delete-devices": "medium"}),
        ("Delete device", 60, "pc{}", "cleaner", {}),
        ("Add owner to group", 9, "team{}", "governance", {}),
        ("Add owner to group", 9, "team{}", "ana@contoso.com", {"stat-group-owners-added-directory": "medium"}),
        ("Update application - Certificates and secrets management", 9, "vm{}", "Managed Service Identity", {}),
    ],
)
def test_what_is_cleared_away_or_renewed_by_the_dozen(
    operation: str, count: int, target: str, by: str, expected: dict[str, str]
) -> None:
    rows = [audit(i * 20.0, operation, target.format(i), by) for i in range(count)]
    assert levels("AuditLogs", rows) == expected


def test_many_roles_by_one_initiator() -> None:
    rows = [audit(i * 60.0, "Add member to role", f"u{i}@contoso.com") for i in range(5)]
    assert levels("AuditLogs", rows) == {"stat-roles-assigned-directory": "medium"}


def test_activations_through_pim_are_ordinary() -> None:
    assert levels("AuditLogs", [audit(i, "Add member to role completed (PIM activation)") for i in range(30)]) == {}


def test_many_recovery_keys_by_one_reader() -> None:
    rows = [audit(i * 20.0, "Read BitLocker key", f"laptop{i}") for i in range(6)]
    assert levels("AuditLogs", rows) == {"stat-recovery-keys-read": "high"}


@pytest.mark.parametrize(("hours", "expected"), [(2, {"stat-brief-account": "medium"}), (30, {})])
def test_an_account_created_and_deleted(hours: float, expected: dict[str, str]) -> None:
    rows = [audit(0, "Add user", "tmp@contoso.com")]
    rows += [audit(hours * 3600, "Delete user", "0123456789abcdef0123456789abcdeftmp@contoso.com")]
    assert levels("AuditLogs", rows) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"user": 7}', '{"user": null, "app": null}', "[" * 5000])
def test_broken_json_names_nobody(text: str) -> None:
    rows = [at(i, OperationName="Add member to role", Result="success", InitiatedBy=text) for i in range(9)]
    assert levels("AuditLogs", rows) == {}
