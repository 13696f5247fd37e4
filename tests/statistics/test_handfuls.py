"""A few rows that tell as much as many: guesses that open an administrator's account, names refused, one program."""

from __future__ import annotations

import pytest

from .rows import Row, at, levels

TABLE = "DeviceLogonEvents"
OPENED, NAMES, PROGRAM = "stat-few-guesses-then-in", "stat-few-names-refused", "stat-program-tries-accounts"
OURS = {OPENED, NAMES, PROGRAM, "stat-machine-account-relayed", "stat-logons-spread"}


def logon(seconds: float, account: str, action: str = "LogonFailed", **more: object) -> Row:
    known = {
        "DeviceName": "srv1", "AccountName": account, "LogonType": "Network", "ActionType": action, "Protocol": "NTLM",
        "RemoteIP": "10.0.0.9", "RemoteDeviceName": "", "IsLocalAdmin": False, "AccountSid": "",
        "InitiatingProcessFileName": "", "InitiatingProcessFolderPath": "",
    }  # fmt: skip
    return at(seconds, **known | more)


def found(rows: list[Row]) -> dict[str, str]:
    return {key: level for key, level in levels(TABLE, rows).items() if key in OURS}


def guesses(count: int, account: str = "administrator", gap: float = 9, **more: object) -> list[Row]:
    return [logon(i * gap, account, **more) for i in range(count)]


@pytest.mark.parametrize(("rows", "expected"), [
    ([*guesses(5), logon(90, "administrator", "LogonSuccess")], {OPENED: "medium"}),
    ([*guesses(5, "bob"), logon(90, "bob", "LogonSuccess", IsLocalAdmin=True)], {OPENED: "medium"}),
    ([*guesses(5, "x"), logon(90, "x", "LogonSuccess", AccountSid="S-1-5-21-1-2-3-500")], {OPENED: "medium"}),
    ([*guesses(4), logon(90, "administrator", "LogonSuccess")], {}),
    ([*guesses(5, "bob"), logon(90, "bob", "LogonSuccess")], {}),
    ([*guesses(5, gap=100), logon(500, "administrator", "LogonSuccess")], {}),
    ([*guesses(5), logon(900, "administrator", "LogonSuccess")], {}),
    ([*guesses(5), logon(90, "administrator", "LogonSuccess", RemoteIP="10.0.0.7")], {}),
    ([logon(-9, "administrator", "LogonSuccess"), *guesses(5), logon(90, "administrator", "LogonSuccess")], {}),
    ([*guesses(5, RemoteIP="127.0.0.1"), logon(90, "administrator", "LogonSuccess", RemoteIP="127.0.0.1")], {}),
])  # fmt: skip
def test_a_few_guesses_open_an_administrators_account(rows: list[Row], expected: dict[str, str]) -> None:
    assert found(rows) == expected


def names(count: int, **more: object) -> list[Row]:
    return [logon(i * 20, f"user{i}", **more) for i in range(count)]


@pytest.mark.parametrize(("rows", "expected"), [
    (names(5), {NAMES: "medium"}),
    (names(4), {}),
    ([*names(5), logon(3000, "eva", "LogonSuccess")], {}),
    (names(5, RemoteIP="203.0.113.7"), {}),
    ([logon(i * 200, f"user{i}") for i in range(5)], {}),
])  # fmt: skip
def test_a_source_that_nobody_came_from_is_refused_under_several_names(
    rows: list[Row], expected: dict[str, str]
) -> None:
    assert found(rows) == expected


@pytest.mark.parametrize(("name", "folder", "expected"), [
    ("powershell.exe", r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", {PROGRAM: "medium"}),
    ("guess.exe", r"C:\Users\a\guess.exe", {PROGRAM: "medium"}),
    ("w3wp.exe", r"C:\Windows\System32\inetsrv\w3wp.exe", {}),
    ("server.exe", r"C:\Program Files\Files\server.exe", {}),
    ("lsass.exe", "", {}),
])  # fmt: skip
def test_one_program_tries_several_accounts(name: str, folder: str, expected: dict[str, str]) -> None:
    program = {"InitiatingProcessFileName": name, "InitiatingProcessFolderPath": folder, "RemoteIP": ""}
    assert found([logon(i * 20, f"user{i}", "LogonAttempted", **program) for i in range(5)]) == expected


def machine(seconds: float, protocol: str, address: str) -> Row:
    more = {"Protocol": protocol, "RemoteIP": address, "RemoteDeviceName": "dc01"}
    return logon(seconds, "DC01$", "LogonSuccess", **more)


@pytest.mark.parametrize(("homes", "address", "expected"), [
    (["10.0.0.1"] * 5, "10.0.0.9", {"stat-machine-account-relayed": "medium"}),
    (["10.0.0.1"] * 5, "10.0.0.1", {}),
    (["10.0.0.1"] * 4, "10.0.0.9", {}),
    (["10.0.0.1"] * 5 + ["10.0.7.1"], "10.0.0.9", {}),
])  # fmt: skip
def test_a_machine_that_is_relayed_comes_from_elsewhere(
    homes: list[str], address: str, expected: dict[str, str]
) -> None:
    rows = [machine(i * 60, "Kerberos", home) for i, home in enumerate(homes)]
    assert found([*rows, machine(900, "NTLM", address)]) == expected


@pytest.mark.parametrize(("hosts", "account", "protocol", "expected"), [
    (4, "ana", "NTLM", {"stat-logons-spread": "medium"}),
    (3, "ana", "NTLM", {}),
    (4, "ana", "Kerberos", {}),
    (4, "svc-pdq", "NTLM", {}),
])  # fmt: skip
def test_an_administrator_reaches_hosts_by_ntlm(
    hosts: int, account: str, protocol: str, expected: dict[str, str]
) -> None:
    more = {"Protocol": protocol, "IsLocalAdmin": True}
    rows = [logon(i * 30, account, "LogonSuccess", DeviceName=f"ws{i}", **more) for i in range(hosts)]
    assert found(rows) == expected
