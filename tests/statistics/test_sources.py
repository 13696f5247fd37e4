"""Logons by where they come from, chains of them, and machines that reach the whole world."""

from __future__ import annotations

from itertools import pairwise

import pytest

from .rows import Row, at, levels
from .test_flows import TABLE as FLOWS
from .test_flows import flow

TABLE = "DeviceLogonEvents"
HOUR, DAY = 3600.0, 86400.0


def entry(seconds: float, host: str = "dc01", account: str = "adm-ana", ip: str = "10.0.0.5", **more: object) -> Row:
    return at(
        seconds, **{
            "DeviceName": f"{host}.corp.contoso.com", "AccountName": account, "ActionType": "LogonSuccess",
            "LogonType": "RemoteInteractive", "RemoteIP": ip, "RemoteDeviceName": "", "Protocol": "Kerberos",
            "IsLocalAdmin": True, **more,
        }
    )  # fmt: skip


PAST = [entry(day * DAY, f"srv{day}") for day in range(5)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([*PAST, entry(5.7 * DAY, ip="10.0.9.9")], {"stat-privileged-logon-elsewhere": "medium"}),
        ([*PAST, entry(5 * DAY, ip="10.0.9.9")], {}),
        ([*PAST, entry(5.7 * DAY)], {}),
        ([*PAST[:3], entry(5.7 * DAY, ip="10.0.9.9")], {}),
        ([*PAST, entry(5.7 * DAY, ip="10.0.9.9", IsLocalAdmin=False)], {}),
        ([entry(day * DAY, ip=f"10.0.0.{day}") for day in range(6)] + [entry(6.7 * DAY, ip="10.0.9.9")], {}),
    ],
)
def test_an_administrator_from_elsewhere(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


def bearing(count: int, start: float = 0.0, **more: object) -> list[Row]:
    given = {"LogonType": "Network", "Protocol": "NTLM", "IsLocalAdmin": False, **more}
    return [entry(start + i * 120.0, "ex01", f"user{i}", "10.0.9.9", **given) for i in range(count)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (bearing(8), {"stat-source-of-many-accounts": "medium"}),
        (bearing(7), {}),
        (bearing(8, Protocol="Kerberos"), {}),
        ([*bearing(8), *bearing(6, 3 * DAY)], {}),
    ],
)
def test_one_source_with_many_accounts(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


def refused(count: int, start: float = 0.0) -> list[Row]:
    return [
        entry(start + i * 60.0, f"srv{i:02}", "localadm", "10.0.9.9", ActionType="LogonFailed", LogonType="Network")
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (refused(9), {"stat-source-refused-on-hosts": "medium"}),
        (refused(7), {}),
        ([*refused(9), *refused(5, 2 * DAY)], {}),
    ],
)
def test_one_source_refused_on_many_hosts(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


def hops(*hosts: str, start: float = 0.0) -> list[Row]:
    """Return logons along a way, each from the host before."""
    pairs = pairwise(hosts)
    return [
        entry(start + i * 600.0, host, "bo", f"10.0.1.{i}", RemoteDeviceName=origin.upper(), IsLocalAdmin=False)
        for i, (origin, host) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (hops("pc1", "pc2", "srv1", "dc01"), {"stat-logon-chain": "medium"}),
        (hops("pc1", "jump", "srv1"), {}),
        (hops("pc1", "jump", "pc1", "jump"), {}),
        ([*hops("pc1", "pc2", "srv1", "dc01"), *hops("pc1", "pc2", "srv1", "dc02", start=2 * DAY)], {}),
    ],
)
def test_from_host_to_host(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


def knocks(count: int, port: float = 22.0, start: float = 0.0, status: str = "A") -> list[Row]:
    return [flow(start + i * 20.0, port, status, remote=f"45.77.{i}.9") for i in range(count)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (knocks(25), {"stat-many-public-addresses": "medium"}),
        (knocks(24), {}),
        (knocks(60, 443.0), {}),
        ([*knocks(25), *knocks(13, start=DAY)], {}),
    ],
)
def test_a_machine_that_knocks_at_the_world(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(FLOWS, rows) == expected
