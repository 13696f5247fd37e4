"""What every workspace does, whatever stands behind it: the same tests on a folder and on a live one of its rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import AnyOf, ApprovedQuery, Condition, PlannedQuery, TypedQuery
from soc_analyst.tools.guard import check, load_policy
from soc_analyst.tools.logs.azure import asking
from soc_analyst.tools.logs.base import QueryResult, Workspace
from soc_analyst.tools.logs.service import Fault, LogAnalyticsService, Tenant
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.logs.workspaces import open_workspace

from .conftest import ALL_COLUMNS, approved
from .live import NOW, WORKSPACE, live

Kind = Literal["folder", "live"]
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
SIGNINS = [
    {
        "TimeGenerated": (NOON - timedelta(minutes=n)).isoformat(),
        "UserPrincipalName": f"user{n}@contoso.com",
        "ResultType": "0" if n % 3 else "50126",
        "Location": "DE" if n else "",
        "DeviceDetail": {"os": "Windows", "n": n},
        "IPAddress": "192.0.2.1",
    }
    for n in range(30)
]
PROCESSES = [
    {"TimeGenerated": "2026-03-04T11:59:59.123456Z", "DeviceName": "ws-1", "ReportId": 2**53 + 1, "FileSize": 2**62,
     "ProcessCommandLine": "a \"b\" \\ ü 🦉 \n],[", "AdditionalFields": {"list": [1, [2]], "text": "x],[\"y"}},
    {"TimeGenerated": "2026-03-04T10:00:00Z", "DeviceName": "ws-2"},
]  # fmt: skip


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contract") / "logs"
    folder.mkdir()
    for table, rows in (("SigninLogs", SIGNINS), ("DeviceProcessEvents", PROCESSES)):
        (folder / f"{table}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def service(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogAnalyticsService]:
    home, tenant = tmp_path_factory.mktemp("served"), Tenant(logs, now=NOW)
    with LogAnalyticsService({WORKSPACE: tenant}, home=home, tls=True, token="token") as served:
        yield served


@dataclass(frozen=True)
class Backend:
    """A workspace of one of the two kinds, and how it is made slow."""

    kind: Kind
    workspace: Workspace
    service: LogAnalyticsService

    async def ask(self, kql: str, *, row_cap: int = 100, seconds: float = 30) -> QueryResult:
        return await self.workspace.run(approved(kql, row_cap=row_cap), timeout=seconds)

    def slow(self) -> ApprovedQuery:
        """Return a query that takes longer than anybody waits."""
        self.service.fail(Fault("trickle", match="SigninLogs", times=0, seconds=1))
        if self.kind == "live":
            return approved("SigninLogs")
        pairs = "".join(f"| join kind=inner (SigninLogs | project k = 1, u{n} = Location) on k " for n in range(7))
        texts = ", ".join(f"u{n}" for n in range(7))
        return approved(f"SigninLogs | extend k = 1 {pairs}| summarize n = countif(strcat({texts}) contains 'zz')")


@pytest.fixture(params=["folder", "live"])
async def backend(
    request: pytest.FixtureRequest,
    logs: Path,
    service: LogAnalyticsService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Backend]:
    monkeypatch.setattr(asking, "_backoff", lambda _state: 0.0)
    service.fail()
    if request.param == "live":
        async with live(service) as workspace:
            yield Backend("live", workspace, service)
    else:
        async with open_workspace(
            str(logs), data_dir=tmp_path, columns=ALL_COLUMNS, policy_hash="p1", now=NOW
        ) as workspace:
            yield Backend("folder", workspace, service)
    service.fail()


VALUES: tuple[tuple[str, pa.DataType, Any], ...] = (
    ("TimeGenerated", TIME, datetime(2026, 3, 4, 11, 59, 59, 123_456, tzinfo=UTC)),
    ("bin(TimeGenerated, 1d)", TIME, datetime(2026, 3, 4, tzinfo=UTC)),
    ("datetime(null)", TIME, None),
    ("FileSize", pa.int64(), 2**62),
    ("ReportId", pa.int64(), 2**53 + 1),
    ("toint(7)", pa.int64(), 7),
    ("long(null)", pa.int64(), None),
    ("0.1 + 0.2", pa.float64(), 0.1 + 0.2),
    ("1.0 / 0.0", pa.float64(), float("inf")),
    ("real(null)", pa.float64(), None),
    ("DeviceName == 'ws-1'", pa.bool_(), True),
    ("bool(null)", pa.bool_(), None),
    ("ProcessCommandLine", pa.string(), 'a "b" \\ ü 🦉 \n],['),
    ("AccountName", pa.string(), ""),
    ("TimeGenerated - datetime(2026-03-03T10:58:58Z)", pa.string(), "1.01:01:01.1234560"),
    ("tostring(AdditionalFields.text)", pa.string(), 'x],["y'),
)


@pytest.mark.parametrize(("expression", "kind", "value"), VALUES, ids=[expression for expression, _, _ in VALUES])
async def test_a_value_comes_with_its_type(expression: str, kind: pa.DataType, value: Any, backend: Backend) -> None:
    result = await backend.ask(f"DeviceProcessEvents | where DeviceName == 'ws-1' | project x = {expression}")
    assert result.rows.schema == pa.schema([("x", kind)]), result.diagnostics
    assert result.rows["x"].to_pylist() == [value]


async def test_a_dynamic_value_comes_as_json(backend: Backend) -> None:
    result = await backend.ask("DeviceProcessEvents | project DeviceName, AdditionalFields | sort by DeviceName asc")
    first, second = result.rows["AdditionalFields"].to_pylist()
    assert json.loads(first) == {"list": [1, [2]], "text": 'x],["y'} and second is None


@pytest.mark.parametrize(
    ("wanted", "cap", "kept", "truncated"), [(31, 30, 30, False), (30, 29, 29, True), (9, 5, 5, True)]
)
async def test_one_row_beyond_the_cap_tells_that_there_are_more(
    wanted: int, cap: int, kept: int, truncated: bool, backend: Backend
) -> None:
    result = await backend.ask(f"SigninLogs | sort by TimeGenerated desc | take {wanted}", row_cap=cap)
    assert (result.status, result.rows.num_rows, result.truncated) == ("ok", kept, truncated)
    assert result.rows["UserPrincipalName"].to_pylist() == [f"user{n}@contoso.com" for n in range(kept)]


async def test_nothing_found_is_empty_and_keeps_its_columns(backend: Backend) -> None:
    result = await backend.ask("SigninLogs | where UserPrincipalName == 'nobody' | project TimeGenerated, DeviceDetail")
    assert (result.status, result.truncated, result.rows.num_rows) == ("empty", False, 0)
    assert result.rows.schema == pa.schema([("TimeGenerated", TIME), ("DeviceDetail", pa.string())])


async def test_a_table_without_rows_is_empty_and_one_that_is_missing_is_not(backend: Backend) -> None:
    assert (await backend.ask("AuditLogs")).status == "empty"
    missing = await backend.ask("NoSuchTable | take 1")
    assert (missing.status, missing.rows.num_rows) == ("failed", 0)
    assert "NoSuchTable" in missing.diagnostics[0].message


async def test_a_query_that_cannot_run_is_a_result_with_a_reason(backend: Backend) -> None:
    for kql in ("SigninLogs | project NoSuchColumn", "SigninLogs | where (", ""):
        result = await backend.ask(kql)
        assert result.status == "failed"
        assert result.diagnostics[0].message and "\n" not in result.diagnostics[0].message


async def test_the_window_is_half_open_and_the_newest_rows_come_first(backend: Backend) -> None:
    policy = load_policy()
    start, end = NOON - timedelta(minutes=10), NOON - timedelta(minutes=5)
    typed = TypedQuery(table="SigninLogs", start=start, end=end, columns=("TimeGenerated", "UserPrincipalName"))
    window = TimeWindow(start=start, end=end)
    query = check(PlannedQuery(id="q", purpose="p", typed=typed), policy=policy, tables=load_tables(), window=window)
    assert query.approved is not None
    result = await backend.workspace.run(query.approved.model_copy(update={"policy_hash": "p1"}), timeout=30)
    assert result.rows["UserPrincipalName"].to_pylist() == [f"user{n}@contoso.com" for n in range(6, 11)]
    assert result.rows["TimeGenerated"].to_pylist()[-1] == start


async def test_counts_and_values_are_alike(backend: Backend) -> None:
    policy, window = load_policy(), TimeWindow(start=NOON - timedelta(days=1), end=NOW)
    failed = AnyOf(conditions=(Condition(column="ResultType", op="!=", values=("0",)),))
    shapes: dict[str, Any] = {"coverage": {}, "values": {"values_of": "ResultType"}}
    found = {}
    for shape, more in shapes.items():
        typed = TypedQuery(table="SigninLogs", start=window.start, end=window.end, shape=shape, where=(failed,), **more)
        planned = PlannedQuery(id="q", purpose="p", typed=typed)
        verdict = check(planned, policy=policy, tables=load_tables(), window=window).approved
        assert verdict is not None
        result = await backend.workspace.run(verdict.model_copy(update={"policy_hash": "p1"}), timeout=30)
        found[shape] = result.rows.to_pylist()
    assert found["coverage"] == [{"Rows": 10, "First": NOON - timedelta(minutes=27), "Last": NOON}]
    assert found["values"] == [{"ResultType": "50126", "Rows": 10}]


async def test_the_clock_is_that_of_the_investigation(backend: Backend) -> None:
    assert await backend.workspace.now() == NOW
    result = await backend.ask("SigninLogs | where TimeGenerated > ago(5m) | count")
    assert result.rows.to_pylist() == [{"Count": 5}]


async def test_a_query_approved_under_another_policy_is_refused(backend: Backend) -> None:
    result = await backend.workspace.run(approved("SigninLogs", policy_hash="other"), timeout=30)
    assert (result.status, result.diagnostics[0].code) == ("failed", "other-policy")


async def test_queries_run_side_by_side(backend: Backend) -> None:
    results = await asyncio.gather(
        *(backend.ask(f"SigninLogs | where DeviceDetail.n == {n} | project UserPrincipalName") for n in range(20))
    )
    assert [one.rows["UserPrincipalName"].to_pylist() for one in results] == [
        [f"user{n}@contoso.com"] for n in range(20)
    ]


async def test_a_slow_query_ends_with_its_time_and_the_workspace_goes_on(backend: Backend) -> None:
    result = await backend.workspace.run(backend.slow(), timeout=0.4)
    assert (result.status, result.diagnostics[0].code) == ("failed", "timeout")
    assert result.diagnostics[0].hint
    backend.service.fail()
    assert (await backend.ask("SigninLogs | count")).rows.to_pylist() == [{"Count": 30}]


async def test_a_cancelled_query_lets_go(backend: Backend) -> None:
    asked = asyncio.ensure_future(backend.workspace.run(backend.slow(), timeout=60))
    await asyncio.sleep(0.2)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    backend.service.fail()
    assert (await backend.ask("SigninLogs | count")).status == "ok"


async def test_closing_ends_what_still_runs(backend: Backend) -> None:
    asked = asyncio.ensure_future(backend.workspace.run(backend.slow(), timeout=60))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(10):
        await backend.workspace.aclose()
        result = await asked
    assert result.status == "failed" and result.diagnostics


async def test_the_tables_are_those_of_the_catalogue(backend: Backend) -> None:
    assert set(backend.workspace.tables) == set(load_tables())
    assert dict(backend.workspace.lacking) == {}
    assert backend.workspace.spec and backend.workspace.name
