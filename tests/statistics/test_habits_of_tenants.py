"""Accounts locked in company, reply addresses elsewhere, list after list downloaded: what one row cannot tell."""

from __future__ import annotations

import json

import pytest

from soc_analyst.tools.proof.claims import check

from .rows import Row, evidence, found, levels
from .test_operations import audit
from .test_signins import signin

OFFICE = "198.51.100.7"
LOCKED = "50053"


def users(count: int, result: str, start: float = 0.0, ip: str = "203.0.113.9") -> list[Row]:
    return [signin(start + i * 60, f"u{i}@contoso.com", result, ip, Location="FR") for i in range(count)]


@pytest.mark.parametrize(("count", "expected"), [(3, {}), (4, {"stat-accounts-locked": "medium"})])
def test_how_many_locked_accounts_are_no_accident(count: int, expected: dict[str, str]) -> None:
    assert levels("SigninLogs", users(count, LOCKED)) == expected


def test_people_who_forgot_their_passwords_at_the_office_are_left_alone() -> None:
    assert levels("SigninLogs", users(5, LOCKED, ip=OFFICE) + users(12, "0", 900, OFFICE)) == {}


def test_who_is_let_in_where_it_was_locked_forgot_its_password() -> None:
    assert levels("SigninLogs", users(4, LOCKED, ip=OFFICE) + users(1, "0", 900, OFFICE)) == {}


@pytest.mark.parametrize(("countries", "expected"), [("FR", {}), ("CN", {"stat-accounts-locked": "medium"})])
def test_one_account_locked_from_several_countries(countries: str, expected: dict[str, str]) -> None:
    rows = [
        signin(i * 60, result=LOCKED, ip=f"203.0.113.{i}", Location=countries if i else "FR") for i in range(3)
    ]  # fmt: skip
    assert levels("SigninLogs", rows) == expected


def reply(old: list[str], new: list[str], name: str = "AppAddress") -> Row:
    """Return an update of the reply addresses of an application."""
    changed = {
        "displayName": name,
        "oldValue": json.dumps([{"AddressType": 0, "Address": url} for url in old]),
        "newValue": json.dumps([{"AddressType": 0, "Address": url} for url in new]),
    }
    resources = [{"displayName": "Travel", "type": "Application", "modifiedProperties": [changed]}]
    return {**audit(0, "Update application"), "TargetResources": json.dumps(resources)}


@pytest.mark.parametrize(
    "new",
    ["https://collect.example.net/cb", "http://203.0.113.80/cb", "https://contoso.com.evil.example/cb"],
)
def test_a_reply_address_of_somebody_else(new: str) -> None:
    row = reply(["https://travel.contoso.com/cb"], ["https://travel.contoso.com/cb", new])
    assert levels("AuditLogs", [row]) == {"stat-reply-address-elsewhere": "medium"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([], ["https://localhost:5001/signin-oidc", "http://127.0.0.1/cb"]),
        ([], ["https://travel.contoso.com/cb"]),
        ([], ["https://travel-dev.azurewebsites.net/signin-oidc"]),
        (["https://app.vendor.co.uk/a"], ["https://login.vendor.co.uk/b"]),
        (["https://collect.example.net/cb"], []),
    ],
)
def test_a_reply_address_at_home_is_left_alone(old: list[str], new: list[str]) -> None:
    assert levels("AuditLogs", [reply(old, new)]) == {}


def test_a_homepage_is_no_reply_address() -> None:
    assert levels("AuditLogs", [reply([], ["https://vendor.example/"], "WwwHomepage")]) == {}


LISTS = ("users", "groups", "devices", "role assignments")


@pytest.mark.parametrize(("lists", "expected"), [(3, {}), (4, {"stat-directory-downloaded": "medium"})])
def test_how_many_lists_are_a_look_at_the_whole_directory(lists: int, expected: dict[str, str]) -> None:
    rows = [audit(i * 60, f"Download {name} - {when} (bulk)", name)
            for i, name in enumerate(LISTS[:lists]) for when in ("started", "finished")]  # fmt: skip
    assert levels("AuditLogs", rows) == expected


@pytest.mark.parametrize(
    ("by", "expected"), [("ana@contoso.com", {"stat-applications-deleted-directory": "medium"}), ("cleaner", {})]
)
def test_applications_deleted_by_the_dozen(by: str, expected: dict[str, str]) -> None:
    assert levels("AuditLogs", [audit(i * 60, "Remove service principal", f"a{i}", by) for i in range(6)]) == expected


def test_an_application_that_goes_with_its_principal_counts_once() -> None:
    operations = ("Delete application", "Remove service principal")
    rows = [audit(i * 60, operation, f"poc{i}", "ana@contoso.com") for i in range(4) for operation in operations]
    assert levels("AuditLogs", rows) == {}


REFUSED = [signin(i * 60, result="53003", ip="203.0.113.9", ClientAppUsed="Browser") for i in range(3)]


@pytest.mark.parametrize(
    ("client", "past", "expected"),
    [
        ("Exchange ActiveSync", [], {"stat-policy-gone-around": "medium"}),
        ("IMAP4", [], {"stat-policy-gone-around": "medium"}),
        ("Browser", [], {}),
        ("IMAP4", [signin(-900, ip=OFFICE, ClientAppUsed="IMAP4")], {}),
    ],
)
def test_an_old_client_after_refusals(client: str, past: list[Row], expected: dict[str, str]) -> None:
    rows = [*past, *REFUSED, signin(400, ip="203.0.113.9", ClientAppUsed=client)]
    assert levels("SigninLogs", rows) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("User updated security info", "Reset password (self-service)", {"stat-reset-by-new-factor": "medium"}),
        ("User registered security info", "Reset password (self-service)", {}),
        ("Reset password (self-service)", "User updated security info", {}),
    ],
)
def test_a_reset_by_a_factor_just_changed(first: str, second: str, expected: dict[str, str]) -> None:
    assert (
        levels("AuditLogs", [audit(0, first, by="bo@contoso.com"), audit(300, second, by="bo@contoso.com")]) == expected
    )


COMPLIANT = json.dumps({"isCompliant": True})


@pytest.mark.parametrize(
    ("countries", "device", "expected"),
    [
        (("DE", "VN"), "", {"stat-impossible-travel": "medium"}),
        (("DE", "VN"), COMPLIANT, {"stat-impossible-travel": "low"}),
        (("DE", "NL"), "", {}),
        (("US", "CA"), "", {}),
        (("DE", "XX"), "", {}),
    ],
)
def test_travel_between_countries_of_which_no_place_is_told(
    countries: tuple[str, str], device: str, expected: dict[str, str]
) -> None:
    rows = [
        signin(i * 600, ip=f"203.0.113.{i}", Location=name, DeviceDetail=device) for i, name in enumerate(countries)
    ]
    assert levels("SigninLogs", rows) == expected


def test_exits_of_the_company_in_two_countries() -> None:
    rows = [
        signin(i * 60 + j * 600, f"u{i}@contoso.com", ip=f"203.0.113.{j}", Location=name)
        for i in range(3) for j, name in enumerate(("DE", "SG"))
    ]  # fmt: skip
    assert levels("SigninLogs", rows) == {}


@pytest.mark.parametrize(
    ("by", "expected"),
    [("adm@contoso.com", {"stat-mass-delete-accounts": "medium"}), ("Microsoft Identity Governance", {})],
)
def test_stale_guests_that_a_review_removes(by: str, expected: dict[str, str]) -> None:
    rows = [audit(i * 60, "Delete user", f"g{i}@contoso.com", by) for i in range(12)]
    assert levels("AuditLogs", rows) == expected


def test_users_assigned_to_an_application_are_no_credentials() -> None:
    rows = [audit(i * 60, "Add app role assignment grant to user", f"u{i}@contoso.com") for i in range(12)]
    assert levels("AuditLogs", rows) == {}


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("SigninLogs", [*REFUSED, signin(400, ip="203.0.113.9", ClientAppUsed="IMAP4")]),
        ("SigninLogs", users(4, LOCKED)),
        ("AuditLogs", [reply([], ["https://collect.example.net/cb"])]),
    ],
)
def test_the_numbers_are_proven(table: str, rows: list[Row]) -> None:
    case = evidence(table, rows)
    for detection in found(case):
        assert detection.claims
        assert all(check(claim, case, {}).verified for claim in detection.claims)
