"""Local accounts on several machines from one source, and persons whose account runs a service or task."""

from __future__ import annotations

import pytest

from soc_analyst.tools.proof.claims import check

from .rows import Row, at, evidence, levels
from .rows import found as all_found

TABLE = "DeviceLogonEvents"
REUSED, ALONE = "stat-local-account-on-hosts", "stat-person-runs-unattended"
DAY = 86_400.0


def came(seconds: float, host: str, account: str = "localadm", action: str = "LogonSuccess", **more: object) -> Row:
    return at(
        seconds, **{
            "DeviceName": f"{host}.corp.contoso.com", "AccountName": account, "AccountDomain": host.upper(),
            "ActionType": action, "LogonType": "Network", "Protocol": "NTLM", "RemoteIP": "10.0.9.9",
            "RemoteDeviceName": "PC7", "AccountSid": "", "IsLocalAdmin": None, **more,
        }
    )  # fmt: skip


def visits(count: int, start: float = 0.0, gap: float = 600.0, **more: object) -> list[Row]:
    return [came(start + i * gap, f"srv{i}", **more) for i in range(count)]


def refused(count: int) -> list[Row]:
    return visits(count, gap=60, action="LogonFailed")


@pytest.mark.parametrize(("rows", "expected"), [
    (visits(3), {REUSED: "medium"}),
    (visits(5), {REUSED: "high"}),
    (visits(5, gap=10, IsLocalAdmin=True), {REUSED: "high"}),
    (visits(3, account="Administrator", AccountDomain=""), {REUSED: "medium"}),
    (visits(3, account="renamed", AccountDomain="WORKGROUP", AccountSid="S-1-5-21-1-2-3-500"), {REUSED: "medium"}),
    (visits(3, RemoteIP="", Protocol="NtLmSsp NTLM V2"), {REUSED: "medium"}),
    ([*refused(6), came(500, "srv4")], {REUSED: "medium"}),
    ([*visits(5), *visits(3, -3 * DAY)], {REUSED: "medium"}),
    (visits(4, IsLocalAdmin=False), {REUSED: "low"}),
    (visits(9, gap=300, IsLocalAdmin=False), {REUSED: "high"}),
])  # fmt: skip
def test_a_local_account_opens_several_hosts(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


@pytest.mark.parametrize("rows", [
    pytest.param(visits(2), id="two hosts"),
    pytest.param(visits(5, gap=1900), id="over hours"),
    pytest.param(refused(7), id="refusals of a scanner"),
    pytest.param([*refused(3), came(500, "srv2")], id="few tried and one opened"),
    pytest.param([came(i * 60.0, f"srv{i}", f"laps{i}") for i in range(6)], id="another name on each"),
    pytest.param([came(i * 60.0, f"srv{i}", RemoteIP=f"10.0.9.{i}") for i in range(6)], id="from several addresses"),
    pytest.param([*visits(5), *visits(5, -DAY), *visits(4, -2 * DAY)], id="every day"),
    pytest.param([*refused(6), came(500, "srv4"), *(
        row for day in (1, 2) for row in [*visits(6, -day * DAY, 60, action="LogonFailed"), came(-day * DAY, "srv4")]
    )], id="refused and let in every day"),
    pytest.param(visits(5, AccountDomain="CORP"), id="account of the domain"),
    pytest.param(visits(5, account="Administrator", AccountDomain="CORP"), id="administrator of the domain"),
    pytest.param([came(i * 600.0, f"srv{i}", f"SRV{i}$", RemoteDeviceName="") for i in range(5)], id="machines"),
    pytest.param(visits(5, account="Guest"), id="guest"),
    pytest.param(visits(5, account="svc-backup"), id="backup"),
    pytest.param(visits(5, Protocol="Kerberos"), id="by ticket"),
    pytest.param(visits(5, LogonType="Interactive"), id="at the screen"),
    pytest.param(visits(5, RemoteIP="127.0.0.1", RemoteDeviceName="-"), id="from itself"),
])  # fmt: skip
def test_look_alikes_of_a_shared_password(rows: list[Row]) -> None:
    assert levels(TABLE, rows) == {}


def sat(days: int, account: str = "j.doe", **more: object) -> list[Row]:
    given = {"LogonType": "Interactive", "AccountDomain": "CORP", "RemoteIP": "", **more}
    return [came(-(days - i) * DAY, "pc1", account, **given) for i in range(days)]


def ran(kind: str, host: str = "pc1", seconds: float = 60.0, account: str = "j.doe") -> Row:
    return came(seconds, host, account, LogonType=kind, Protocol="Negotiate", AccountDomain="CORP", RemoteIP="")


@pytest.mark.parametrize(("rows", "expected"), [
    ([*sat(5), ran("Service")], {ALONE: "medium"}),
    ([*sat(5), ran("Service", "srv9")], {ALONE: "medium"}),
    ([*sat(5), ran("Batch", "srv9")], {ALONE: "medium"}),
    ([*sat(5), ran("Batch")], {}),
    ([*sat(4), ran("Service")], {}),
    ([came(i * 60.0, "pc1", "j.doe", LogonType="Interactive") for i in range(6)] + [ran("Service", seconds=900)], {}),
    ([*sat(5), ran("Batch", "pc1", -2.5 * DAY), ran("Service")], {}),
    ([*sat(5, "svc-sql"), ran("Service", account="svc-sql")], {}),
    ([*sat(5, "PC1$"), ran("Service", account="PC1$")], {}),
    ([*sat(5), {**ran("Service"), "ActionType": "LogonFailed"}], {}),
    ([*sat(5, "DWM-1", AccountDomain="Window Manager"), ran("Service", account="other")], {}),
])  # fmt: skip
def test_a_person_runs_unattended(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


@pytest.mark.parametrize("rows", [
    [*visits(5), *visits(3, -3 * DAY)], [*refused(6), came(500, "srv4")], [*sat(6), ran("Service")],
])  # fmt: skip
def test_what_is_claimed_holds_and_tells_its_baseline(rows: list[Row]) -> None:
    case = evidence(TABLE, rows)
    (seen,) = all_found(case)
    assert seen.claims and all(check(claim, case, {}).verified for claim in seen.claims)
    assert any("earlier" in claim.statement for claim in seen.claims)


def test_what_was_opened_is_cited_first() -> None:
    case = evidence(TABLE, [*refused(6), came(500, "srv4")])
    (seen,) = all_found(case)
    assert "opened 1 of 6 hosts" in seen.statement
    first = case.row(seen.rows[0])
    assert first and first["ActionType"] == "LogonSuccess"
