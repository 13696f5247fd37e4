"""Later questions on a thread inherit what they leave unsaid: window, things, evidence, exclusions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.tools.records.folder import DataDir

from .workspace import CRADLE, END, process, write

FIRST = "Anything suspicious on host ws-1 in the last 3 hours?"
WORD = {
    "InitiatingProcessFileName": "winword.exe",
    "InitiatingProcessFolderPath": "C:\\Program Files\\Office\\WINWORD.EXE",
}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """The same attack on two hosts by one account, one on a third days ago, and a backup server that does the like."""
    write(
        tmp_path / "logs",
        "DeviceProcessEvents",
        [
            process(30, "ws-1", CRADLE, "jdoe", **WORD),
            process(25, "ws-5", CRADLE, "jdoe", **WORD),
            process(20, "bkp-01", CRADLE, "svc-backup", **WORD),
            process(3 * 1440, "ws-1", CRADLE, "carol", **WORD),
            *(process(40 + 5 * n, "ws-2", "notepad.exe report.txt", "bob") for n in range(30)),
            process(0, "ws-2", "calc.exe", "bob"),
        ],
    )
    return Context(workspace=str(tmp_path / "logs"), data_dir=tmp_path / "home", now=END)


async def asked(context: Context, *questions: str) -> Report:
    """Ask one after another on one thread; return the last report."""
    for question in questions:
        report = await ahunt(question, context=context, thread_id="case-1")
    return report


def hosts(report: Report) -> set[str]:
    """Return the short names of the hosts that findings above Low name."""
    serious = [finding for finding in report.findings if finding.confidence != "Low"]
    return {e.value.split(".")[0] for finding in serious for e in finding.entities if e.kind == "host"}


@pytest.mark.parametrize("why", ["why do you think that?", "Why?", "what is the evidence?", "How can you tell?"])
async def test_reasons_come_from_the_evidence_without_a_query(context: Context, why: str) -> None:
    first = await asked(context, FIRST)
    kept = DataDir(context.data_dir).case("case-1") / "queries"
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    report = await asked(context, why)
    assert {path.name: path.stat().st_mtime_ns for path in kept.iterdir()} == before
    assert report.usage.queries == 0 and report.outcome == first.outcome == "confirmed"
    assert {one.id for one in report.findings} == {one.id for one in first.findings}
    assert "claims hold on the stored rows" in report.summary and "held for High by rule" in report.summary


async def test_this_account_is_the_one_that_was_found(context: Context) -> None:
    report = await asked(context, FIRST, "what else did this account do?")
    assert [(e.kind, e.value) for e in report.entities] == [("account", "jdoe")]
    assert hosts(report) == {"ws-1", "ws-5"} and report.window.start == END - timedelta(hours=3)


async def test_on_the_other_hosts_leaves_the_first_out(context: Context) -> None:
    report = await asked(context, FIRST, "and on the other hosts?")
    assert hosts(report) == {"ws-5"}
    assert not any('=~ "ws-1"' in query.kql for query in report.queries)


@pytest.mark.parametrize("wider", ["widen to a week", "please extend it to 7 days", "look back one week"])
async def test_a_wider_window_asks_the_same_question(context: Context, wider: str) -> None:
    report = await asked(context, FIRST, wider)
    assert (report.window.start, report.window.end) == (END - timedelta(days=7), END)
    accounts = {e.value for finding in report.findings for e in finding.entities if e.kind == "account"}
    assert "carol" in accounts and [e.value for e in report.entities] == ["ws-1"]


async def test_widening_by_a_day_adds_a_day(context: Context) -> None:
    report = await asked(context, FIRST, "widen by a day")
    assert report.window.start == END - timedelta(days=1, hours=3)


async def test_what_is_left_out_stays_out(context: Context) -> None:
    broad = "Anything suspicious in the last 3 hours?"
    assert hosts(await asked(context, broad)) == {"ws-1", "ws-5", "bkp-01"}
    report = await asked(context, "ignore the backup server")
    assert hosts(report) == {"ws-1", "ws-5"} and any("left out" in warning for warning in report.warnings)
    assert hosts(await asked(context, "ignore host ws-5")) == {"ws-1"}
    assert hosts(await asked(context, "what else happened?")) == {"ws-1"}


async def test_rows_without_a_host_are_not_left_out_with_one(context: Context, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "DeviceProcessEvents.jsonl"
    nameless = process(15, "x", CRADLE, "eve", **WORD)
    del nameless["DeviceName"]
    before = log.read_text()
    write(tmp_path / "logs", "DeviceProcessEvents", [nameless])
    log.write_text(before + log.read_text())
    await asked(context, "Anything suspicious in the last 3 hours?")
    report = await asked(context, "ignore host ws-1")
    assert "eve" in {e.value for finding in report.findings for e in finding.entities}


async def test_what_nobody_knows_is_said_and_nothing_is_left_out(context: Context) -> None:
    report = await asked(context, FIRST, "ignore the mainframe")
    assert "ws-1" in hosts(report) and any("nothing of this case is called" in one for one in report.warnings)


@pytest.mark.parametrize("question", ["why did the sign-ins of bob fail yesterday?", "why was ws-2 restarted?"])
async def test_a_question_that_only_begins_with_why_is_looked_into(context: Context, question: str) -> None:
    report = await asked(context, FIRST, question)
    assert report.queries and report.usage.queries > 0
