"""The same investigation over a live workspace and over a folder of its rows gives the same report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.cli.app import run
from soc_analyst.graph.desk.grounds import ground_of
from soc_analyst.tools.logs.azure import asking
from soc_analyst.tools.logs.service import Fault, LogAnalyticsService, Tenant
from soc_analyst.tools.records.folder import DataDir
from tests.records.hunted import differing

from .workspace import END, process, small, write

WORKSPACE = "11111111-1111-4111-8111-111111111111"
QUESTION = "Anything suspicious on host ws-1 in the last day?"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return small(tmp_path / "logs")


@pytest.fixture
def service(tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogAnalyticsService]:
    """A service that azure-identity signs in to, by the environment alone."""
    monkeypatch.setattr(asking, "_backoff", lambda _state: 0.0)
    tenant = Tenant(logs, lacking={"AlertInfo"}, without={"SigninLogs": {"RiskState"}})
    with LogAnalyticsService({WORKSPACE: tenant}, home=tmp_path / "served", tls=True, token="token") as served:
        for name, value in served.identity.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SSL_CERT_FILE", str(served.authority))
        monkeypatch.setenv("SOC_ANALYST_LOGS_ENDPOINT", served.url)
        yield served


def told(report: Report) -> dict[str, Any]:
    """Return what must be equal: all but the run's id, what it took and what only one of the two can say."""
    dumped = report.model_dump(mode="json", exclude={"thread_id", "usage", "warnings", "coverage"})
    for query in dumped["queries"]:
        for own in ("elapsed_ms", "estimate", "scanned"):
            query.pop(own)
    return dumped


async def test_both_backends_give_the_same_report(tmp_path: Path, logs: Path, service: LogAnalyticsService) -> None:
    live = Context(workspace=f"azure:{WORKSPACE}", now=END, data_dir=tmp_path / "live")
    folder = live.model_copy(update={"workspace": str(logs), "data_dir": tmp_path / "folder"})
    there, here = await ahunt(QUESTION, context=live), await ahunt(QUESTION, context=folder)
    assert there.outcome == here.outcome == "confirmed"
    without = [query for query in told(here)["queries"] if query["table"] != "AlertInfo"]
    assert len(told(there)["queries"]) == len(without)
    assert told(there)["findings"] == told(here)["findings"]
    assert any("AlertInfo: the workspace has no such table" in line for line in there.warnings)
    assert any("SigninLogs: the workspace lacks RiskState" in line for line in there.warnings)
    assert not any("RiskState" in one.kql for one in service.posted)
    assert all(one.timespan for one in service.posted)
    schema = [one for one in service.posted if one.kql.endswith("| take 0")]
    assert len(schema) == 11  # the schema was read once, in one request of eleven
    assert sum("Usage" in one.kql for one in service.posted) == 1  # so was what the tables hold
    assert service.signed_in == 1  # one client for all nodes, so one token
    ground = ground_of(there.thread_id, DataDir(live.data_dir))
    assert await differing(there, ground, live) == ([], len(there.findings))  # what is cited can be asked for again


@pytest.mark.usefixtures("service")
async def test_a_question_about_a_table_that_is_missing_is_not_answered_with_silence(tmp_path: Path) -> None:
    context = Context(workspace=f"azure:{WORKSPACE}", now=END, data_dir=tmp_path / "live")
    report = await ahunt("Which alerts were raised in the last day?", context=context)
    assert report.outcome == "could_not_look"
    assert any(entry.table == "AlertInfo" and entry.rows_in_window is None for entry in report.coverage)


async def test_what_was_found_is_kept_when_the_service_fails_midway(
    tmp_path: Path, service: LogAnalyticsService
) -> None:
    service.fail(Fault("server_error", match=r"let SigninLogs", times=0))
    context = Context(workspace=f"azure:{WORKSPACE}", now=END, data_dir=tmp_path / "live")
    report = await ahunt(QUESTION, context=context)
    assert report.outcome == "confirmed"
    assert len({one.kql for one in service.posted if one.status == 200 and not one.batch}) == len(
        [one for one in service.posted if one.status == 200 and not one.batch]
    )  # nothing that came back was asked twice


def test_no_permission_is_one_line_and_exit_status_4(
    tmp_path: Path, service: LogAnalyticsService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.fail(Fault("forbidden", times=0))
    status = run(["hunt", QUESTION, "--workspace", f"azure:{WORKSPACE}", "--data-dir", str(tmp_path / "live")])
    said = capsys.readouterr().err.strip()
    assert status == 4
    assert "Log Analytics Reader" in said and "\n" not in said


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("kql", "said"),
    [
        ("SigninLogs | project RiskState", "SigninLogs: the workspace lacks RiskState"),
        ("AlertInfo | take 1", "AlertInfo: the workspace has no such table"),
    ],
)
def test_a_query_of_what_the_workspace_lacks_is_refused_with_the_reason(
    kql: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "hunt.kql"
    text.write_text(kql)
    live = ["--workspace", f"azure:{WORKSPACE}", "--data-dir", str(tmp_path / "live"), "--now", END.isoformat()]
    assert run(["query", str(text), *live]) == 3
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("service")
def test_a_query_says_what_the_service_read_beside_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, policy = tmp_path / "hunt.kql", tmp_path / "policy.yaml"
    text.write_text("DeviceProcessEvents | take 1")
    policy.write_text("max_scan_gb: 0.00003\n")
    live = ["--workspace", f"azure:{WORKSPACE}", "--data-dir", str(tmp_path / "live"), "--now", END.isoformat()]
    assert run(["query", str(text), *live]) == 0
    assert "the service read 42 rows, 4.2 kB" in (said := capsys.readouterr().err) and "expected 41 rows, 41 kB" in said
    assert run(["query", str(text), *live, "--policy", str(policy)]) == 3
    assert "holds about 41 kB in the window" in (said := capsys.readouterr().err) and "which fits" in said


async def test_log_lines_of_several_workspaces_name_theirs(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "22222222-2222-4222-8222-222222222222"
    quiet = tmp_path / "quiet"
    write(quiet, "DeviceProcessEvents", [process(45, "ws-3", "notepad.exe", "eve")])
    tenants = {WORKSPACE: logs, other: quiet}
    with LogAnalyticsService(tenants, home=tmp_path / "served", tls=True, token="token") as service:
        for name, value in service.identity.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SSL_CERT_FILE", str(service.authority))
        spec = f"azure:{other},{WORKSPACE}@{service.url}"
        report = await ahunt(QUESTION, context=Context(workspace=spec, now=END, data_dir=tmp_path / "home"))
    assert report.outcome == "confirmed"
    (finding,) = report.findings
    assert {json.loads(line)["_Workspace"] for line in finding.log_lines} == {WORKSPACE}
    seen = {entry.table: entry.rows_in_window for entry in report.coverage}
    assert seen["DeviceProcessEvents"] == 42  # those of both, up to the clock
