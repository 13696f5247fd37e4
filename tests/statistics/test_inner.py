"""Logons inside the network whose source does not fit the account."""

from __future__ import annotations

import pytest

from .rows import Row, at, levels

RELAYED, CLOSED = "stat-machine-account-relayed", "stat-closed-account-tried"
DESKS, SCREEN = "stat-desktop-from-several-sources", "stat-local-names-tried"
OURS = {RELAYED, CLOSED, DESKS, SCREEN}


def logon(seconds: float, account: str, host: str, kind: str = "Network", **more: object) -> Row:
    known = {"DeviceName": host, "AccountName": account, "LogonType": kind, "ActionType": "LogonSuccess"}
    return at(seconds, **known | more)


def found(rows: list[Row]) -> dict[str, str]:
    return {key: level for key, level in levels("DeviceLogonEvents", rows).items() if key in OURS}


@pytest.mark.parametrize(("account", "source", "protocol", "expected"), [
    ("DC01$", "LT204", "NTLM", {RELAYED: "medium"}),
    ("DC01$", "dc01.contoso.com", "NTLM", {}),
    ("DC01$", "LT204", "Kerberos", {}),
    ("ana", "LT204", "NTLM", {}),
])  # fmt: skip
def test_a_machine_account_signs_in_from_its_own_machine(
    account: str, source: str, protocol: str, expected: dict[str, str]
) -> None:
    row = logon(0, account, "ca01", RemoteIP="10.0.0.9", RemoteDeviceName=source, Protocol=protocol)
    assert found([row]) == expected


@pytest.mark.parametrize(("hosts", "reason", "expected"), [
    (4, "AccountDisabled", {CLOSED: "medium"}),
    (3, "AccountDisabled", {}),
    (6, "InvalidUserNameOrPassword", {}),
])  # fmt: skip
def test_a_closed_account_is_tried_on_several_hosts(hosts: int, reason: str, expected: dict[str, str]) -> None:
    rows = [
        logon(i * 9, "oldadmin", f"ws{i}", ActionType="LogonFailed", FailureReason=reason, RemoteIP="10.0.0.9")
        for i in range(hosts)
    ]
    assert found(rows) == expected


@pytest.mark.parametrize(("gap", "sources", "expected"), [(300, 3, {DESKS: "medium"}), (300, 2, {}), (3600, 3, {})])
def test_one_account_opens_a_desktop_from_several_machines(gap: int, sources: int, expected: dict[str, str]) -> None:
    rows = [logon(i * gap, "adm", "dc01", "RemoteInteractive", RemoteIP=f"10.0.0.{i}") for i in range(1, sources + 1)]
    assert found(rows) == expected


@pytest.mark.parametrize(
    ("names", "address", "expected"), [(5, "", {SCREEN: "medium"}), (4, "", {}), (5, "10.0.0.9", {})]
)
def test_several_names_are_tried_at_the_host_itself(names: int, address: str, expected: dict[str, str]) -> None:
    rows = [
        logon(i * 20, f"user{i}", "ws1", "Interactive", ActionType="LogonFailed", RemoteIP=address)
        for i in range(names)
    ]
    assert found(rows) == expected
