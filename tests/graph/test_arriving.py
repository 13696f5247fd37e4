"""What may not have come in yet is no absence, and a source that fell silent is no quiet one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.state.queries import Coverage
from soc_analyst.tools.logs.azure import asking
from soc_analyst.tools.logs.service import Fault, LogAnalyticsService, Tenant

from .workspace import END, process, write

WORKSPACE = "11111111-1111-4111-8111-111111111111"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUIET = "Anything suspicious on host ws-2 in the last day?"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogAnalyticsService]:
    """A live workspace of ordinary work, one table of which fell silent two days ago and one of which is slow."""
    monkeypatch.setattr(asking, "_backoff", lambda _state: 0.0)
    logs = tmp_path / "logs"
    write(
        logs, "DeviceProcessEvents", [process(20 + 5 * n, "ws-2", "notepad.exe report.txt", "bob") for n in range(40)]
    )
    write(logs, "DeviceLogonEvents", [{"TimeGenerated": END - 48 * HOUR, "DeviceName": "ws-2", "AccountName": "bob"}])
    file = {"DeviceName": "ws-2", "FileName": "report.txt", "ActionType": "FileModified"}
    write(logs, "DeviceFileEvents", [{**file, "TimeGenerated": END - n * HOUR} for n in range(3, 9)])
    tenant = Tenant(logs, delays={"DeviceFileEvents": 3 * HOUR})
    with LogAnalyticsService({WORKSPACE: tenant}, home=tmp_path / "served", tls=True, token="token") as served:
        for name, value in served.identity.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SSL_CERT_FILE", str(served.authority))
        monkeypatch.setenv("SOC_ANALYST_LOGS_ENDPOINT", served.url)
        yield served


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock on the wall."""
    return lambda moment: monkeypatch.setattr("soc_analyst.graph.desk.desk.wall_clock", lambda: moment)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=f"azure:{WORKSPACE}", data_dir=tmp_path / "data")


def covered(report: Report, table: str) -> Coverage:
    return next(entry for entry in report.coverage if entry.table == table)


@pytest.mark.usefixtures("service")
async def test_nothing_found_says_what_may_still_come_in(at: Callable[[datetime], None], context: Context) -> None:
    at(END)
    report = await ahunt(QUIET, context=context)
    assert report.outcome == "not_found"
    # Measured: two minutes for processes, three hours for files.
    assert covered(report, "DeviceProcessEvents").unsettled_from == END - 2 * MINUTE
    assert covered(report, "DeviceFileEvents").unsettled_from == END - 3 * HOUR
    assert "may not have come in yet" in covered(report, "DeviceFileEvents").note
    assert "Rows may still come in" in report.summary and "DeviceFileEvents from 2026-03-04 09:00" in report.summary


@pytest.mark.usefixtures("service")
async def test_a_source_that_fell_silent_is_told_from_one_that_never_spoke(
    at: Callable[[datetime], None], context: Context
) -> None:
    at(END)
    report = await ahunt(QUIET, context=context)
    silent, never = covered(report, "DeviceLogonEvents"), covered(report, "DeviceRegistryEvents")
    assert (silent.rows_in_window, silent.last_before) == (0, END - 48 * HOUR)
    assert (never.rows_in_window, never.last_before) == (0, None)
    assert "DeviceLogonEvents (silent since 2026-03-02 12:00)" in report.summary
    assert "nor in the 90 days" in never.note


@pytest.mark.usefixtures("service")
async def test_an_old_window_has_all_its_rows(at: Callable[[datetime], None], context: Context) -> None:
    at(END + 24 * HOUR)
    report = await ahunt(QUIET, context=context.model_copy(update={"now": END}))
    assert report.outcome == "not_found" and "may still come in" not in report.summary
    assert all(entry.unsettled_from is None for entry in report.coverage)


async def test_where_the_delay_cannot_be_measured_the_table_s_allowance_stands(
    service: LogAnalyticsService, at: Callable[[datetime], None], context: Context
) -> None:
    at(END)
    service.fail(Fault("semantic", match=r"ingestion_time", times=0))
    report = await ahunt(QUIET, context=context)
    assert covered(report, "DeviceProcessEvents").unsettled_from == END - 15 * MINUTE


@pytest.mark.usefixtures("service")
async def test_a_window_of_which_nothing_need_have_come_in_cannot_be_judged(
    at: Callable[[datetime], None], context: Context
) -> None:
    at(END)
    window = {"since": END - HOUR, "until": END}
    report = await ahunt("Which files were written on host ws-2?", context=context.model_copy(update=window))
    assert report.outcome == "could_not_look"
    assert "DeviceFileEvents: rows of this window may not have come in yet" in report.summary
