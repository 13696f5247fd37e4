"""Names that a model must not see, and the way back."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.state.entities import Entity
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.privacy import Mode, Pseudonyms

TABLES = load_tables()
KEY = b"k" * 32
SIGNINS = {
    "UserPrincipalName": ["arisa@contoso.com", "bob.smith@contoso.com", "arisa@contoso.com"],
    "UserDisplayName": ["Arisa Tan", "Bob Smith", "Arisa Tan"],
    "UserId": ["6f9619ff-8b86-d011-b42d-00cf4fc964ff", None, "6f9619ff-8b86-d011-b42d-00cf4fc964ff"],
    "IPAddress": ["198.51.100.7", "10.1.2.3", "2001:db8::1"],
    "Location": ["US", "DE", "US"],
}
PROCESSES = {
    "AccountName": ["arisa", "SYSTEM"],
    "AccountSid": ["S-1-5-21-1-2-3-1001", "S-1-5-18"],
    "DeviceName": ["ws-12.contoso.com", "ws-12.contoso.com"],
    "ProcessCommandLine": ["net user ARISA /domain", "whoami /all"],
}


def evidence(**tables: dict[str, list[str | None]]) -> Evidence:
    return Evidence(TableRows.collect(name, [("q1", pa.table(columns))]) for name, columns in tables.items())


CASE = evidence(SigninLogs=SIGNINS, DeviceProcessEvents=PROCESSES)


def pseudonyms(mode: Mode = "personal", key: bytes = KEY) -> Pseudonyms:
    made = Pseudonyms(mode, key, TABLES)
    made.learn(CASE)
    return made


def digits(token: str) -> str:
    return token.rpartition("_")[2]


def test_one_person_has_the_same_digits_in_every_column() -> None:
    hidden = pseudonyms()
    upn = hidden.hide_value("SigninLogs", "UserPrincipalName", "arisa@contoso.com")
    name, at, domain = upn.partition("@")
    assert re.fullmatch(r"USER_[0-9a-f]{6}", name) and (at, domain) == ("@", "contoso.com")
    assert hidden.hide_value("DeviceProcessEvents", "AccountName", "ARISA") == name
    same = {
        digits(hidden.hide_value("SigninLogs", "UserDisplayName", "Arisa Tan")),
        digits(hidden.hide_value("SigninLogs", "UserId", "6f9619ff-8b86-d011-b42d-00cf4fc964ff")),
        digits(hidden.hide_value("DeviceProcessEvents", "AccountSid", "S-1-5-21-1-2-3-1001")),
    }
    assert same == {digits(name)}


def test_a_display_name_of_two_accounts_is_neither_of_them() -> None:
    shared = {"UserPrincipalName": ["a.one@x.com", "a.two@x.com"], "UserDisplayName": ["Same Name", "Same Name"]}
    hidden = Pseudonyms("personal", KEY, TABLES)
    hidden.learn(evidence(SigninLogs=shared))
    shown = [hidden.hide_value("SigninLogs", "UserPrincipalName", one) for one in shared["UserPrincipalName"]]
    tokens = {digits(one.partition("@")[0]) for one in shown}
    assert len(tokens) == 2
    assert digits(hidden.hide_value("SigninLogs", "UserDisplayName", "Same Name")) not in tokens


@pytest.mark.parametrize("kept", ["SYSTEM", "NT AUTHORITY\\LOCAL SERVICE", "root", "WS-12$", "DWM-3", "S-1-5-18", ""])
def test_what_every_system_has_is_nobody(kept: str) -> None:
    assert pseudonyms().hide_value("DeviceProcessEvents", "AccountName", kept) == kept


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("CONTOSO\\Arisa", "arisa"),
        ("net user bob.smith /delete", "bob.smith"),
        (r"C:\Users\carol\AppData\x.exe", "carol"),
        (r"C:\Users\Dana Scott\x", "dana scott"),
        (r'"c:\\users\\erik\\x"', "erik"),
        ("/home/frida/.ssh/id_rsa", "frida"),
        ("mailto gina.h@fabrikam.com now", "gina.h"),
        ("owner S-1-5-21-11-22-33-1105", "1105"),
        ("from 198.51.100.7 to", "198.51.100.7"),
        ("Bob Smith called", "bob smith"),
    ],
)  # fmt: skip
def test_names_inside_free_text_are_hidden_and_come_back(text: str, gone: str) -> None:
    hidden = pseudonyms()
    shown = hidden.hide_text(text)
    assert gone not in shown.lower()
    assert hidden.reveal(shown).lower() == text.lower()
    assert hidden.invented(shown) == ()


def test_a_name_inside_another_word_stays() -> None:
    assert pseudonyms().hide_text("parisarisa arisan C:\\Users\\Public\\x") == "parisarisa arisan C:\\Users\\Public\\x"


def test_hosts_are_hidden_in_mode_all_only() -> None:
    assert pseudonyms().hide_value("DeviceProcessEvents", "DeviceName", "ws-12.contoso.com") == "ws-12.contoso.com"
    shown = pseudonyms("all").hide_value("DeviceProcessEvents", "DeviceName", "ws-12.contoso.com")
    assert re.fullmatch(r"HOST_[0-9a-f]{6}\.contoso\.com", shown)
    assert shown.partition(".")[0] in pseudonyms("all").hide_text("copied to \\\\WS-12\\c$")


def test_addresses_keep_whether_they_are_private() -> None:
    hidden = pseudonyms("all")
    assert hidden.hide_value("DeviceNetworkEvents", "RemoteIP", "10.9.9.9").startswith("IP_PRIV_")
    assert hidden.hide_value("DeviceNetworkEvents", "RemoteIP", "203.0.113.9").startswith("IP_PUB_")
    assert hidden.hide_value("DeviceNetworkEvents", "RemoteIP", "127.0.0.1") == "127.0.0.1"


def test_names_inside_json_are_hidden_by_their_key() -> None:
    user = {"id": "x1", "type": "User", "displayName": "Hana Ito", "userPrincipalName": "hana@x.com"}
    target = [{**user, "modifiedProperties": [{"newValue": "hana@x.com"}]}]
    group = [{"displayName": "Domain Admins", "type": "Group"}]
    hidden = pseudonyms()
    shown = json.loads(hidden.hide_value("AuditLogs", "TargetResources", json.dumps(target)))[0]
    assert "hana" not in json.dumps(shown).lower()
    assert shown["type"] == "User"
    assert json.loads(hidden.hide_value("AuditLogs", "TargetResources", json.dumps(group))) == group
    where = '{"city": "Oslo", "geoCoordinates": {"latitude": 59.9}}'
    place = json.loads(hidden.hide_value("SigninLogs", "LocationDetails", where))
    assert "Oslo" not in str(place) and "59.9" not in str(place)


def test_off_changes_nothing() -> None:
    assert pseudonyms("off").hide_text("arisa@contoso.com") == "arisa@contoso.com"
    assert pseudonyms("off").invented("USER_00000a") == ()


def test_tokens_depend_on_the_key_and_stay_the_same_under_it() -> None:
    assert pseudonyms().hide_text("arisa") == pseudonyms().hide_text("arisa")
    assert pseudonyms().hide_text("arisa") != pseudonyms(key=b"other" * 7).hide_text("arisa")


def test_invented_tokens_are_told() -> None:
    hidden = pseudonyms()
    real = hidden.hide_text("arisa")
    assert hidden.invented(f"{real} met USER_000000 and IP_PUB_ffffff") == ("USER_000000", "IP_PUB_ffffff")


def test_a_row_that_forges_a_token_means_its_own_text() -> None:
    hidden = pseudonyms()
    shown = hidden.hide_text("echo USER_abcdef")
    assert hidden.reveal(shown) == "echo USER_abcdef"
    assert hidden.invented(shown) == ()


def test_the_question_s_account_is_hidden_before_any_row_is_seen() -> None:
    hidden = Pseudonyms("personal", KEY, TABLES)
    hidden.learn(Evidence(), [Entity(kind="account", value="arisa")])
    assert hidden.hide_text("particularly about user arisa").startswith("particularly about user USER_")


NAMES = st.from_regex(r"[a-z][a-z0-9.]{2,11}[a-z0-9]", fullmatch=True)


@given(
    st.lists(NAMES, min_size=1, max_size=6, unique=True),
    st.lists(st.text(max_size=20), max_size=6),
    st.sampled_from(["personal", "all"]),
)
def test_no_known_name_is_left_as_a_word_and_all_come_back(names: list[str], others: list[str], mode: Mode) -> None:
    hidden = Pseudonyms(mode, KEY, TABLES)
    hidden.learn(evidence(DeviceProcessEvents={"AccountName": list(names)}))
    text = " ".join(one for pair in zip(others + [""] * 6, names, strict=False) for one in pair)
    shown = hidden.hide_text(text)
    assert hidden.reveal(shown).lower() == text.lower()
    whole = rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?![\w-])"
    for name in re.findall(whole, shown.lower()):
        assert pseudonyms().hide_value("DeviceProcessEvents", "AccountName", name) == name  # well known


@given(st.text(max_size=200))
def test_any_text_is_borne(text: str) -> None:
    hidden = pseudonyms("all")
    assert hidden.invented(hidden.hide_text(text)) == ()
