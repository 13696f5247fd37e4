"""Desktops opened onwards from machines that nobody came from, and machines known by their address alone."""

from __future__ import annotations

import pytest

from soc_analyst.tools.proof.claims import check

from .rows import Row, at, evidence, found, levels

TABLE = "DeviceLogonEvents"
ONWARDS, CHAIN = "stat-first-desktop-onwards", "stat-logon-chain"
HOUR, DAY = 3600.0, 86_400.0
ADDRESSES = {"pc1": "10.0.0.1", "srv1": "10.0.0.2", "srv2": "10.0.0.3", "srv3": "10.0.0.4", "jump": "10.0.0.9"}


def desktop(seconds: float, host: str, origin: str = "pc1", account: str = "bo", **more: object) -> Row:
    return at(
        seconds, **{
            "DeviceName": f"{host}.corp.contoso.com", "AccountName": account, "ActionType": "LogonSuccess",
            "LogonType": "RemoteInteractive", "RemoteIP": ADDRESSES[origin], "RemoteDeviceName": origin.upper(),
            "Protocol": "Negotiate", "IsLocalAdmin": False, "AccountSid": "", **more,
        }
    )  # fmt: skip


def unnamed(row: Row) -> Row:
    return {**row, "RemoteDeviceName": "-"}


def ticket(host: str, **more: object) -> Row:
    """Return the logon of a machine's own account at a controller."""
    given = {"LogonType": "Network", "Protocol": "Kerberos", "RemoteDeviceName": "", **more}
    return desktop(-9 * DAY, "dc01", host, f"{host.upper()}$", **given)


PAST = [desktop(-(6 - i // 2) * DAY + i * 60.0, f"app{i % 4}") for i in range(10)]
HOP = [desktop(0, "srv1"), desktop(900, "srv2", "srv1")]

TWO = [ticket("srv1"), ticket("srv3", RemoteIP=ADDRESSES["srv1"])]


@pytest.mark.parametrize(("rows", "expected"), [
    pytest.param([*PAST, *HOP], {ONWARDS: "medium"}, id="named"),
    pytest.param([*PAST, HOP[0], unnamed(HOP[1]), ticket("srv1")], {ONWARDS: "medium"}, id="known by its ticket"),
    pytest.param([*PAST, HOP[0], unnamed(HOP[1])], {}, id="from an address of nobody"),
    pytest.param([*PAST, HOP[0], unnamed(HOP[1]), *TWO], {}, id="an address of two"),
    pytest.param([*PAST[:9], *HOP], {}, id="short past"),
    pytest.param([*PAST, desktop(-2 * DAY, "srv9", "srv1", "ana"), *HOP], {}, id="a jump host of others"),
    pytest.param([*PAST, desktop(-2 * DAY, "srv2"), *HOP], {}, id="a machine it knows"),
    pytest.param([*PAST, HOP[0], desktop(2 * HOUR, "srv2", "srv1")], {}, id="hours later"),
    pytest.param([*PAST, HOP[0], desktop(900, "pc1", "srv1")], {}, id="back again"),
    pytest.param([*PAST, HOP[0], desktop(900, "srv2", "srv1", ActionType="LogonFailed")], {}, id="refused"),
    pytest.param([*PAST, HOP[1]], {}, id="at home there"),
])  # fmt: skip
def test_a_desktop_is_opened_onwards(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


def test_its_claims_hold_and_count_the_baseline() -> None:
    case = evidence(TABLE, [*PAST, *HOP])
    (seen,) = found(case)
    assert all(check(claim, case, {}).verified for claim in seen.claims)
    assert [claim.expected for claim in seen.claims if claim.kind == "count"] == [10, 0, 0]


WAY = [desktop(0, "srv1"), desktop(600, "srv2", "srv1"), desktop(1200, "srv3", "srv2")]


def by_network(protocol: str) -> list[Row]:
    hops = [unnamed({**row, "LogonType": "Network", "Protocol": protocol}) for row in WAY]
    return [*hops, ticket("srv1"), ticket("srv2")]


@pytest.mark.parametrize(("rows", "expected"), [
    ([*map(unnamed, WAY), ticket("srv1"), ticket("srv2")], {CHAIN: "medium"}),
    ([*map(unnamed, WAY), ticket("srv1")], {}),
    (by_network("NTLM"), {CHAIN: "medium"}),
    (by_network("Kerberos"), {}),
    (list(map(unnamed, WAY)), {}),
    ([unnamed({**row, "RemoteIP": "127.0.0.1"}) for row in WAY], {}),
])  # fmt: skip
def test_a_chain_is_followed_by_address(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected
