"""The sample tenant as a folder and as a live workspace: the same questions get the same reports, ids and all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.tools.logs.sample import generate
from soc_analyst.tools.logs.service import LogAnalyticsService, Tenant

WORKSPACE = "11111111-1111-4111-8111-111111111111"
QUESTIONS = (
    "Anything suspicious in the last day?",
    "Which processes did powershell.exe start over the last two days?",
    "Did anyone change role assignments or add members to groups in the last week?",
    "Was there a connection to 203.0.113.66 in the last week?",
)


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "logs"
    folder.mkdir()
    generate(folder, rows=6_000, seed=11)
    return folder


@pytest.fixture(scope="module")
def service(tenant: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogAnalyticsService]:
    home = tmp_path_factory.mktemp("served")
    with LogAnalyticsService({WORKSPACE: Tenant(tenant)}, home=home, tls=True, token="token") as served:
        yield served


def told(report: Report) -> dict[str, Any]:
    """Return what must be equal: all but the run's id, what it took, and what only one of the two can say."""
    dumped = report.model_dump(mode="json", exclude={"thread_id", "usage", "warnings"})
    queries = [
        {name: query[name] for name in ("id", "round", "purpose", "table", "kql", "status", "rows", "truncated")}
        for query in dumped["queries"]
    ]
    return {**dumped, "queries": queries}


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
async def test_both_say_the_same(
    question: str, tenant: Path, service: LogAnalyticsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in service.identity.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SSL_CERT_FILE", str(service.authority))
    folder = Context(workspace=str(tenant), data_dir=tmp_path / "folder")
    here = await ahunt(question, context=folder)
    live = Context(workspace=f"azure:{WORKSPACE}@{service.url}", data_dir=tmp_path / "live", now=here.window.end)
    there = await ahunt(question, context=live)
    assert told(there) == told(here)
    assert sum(query.rows for query in here.queries)
    lines = [line for finding in here.findings for line in finding.log_lines]
    assert lines == [line for finding in there.findings for line in finding.log_lines]
