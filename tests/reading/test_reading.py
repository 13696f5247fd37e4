"""What questions mean: windows, entities, topics, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_analyst.state.entities import Reading
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.reading import read_question

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)  # a Tuesday


def read(text: str, now: datetime = NOW) -> Reading:
    return read_question(text, now=now)


def names(text: str) -> list[str]:
    return [f"{entity.kind}:{entity.value}" for entity in read(text).entities]


def test_options_win_over_the_words() -> None:
    reading = read_question(
        "logons yesterday on WS-1", now=NOW, since=datetime(2026, 11, 1), until=datetime(2026, 11, 2)
    )
    assert (reading.window.start, reading.window.end) == (
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 2, tzinfo=UTC),
    )
    assert reading.window.basis == "option"


def test_a_lone_option_is_completed() -> None:
    assert read_question("logons", now=NOW, since=datetime(2026, 11, 1)).window.end == NOW
    until = read_question("logons", now=NOW, until=datetime(2026, 11, 20), default_days=3).window
    assert until.end - until.start == timedelta(days=3)


def test_no_time_is_said() -> None:
    reading = read_question("anything suspicious on WS-1?", now=NOW, default_days=14)
    assert reading.window.basis == "assumed"
    assert reading.window.start == NOW - timedelta(days=14)
    assert any("14 days" in note for note in reading.notes)


def test_the_phrase_is_the_users_own() -> None:
    assert read("PowerShell on WS-123 in the last day?").window.phrase == "in the last day"
    assert read("Gab es gestern Anmeldungen auf WS-3?").window.phrase == "gestern"


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        (NOW, "2026-11-21", "2026-11-23"),
        (datetime(2026, 11, 22, 15, tzinfo=UTC), "2026-11-21", "2026-11-22T15:00"),
        (datetime(2026, 11, 23, 0, 5, tzinfo=UTC), "2026-11-21", "2026-11-23"),
    ],
)
def test_this_weekend(now: datetime, start: str, end: str) -> None:
    window = read("anything odd this weekend?", now).window
    assert (window.start, window.end) == tuple(
        datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end)
    )


def test_daylight_saving_of_a_named_zone() -> None:
    summer = read("logons on WS-1 from 10:00 to 11:00 Europe/Berlin on 1 July 2026").window
    winter = read("logons on WS-1 from 10:00 to 11:00 Europe/Berlin on 1 February 2026").window
    assert (summer.start.hour, winter.start.hour) == (8, 9)


def test_the_order_of_an_ambiguous_date_is_said() -> None:
    assert any("day first" in note for note in read("logons on 04/03/2026").notes)
    assert not any("day first" in note for note in read("logons on 25/03/2026").notes)


@pytest.mark.parametrize(
    "question",
    [
        "event id 4625 on DC01",
        "connections to 10.0.0.5:4444",
        "port 1433 on SQL-01",
        "agent version 10.0.19041.1",
        "more than 5 failures in 10 minutes for bob",
        "app 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "CVE-2024-3094 on WS-1",
        "hash 9f86d081884c7d659a2feaa0c55ad015",
        "a ratio of 30:70 on WS-1",
        "5 may be infected",
        "24/7 cover of WS-1",
    ],
)
def test_other_numbers_are_no_times(question: str) -> None:
    assert read(question).window.basis == "assumed"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("x" * 100_000, "bytes"),
        ("\x00\x01\x7fELF", "control"),
        ("1234 ???", "no words"),
        ("logons on 2026-02-30", "2026-02-30"),
        ("logons on 31 June", "31 June"),
        ("logons at 25:00 yesterday", "25:00"),
        ("from 2026-03-05 to 2026-03-04", "before it starts"),
        ("between 15:00 and 14:00 on 4 March", "before it starts"),
        ("logons tomorrow", "future"),
        ("logons in the next 3 days", "future"),
        ("since 2027-01-01", "future"),
        ("the last 99999999999 years", "up to 100 years"),
        ("the last 0 days", "0 days"),
        ("from 0001-01-01 to 9999-12-31", "0001"),
    ],
)
def test_bad_questions_are_refused_in_one_line(question: str, said: str) -> None:
    with pytest.raises(OperatorError) as caught:
        read(question)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_out_of_order_are_refused() -> None:
    with pytest.raises(OperatorError, match="--until"):
        read_question("logons", now=NOW, since=datetime(2026, 11, 2), until=datetime(2026, 11, 1))
    with pytest.raises(OperatorError, match="future"):
        read_question("logons", now=NOW, since=datetime(2027, 1, 1), until=datetime(2027, 1, 2))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("guest kate_x.com#EXT#@contoso.onmicrosoft.com", ["account:kate_x.com#EXT#@contoso.onmicrosoft.com"]),
        (r"NT AUTHORITY\SYSTEM and CONTOSO\jdoe", [r"account:NT AUTHORITY\SYSTEM", r"account:CONTOSO\jdoe"]),
        ("svc_sql, svc-backup and web-01$", ["account:svc_sql", "account:svc-backup", "account:web-01$"]),
        ("hosts WS-123, pedro-computer and win10-02", ["host:WS-123", "host:pedro-computer", "host:win10-02"]),
        ("anything on host win?", ["host:win"]),
        (
            "bad[.]net, hxxp://1.2.3[.]4/a.exe, 9[.]9[.]9[.]9",
            ["domain:bad.net", "url:http://1.2.3.4/a.exe", "ip:9.9.9.9"],
        ),
        ("tcp/3389, 445/tcp and port 4444", ["port:3389", "port:445", "port:4444"]),
        (
            r"\\fs01\c$\x.txt or C:\Program Files\a b\c.dll",
            [r"file:\\fs01\c$\x.txt", r"file:C:\Program Files\a b\c.dll"],
        ),
        ("lookups of evil.com by dc01.contoso.com", ["domain:evil.com", "host:dc01.contoso.com"]),
        ("Backup Role, changed by a@b.com", ["resource:Backup Role", "account:a@b.com"]),
        ("Was there any unusual behaviour? Anything of concern?", []),
        ("Check T1059.001, KB5005565 and sign-ins with MFA over TLS1.2", []),
    ],
)
def test_entities(question: str, expected: list[str]) -> None:
    assert names(question) == expected


def test_a_bare_name_is_a_candidate() -> None:
    assert read("any consent or MFA abuse around arisa this weekend?").candidates == ("arisa",)


def test_a_specific_question_is_not_broad() -> None:
    reading = read("failed logons with encoded PowerShell on WS-1")
    assert (reading.broad, reading.topics) == (False, ("logons", "processes"))
    assert reading.terms == ("encoded", "powershell")
    assert reading.outcomes == ("failed",)
    assert read("anything suspicious on WS-1?").broad


def test_another_language_is_said_and_read_as_broad() -> None:
    reading = read("Что случилось на WS-1 4 марта 2026?")
    assert reading.window.start == datetime(2026, 3, 4, tzinfo=UTC)
    assert reading.broad
    assert any("not in English" in note for note in reading.notes)


_PIECES = st.sampled_from(
    [
        *(
            "last",
            "past",
            "2",
            "weeks",
            "24h",
            "yesterday",
            "between",
            "and",
            "from",
            "to",
            "until",
            "since",
            "on",
            "at",
        ),
        *("09:00", "25:61", "4", "March", "2026-03-04", "2026-02-30", "UTC", "CET", "Monday", "this", "weekend", "ago"),
        *(
            "10.0.0.1",
            "10.0.0.1:445",
            "a@b.com",
            "CONTOSO\\bob",
            "host",
            "WS-1",
            "user",
            "x_",
            "port",
            "4444",
            "'s",
            '"',
        ),
        *(
            "hxxp://a[.]b/c",
            "(",
            ")",
            ",",
            "-",
            "\u2013",
            "/",
            "now",
            "in",
            "the",
            "next",
            "month",
            "31/12/2025",
            "3pm",
        ),
        *("99999999999", "Europe/Berlin", "noon", "night", "of", "before", "after", "around", "±", "HKLM\\a", "C:\\b"),
        *(".exe", "é", "王", "+02:00", "T", "Z", "half", "a", "couple", "weeks", "or", "so", "9999-12-31", "29 Feb"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=14).map(" ".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reading = read(text)
    except OperatorError as error:
        assert "\n" not in str(error)
        return
    assert reading.window.start < reading.window.end
    assert reading.window.start < NOW
    assert len(reading.candidates) <= 6
    plain = text.lower()
    for entity in reading.entities:
        assert entity.value.lower() in plain or any(mark in text for mark in "[]({hH")
