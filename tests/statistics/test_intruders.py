"""What intruders do to identities and networks, and what people do that looks alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pytest

from soc_analyst.tools.evidence import Evidence, TableRows

from .rows import Row, at, found, levels

DAY = 86400
HAMMERED, HELPED, STRANGER = (
    "stat-few-names-hammered", "stat-reset-then-sign-in-from-elsewhere", "stat-idle-account-from-strange-country"
)  # fmt: skip
FACTOR, SERVER, LOOKUPS = (
    "stat-password-without-factor-at-many-applications", "stat-name-of-a-server-without-its-sign",
    "stat-lookups-carry-data",
)  # fmt: skip
JOINED = json.dumps({"deviceId": "d1", "trustType": "Azure AD joined", "isCompliant": True})
STRANGE = json.dumps({"deviceId": "", "operatingSystem": "Windows10"})


def of(table: str, rows: Iterable[Row], *ids: str) -> dict[str, str]:
    return {key: level for key, level in levels(table, rows).items() if key in ids}


def logon(seconds: float, account: str, action: str = "LogonFailed", host: str = "srv1", ip: str = "45.77.1.9") -> Row:
    return at(seconds, DeviceName=host, AccountName=account, LogonType="Network", ActionType=action, Protocol="NTLM",
              RemoteIP=ip, RemoteDeviceName="")  # fmt: skip


def hammer(count: int, names: int) -> list[Row]:
    return [logon(i * 20, f"admin{i % names}") for i in range(count)]


@pytest.mark.parametrize(("rows", "expected"), [
    (hammer(20, 4), {HAMMERED: "medium"}),
    ([*hammer(20, 4), logon(500, "admin1", "LogonSuccess")], {HAMMERED: "high"}),
    ([*hammer(20, 4), logon(500, "eva", "LogonSuccess")], {}),
    (hammer(17, 4), {}),
    (hammer(60, 2), {}),
    (hammer(30, 9), {}),
])  # fmt: skip
def test_a_few_names_tried_again_and_again(rows: list[Row], expected: dict[str, str]) -> None:
    assert of("DeviceLogonEvents", rows, HAMMERED) == expected


def sign_in(
    seconds: float, user: str, result: str = "0", ip: str = "91.1.1.1", place: str = "AT", device: str = JOINED,
    **more: object,
) -> Row:  # fmt: skip
    return at(seconds, UserPrincipalName=f"{user}@contoso.com", ResultType=result, IPAddress=ip, Location=place,
              DeviceDetail=device, ClientAppUsed="Browser", AppDisplayName="Office", IsInteractive=True,
              AuthenticationRequirement="singleFactorAuthentication", UserType="Member", **more)  # fmt: skip


def sweep(count: int, **more: object) -> list[Row]:
    rows = [sign_in(i * 20, "ana", "50076", device=STRANGE) for i in range(count)]
    return [{**row, "AppDisplayName": f"App {i}", **more} for i, row in enumerate(rows)]


@pytest.mark.parametrize(("rows", "expected"), [
    (sweep(4), {FACTOR: "medium"}),
    ([*sweep(4), {**sign_in(99, "ana", device=STRANGE), "ClientAppUsed": "Exchange ActiveSync"}], {FACTOR: "medium"}),
    ([*sweep(4), sign_in(99, "ana", device=STRANGE)], {}),
    (sweep(3), {}),
    (sweep(4, DeviceDetail=JOINED), {}),
])  # fmt: skip
def test_a_password_tried_wherever_a_factor_may_be_missing(rows: list[Row], expected: dict[str, str]) -> None:
    assert of("SigninLogs", rows, FACTOR) == expected


def week(last: Row) -> list[Row]:
    return [*(sign_in(i * 5800, f"user{i % 6}") for i in range(120)), last]


LATE = 8.2 * DAY


@pytest.mark.parametrize(("last", "expected"), [
    (sign_in(LATE, "old-test", ip="88.80.1.2", place="BG", device=STRANGE), {STRANGER: "medium"}),
    (sign_in(LATE, "user3", ip="88.80.1.2", place="BG", device=STRANGE), {}),
    (sign_in(LATE, "new", ip="88.80.1.2", place="BG"), {}),
    (sign_in(LATE, "new", ip="91.9.1.2", device=STRANGE), {}),
    ({**sign_in(LATE, "new", place="BG", device=STRANGE), "UserType": "Guest"}, {}),
])  # fmt: skip
def test_an_account_nobody_knows_from_where_nobody_works(last: Row, expected: dict[str, str]) -> None:
    assert of("SigninLogs", week(last), STRANGER) == expected


@pytest.mark.parametrize(("near", "device", "level"), [
    (600, STRANGE, "medium"), (600, JOINED, "low"), (5 * 3600, STRANGE, "low")
])  # fmt: skip
def test_a_new_country_while_the_account_works_at_home(near: float, device: str, level: str) -> None:
    rows = [sign_in(i * 3600, "ana") for i in range(12)]
    abroad = sign_in(11 * 3600 + near, "ana", ip="5.8.1.2", place="CZ", device=device)
    assert of("SigninLogs", [*rows, abroad], "stat-new-country") == {"stat-new-country": level}


def reset(seconds: float, operation: str, target: str = "ana", by: str = "desk") -> Row:
    return at(seconds, OperationName=operation, Result="success",
              InitiatedBy=json.dumps({"user": {"userPrincipalName": f"{by}@contoso.com"}}),
              TargetResources=json.dumps([{"type": "User", "userPrincipalName": f"{target}@contoso.com"}]))  # fmt: skip


BOTH = [reset(0, "Reset user password"), reset(300, "Admin deleted security info")]
HOME, AWAY = sign_in(-DAY, "ana"), sign_in(900, "ana", ip="5.8.1.2", device=STRANGE)


@pytest.mark.parametrize(("audits", "sign_ins", "expected"), [
    (BOTH, [HOME, AWAY], {HELPED: "medium"}),
    (BOTH[:1], [HOME, AWAY], {}),
    (BOTH, [AWAY], {}),
    (BOTH, [HOME, sign_in(900, "ana", device=STRANGE)], {}),
    (BOTH, [HOME, sign_in(900, "ana", ip="5.8.1.2")], {}),
    (BOTH, [HOME, sign_in(-600, "ana", ip="5.8.1.2"), AWAY], {}),
    ([reset(0, "Reset user password", by="ana"), BOTH[1]], [HOME, AWAY], {}),
])  # fmt: skip
def test_an_account_set_back_for_a_stranger(
    audits: Sequence[Row], sign_ins: Sequence[Row], expected: dict[str, str]
) -> None:
    parts = {"AuditLogs": audits, "SigninLogs": sign_ins}
    case = Evidence(
        TableRows.collect(table, [("q1", pa.Table.from_pylist([dict(row) for row in rows]))])
        for table, rows in parts.items()
    )
    told = {each.rule.id: each.rule.level for each in found(case) if each.rule.id == HELPED}
    assert told == expected


def visits(host: str, count: int) -> list[Row]:
    return [logon(i, f"user{i}", "LogonSuccess", host) for i in range(count)]


@pytest.mark.parametrize(("rows", "expected"), [
    ([*visits("dc01.corp.example", 5), logon(60, "DC01", "LogonSuccess", "dc01.corp.example")], {SERVER: "medium"}),
    ([*visits("dc01.corp.example", 3), logon(60, "DC01", "LogonSuccess", "dc01.corp.example")], {}),
    ([*visits("dc01.corp.example", 5), logon(60, "DC01$", "LogonSuccess", "dc01.corp.example")], {}),
    ([*visits("dc01.corp.example", 5), logon(60, "kiosk1", "LogonSuccess", "dc01.corp.example")], {}),
])  # fmt: skip
def test_an_account_named_like_a_server(rows: list[Row], expected: dict[str, str]) -> None:
    assert of("DeviceLogonEvents", rows, SERVER) == expected


def flow(seconds: float, port: float, remote: str, out: float, back: float, **more: object) -> Row:
    return at(seconds, SubType_s="FlowLog", FlowType_s="ExternalPublic", FlowStatus_s="A", FlowDirection_s="O",
              VM_s="rg/web-01", SrcIP_s="10.0.0.4", DestIP_s=remote, DestPort_d=port, OutboundBytes_d=out,
              InboundBytes_d=back, L4Protocol_s="U", **more)  # fmt: skip


@pytest.mark.parametrize(("out", "back", "remote", "expected"), [
    (3e5, 2e5, "45.9.148.53", {LOOKUPS: "medium"}),
    (3e5, 9e5, "45.9.148.53", {}),
    (3e4, 2e4, "45.9.148.53", {}),
    (3e5, 2e5, "10.0.0.53", {}),
])  # fmt: skip
def test_lookups_that_carry_data(out: float, back: float, remote: str, expected: dict[str, str]) -> None:
    rows = [flow(i * 300, 53.0, remote, out, back) for i in range(8)]
    assert of("AzureNetworkAnalytics_CL", rows, LOOKUPS) == expected


@pytest.mark.parametrize(("back", "protocol", "technique"), [
    (0.0, "U", "T1498"), (0.0, "T", "T1048"), (5e7, "U", "T1048")
])  # fmt: skip
def test_a_flood_is_no_upload(back: float, protocol: str, technique: str) -> None:
    rows = [{**flow(i * 60, 80.0, "45.9.148.9", 2e9, back), "L4Protocol_s": protocol} for i in range(4)]
    case = Evidence([TableRows.collect("AzureNetworkAnalytics_CL", [("q1", pa.Table.from_pylist(rows))])])
    told = [each.techniques for each in found(case) if each.rule.id == "stat-upload-to-new-address"]
    assert told == [(technique,)]


@pytest.mark.parametrize(("ports", "expected"), [
    ((5985.0, 5986.0), {"stat-inner-hosts-in-a-row": "medium"}),
    ((502.0, 502.0), {"stat-inner-hosts-in-a-row": "medium"}),
    ((443.0, 443.0), {}),
])  # fmt: skip
def test_services_of_two_ports_and_controllers(ports: tuple[float, float], expected: dict[str, str]) -> None:
    rows = [{**flow(i * 20, ports[i % 2], f"10.0.3.{i + 4}", 5e3, 5e3), "FlowType_s": "IntraVNet"} for i in range(8)]
    assert of("AzureNetworkAnalytics_CL", rows, "stat-inner-hosts-in-a-row") == expected


@pytest.mark.parametrize(("ends", "expected"), [(("Accept",), True), (("Accept", "Failure"), False)])
def test_what_was_accepted_and_has_not_ended(ends: tuple[str, ...], expected: bool) -> None:
    rows = [
        at(i * 20 + j, Caller="eve@contoso.com", CallerIpAddress="5.8.1.2", CorrelationId=f"c{i}",
           OperationNameValue="MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE", ActivityStatusValue=end,
           ResourceId=f"/subscriptions/s/resourceGroups/prod/providers/x/vm{i}")
        for i in range(12) for j, end in enumerate(ends)
    ]  # fmt: skip
    assert bool(of("AzureActivity", rows, "stat-mass-delete-azure")) is expected


def test_what_is_reached_every_day_is_a_habit() -> None:
    days = [
        {**flow(day * DAY + i * 20, 502.0, f"10.0.3.{i + 4}", 5e3, 5e3), "FlowType_s": "IntraVNet"}
        for day in range(3) for i in range(8)
    ]  # fmt: skip
    assert of("AzureNetworkAnalytics_CL", days, "stat-inner-hosts-in-a-row") == {"stat-inner-hosts-in-a-row": "low"}


@pytest.mark.parametrize(("device", "level"), [
    ({"operatingSystem": "Windows10", "browser": "Chrome 131.0.0"}, "medium"),
    ({"operatingSystem": "Windows10", "browser": "Edge 131.0.0"}, "low"),
    ({"operatingSystem": "Windows10", "browser": "Chrome 131.0.0", "isCompliant": True}, "low"),
])  # fmt: skip
def test_a_private_computer_abroad_beside_that_of_the_house(device: dict[str, object], level: str) -> None:
    own = json.dumps({"operatingSystem": "Windows10", "browser": "Edge 131.0.0", "isCompliant": True})
    rows = [sign_in(i * 20000, "ana", device=own) for i in range(14)]
    abroad = sign_in(14 * 20000, "ana", ip="5.8.1.2", place="US", device=json.dumps(device))
    told = of("SigninLogs", [*rows, abroad], "stat-signin-unlike-past")
    assert told.get("stat-signin-unlike-past", "low") == level


@pytest.mark.parametrize(("ntlm", "admin", "expected"), [
    (3, True, {"stat-logons-spread": "medium"}), (2, True, {}), (3, False, {})
])  # fmt: skip
def test_one_administrator_on_five_hosts_by_hash_and_ticket(ntlm: int, admin: bool, expected: dict[str, str]) -> None:
    rows = [
        {**logon(i * 20, "lena.frank", "LogonSuccess", f"wks{i}", "10.0.0.9"), "IsLocalAdmin": admin,
         "Protocol": "NTLM" if i < ntlm else "Kerberos"} for i in range(5)
    ]  # fmt: skip
    assert of("DeviceLogonEvents", rows, "stat-logons-spread") == expected


@pytest.mark.parametrize(("who", "count", "expected"), [
    ("eve@contoso.com", 6, {"stat-roles-taken-away-azure": "medium"}),
    ("eve@contoso.com", 5, {}),
    ("0f1e2d3c-1111-4222-8333-abcdefabcdef", 12, {}),
])  # fmt: skip
def test_roles_taken_away_in_a_row(who: str, count: int, expected: dict[str, str]) -> None:
    rows = [
        at(i * 20, Caller=who, CallerIpAddress="5.8.1.2", CorrelationId=f"c{i}", ActivityStatusValue="Success",
           OperationNameValue="MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/DELETE", ResourceId=f"/subscriptions/s/{i}")
        for i in range(count)
    ]  # fmt: skip
    assert of("AzureActivity", rows, "stat-roles-taken-away-azure", "stat-mass-delete-azure") == expected


@pytest.mark.parametrize(("kind", "account", "hosts", "expected"), [
    ("Service", "lena.frank", 5, {"stat-person-runs-on-many-hosts": "medium"}),
    ("Batch", "lena.frank", 6, {"stat-person-runs-on-many-hosts": "medium"}),
    ("Service", "svc-backup", 9, {}),
    ("Network", "lena.frank", 6, {}),
    ("Service", "lena.frank", 4, {}),
])  # fmt: skip
def test_services_under_a_person_on_host_after_host(
    kind: str, account: str, hosts: int, expected: dict[str, str]
) -> None:
    rows = [{**logon(i * 20, account, "LogonSuccess", f"srv{i}", ""), "LogonType": kind} for i in range(hosts)]
    assert of("DeviceLogonEvents", rows, "stat-person-runs-on-many-hosts") == expected


def tries(count: int, gap: float = 20, ip: str = "10.0.7.9") -> list[Row]:
    return [logon(i * gap, "eva", ip=ip) for i in range(count)]


@pytest.mark.parametrize(("rows", "expected"), [
    ([*tries(8), logon(200, "eva", "LogonSuccess", ip="10.0.7.9")], {"stat-password-guessing": "medium"}),
    (tries(8), {}),
    ([*tries(7), logon(200, "eva", "LogonSuccess", ip="10.0.7.9")], {}),
    ([logon(-9, "eva", "LogonSuccess", ip="10.0.7.9"), *tries(8), logon(200, "eva", "LogonSuccess", ip="10.0.7.9")],
     {}),
    ([*tries(8, 200), logon(1700, "eva", "LogonSuccess", ip="10.0.7.9")], {}),
])  # fmt: skip
def test_eight_guesses_that_end_in_a_success(rows: list[Row], expected: dict[str, str]) -> None:
    assert of("DeviceLogonEvents", rows, "stat-password-guessing") == expected


@pytest.mark.parametrize(("known", "expected"), [(True, {"stat-few-names-refused": "medium"}), (False, {})])
def test_names_at_work_here_tried_from_the_internet(known: bool, expected: dict[str, str]) -> None:
    rows = [logon(i * 20, f"user{i}") for i in range(5)]
    rows += [logon(-900 + i, f"user{i}", "LogonSuccess", ip="10.0.0.8") for i in range(5 if known else 0)]
    assert of("DeviceLogonEvents", rows, "stat-few-names-refused") == expected


@pytest.mark.parametrize(("past", "amount", "expected"), [
    (True, 6e8, {"stat-upload-to-new-address": "medium"}), (False, 6e8, {}), (True, 3e8, {})
])  # fmt: skip
def test_an_upload_by_and_by(past: bool, amount: float, expected: dict[str, str]) -> None:
    rows = [flow(2 * DAY + i * 3600, 443.0, "45.9.148.60", amount, amount / 100) for i in range(10)]
    rows += [flow(i * 3600, 443.0, "20.1.2.3", 1e5, 1e5) for i in range(5 if past else 0)]
    assert of("AzureNetworkAnalytics_CL", rows, "stat-upload-to-new-address") == expected
