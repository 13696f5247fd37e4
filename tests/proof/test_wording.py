from datetime import UTC, datetime

import pytest

from soc_analyst.state.findings import Claim
from soc_analyst.state.queries import Condition
from soc_analyst.tools.proof.grounds import Grounds
from soc_analyst.tools.proof.wording import borne_out

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ROW = {
    "TimeGenerated": datetime(2026, 3, 4, 12, 1, 30, tzinfo=UTC),
    "DeviceName": "ws-1.contoso.com",
    "AccountName": "jdoe",
    "AccountUpn": "jdoe@contoso.com",
    "FolderPath": "C:\\Program Files\\Tool\\run.exe",
    "ProcessCommandLine": "run.exe -p 4444 http://203.0.113.77/a.ps1",
    "RemoteIP": "203.0.113.77",
    "SHA256": HASH,
    "RemotePort": 4444,
    "LogonType": 3,
}
FAILED = Claim(
    kind="count", statement="45 rows of SigninLogs have ResultType 50126.", verified=True, table="SigninLogs",
    where=(Condition(column="ResultType", op="==", values=("50126",)),), expected=45,
)  # fmt: skip
GROUNDS = Grounds(rows=(ROW,), claims=(FAILED, FAILED.model_copy(update={"expected": 46, "verified": False})))
NAMES = frozenset({"ws-1", "bob", "dc-01", "jdoe", "finance"})


@pytest.mark.parametrize(
    "sentence",
    [
        "A tool was started from a user profile and reached out to the Internet.",
        "The host ws-1 ran a tool as jdoe.",
        "On ws-1.contoso.com the account jdoe@contoso.com started C:\\Program Files\\Tool\\run.exe.",
        "CONTOSO's user jdoe connected to 203.0.113.77 on port 4444 at 12:01 UTC.",
        "It happened on 2026-03-04 at 12:01:30Z, with logon type 3.",
        "It happened on 4 March 2026 at 12:01 PM.",
        "There were 45 failed sign-ins with the result 50126.",
        "There were forty-five failed sign-ins.",
        "It fetched http://203.0.113.77/a.ps1 through PowerShell, in Base64, as a base64-encoded text.",
        f"The file has the hash {HASH}.",
        "The user account was used to log on, and one process followed.",
        "Quoted as “run.exe -p 4444”, it is a download (e.g. of a second stage).",
        "",
    ],
)
def test_what_rows_and_claims_bear_out_stands(sentence: str) -> None:
    worded = borne_out(sentence, GROUNDS, names=NAMES)
    assert (worded.text, worded.removed) == (sentence, ())


@pytest.mark.parametrize(
    "lie",
    [
        "The host ws-2 ran a tool.",
        "The domain controller DC-01 was reached.",
        "Then bob took over.",
        "The account mallory was used.",
        "The account Mallory was used.",
        "It reached 203.0.113.7 over the Internet.",
        "It reached 203.0.113.77.9 over the Internet.",
        "It reached 203[.]0[.]113[.]99 over the Internet.",
        "It happened at 12:02 UTC.",
        "It happened at 12:01 CET.",
        "It happened at 12:01 AM.",
        "It happened at 3 pm.",
        "It happened on 2026-03-05.",
        "It happened on 5 March.",
        "It happened on March 5, 2026.",
        "There were 46 failed sign-ins.",
        "There were 4444 failed sign-ins.",
        "There were forty-six failed sign-ins.",
        "There were hundreds of failed sign-ins.",
        "There were 3 failed sign-ins.",
        "There were \uff13 failed sign-ins.",
        "There were \u0663 failed sign-ins.",
        "About 99% of them failed.",
        "It connected to port 4445.",
        "It started C:\\Program Files\\Tool\\evil.exe.",
        "It fetched https://evil.example/a.ps1.",
        "It wrote /etc/cron.d/job.",
        f"The file has the hash {HASH[:-1]}9.",
        "The domain contoso.com.evil was asked for.",
        "The file run.exe.bak was written.",
        "It set “Run Key Updater” to start.",
        "The domain c\u043entoso was asked for.",
        "The service account SVC_BACKUP acted.",
        "It is T1003.001 by name.",
    ],
)
def test_what_nothing_bears_out_goes_and_the_rest_stays(lie: str) -> None:
    told = "A tool reached out to the Internet."
    worded = borne_out(f"{told} {lie}", GROUNDS, names=NAMES)
    assert (worded.text, worded.removed) == (told, (lie,))


def test_each_line_is_a_sentence() -> None:
    worded = borne_out("First\n- ws-2 was hit\n- ws-1 was hit", GROUNDS, names=NAMES)
    assert worded.text == "First - ws-1 was hit"


def test_a_date_and_a_clock_must_be_of_one_event() -> None:
    later = {"TimeGenerated": datetime(2026, 3, 5, 9, 30, tzinfo=UTC)}
    both = Grounds(rows=(ROW, later))
    assert borne_out("It was seen at 2026-03-05 09:30.", both).text
    assert not borne_out("It was seen at 2026-03-05 12:01.", both).text


def test_lapses_are_those_between_cited_rows() -> None:
    later = {"TimeGenerated": datetime(2026, 3, 4, 12, 4, 40, tzinfo=UTC)}
    both = Grounds(rows=(ROW, later))
    assert borne_out("Three minutes later it ran; in all it took 190 seconds.", both).text
    assert not borne_out("Nine minutes later it ran.", both).text
    assert not borne_out("It ran three times.", both).text


def test_two_columns_of_one_row_may_stand_as_one_name() -> None:
    row = {"AccountDomain": "contoso", "AccountName": "jdoe", "RemoteIP": "203.0.113.77", "RemotePort": 443.0}
    grounds = Grounds(rows=(row, {"AccountDomain": "fabrikam", "RemotePort": 80}))
    assert borne_out("CONTOSO\\jdoe reached 203.0.113.77:443.", grounds).text
    assert not borne_out("FABRIKAM\\jdoe acted.", grounds).text
    assert not borne_out("It reached 203.0.113.77:80.", grounds).text


def test_what_code_said_is_borne_out() -> None:
    said = Grounds(said=("7 hosts were reached from 198.51.100.9",))
    assert borne_out("It reached 7 hosts from 198.51.100.9.", said).text
    assert not borne_out("It reached 8 hosts from 198.51.100.9.", said).text
