"""What queries will read, told before they run, and what the service says they read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soc_analyst.state.costs import Estimate, Scanned, Volume, size_text
from soc_analyst.tools.logs.azure import asking
from soc_analyst.tools.logs.azure.statistics import scanned_by
from soc_analyst.tools.logs.service import Fault, LogAnalyticsService, Tenant
from soc_analyst.tools.logs.volumes import PARTS, spread

from ..graph.workspace import END, small
from .conftest import approved
from .live import WORKSPACE, live

OTHER = "22222222-2222-4222-8222-222222222222"
HOUR = timedelta(hours=1)
TABLES = ("DeviceProcessEvents", "SigninLogs", "AuditLogs")
WINDOW = (END - 12 * HOUR, END)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return small(tmp_path / "logs")


@pytest.fixture
def service(tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogAnalyticsService]:
    monkeypatch.setattr(asking, "_backoff", lambda _state: 0.0)
    with LogAnalyticsService({WORKSPACE: logs, OTHER: logs}, home=tmp_path / "home", tls=True) as served:
        yield served


def whole(volume: Volume) -> Estimate:
    return volume.within(volume.start, volume.end)


async def test_a_folder_s_rows_are_counted_exactly(logs: Path, open_logs) -> None:
    async with open_logs(logs) as workspace:
        survey = await workspace.survey(TABLES, *WINDOW)
    processes, signins, audits = map(whole, survey.volumes)
    assert (processes.rows, signins.rows, audits.rows) == (41, 8, 0)  # the row at the very end lies outside
    assert processes.basis == ("loaded",) and (processes.bytes or 0) > 41 * 100 and audits.bytes == 0
    newest_hour = survey.volumes[0].within(END - HOUR, END)
    assert newest_hour.rows == 2


async def test_usage_tells_of_all_tables_by_one_request(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        before = len(service.posted)
        survey = await workspace.survey(TABLES, *WINDOW)
        asked = service.posted[before:]
    processes = whole(survey.volumes[0])
    assert processes == Estimate(rows=41, bytes=41_000, basis=("usage",))
    assert not survey.notes and all(one.batch for one in asked)
    assert sum(one.kql.startswith("Usage") for one in asked) == 1
    audits = next(one for one in survey.volumes if one.table == "AuditLogs")
    assert whole(audits) == Estimate(rows=0, bytes=0, basis=("count",))  # what Usage has nothing of is counted
    assert not any("DeviceProcessEvents" in one.kql and "count()" in one.kql for one in asked)


async def test_a_window_of_minutes_is_told_by_the_share_of_its_hours(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        survey = await workspace.survey(("DeviceProcessEvents",), END - 2 * HOUR, END - 1.5 * HOUR)
        (volume,) = survey.volumes
    # Twelve rows, one each five minutes, in the hour from ten o'clock: half of them.
    assert whole(volume) == Estimate(rows=6, bytes=6_000, basis=("usage",))


async def test_what_usage_has_not_yet_is_taken_to_go_on(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        survey = await workspace.survey(("SigninLogs",), END - 4 * HOUR, END + 4 * HOUR)
        (volume,) = survey.volumes
    assert volume.basis == "usage"
    assert whole(volume).bytes == pytest.approx(2 * 4_000, rel=0.5)


async def test_several_workspaces_are_added_up(service: LogAnalyticsService) -> None:
    async with live(service, WORKSPACE, OTHER) as workspace:
        survey = await workspace.survey(("DeviceProcessEvents",), *WINDOW)
    assert [whole(one).rows for one in survey.volumes] == [82]


@pytest.mark.parametrize(
    "fault", [Fault("forbidden", match=r"^Usage", times=0), None], ids=["no permission", "no table"]
)
async def test_without_usage_rows_are_counted_and_it_is_said(fault: Fault | None, tmp_path: Path, logs: Path) -> None:
    tenant = Tenant(logs, lacking={"Usage"} if fault is None else ())
    with LogAnalyticsService({WORKSPACE: tenant}, home=tmp_path / "home", tls=True) as service:
        async with live(service) as workspace:
            service.fail(*([fault] if fault else []))
            survey = await workspace.survey(TABLES, *WINDOW)
    assert [(whole(one).rows, one.basis) for one in survey.volumes] == [(41, "count"), (8, "count"), (0, "count")]
    assert whole(survey.volumes[0]).bytes == 41_000
    (note,) = survey.notes
    assert "Usage could not be read" in note and "counted instead" in note


async def test_what_cannot_be_told_at_all_is_a_note_and_no_failure(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        service.fail(Fault("server_error", match="DeviceProcessEvents|Usage", times=0))
        survey = await workspace.survey(TABLES, *WINDOW)
    assert {one.table for one in survey.volumes} == {"SigninLogs", "AuditLogs"}
    assert any(note.startswith("DeviceProcessEvents could not be counted") for note in survey.notes)


async def test_the_service_s_own_figures_come_with_the_result(
    service: LogAnalyticsService, logs: Path, open_logs
) -> None:
    async with live(service) as workspace:
        result = await workspace.run(approved("DeviceProcessEvents | where FileName == 'calc.exe'"), timeout=30)
    assert result.scanned is not None
    assert (result.rows.num_rows, result.scanned.rows, result.scanned.bytes) == (1, 42, 4_200)
    assert result.scanned.cpu_ms is not None and result.scanned.memory_bytes
    async with open_logs(logs) as folder:
        assert (await folder.run(approved("DeviceProcessEvents"), timeout=30)).scanned is None


STATISTICS = {
    "query": {
        "inputDatasetStatistics": {
            "rows": {"scanned": 36_656},
            "rowstores": {"scannedRows": 12_323, "scannedValuesSize": 500},
        },
        "resourceUsage": {
            "cache": {
                "shards": {
                    "bypassbytes": 1,
                    "cold": {"hitbytes": 2, "missbytes": 3},
                    "hot": {"hitbytes": 4, "missbytes": 5},
                }
            },
            "cpu": {"totalCpu": "1.00:00:01.5000000"},
        },
    }
}


def test_statistics_add_up_the_stores_and_the_caches() -> None:
    assert scanned_by(STATISTICS) == Scanned(rows=48_979, bytes=515, cpu_ms=86_401_500.0)


@pytest.mark.parametrize(
    "given",
    [None, {}, {"query": None}, {"query": {"resourceUsage": {"cpu": {"totalCpu": "soon"}}}},
     {"query": {"inputDatasetStatistics": {"rows": {"scanned": float("nan")}}}},
     {"query": {"inputDatasetStatistics": [1]}}],
)  # fmt: skip
def test_statistics_of_another_form_say_nothing(given: dict[str, object] | None) -> None:
    assert scanned_by(given) is None


def test_a_piece_is_shared_out_by_its_time() -> None:
    start = datetime(2026, 3, 4, tzinfo=UTC)
    parts = spread([(start - HOUR, start + HOUR, 960.0)], start, start + 48 * HOUR)
    assert len(parts) == PARTS and parts[0] == 480 and not any(parts[1:])


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (4_200, "4.2 kB"), (3.1e9, "3.1 GB"), (2e15, "2,000 TB")]
)
def test_sizes_are_told_in_the_unit_that_suits(size: float, text: str) -> None:
    assert size_text(size) == text
