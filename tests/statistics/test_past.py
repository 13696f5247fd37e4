"""What an account does unlike its own past: sign-ins, hours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .rows import Row, at, evidence, found, levels
from .test_operations import audit, azure

UNLIKE, HOURS, COUNTRY = "stat-signin-unlike-past", "stat-odd-hours", "stat-new-country"
HOUR, DAY = 3600.0, 86400.0


def entry(
    seconds: float, country: str = "SE", system: str = "Windows 10", browser: str = "Edge 120.1", network: str = "3301",
    client: str = "Browser", user: str = "ana@contoso.com", **device: Any,
) -> Row:  # fmt: skip
    details = {"operatingSystem": system, "browser": browser, **device}
    return at(
        seconds, UserPrincipalName=user, ResultType="0", Location=country, AutonomousSystemNumber=network,
        IPAddress="198.51.100.4", ClientAppUsed=client, DeviceDetail=json.dumps(details),
    )  # fmt: skip


def past(count: int = 20, days: int = 5) -> list[Row]:
    return [entry(i * days * DAY / count) for i in range(count)]


ABROAD = {"country": "RO", "network": "9009"}
OTHER = {"system": "Linux", "browser": "Firefox 121"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({**ABROAD, **OTHER}, "medium"),
        ({**ABROAD, **OTHER, "trustType": "Azure AD joined"}, "low"),
        ({**ABROAD, **OTHER, "isCompliant": True}, "low"),
        ({**ABROAD, **OTHER, "deviceId": "d", "trustType": "Azure AD registered"}, "low"),
        ({**ABROAD, "browser": "Chrome 120"}, "low"),
        ({**ABROAD, "client": "IMAP4", "system": "", "browser": ""}, "medium"),
        ({**ABROAD, "client": "Mobile Apps and Desktop clients"}, "low"),
        (OTHER, None),
        (ABROAD, None),
        ({"browser": "Edge 121.0"}, None),
        ({"system": "Windows 11"}, None),
    ],
)
def test_how_much_must_be_new(change: dict[str, Any], expected: str | None) -> None:
    assert levels("SigninLogs", [*past(), entry(5.5 * DAY, **change)]).get(UNLIKE) == expected


@pytest.mark.parametrize("short", [past(9), past(20, 1)])
def test_a_past_to_judge_by(short: list[Row]) -> None:
    assert UNLIKE not in levels("SigninLogs", [*short, entry(1.2 * DAY, **ABROAD, **OTHER)])


def test_what_was_seen_before_is_not_new() -> None:
    known = entry(0.3 * DAY, **ABROAD, **OTHER)
    assert UNLIKE not in levels("SigninLogs", [*past(), known, entry(5.5 * DAY, **ABROAD, **OTHER)])


@pytest.mark.parametrize(("earlier", "expected"), [(past(60, 9), "low"), (past(30, 9), None), (past(60, 5), None)])
def test_a_new_device_at_home_takes_a_longer_past(earlier: list[Row], expected: str | None) -> None:
    assert levels("SigninLogs", [*earlier, entry(9.5 * DAY, **OTHER)]).get(UNLIKE) == expected


def test_the_baseline_is_told() -> None:
    case = evidence("SigninLogs", [*past(), entry(5.5 * DAY, **ABROAD, **OTHER)])
    (detection,) = [each for each in found(case) if each.rule.id == UNLIKE]
    assert "4 traits that none of 20 earlier sign-ins" in detection.statement
    assert [claim.expected for claim in detection.claims] == [20, 0, 0, 0, 0]


def working(days: int, hours: tuple[int, ...] = (0, 1, 2, 4, 6), user: str = "ana@contoso.com") -> list[Row]:
    return [entry(day * DAY + hour * HOUR, user=user) for day in range(days) for hour in hours]


@pytest.mark.parametrize(("hour", "expected"), [(16, {HOURS: "low"}), (10, {HOURS: "low"}), (9, {}), (21, {}), (5, {})])
def test_how_odd_an_hour_must_be(hour: int, expected: dict[str, str]) -> None:
    assert levels("SigninLogs", [*working(9), entry(9 * DAY + hour * HOUR)]) == expected


@pytest.mark.parametrize("before", [working(5), working(8, (0, 1, 2)), working(9, tuple(range(15)))])
def test_hours_worth_the_name(before: list[Row]) -> None:
    assert levels("SigninLogs", [*before, entry(9 * DAY + 19 * HOUR)]) == {}


def test_an_hour_once_worked_is_known() -> None:
    assert levels("SigninLogs", [entry(16 * HOUR), *working(9), entry(9 * DAY + 16 * HOUR)]) == {}


def test_hours_on_machines_and_in_azure() -> None:
    times = [day * DAY + hour * HOUR for day in range(9) for hour in (0, 1, 2, 4, 6)] + [9 * DAY + 16 * HOUR]
    logons = [
        at(t, DeviceName="ws1", AccountName="ana", LogonType="Interactive", ActionType="LogonSuccess") for t in times
    ]
    azure = [at(t, Caller="ana@contoso.com", OperationNameValue="X/READ", ActivityStatusValue="Success") for t in times]
    assert levels("DeviceLogonEvents", logons) == {HOURS: "low"}
    assert levels("AzureActivity", azure) == {HOURS: "low"}


@pytest.mark.parametrize(("name", "kind"), [("WS1$", "Interactive"), ("ana", "Network"), ("", "Interactive")])
def test_machines_and_services_keep_no_hours(name: str, kind: str) -> None:
    times = [day * DAY + hour * HOUR for day in range(9) for hour in (0, 1, 2, 4, 6)] + [9 * DAY + 16 * HOUR]
    rows = [at(t, DeviceName="ws1", AccountName=name, LogonType=kind, ActionType="LogonSuccess") for t in times]
    assert levels("DeviceLogonEvents", rows) == {}


GRANT, SURGE = "stat-unusual-grant", "stat-surge-azure"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
READ = "Microsoft.Compute/virtualMachines/read"


def operating(days: int = 4, each: int = 4, grant: str = ASSIGN, after: float = 0.0, **more: Any) -> list[Row]:
    rows = [azure(day * DAY + i * HOUR, READ) for day in range(days) for i in range(each)]
    return [*rows, {**azure(days * DAY + after * HOUR, grant), **more}]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (operating(), "low"),
        (operating(after=12, CallerIpAddress="45.77.10.20"), "medium"),
        (operating(after=12), "low"),
        (operating(CallerIpAddress="45.77.10.20"), "low"),
        (operating(2), None),
        (operating(4, 2), None),
        (operating(grant=READ), None),
        ([azure(HOUR, ASSIGN), *operating()], None),
        (operating(ActivityStatusValue="Failure"), None),
    ],
)
def test_a_first_grant(rows: list[Row], expected: str | None) -> None:
    assert levels("AzureActivity", rows).get(GRANT) == expected


def test_a_first_grant_in_the_directory() -> None:
    rows = [audit(day * DAY + i * HOUR, "Update user") for day in range(4) for i in range(4)]
    assert levels("AuditLogs", [*rows, audit(4 * DAY, "Add member to role")]) == {GRANT: "low"}
    assert levels("AuditLogs", [*rows, audit(4 * DAY, "Add member to role completed (PIM activation)")]) == {}


def test_what_the_session_itself_did_is_no_past() -> None:
    rows = [azure(i * HOUR / 2, READ) for i in range(20)]
    assert GRANT not in levels("AzureActivity", [*rows, azure(11 * HOUR, ASSIGN)])


@pytest.mark.parametrize(("before", "now", "expected"), [(2, 40, "low"), (2, 29, None), (12, 40, None), (0, 40, None)])
def test_how_far_an_hour_must_rise(before: int, now: int, expected: str | None) -> None:
    usual = [azure(h * 6 * HOUR + i, "X/write", n=i) for h in range(12) for i in range(before)]
    rows = [*usual, *(azure(80 * HOUR + i * 20.0, "X/write", n=i) for i in range(now))]
    assert levels("AzureActivity", rows).get(SURGE) == expected


@pytest.mark.parametrize(("again", "expected"), [(20, None), (19, "low")])
def test_what_comes_back_another_day_is_a_routine(again: int, expected: str | None) -> None:
    usual = [azure(h * 6 * HOUR, "X/write", n=h) for h in range(12)]
    runs = [(80, 40), (104, again)]
    rows = [*usual, *(azure(hour * HOUR + i * 20.0, "X/write", n=i) for hour, count in runs for i in range(count))]
    assert levels("AzureActivity", rows).get(SURGE) == expected


NEW_HOSTS = "stat-new-hosts-of-account"


def logged_on(seconds: float, host: str, account: str = "ana", kind: str = "Network") -> Row:
    return at(seconds, DeviceName=host, AccountName=account, ActionType="LogonSuccess", LogonType=kind)


def roaming(new: int, account: str = "ana", days: int = 4, kind: str = "Network", minutes: float = 5) -> list[Row]:
    """Return some days of logons to two hosts, and then some to hosts new to the account."""
    usual = [logged_on(day * DAY + i * HOUR, f"srv{i % 2}", account, kind) for day in range(days) for i in range(8)]
    return usual + [logged_on(days * DAY + i * minutes * 60, f"new{i}", account, kind) for i in range(new)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (roaming(2), {}),
        (roaming(3), {NEW_HOSTS: "low"}),
        (roaming(5), {NEW_HOSTS: "medium"}),
        (roaming(5, minutes=120), {}),
        (roaming(5, days=2), {}),
        (roaming(5, "WS1$"), {}),
        (roaming(5, kind="Service"), {}),
        ([*roaming(5), *(logged_on(2 * DAY + i * 60.0, f"other{i}") for i in range(2))], {}),
    ],
)
def test_hosts_new_to_an_account(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels("DeviceLogonEvents", rows) == expected


def test_a_known_round_of_hosts_is_no_news() -> None:
    rounds = [logged_on(day * DAY + i * 60.0, f"srv{i}") for day in range(5) for i in range(6)]
    assert levels("DeviceLogonEvents", rounds) == {}


def test_new_countries_of_many_accounts_are_told_of_ten() -> None:
    names = [f"u{n}@contoso.com" for n in range(12)]
    rows = [{**row, "UserPrincipalName": name} for name in names for row in past()]
    rows += [entry(5.5 * DAY, country="RO", user=name) for name in names]
    told = [detection for detection in found(evidence("SigninLogs", rows)) if detection.rule.id == COUNTRY]
    assert len(told) == 10
    assert all([claim.expected for claim in detection.claims[1:]] == [20, 0] for detection in told)
