"""Sign-ins and logons: guessing, spraying, pushed second factors, travel."""

from __future__ import annotations

import json

import pytest

from .rows import Row, at, evidence, found, levels

HOUR = 3600.0


def signin(
    seconds: float, user: str = "ana@contoso.com", result: str = "0", ip: str = "198.51.100.7", **more: object
) -> Row:
    return at(seconds, UserPrincipalName=user, ResultType=result, IPAddress=ip, **more)


def logon(seconds: float, account: str, action: str, ip: str = "10.0.0.9") -> Row:
    return at(seconds, DeviceName="srv1", AccountName=account, ActionType=action, RemoteIP=ip)


def test_guessing_that_ends_in_a_success_is_high() -> None:
    rows = [signin(i * 7 + i % 3, result="50126") for i in range(12)] + [signin(200)]
    assert levels("SigninLogs", rows) == {"stat-password-guessing": "high"}


def test_guessing_from_elsewhere_than_the_success_is_not_a_break_in() -> None:
    rows = [signin(i * 7 + i % 3, result="50126") for i in range(12)] + [signin(200, ip="203.0.113.5")]
    assert levels("SigninLogs", rows) == {"stat-password-guessing": "medium"}


@pytest.mark.parametrize(
    ("failures", "expected"),
    [(9, {}), (10, {"stat-password-guessing": "medium"})],
)
def test_how_many_failures_it_takes(failures: int, expected: dict[str, str]) -> None:
    assert levels("SigninLogs", [signin(i * 11 + i % 4, result="50126") for i in range(failures)]) == expected


def test_a_device_with_an_old_password_is_low() -> None:
    rows = [signin(i * 120.0, result="50126") for i in range(60)] + [signin(60 * 120.0 + 5)]
    assert levels("SigninLogs", rows) == {"stat-password-guessing": "low"}


def test_a_user_who_mistypes_is_left_alone() -> None:
    assert levels("SigninLogs", [signin(i * 5, result="50126") for i in range(4)] + [signin(30)]) == {}


def test_guessing_on_a_host() -> None:
    rows = [logon(i * 2 + i % 2, "administrator", "LogonFailed") for i in range(30)]
    rows += [logon(90, "administrator", "LogonSuccess")]
    assert levels("DeviceLogonEvents", rows) == {"stat-password-guessing": "high"}


def test_machine_accounts_are_not_guessed() -> None:
    assert levels("DeviceLogonEvents", [logon(i, "DC01$", "LogonFailed") for i in range(100)]) == {}


def test_a_spray_with_one_hit_is_high_and_cites_the_hit_first() -> None:
    rows = [signin(i * 20.0, f"user{i}@contoso.com", "50126") for i in range(10)]
    rows.append(signin(230, "user3@contoso.com"))
    (detection,) = found(evidence("SigninLogs", rows))
    assert (detection.rule.id, detection.rule.level) == ("stat-password-spray", "high")
    assert detection.techniques[0] == "T1110.003"
    assert detection.rows[0].row == 10
    assert "user3@contoso.com" in [entity.value for entity in detection.entities]


@pytest.mark.parametrize(("accounts", "expected"), [(7, {}), (8, {"stat-password-spray": "medium"})])
def test_how_many_accounts_make_a_spray(accounts: int, expected: dict[str, str]) -> None:
    rows = [signin(i * 20.0, f"user{i}@contoso.com", "50126") for i in range(accounts)]
    assert levels("SigninLogs", rows) == expected


def test_a_slow_spray_is_seen_over_a_day() -> None:
    rows = [signin(i * 1.5 * HOUR, f"user{i}@contoso.com", "50126") for i in range(12)]
    assert levels("SigninLogs", rows) == {"stat-password-spray": "medium"}


def test_the_exit_of_an_office_is_no_spray() -> None:
    rows = [signin(i * 60.0, f"user{i}@contoso.com", "50126") for i in range(10)]
    rows += [signin(i * 60.0 + 15, f"user{i}@contoso.com") for i in range(60)]
    assert levels("SigninLogs", rows) == {}


def test_a_spray_of_hosts_accounts() -> None:
    rows = [logon(i * 3.0, f"svc{i}", "LogonFailed") for i in range(15)]
    assert levels("DeviceLogonEvents", rows) == {"stat-password-spray": "medium"}


def test_a_user_who_gives_in() -> None:
    rows = [signin(i * 60.0, result="500121") for i in range(5)] + [signin(400)]
    assert levels("SigninLogs", rows) == {"stat-mfa-fatigue": "high"}


@pytest.mark.parametrize(("denials", "expected"), [(3, {}), (4, {"stat-mfa-fatigue": "medium"})])
def test_how_many_denials_it_takes(denials: int, expected: dict[str, str]) -> None:
    assert levels("SigninLogs", [signin(i * 60.0, result="500121") for i in range(denials)]) == expected


@pytest.mark.parametrize(("denials", "level"), [(5, "low"), (12, "high")])
def test_prompts_where_the_account_is_at_home(denials: int, level: str) -> None:
    rows = [signin(-7200)] + [signin(i * 60.0, result="500121") for i in range(denials)] + [signin(900)]
    assert levels("SigninLogs", rows) == {"stat-mfa-fatigue": level}


def test_prompts_on_a_device_that_the_directory_knows() -> None:
    own = json.dumps({"deviceId": "d", "isCompliant": True})
    rows = [{**signin(i * 60.0, result="500121"), "DeviceDetail": own} for i in range(5)]
    assert levels("SigninLogs", [*rows, {**signin(400), "DeviceDetail": own}]) == {"stat-mfa-fatigue": "low"}
    rows[2] = {**rows[2], "DeviceDetail": "{}"}
    assert levels("SigninLogs", [*rows, signin(400)]) == {"stat-mfa-fatigue": "high"}


@pytest.mark.parametrize(("tries", "told"), [(1, False), (4, True)])
def test_a_tool_that_is_let_in_where_it_was_refused_guesses_nothing(tries: int, told: bool) -> None:
    rows = []
    for host in range(12):
        where = {"DeviceName": f"srv{host}", "RemoteIP": "10.0.0.9"}
        rows += [{**logon(host * 60.0 + n, "svc-scan", "LogonFailed"), **where} for n in range(tries)]
        rows.append({**logon(host * 60.0 + 20, "svc-scan", "LogonSuccess"), **where})
    assert ("stat-password-guessing" in levels("DeviceLogonEvents", rows)) is told


def test_ordinary_prompts_are_no_fatigue() -> None:
    rows = [signin(i * 60.0, result="50074" if i % 2 else "0") for i in range(20)]
    assert levels("SigninLogs", rows) == {}


def place(latitude: float, longitude: float) -> str:
    return json.dumps({"geoCoordinates": {"latitude": latitude, "longitude": longitude}})


SEATTLE, MOSCOW, PORTLAND = place(47.6, -122.3), place(55.7, 37.6), place(45.5, -122.7)


def journey(hours: float, there: str) -> list[Row]:
    return [
        signin(0, LocationDetails=SEATTLE, ip="198.51.100.7"),
        signin(hours * HOUR, LocationDetails=there, ip="203.0.113.9"),
    ]


def test_seattle_and_moscow_within_an_hour() -> None:
    assert levels("SigninLogs", journey(1, MOSCOW)) == {"stat-impossible-travel": "medium"}


def test_a_known_device_and_an_exit_in_the_same_country_lower_a_journey() -> None:
    managed = [{**row, "DeviceDetail": '{"isCompliant": true}'} for row in journey(1, MOSCOW)]
    assert levels("SigninLogs", managed) == {"stat-impossible-travel": "low"}
    stranger_first = [journey(1, MOSCOW)[0], managed[1]]
    assert levels("SigninLogs", stranger_first) == {"stat-impossible-travel": "medium"}
    carrier = [{**row, "Location": "US"} for row in journey(0.1, place(37.8, -122.4))]
    assert levels("SigninLogs", carrier) == {"stat-impossible-travel": "low"}


@pytest.mark.parametrize(("hours", "there"), [(12, MOSCOW), (0.1, PORTLAND)])
def test_a_flight_and_a_near_exit_are_possible(hours: float, there: str) -> None:
    assert levels("SigninLogs", journey(hours, there)) == {}


def test_an_exit_that_the_account_lives_with() -> None:
    rows = [row for i in range(12) for row in (
        signin(i * 2 * HOUR, LocationDetails=SEATTLE, ip="198.51.100.7"),
        signin(i * 2 * HOUR + 60, LocationDetails=MOSCOW, ip="203.0.113.9"),
    )]  # fmt: skip
    assert levels("SigninLogs", rows) == {}


@pytest.mark.parametrize("details", ["", "{", "[]", "null", '{"geoCoordinates": {"latitude": "north"}}'])
def test_broken_places_are_no_places(details: str) -> None:
    assert levels("SigninLogs", journey(1, details)) == {}


def test_a_country_new_to_an_account_is_a_hint() -> None:
    rows = [signin(i * HOUR, Location="US") for i in range(10)] + [signin(11 * HOUR, Location="RU")]
    assert levels("SigninLogs", rows) == {"stat-new-country": "low"}


def test_a_country_written_out_is_not_a_new_one() -> None:
    rows = [signin(i * HOUR, Location="US") for i in range(10)] + [signin(11 * HOUR, Location="United States")]
    assert levels("SigninLogs", rows) == {}


AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) spray"


@pytest.mark.parametrize(("addresses", "expected"), [(4, {}), (12, {"stat-password-spray": "medium"})])
def test_a_spray_from_many_addresses_shows_by_its_client(addresses: int, expected: dict[str, str]) -> None:
    rows = [
        signin(i * 60.0, f"user{i}@contoso.com", "50126", ip=f"45.77.{i % addresses}.9", UserAgent=AGENT)
        for i in range(14)
    ]
    assert levels("SigninLogs", rows) == expected


def test_a_browser_that_all_use_sprays_nobody() -> None:
    rows = [signin(i * 60.0, f"user{i}@contoso.com", "50126", f"45.77.{i}.9", UserAgent=AGENT) for i in range(14)]
    rows += [signin(i * 60.0 + 9, f"user{i}@contoso.com", "0", f"45.77.{i}.9", UserAgent=AGENT) for i in range(80)]
    assert levels("SigninLogs", rows) == {}


def arrival(seconds: float, host: int, account: str = "adm-erik", kind: str = "Network") -> Row:
    return at(
        seconds, DeviceName=f"srv{host}", AccountName=account, ActionType="LogonSuccess", LogonType=kind,
        RemoteIP="10.0.0.9",
    )  # fmt: skip


@pytest.mark.parametrize(("hosts", "expected"), [(7, {}), (8, {"stat-logons-spread": "medium"})])
def test_how_many_hosts_an_account_may_visit(hosts: int, expected: dict[str, str]) -> None:
    assert levels("DeviceLogonEvents", [arrival(i * 20.0, i) for i in range(hosts)]) == expected


@pytest.mark.parametrize("account", ["WS1$", "SYSTEM", "ANONYMOUS LOGON"])
def test_machines_and_the_system_go_everywhere(account: str) -> None:
    assert levels("DeviceLogonEvents", [arrival(i * 5.0, i, account) for i in range(30)]) == {}


@pytest.mark.parametrize(
    ("account", "protocol", "level"),
    [("svc-deploy", "Kerberos", "low"), ("svc-deploy", "NTLM", "medium"), ("adm-erik", "Kerberos", "medium")],
)
def test_a_service_with_tickets_visits_many_hosts(account: str, protocol: str, level: str) -> None:
    rows = [{**arrival(i * 20.0, i, account), "Protocol": protocol if i % 2 else "NTLM"} for i in range(9)]
    rows.append({**arrival(300.0, 9, account), "Protocol": protocol})
    assert levels("DeviceLogonEvents", rows) == {"stat-logons-spread": level}


def test_a_backup_that_visits_every_night_is_low() -> None:
    rows = [arrival(night * 86400.0 + i * 20, i, "svc-backup") for night in range(3) for i in range(9 + (night == 2))]
    assert levels("DeviceLogonEvents", rows) == {"stat-logons-spread": "low"}


def test_logons_at_the_keyboard_do_not_spread() -> None:
    assert levels("DeviceLogonEvents", [arrival(i * 5.0, i, kind="Interactive") for i in range(30)]) == {}
