"""Hunts on a live workspace whose service fails: each ends as it should, keeps what came, and asks nothing in vain."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.cli.app import run
from soc_analyst.graph.desk.desk import open_desk
from soc_analyst.graph.hunting import aresume
from soc_analyst.graph.looking.sweeping import sweep
from soc_analyst.graph.progress import Event
from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.logs.azure import asking
from soc_analyst.tools.logs.service import Fault, Kind, LogAnalyticsService, Posted
from soc_analyst.tools.models.scripted import Asked, Reply, ScriptedServer
from soc_analyst.tools.records.folder import DataDir

from .workspace import END, small

WORKSPACE = "11111111-1111-4111-8111-111111111111"
QUESTION = "Anything suspicious on host ws-1 in the last day?"
POLICY = """\
tables:
  DeviceProcessEvents: default
  DeviceFileEvents: default
  DeviceNetworkEvents: default
"""
PROCESSES = r"(?s)let DeviceProcessEvents.*\| sort by"
"""The rows of processes, not their counts: what holds the attack."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogAnalyticsService]:
    home = tmp_path_factory.mktemp("faults")
    with LogAnalyticsService({WORKSPACE: small(home / "logs")}, home=home / "served", tls=True, token="token") as up:
        yield up


@dataclass(frozen=True)
class Case:
    """A service that fails as told, and the hunts on it."""

    service: LogAnalyticsService
    home: Path
    before: int

    @property
    def context(self) -> Context:
        policy = self.home / "policy.yaml"
        policy.write_text(POLICY)
        return Context(workspace=f"azure:{WORKSPACE}", now=END, data_dir=self.home / "data", policy=policy)

    @property
    def posted(self) -> tuple[Posted, ...]:
        """The queries of this test, the schema's and the volumes' aside."""
        return tuple(one for one in self.service.posted[self.before :] if "let " in one.kql)

    def fail(self, *faults: Fault) -> None:
        self.service.fail(*faults)

    async def hunt(self, **options: Any) -> Report:
        return await ahunt(QUESTION, context=self.context.model_copy(update=options), thread_id="case-1")

    def require_nothing_asked_twice(self) -> None:
        answered = Counter(one.kql for one in self.posted if one.answered)
        assert max(answered.values(), default=0) <= 1
        assert max(Counter(one.kql for one in self.posted).values(), default=0) <= asking.TRIES


@pytest.fixture
def case(served: LogAnalyticsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setattr(asking, "_backoff", lambda _state: 0.0)
    for name, value in served.identity.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SSL_CERT_FILE", str(served.authority))
    monkeypatch.setenv("SOC_ANALYST_LOGS_ENDPOINT", served.url)
    served.fail()
    yield Case(served, tmp_path, len(served.posted))
    served.fail()


@pytest.fixture(scope="module")
def expected(served: LogAnalyticsService, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a hunt says that nothing disturbs."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in served.identity.items():
            patched.setenv(name, value)
        patched.setenv("SSL_CERT_FILE", str(served.authority))
        patched.setenv("SOC_ANALYST_LOGS_ENDPOINT", served.url)
        served.fail()
        report = asyncio.run(Case(served, tmp_path_factory.mktemp("undisturbed"), 0).hunt())
    assert report.outcome == "confirmed"
    return told(report)


def told(report: Report) -> dict[str, Any]:
    """Return what a report says, but for what it took to say it."""
    dumped = report.model_dump(mode="json")
    return {name: dumped[name] for name in ("outcome", "findings", "coverage", "summary", "hypotheses", "timeline")}


LASTING: tuple[tuple[Kind, str, int], ...] = (
    ("throttled", "the service takes no more queries for now", asking.TRIES),
    ("unauthorized", "does not take this credential's token", 1),
    ("forbidden", "may not read the workspace", 1),
    ("not_found", "no such workspace", 1),
    ("semantic", "does not take the query", 1),
    ("syntax", "does not take the query", 1),
    ("server_error", "failed with status 500", asking.TRIES),
    ("reset", "broke off before its end", asking.TRIES),
    ("wrong_type", "text/html", 1),
    ("garbage", "cannot be read", 1),
)


@pytest.mark.parametrize(("kind", "said", "tries"), LASTING, ids=[kind for kind, _, _ in LASTING])
def test_a_lasting_fault_ends_as_could_not_look_with_its_reason(
    kind: Kind, said: str, tries: int, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.fail(Fault(kind, match="let ", times=0))
    context = case.context
    options = ["--now", END.isoformat(), "--policy", str(context.policy), "--data-dir", str(context.data_dir)]
    status = run(["hunt", QUESTION, "--json", "--workspace", context.workspace, "--model", "none", *options])
    report = json.loads(capsys.readouterr().out)
    assert status == 4
    assert report["outcome"] == "could_not_look" and report["findings"] == []
    assert {query["status"] for query in report["queries"]} == {"failed"}
    assert any(said in line for line in report["warnings"])
    assert not any("No log" in line for line in report["warnings"])  # nobody looked
    assert max(Counter(one.kql for one in case.posted).values()) == tries


@pytest.mark.parametrize("kind", ["throttled", "forbidden", "server_error", "reset", "garbage"])
async def test_what_was_found_before_a_fault_stays_found(kind: Kind, case: Case, expected: dict[str, Any]) -> None:
    case.fail(Fault(kind, match=r"let Device(File|Network)Events", times=0))
    report = await case.hunt()
    assert report.outcome == "confirmed"
    assert [finding.id for finding in report.findings] == [finding["id"] for finding in expected["findings"]]
    by_table = {query.table: query.status for query in report.queries if query.round == 1}
    assert by_table["DeviceProcessEvents"] == "ok" and by_table["DeviceFileEvents"] == "failed"
    assert any(line.startswith("r1q") and "DeviceFileEvents" in line for line in report.warnings)
    case.require_nothing_asked_twice()


@pytest.mark.parametrize("after", [1, 3, 5])
async def test_a_fault_that_begins_midway_takes_nothing_from_what_came(case: Case, after: int) -> None:
    case.fail(Fault("unauthorized", match="let ", times=0, after=after))
    report = await case.hunt()
    whole = [one for one in case.posted if one.answered]
    assert len(whole) == after
    rows_came = any(query.rows for query in report.queries)
    assert report.outcome == ("confirmed" if rows_came else "could_not_look")
    assert {query.status for query in report.queries} >= {"failed"}
    case.require_nothing_asked_twice()


PASSING: tuple[Fault, ...] = (
    Fault("throttled", match="let ", times=3, retry_after=0.05),
    Fault("server_error", match="let ", times=3),
    Fault("reset", match="let ", times=3),
    Fault("trickle", match="let ", times=2, seconds=0.005),
)


@pytest.mark.parametrize("fault", PASSING, ids=[fault.kind for fault in PASSING])
async def test_a_fault_that_passes_changes_nothing(fault: Fault, case: Case, expected: dict[str, Any]) -> None:
    case.fail(fault)
    report = await case.hunt()
    assert told(report) == expected
    assert sum(one.fault == fault.kind for one in case.posted) == fault.times
    if fault.kind != "trickle":
        case.require_nothing_asked_twice()


LIMITS: tuple[Fault, ...] = (
    Fault("timeout", match=PROCESSES, times=0, longer_than=7),
    Fault("partial", match=PROCESSES, times=0, longer_than=7),
    Fault("partial", match=PROCESSES, times=0, longer_than=7, message="Partial results"),
)


@pytest.mark.parametrize("fault", LIMITS, ids=["timeout", "memory", "incomplete"])
async def test_a_limit_is_met_by_asking_in_halves(fault: Fault, case: Case, expected: dict[str, Any]) -> None:
    case.fail(fault)
    report = await case.hunt()
    assert report.outcome == "confirmed"
    assert [finding.id for finding in report.findings] == [finding["id"] for finding in expected["findings"]]
    parts = [query for query in report.queries if query.table == "DeviceProcessEvents"]
    assert {query.round for query in parts} >= {1, 2, 3}
    case.require_nothing_asked_twice()


async def test_a_result_too_large_is_gone_on_with_where_it_was_cut(case: Case) -> None:
    question = "Which processes ran on host ws-2 in the last day?"
    context = case.context
    whole = await ahunt(question, context=context, thread_id="whole")
    case.fail(Fault("too_large", match=PROCESSES, times=0, bytes=15_000))
    paged = await ahunt(question, context=context.model_copy(update={"data_dir": case.home / "paged"}), thread_id="b")
    pages = [query for query in paged.queries if query.table == "DeviceProcessEvents"]
    assert len(pages) >= 2 and pages[0].truncated and pages[0].diagnostics[0].code == "too-large"
    seen = sum(query.rows for query in whole.queries if query.table == "DeviceProcessEvents")
    again = len(pages) - 1  # the row at which a page ended comes again with the next
    assert sum(query.rows for query in pages) == seen + again
    assert paged.outcome == whole.outcome


@pytest.mark.parametrize("fault", [*LIMITS, Fault("too_large", match=PROCESSES, times=0, bytes=15_000)],
                         ids=["timeout", "memory", "incomplete", "size"])  # fmt: skip
async def test_whole_tables_are_read_for_the_detections_whatever_limit_they_meet(fault: Fault, case: Case) -> None:
    case.fail(fault)
    window = TimeWindow(start=END - timedelta(days=1), end=END + timedelta(seconds=1))
    async with open_desk(case.context) as desk, desk.workspace() as workspace:
        swept = await sweep(["DeviceProcessEvents"], window, desk, workspace)
    assert [(len(one.rows), one.held, one.note) for one in swept.read] == [(42, 42, "")]
    assert any("ws-1.contoso.com" in detection.statement for detection in swept.detections)


@pytest.mark.parametrize("kind", ["unauthorized", "forbidden", "not_found", "throttled", "server_error", "reset",
                                  "wrong_type", "garbage"])  # fmt: skip
def test_a_workspace_that_cannot_be_opened_is_one_line_and_status_4(
    kind: Kind, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.fail(Fault(kind, times=0))
    context = case.context
    options = ["--now", END.isoformat(), "--policy", str(context.policy), "--data-dir", str(context.data_dir)]
    status = run(["hunt", QUESTION, "--workspace", context.workspace, "--model", "none", *options])
    said = capsys.readouterr()
    assert status == 4 and said.out == ""
    assert said.err.count("\n") == 1 and "workspace" in said.err
    assert case.posted == ()


async def test_of_a_batch_only_what_failed_is_asked_again(case: Case, expected: dict[str, Any]) -> None:
    case.fail(Fault("throttled", match=r"^DeviceFileEvents\n\| take 0", times=2))
    report = await case.hunt()
    assert told(report) == expected
    schema = Counter(one.kql.split("\n")[0] for one in case.service.posted[case.before :] if "take 0" in one.kql)
    assert schema == {"DeviceFileEvents": 3, "DeviceProcessEvents": 1, "DeviceNetworkEvents": 1}


@pytest.mark.parametrize("queries", [1, 2, 4])
async def test_a_run_that_was_stopped_goes_on_without_asking_again(
    queries: int, case: Case, expected: dict[str, Any]
) -> None:
    finished = 0

    def stop(event: Event) -> None:
        nonlocal finished
        finished += event.get("event") == "query_finished"
        if finished == queries:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await ahunt(QUESTION, context=case.context, thread_id="case-1", watch=stop)
    data = DataDir(case.context.data_dir)
    kept = len(list((data.case("case-1") / "queries").glob("*.json")))
    asked = len(case.posted)
    report = await aresume("case-1", data_dir=data)
    assert told(report) == expected
    rows = Counter(one.kql for one in case.posted[asked:] if "| sort by" in one.kql)
    assert kept >= queries and len(report.queries) == kept + len(rows) and set(rows.values()) <= {1}


async def test_the_same_question_after_a_fault_asks_only_what_had_failed(case: Case, expected: dict[str, Any]) -> None:
    case.fail(Fault("forbidden", match=PROCESSES, times=0))
    before = await case.hunt()
    assert before.outcome == "could_not_look"
    case.fail()
    again = await case.hunt()
    assert [finding.id for finding in again.findings] == [finding["id"] for finding in expected["findings"]]
    rows = Counter(one.kql for one in case.posted if "| sort by" in one.kql)
    assert {count for kql, count in rows.items() if "let DeviceProcessEvents" not in kql} == {1}


def plan(kql: str) -> dict[str, Any]:
    query = {"purpose": "Count by host", "refutes": 0, "read": None, "start": None, "end": None, "shape": "rows",
             "limit": None, "kql": kql}  # fmt: skip
    return {"reason": "Look.", "window": None, "hypotheses": [], "queries": [query]}


@pytest.mark.parametrize(
    ("kql", "status", "said"),
    [
        ("DeviceProcessEvents | summarize Rows = count() by DeviceName", "ok", "asked in 4 parts of its window"),
        ("DeviceProcessEvents | summarize dcount(DeviceName)", "failed", "`dcount` of parts cannot be put together"),
    ],
)
async def test_a_text_of_a_model_is_asked_in_parts_where_it_can_be(
    kql: str, status: str, said: str, case: Case
) -> None:
    case.fail(Fault("timeout", match="summarize (Rows|dcount)", times=0, longer_than=6.5))
    plans = 0

    def model(asked: Asked) -> Reply:
        nonlocal plans
        if asked.answer == "plan_queries":
            plans += 1
            return plan(kql) if plans == 1 else {**plan(kql), "queries": []}
        return {"reviews": []} if asked.answer == "CriticAnswer" else {"findings": [], "hypotheses": []}

    with ScriptedServer(model) as server:
        report = await case.hunt(model=f"scripted@{server.url}")
    (query,) = (one for one in report.queries if one.purpose == "Count by host")
    assert query.status == status
    assert any(said in line for line in report.warnings)
    assert report.outcome == "confirmed"  # what rules ask stands whatever became of it
    if status == "ok":
        assert query.rows == 2
        assert report.usage.queries == len(report.queries) + 6
    case.require_nothing_asked_twice()
