"""Live workspaces: the real client against the service of tests, under the same contract as the embedded engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from soc_analyst.state.errors import BackendDenied, OperatorError, UnreachableError
from soc_analyst.tools.logs.azure import asking
from soc_analyst.tools.logs.azure.results import as_arrow
from soc_analyst.tools.logs.azure.spec import PUBLIC, parse_azure_spec
from soc_analyst.tools.logs.service import Fault, Kind, LogAnalyticsService, Tenant

from ..graph.workspace import small
from .conftest import approved
from .live import WORKSPACE, live

OTHER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return small(tmp_path / "logs")


@pytest.fixture
def service(tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogAnalyticsService]:
    monkeypatch.setattr(asking, "_backoff", lambda _state: 0.0)
    with LogAnalyticsService({WORKSPACE: logs}, home=tmp_path / "home", tls=True, token="token") as served:
        yield served


QUERIES = (
    "DeviceProcessEvents | sort by TimeGenerated desc, ReportId asc | take 5",
    "DeviceProcessEvents | where DeviceName has 'ws-1' | project TimeGenerated, DeviceName, ProcessCommandLine",
    "DeviceProcessEvents | summarize n = count(), last = max(TimeGenerated) by DeviceName | sort by DeviceName asc",
    "SigninLogs | extend ok = ResultType == '0', half = 0.5 * 3, day = bin(TimeGenerated, 1d) | take 3",
    "DeviceProcessEvents | where FileName == 'nothing.exe'",
    "SigninLogs | project TimeGenerated, LocationDetails, DeviceDetail | take 2",
)


@pytest.mark.parametrize("kql", QUERIES)
async def test_both_backends_answer_alike(kql: str, logs: Path, service: LogAnalyticsService, open_logs) -> None:
    async with open_logs(logs) as folder, live(service) as workspace:
        here = await folder.run(approved(kql), timeout=30)
        there = await workspace.run(approved(kql), timeout=30)
    assert there.status == here.status
    assert there.rows.schema.names == here.rows.schema.names
    assert there.rows.to_pylist() == here.rows.to_pylist()
    if here.rows.num_rows:
        assert there.rows.schema.types == here.rows.schema.types


async def test_one_row_beyond_the_cap_tells_that_there_are_more(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        result = await workspace.run(approved("DeviceProcessEvents | take 11", row_cap=10), timeout=30)
    assert (result.status, result.rows.num_rows, result.truncated) == ("ok", 10, True)


async def test_the_timespan_is_sent_and_holds_the_window(service: LogAnalyticsService) -> None:
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 4, 11, 0, 0, 999_999, tzinfo=UTC)
    query = approved("DeviceProcessEvents | count").model_copy(update={"start": start, "end": end})
    async with live(service) as workspace:
        await workspace.run(query, timeout=30)
    sent = service.posted[-1]
    begun, ended = (datetime.fromisoformat(one) for one in (sent.timespan or "").split("/"))
    assert begun <= start and end <= ended
    assert "wait=30" in sent.prefer and "include-statistics=true" in sent.prefer


async def test_a_query_approved_under_another_policy_is_refused(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        before = len(service.posted)
        result = await workspace.run(approved("DeviceProcessEvents", policy_hash="other"), timeout=30)
        assert result.diagnostics[0].code == "other-policy" and len(service.posted) == before


async def test_what_the_workspace_lacks_is_told_and_no_failure(tmp_path: Path, logs: Path) -> None:
    tenant = Tenant(logs, lacking={"AlertInfo"}, without={"DeviceProcessEvents": {"SHA1", "MD5"}})
    with LogAnalyticsService({WORKSPACE: tenant}, home=tmp_path / "home", tls=True) as service:
        async with live(service) as workspace:
            assert dict(workspace.lacking) == {"AlertInfo": (), "DeviceProcessEvents": ("SHA1", "MD5")}
            assert "AlertInfo" not in workspace.tables
            assert "SHA1" not in workspace.tables["DeviceProcessEvents"].columns
            assert len(workspace.notes) == 2
        assert all(one.batch for one in service.posted)  # the schema took one request


async def test_several_workspaces_answer_as_one_and_rows_name_theirs(tmp_path: Path, logs: Path) -> None:
    with LogAnalyticsService({WORKSPACE: logs, OTHER: logs}, home=tmp_path / "home", tls=True) as service:
        async with live(service, WORKSPACE, OTHER) as workspace:
            kql = "DeviceProcessEvents | project TimeGenerated, DeviceName | take 101"
            result = await workspace.run(approved(kql), timeout=30)
            assert result.rows.num_rows == 84
            assert set(result.rows["_Workspace"].to_pylist()) == {WORKSPACE, OTHER}
            service.fail(Fault("forbidden"))
            half = await workspace.run(approved(kql), timeout=30)
    assert (half.status, half.rows.num_rows) == ("partial", 42)
    assert half.diagnostics[0].code == "denied"


FAILURES: tuple[tuple[Kind, str, int], ...] = (
    ("unauthorized", "denied", 1),
    ("forbidden", "denied", 1),
    ("not_found", "no-workspace", 1),
    ("semantic", "wrong-query", 1),
    ("syntax", "wrong-query", 1),
    ("timeout", "timeout", 1),
    ("throttled", "throttled", asking.TRIES),
    ("server_error", "server", asking.TRIES),
    ("reset", "unreachable", asking.TRIES),
    ("wrong_type", "foreign-answer", 1),
    ("garbage", "foreign-answer", 1),
)


@pytest.mark.parametrize(("kind", "code", "tries"), FAILURES, ids=[kind for kind, _, _ in FAILURES])
async def test_what_goes_wrong_is_a_result_and_only_what_passes_is_tried_again(
    kind: Kind, code: str, tries: int, service: LogAnalyticsService
) -> None:
    async with live(service) as workspace:
        before = len(service.posted)
        service.fail(Fault(kind, times=0))
        result = await workspace.run(approved("DeviceProcessEvents"), timeout=30)
        assert (result.status, result.diagnostics[0].code) == ("failed", code)
        assert result.diagnostics[0].hint and "\n" not in result.diagnostics[0].message
        assert len(service.posted) - before == tries
        service.fail()
        assert (await workspace.run(approved("DeviceProcessEvents"), timeout=30)).status == "ok"


async def test_a_throttled_query_waits_as_long_as_it_is_told(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        service.fail(Fault("throttled", times=2, retry_after=0.3))
        result = await workspace.run(approved("DeviceProcessEvents"), timeout=30)
    assert result.status == "ok" and result.elapsed_ms >= 600


async def test_a_wait_longer_than_the_query_may_take_is_not_waited_for(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        service.fail(Fault("throttled", times=0, retry_after=60))
        result = await workspace.run(approved("DeviceProcessEvents"), timeout=20)
    assert (result.status, result.diagnostics[0].code) == ("failed", "throttled")  # not a timeout, which is parted
    assert result.elapsed_ms < 10_000


async def test_a_slow_answer_ends_with_its_time(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        service.fail(Fault("trickle", seconds=0.5, times=0))
        result = await workspace.run(approved("DeviceProcessEvents"), timeout=0.5)
    assert result.diagnostics[0].code == "timeout"


@pytest.mark.parametrize(("kind", "code"), [("partial", "memory"), ("too_large", "too-large")])
async def test_rows_of_a_partial_answer_are_kept_and_marked(
    kind: Kind, code: str, service: LogAnalyticsService
) -> None:
    async with live(service) as workspace:
        service.fail(Fault(kind, bytes=3_000))
        result = await workspace.run(approved("DeviceProcessEvents"), timeout=30)
    assert result.status == "partial" and result.truncated and 0 < result.rows.num_rows < 42
    assert result.diagnostics[0].code == code


async def test_many_queries_at_once_keep_to_the_places_of_one_user(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        results = await asyncio.gather(
            *(workspace.run(approved("DeviceProcessEvents | count"), timeout=60) for _ in range(64))
        )
    assert {result.status for result in results} == {"ok"}


async def test_a_cancelled_query_leaves_nothing_running(service: LogAnalyticsService) -> None:
    async with live(service) as workspace:
        service.fail(Fault("trickle", seconds=0.2))
        asked = asyncio.ensure_future(workspace.run(approved("DeviceProcessEvents"), timeout=60))
        await asyncio.sleep(0.3)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await workspace.run(approved("DeviceProcessEvents | count"), timeout=30)).status == "ok"


@pytest.mark.parametrize(("kind", "error"), [("forbidden", BackendDenied), ("server_error", UnreachableError)])
async def test_a_workspace_that_cannot_be_read_is_not_opened(
    kind: Kind, error: type[Exception], service: LogAnalyticsService
) -> None:
    service.fail(Fault(kind, times=0))
    with pytest.raises(error, match="the workspace") as caught:
        async with live(service):
            pass
    assert "\n" not in str(caught.value)


def test_kusto_s_types_become_arrow_s() -> None:
    columns = ["t", "l", "i", "r", "b", "s", "d", "g", "m", "e"]
    kinds = ["datetime", "long", "int", "real", "bool", "string", "dynamic", "guid", "decimal", "timespan"]
    row = ["2026-03-04T09:00:00.1234567Z", 2**62, 7, "NaN", True, None, '{"a":1}', "6f96", "1.50", "1.02:03:04"]
    table = as_arrow(columns, kinds, [row, [None] * 10])
    assert table.schema.types == [
        pa.timestamp("us", tz="UTC"), pa.int64(), pa.int64(), pa.float64(), pa.bool_(), *[pa.string()] * 5,
    ]  # fmt: skip
    first, second = table.to_pylist()
    assert first["t"] == datetime(2026, 3, 4, 9, microsecond=123_456, tzinfo=UTC)
    assert first["l"] == 2**62 and first["r"] != first["r"]
    assert (first["d"], first["m"], first["s"], second["s"], second["d"]) == ('{"a":1}', "1.50", "", "", None)


@pytest.mark.parametrize(
    ("text", "endpoint", "wanted"),
    [
        (f"azure:{WORKSPACE}", None, PUBLIC),
        (f"azure:{WORKSPACE.upper()}", None, PUBLIC),
        (f"azure:{WORKSPACE}", "https://api.loganalytics.us/v1", "https://api.loganalytics.us"),
        (f"azure:{WORKSPACE}@https://localhost:8443", "https://api.loganalytics.us", "https://localhost:8443"),
    ],
)
def test_a_workspace_is_named_by_id_and_endpoint(text: str, endpoint: str | None, wanted: str) -> None:
    assert parse_azure_spec(text, endpoint=endpoint).endpoint == wanted
    assert parse_azure_spec(text, endpoint=endpoint).ids == (WORKSPACE,)


@pytest.mark.parametrize(
    "text",
    ["azure:", "azure:my-workspace", f"azure:{WORKSPACE},", f"azure:{WORKSPACE}@http://api.loganalytics.io",
     f"azure:{WORKSPACE}@https://user@host", f"azure:{WORKSPACE}@https://host/path", f"azure:{WORKSPACE}@https://[::1"],
)  # fmt: skip
def test_what_names_no_workspace_is_told_in_one_line(text: str) -> None:
    with pytest.raises(OperatorError) as caught:
        parse_azure_spec(text)
    assert "\n" not in str(caught.value)
