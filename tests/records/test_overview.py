"""Findings over time: what counts as the same, what is wanted, and the page and table that tell it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.cli.app import run
from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import EvidenceRef, Mitre
from soc_analyst.tools.records.logged import Entry, Fault, LoggedFinding, Wanted, read
from soc_analyst.tools.records.page.overview import as_overview, overview_of
from soc_analyst.tools.records.recurring import folded
from soc_analyst.tools.records.threats import ThreatsLog

from .page_reading import Reading
from .test_page import HOSTILE_HERE

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def logged(id: str = "f-1", *, days: float = 0, logged: float = 0, **more: Any) -> LoggedFinding:
    time = NOON - timedelta(days=days)
    given = {
        "id": id, "title": "Encoded PowerShell on ws-1", "description": "", "confidence": "High", "time": time,
        "mitre": Mitre(tactic="Execution", technique="Command and Scripting Interpreter", sub_technique="PowerShell",
                       id="T1059.001"),
        "entities": (Entity(kind="host", value="ws-1.contoso.com"), Entity(kind="account", value="CONTOSO\\jdoe")),
        "evidence": (EvidenceRef(query_id="r1q1", table="T", row=0, time=time + timedelta(minutes=5)),),
        "tags": ("lead",), "logged_at": NOON + timedelta(hours=logged), "thread_id": "case-1", "workspace": "sample",
        "question": "What happened?", "log_lines": ('{"A": "certutil"}',),
    }  # fmt: skip
    return LoggedFinding.model_validate({**given, **more})


def test_one_event_told_twice_is_one_finding() -> None:
    (one,) = folded(
        [logged(), logged(title="Encoded PowerShell (high alert)", thread_id="case-2", confidence="Medium")]
    )
    assert (len(one.entries), one.events, one.confidence, one.threads) == (2, 1, "High", ("case-2", "case-1"))
    assert one.latest.title == "Encoded PowerShell (high alert)"


def test_the_same_title_and_technique_on_another_day_is_the_same_finding() -> None:
    (one,) = folded([logged("f-2", days=3), logged("f-1"), logged("f-3", days=9)])
    assert (one.first, one.last, one.events) == (NOON - timedelta(days=9), NOON + timedelta(minutes=5), 3)


@pytest.mark.parametrize(
    "other",
    [{"workspace": "logs"}, {"title": "Encoded PowerShell on ws-2"}, {"mitre": Mitre(id="T1105", technique="x")}],
)
def test_another_workspace_title_or_technique_is_another_finding(other: dict[str, Any]) -> None:
    assert len(folded([logged(), logged("f-2", **other)])) == 2


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ({"host": "ws-1"}, True), ({"host": "WS-1.contoso.com"}, True), ({"host": "ws-2"}, False),
        ({"host": "jdoe"}, False), ({"account": "jdoe"}, True), ({"account": "contoso\\JDOE"}, True),
        ({"tactic": "execution"}, True), ({"tactic": "exec"}, False),
        ({"technique": "T1059"}, True), ({"technique": "t1059.001"}, True), ({"technique": "T1059.002"}, False),
        ({"technique": "powershell"}, True), ({"technique": "T10"}, False), ({"tag": "LEAD"}, True),
        ({"tag": "explained"}, False), ({"workspace": "sample"}, True), ({"workspace": "samp"}, False),
        ({"thread": "case-1"}, True), ({"thread": "case"}, False), ({"text": "CertUtil"}, True),
        ({"text": "mimikatz"}, False), ({"confidence": "High"}, True), ({"since": NOON}, True),
        ({"since": NOON + timedelta(seconds=1)}, False), ({"until": NOON}, False),
        ({"host": "ws-1", "tag": "explained"}, False),
    ],
)  # fmt: skip
def test_a_filter_keeps_what_it_says(wanted: dict[str, Any], met: bool) -> None:
    assert Wanted(**wanted).meets(logged()) is met


def written(folder: Path, findings: Sequence[LoggedFinding], *lines: str) -> Path:
    texts = [finding.model_dump_json() for finding in findings]
    folder.mkdir(exist_ok=True)
    (folder / "_threats.jsonl").write_text("\n".join([*texts, *lines]) + "\n")
    return folder


BROKEN = ("{broken", "[]", '{"id": "f-9"}', "", '{"id": "\x1b[2J"}')


def test_lines_that_cannot_be_read_are_named_and_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = written(tmp_path, [logged()], *BROKEN)
    found = list(read(ThreatsLog(home / "_threats.jsonl")))
    assert [one.line for one in found if isinstance(one, Fault)] == [2, 3, 4, 6]
    assert run(["threats", "--data-dir", str(home), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["f-1"]
    assert "line 2 of the findings log is no JSON object; it is skipped" in err
    assert "line 4 of the findings log is no finding (title: Field required)" in err
    assert "\x1b" not in err


def test_json_is_the_line_as_it_stands_whatever_another_version_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {**json.loads(logged().model_dump_json()), "from_another_version": {"a": 1}}
    home = written(tmp_path, [], json.dumps(line))
    assert run(["threats", "--data-dir", str(home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == line


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_table_has_each_finding_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    home = written(tmp_path, [logged("f-2", days=3), logged("f-1", thread_id="case-2"), logged("f-7", title="Other")])
    assert run(["threats", "--data-dir", str(home), "--technique", "T1059"]) == 0
    out, err = capsys.readouterr()
    line = next(line for line in out.splitlines() if "Encoded" in line)
    assert line.split()[:6] == ["2026-03-04", "12:05", "03-01", "2", "High", "T1059.001"]
    assert ("case-2, case-1" in out) is (columns == "200")
    assert "2 findings, logged 3 times" in err
    assert all(len(line) <= int(columns) for line in out.splitlines())


def test_the_page_is_written_whole_and_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = written(tmp_path, [logged(), logged("f-2", days=3)], *BROKEN)
    page = tmp_path / "overview.html"
    assert run(["threats", "--data-dir", str(home), "--host", "ws-1", "--html", str(page)]) == 0
    assert capsys.readouterr().out == ""
    reading = Reading(page.read_text())
    assert "Only host" in reading.seen
    assert "4 lines of the log could not be read" in reading.seen
    assert not reading.all("link") and not reading.all("img") and len(reading.all("script")) == 1
    assert not [value for name in ("src", "style", "onclick") for value in reading.values(name)]
    assert all(value.startswith("#") for value in reading.values("href"))


def test_an_event_counts_once_on_its_day_however_often_it_was_looked_into() -> None:
    told = overview_of([logged(), logged(thread_id="case-2"), logged("f-2", days=2)], Wanted())
    assert [(column.label, column.total) for column in told.columns] == [
        ("02 Mar 2026", 1), ("03 Mar 2026", 0), ("04 Mar 2026", 1),
    ]  # fmt: skip
    assert (told.logged, told.cases, len(told.findings)) == (3, 2, 1)
    assert [(bar.name, bar.told) for bar in told.hosts[0]] == [("ws-1.contoso.com", "1 High")]


@pytest.mark.parametrize(
    ("days", "unit", "most"), [(0, "day", 1), (61, "day", 62), (62, "week", 9), (4000, "91 days", 62)]
)
def test_long_times_are_told_by_longer_stretches(days: int, unit: str, most: int) -> None:
    told = overview_of([logged(), logged("f-2", days=days)], Wanted())
    assert (told.unit, sum(column.total for column in told.columns)) == (unit, 2)
    assert len(told.columns) <= most


def test_a_host_with_and_without_its_domain_is_one() -> None:
    named = [
        (Entity(kind="host", value=name),)
        for name in ("WS-1", "ws-1.contoso.com", "ws-2.a.example", "ws-2.b.example", "WS-2")
    ]
    told = overview_of(
        [logged(f"f-{at}", title=f"t{at}", entities=entities) for at, entities in enumerate(named)], Wanted()
    )
    assert sorted((bar.name, bar.total) for bar in told.hosts[0]) == [
        ("WS-2", 1), ("ws-1.contoso.com", 2), ("ws-2.a.example", 1), ("ws-2.b.example", 1),
    ]  # fmt: skip


def test_nothing_logged_is_a_page_too() -> None:
    assert "No finding is logged that matches." in Reading(as_overview([], Wanted())).seen


@settings(max_examples=30, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE_HERE), st.text(min_size=1, max_size=100)))
def test_hostile_text_is_no_markup_in_the_overview(text: str) -> None:
    def page(said: str) -> Reading:
        entities = (Entity(kind="host", value=said), Entity(kind="account", value=said))
        told = logged(title=said, entities=entities, thread_id=said, mitre=Mitre(id=said, tactic=said))
        return Reading(as_overview([told], Wanted(text=said)))

    assert page(text).skeleton == page("x").skeleton
    assert "http://" not in page(text).seen.lower()


def test_a_line_that_holds_all_is_an_entry(tmp_path: Path) -> None:
    (entry,) = read(ThreatsLog(written(tmp_path, [logged()]) / "_threats.jsonl"))
    assert isinstance(entry, Entry)
    assert entry.finding == logged()
