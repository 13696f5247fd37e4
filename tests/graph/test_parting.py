"""Queries that hit a limit of the service are asked in parts, and say what the whole would have said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst import Context
from soc_analyst.cli.app import run
from soc_analyst.graph.desk.desk import Desk, open_desk
from soc_analyst.graph.looking.parting import MOST_PARTS, hit_a_limit, in_parts
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery, Diagnostic
from soc_analyst.tools.guard import check_text
from soc_analyst.tools.guard.parting import parting_of
from soc_analyst.tools.logs.azure import asking
from soc_analyst.tools.logs.base import WORKSPACE as NAMED
from soc_analyst.tools.logs.base import QueryResult, Workspace
from soc_analyst.tools.logs.merging import merged
from soc_analyst.tools.logs.sample import generate
from soc_analyst.tools.logs.service import Fault, LogAnalyticsService

from .workspace import END, small

WORKSPACE = "11111111-1111-4111-8111-111111111111"
TIMEOUT = QueryResult.failed(Diagnostic(code="timeout", message="the service gave up on the query"))


@dataclass(frozen=True)
class Bench:
    """A desk over a folder of logs, and the means to ask."""

    desk: Desk
    workspace: Workspace
    hours: float = 24

    def approved(self, kql: str) -> ApprovedQuery:
        window = TimeWindow(start=END - timedelta(hours=self.hours), end=END)
        verdict = check_text(kql, policy=self.desk.policy, tables=self.desk.tables, window=window)
        assert verdict.approved is not None, verdict.diagnostics
        return verdict.approved

    async def ask(self, query: ApprovedQuery) -> QueryResult:
        return await self.workspace.run(query, timeout=30)


@asynccontextmanager
async def bench(logs: Path | str, home: Path, **options: Any) -> AsyncIterator[Bench]:
    async with open_desk(Context(workspace=str(logs), now=END, data_dir=home)) as desk, desk.workspace() as workspace:
        yield Bench(desk, workspace, **options)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(tmp_path_factory.mktemp("parting") / "logs")


SAME = (
    "DeviceProcessEvents | where FileName =~ 'notepad.exe' | project TimeGenerated, DeviceName, ReportId",
    "DeviceProcessEvents | sort by ReportId asc | project ReportId, FileName | take 20",
    "DeviceProcessEvents | top 3 by ReportId",
    "DeviceProcessEvents | count",
    "DeviceProcessEvents | summarize n = count(), First = min(TimeGenerated), max(ReportId) by DeviceName | sort by n",
    "DeviceProcessEvents | summarize n = countif(FileName =~ 'calc.exe') by bin(TimeGenerated, 1h) | where n > 0",
    "DeviceProcessEvents | summarize arg_max(TimeGenerated, FileName, ReportId) by DeviceName",
    "DeviceProcessEvents | distinct DeviceName, FileName | sort by FileName asc",
    "let x = DeviceProcessEvents | where DeviceName has 'ws-2'; x | summarize n = sum(ReportId) | extend half = n / 2",
    "union DeviceProcessEvents, SigninLogs | summarize n = count() by Type",
    "SigninLogs | where UserPrincipalName == 'nobody@contoso.com' | count",
    "SigninLogs | where UserPrincipalName == 'nobody@contoso.com'",
)


def in_order_of_values(rows: list[Mapping[str, object]]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


@pytest.mark.parametrize("kql", SAME)
async def test_parts_say_what_the_whole_says(kql: str, logs: Path, tmp_path: Path) -> None:
    async with bench(logs, tmp_path) as at:
        query = at.approved(kql)
        whole = await at.ask(query)
        parts = await in_parts(query, TIMEOUT, at.desk, at.ask, most=MOST_PARTS)
    assert (parts.status, parts.truncated, parts.requests) == (whole.status, whole.truncated, 3)
    assert parts.rows.schema == whole.rows.schema
    assert in_order_of_values(parts.rows.to_pylist()) == in_order_of_values(whole.rows.to_pylist())
    assert parts.diagnostics[0].code == "in-parts"


@pytest.mark.parametrize(
    ("kql", "why"),
    [
        ("DeviceProcessEvents | summarize dcount(DeviceName)", "`dcount` of parts"),
        ("DeviceProcessEvents | summarize avg(ReportId) by DeviceName", "`avg` of parts"),
        ("DeviceProcessEvents | summarize x = max(TimeGenerated) - min(TimeGenerated)", "computed of aggregates"),
        ("DeviceProcessEvents | join kind=inner (SigninLogs) on $left.AccountName == $right.Identity", "`join`"),
        ("let n = toscalar(SigninLogs | count); DeviceProcessEvents | extend n", "`toscalar`"),
        ("DeviceProcessEvents | where AccountName in ((SigninLogs | project Identity))", "`where` compares"),
        ("DeviceProcessEvents | summarize max(FileName)", "gives a string"),
        ("DeviceProcessEvents | extend d = now() - TimeGenerated | summarize max(d) by FileName", "gives a timespan"),
        ("DeviceProcessEvents | extend d = now() - TimeGenerated | top 3 by d", "computes with `d`"),
        ("union (DeviceProcessEvents | summarize n = count() by Type), (SigninLogs | summarize n = count() by Type)",
         "inside a union"),
    ],
)  # fmt: skip
async def test_what_parts_would_not_say_is_said_instead(kql: str, why: str, logs: Path, tmp_path: Path) -> None:
    async with bench(logs, tmp_path) as at:
        query = at.approved(kql)
        told = parting_of(query, policy=at.desk.policy, tables=at.desk.tables)
        result = await in_parts(query, TIMEOUT, at.desk, at.ask, most=MOST_PARTS)
    assert isinstance(told, Diagnostic) and why in told.message
    assert result.status == "failed" and [why.code for why in result.diagnostics] == ["timeout", "not-in-parts"]


@pytest.mark.parametrize(
    ("kql", "follows"),
    [
        ("DeviceProcessEvents | where FileName has 'exe' | sort by TimeGenerated desc", True),
        ("DeviceProcessEvents | sort by TimeGenerated asc", False),
        ("DeviceProcessEvents | extend TimeGenerated = bin(TimeGenerated, 1h) | sort by TimeGenerated desc", False),
        ("DeviceProcessEvents | sort by TimeGenerated desc, FileName asc", False),
    ],
)
async def test_parts_follow_each_other_where_the_query_sorts_by_time(
    kql: str, follows: bool, logs: Path, tmp_path: Path
) -> None:
    async with bench(logs, tmp_path) as at:
        query = at.approved(kql)
        parting = parting_of(query, policy=at.desk.policy, tables=at.desk.tables)
        parts = await in_parts(query, TIMEOUT, at.desk, at.ask, most=MOST_PARTS)
        whole = await at.ask(query)
    assert not isinstance(parting, Diagnostic) and (not parting.merge) == follows
    assert parts.rows["TimeGenerated"].to_pylist() == whole.rows["TimeGenerated"].to_pylist()


async def test_the_newest_part_comes_first_and_enough_rows_end_it(logs: Path, tmp_path: Path) -> None:
    asked: list[ApprovedQuery] = []
    async with bench(logs, tmp_path) as at:
        query = at.approved("DeviceProcessEvents").model_copy(update={"row_cap": 10})

        async def ask(part: ApprovedQuery) -> QueryResult:
            asked.append(part)
            return await at.ask(part)

        result = await in_parts(query, TIMEOUT, at.desk, ask, most=MOST_PARTS)
    assert [(part.start, part.end) for part in asked] == [(END - timedelta(hours=12), END)]
    assert (result.status, result.rows.num_rows, result.truncated) == ("ok", 10, True)


async def test_what_no_part_can_see_is_named_and_the_rest_is_kept(logs: Path, tmp_path: Path) -> None:
    asked: list[timedelta] = []
    async with bench(logs, tmp_path) as at:
        query = at.approved("DeviceProcessEvents | summarize n = count() by DeviceName")

        async def ask(part: ApprovedQuery) -> QueryResult:
            asked.append(part.end - part.start)
            return TIMEOUT if part.start < END - timedelta(hours=12) else await at.ask(part)

        result = await in_parts(query, TIMEOUT, at.desk, ask, most=MOST_PARTS)
    assert (result.status, result.truncated) == ("partial", True)
    assert result.rows.num_rows == 2
    assert "rows are missing from 2026-03-03 12:00 to 2026-03-03 15:00" in result.diagnostics[0].message
    assert min(asked) == timedelta(hours=3) and len(asked) == result.requests - 1 <= MOST_PARTS


async def test_what_parts_do_not_mend_ends_them(logs: Path, tmp_path: Path) -> None:
    denied = QueryResult.failed(Diagnostic(code="denied", message="may not read"))
    asked: list[ApprovedQuery] = []
    async with bench(logs, tmp_path) as at:

        async def ask(part: ApprovedQuery) -> QueryResult:
            asked.append(part)
            return denied

        result = await in_parts(at.approved("SigninLogs | count"), TIMEOUT, at.desk, ask, most=MOST_PARTS)
    assert len(asked) == 1
    assert result.status == "failed" and [why.code for why in result.diagnostics] == ["timeout", "denied"]


def test_the_command_line_asks_the_service_in_parts_and_says_so(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "_backoff", lambda _state: 0.0)
    text = tmp_path / "query.kql"
    text.write_text("DeviceProcessEvents | summarize Rows = count() by DeviceName | sort by DeviceName asc")
    with LogAnalyticsService({WORKSPACE: logs}, home=tmp_path / "served", tls=True, token="token") as service:
        for name, value in service.identity.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SSL_CERT_FILE", str(service.authority))
        service.fail(Fault("timeout", match="let DeviceProcessEvents", times=0, longer_than=6.5))
        options = [
            "--since",
            "2026-03-03T12:00:00Z",
            "--until",
            "2026-03-04T12:00:01Z",
            "--data-dir",
            str(tmp_path / "d"),
        ]
        status = run(["query", str(text), "--csv", "--workspace", f"azure:{WORKSPACE}@{service.url}", *options])
        asked = [one for one in service.posted if "let DeviceProcessEvents" in one.kql]
    told = capsys.readouterr()
    assert status == 0
    assert told.out.split() == ["DeviceName,Rows", "ws-1.contoso.com,1", "ws-2.contoso.com,41"]
    assert "asked in 4 parts of its window, since of the whole: the service gave up on the query" in told.err
    assert [one.status for one in asked] == [504, 504, 200, 200, 504, 200, 200]


def test_parts_are_put_together_by_workspace() -> None:
    def part(**counts: int) -> pa.Table:
        return pa.table({"h": ["x", "y"] * 2, "n": list(counts.values()), NAMED: ["a", "a", "b", "b"]})

    parts = [part(p=1, q=2, r=3, s=4), part(p=10, q=20, r=30, s=40)]
    rows = merged(parts, "T | summarize n = sum(n) by h", name="T", now=END)
    found = {(row["h"], row[NAMED]): row["n"] for row in rows.to_pylist()}
    assert found == {("x", "a"): 11, ("y", "a"): 22, ("x", "b"): 33, ("y", "b"): 44}


def free_to_differ(kql: str) -> bool:
    """Return whether an engine may give any of several rows: then parts may give others than the whole."""
    return any(word in kql for word in ("take ", "limit ", "take_any", "arg_min", "top 3 by Length"))


@pytest.mark.slow
async def test_parts_say_what_the_whole_says_of_every_second_hunt(tmp_path: Path) -> None:
    generate(tmp_path / "tenant", rows=6_000, seed=3)
    texts = [
        kql
        for name in ("honest.kql", "hunts.kql")
        for kql in Path(__file__).parents[1].joinpath("guard", name).read_text("utf-8").strip().split("\n\n")[1::2]
    ]
    parted = 0
    async with bench(tmp_path / "tenant", tmp_path / "home", hours=24 * 8) as at:
        end = await at.workspace.now()
        for kql in texts:
            window = TimeWindow(start=end - timedelta(days=8), end=end)
            query = check_text(kql, policy=at.desk.policy, tables=at.desk.tables, window=window).approved
            assert query is not None
            calls = 0

            async def ask(part: ApprovedQuery) -> QueryResult:
                nonlocal calls
                calls += 1
                return TIMEOUT if calls % 3 == 1 else await at.ask(part)

            parts = await in_parts(query, TIMEOUT, at.desk, ask, most=MOST_PARTS)
            if hit_a_limit(parts) or free_to_differ(kql):
                continue
            parted += 1
            whole = await at.ask(query)
            assert parts.status == whole.status, kql
            assert in_order_of_values(parts.rows.to_pylist()) == in_order_of_values(whole.rows.to_pylist()), kql
    assert parted > 40
