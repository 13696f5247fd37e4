"""The service of tests, asked by the real client: what it says is what Log Analytics says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryPartialResult, LogsQueryResult
from azure.monitor.query.aio import LogsQueryClient

from soc_analyst.tools.logs.service import Fault, LogAnalyticsService, Tenant

from ..graph.workspace import small

SPAN = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
WORKSPACE = "11111111-1111-4111-8111-111111111111"


class Credential:
    """A token that never ends."""

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("token", 4_102_444_800)

    async def close(self) -> None:
        """Hold nothing."""


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[LogAnalyticsService]:
    tenant = Tenant(small(tmp_path / "logs"), lacking={"AlertInfo"}, without={"DeviceProcessEvents": {"SHA1"}})
    with LogAnalyticsService({WORKSPACE: tenant}, home=tmp_path / "home", tls=True, token="token") as served:
        yield served


async def asked(
    service: LogAnalyticsService, kql: str, workspace: str = WORKSPACE, **options: object
) -> LogsQueryResult:
    client = LogsQueryClient(
        Credential(),
        endpoint=service.url,
        connection_verify=str(service.authority),
        retry_total=1,
        retry_backoff_factor=0,
    )
    async with client:
        found = await client.query_workspace(workspace, kql, timespan=SPAN, **options)  # type: ignore[arg-type]
        assert isinstance(found, LogsQueryResult)
        return found


async def test_rows_come_with_their_types(service: LogAnalyticsService) -> None:
    found = await asked(
        service, "DeviceProcessEvents | take 1 | project TimeGenerated, DeviceName, n = 1, r = 0.5, b = true"
    )
    (table,) = found.tables
    assert table.columns_types == ["datetime", "string", "long", "real", "bool"]
    assert isinstance(table.rows[0][0], datetime)


async def test_statistics_come_where_they_are_asked_for(service: LogAnalyticsService) -> None:
    assert (await asked(service, "DeviceProcessEvents | count")).statistics is None
    told = (await asked(service, "DeviceProcessEvents | count", include_statistics=True)).statistics
    assert told is not None and "executionTime" in told["query"]


async def test_usage_tells_megabytes_by_table(service: LogAnalyticsService) -> None:
    found = await asked(service, "Usage | where DataType == 'DeviceProcessEvents' | summarize sum(Quantity)")
    assert found.tables[0].rows[0][0] > 0


@pytest.mark.parametrize(
    ("kql", "innermost"),
    [
        ("AlertInfo | count", "named 'AlertInfo'"),
        ("DeviceProcessEvents | project SHA1", "named 'SHA1'"),
        ("DeviceProcessEvents | where (", "could not be parsed"),
    ],
)
async def test_what_is_not_there_is_a_semantic_error(service: LogAnalyticsService, kql: str, innermost: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        await asked(service, kql)
    assert caught.value.status_code == 400
    assert caught.value.error is not None and caught.value.error.code == "BadArgumentError"
    assert innermost in str(caught.value.model)


async def test_another_workspace_is_not_found(service: LogAnalyticsService) -> None:
    with pytest.raises(HttpResponseError) as caught:
        await asked(service, "DeviceProcessEvents | count", "22222222-2222-4222-8222-222222222222")
    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    ("kind", "status"), [("unauthorized", 401), ("forbidden", 403), ("timeout", 504), ("server_error", 500)]
)
async def test_refusals_have_their_status(service: LogAnalyticsService, kind: str, status: int) -> None:
    service.fail(Fault(kind, times=0))  # type: ignore[arg-type]
    with pytest.raises(HttpResponseError) as caught:
        await asked(service, "DeviceProcessEvents | count")
    assert caught.value.status_code == status


async def test_a_throttled_query_is_asked_again_by_the_client(service: LogAnalyticsService) -> None:
    service.fail(Fault("throttled", retry_after=0.01))
    await asked(service, "DeviceProcessEvents | count")
    assert [one.status for one in service.posted] == [429, 200]


async def test_a_result_too_large_is_partial(service: LogAnalyticsService) -> None:
    service.fail(Fault("too_large", bytes=2_000))
    client = LogsQueryClient(Credential(), endpoint=service.url, connection_verify=str(service.authority))
    async with client:
        found = await client.query_workspace(WORKSPACE, "DeviceProcessEvents", timespan=SPAN)
    assert isinstance(found, LogsQueryPartialResult)
    assert 0 < len(found.partial_data[0].rows) < 42
    assert "E_QUERY_RESULT_SET_TOO_LARGE" in str(found.partial_error and found.partial_error.details)


async def test_a_connection_that_breaks_inside_the_body_is_an_error(service: LogAnalyticsService) -> None:
    service.fail(Fault("reset", times=0))
    with pytest.raises(HttpResponseError, match="not completed"):
        await asked(service, "DeviceProcessEvents")
