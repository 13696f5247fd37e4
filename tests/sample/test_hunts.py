"""Whole hunts in a small sample tenant: what is asked, of when, about whom, and what the findings cite."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from soc_analyst import Context, Finding, Report, ahunt
from soc_analyst.tools.logs.sample import generate

END = datetime(2026, 3, 16, 17, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Standing:
    """A question, the tables that must be asked, the window, the entities and the incident cited."""

    question: str
    tables: set[str]
    start: datetime
    end: datetime
    entities: set[tuple[str, str]]
    incident: str


STANDING = (
    Standing(
        "Show suspicious PowerShell activity on host WS-123 in the last day",
        {"DeviceProcessEvents"}, END - DAY, END, {("host", "ws-123")}, "encoded-powershell-ws-123",
    ),
    Standing(
        "Something is messed up in our Entra ID for the last 2 weeks or so, particularly about user arisa",
        {"SigninLogs", "AuditLogs"}, END - 14 * DAY, END, {("account", "arisa")}, "consent-mfa-fatigue-arisa",
    ),
    Standing(
        "Were NSG rules blocking outbound 4444 from VM web-01 this weekend?",
        {"AzureNetworkAnalytics_CL"}, datetime(2026, 3, 14, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC),
        {("host", "web-01"), ("port", "4444")}, "web-shell-4444-web-01",
    ),
    Standing(
        "Any failed sign-ins for alice@contoso.com over the past 6 hours?",
        {"SigninLogs"}, END - 6 * HOUR, END, {("account", "alice@contoso.com")}, "password-spray-alice",
    ),
    Standing(
        "Any signs of password spraying in the last two weeks?",
        {"SigninLogs"}, END - 14 * DAY, END, set(), "password-spray-alice",
    ),
    Standing(
        "Who changed network security groups last week?",
        {"AzureActivity"}, datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC), set(),
        "azure-takeover-adm-gustav",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    home = tmp_path_factory.mktemp("hunts")
    generate(home / "tenant", rows=15_000, seed=5)
    return Context(workspace=str(home / "tenant"), data_dir=home / "data")


@pytest.fixture(scope="module")
def truth(context: Context) -> dict[str, dict[str, Any]]:
    entries = json.loads(Path(context.workspace, "truth.json").read_text("utf-8"))["incidents"]
    return {entry["id"]: entry for entry in entries}


def _cited(report: Report, entry: dict[str, Any]) -> list[Finding]:
    keys = {(stage["table"], *next(iter(stage["key"].items()))) for stage in entry["stages"]}
    return [finding for finding in report.findings if finding.confidence != "Low" and _cites(finding, keys)]


def _cites(finding: Finding, keys: set[tuple[str, str, Any]]) -> bool:
    rows = [(ref.table, json.loads(line)) for ref, line in zip(finding.evidence, finding.log_lines, strict=True)]
    return any((table, column, row.get(column)) in keys for table, row in rows for _, column, _ in keys)


@pytest.mark.parametrize("asked", STANDING, ids=lambda asked: asked.incident)
async def test_standing_questions(asked: Standing, context: Context, truth: dict[str, dict[str, Any]]) -> None:
    report = await ahunt(asked.question, context=context)
    first = {query.table for query in report.queries if query.round == 1 and query.status == "ok"}
    assert asked.tables <= first
    assert abs(report.window.start - asked.start) <= timedelta(seconds=1)
    assert abs(report.window.end - asked.end) <= timedelta(seconds=1)
    assert {(entity.kind, entity.value.casefold()) for entity in report.entities} == asked.entities
    assert report.outcome == "confirmed"
    citing = _cited(report, truth[asked.incident])
    techniques = truth[asked.incident]["techniques"]
    assert any(
        finding.mitre.id == id_ or id_.startswith(f"{finding.mitre.id}.") for finding in citing for id_ in techniques
    )


async def test_a_broad_question_asks_every_table(context: Context, truth: dict[str, dict[str, Any]]) -> None:
    report = await ahunt("Anything suspicious in the last day?", context=context)
    assert len({query.table for query in report.queries if query.round == 1}) == 11
    assert _cited(report, truth["encoded-powershell-ws-123"])
    assert _cited(report, truth["password-spray-alice"])


@pytest.mark.slow
async def test_every_incident_is_found_and_every_look_alike_left_alone(
    context: Context, truth: dict[str, dict[str, Any]]
) -> None:
    """An incident is found by one of its questions at least: some only ask for what happened, and get the answer."""
    wrong = []
    for name, entry in truth.items():
        found = False
        for question in entry["questions"]:
            if found := bool(_cited(await ahunt(question, context=context), entry)):
                break
        if found != (entry["kind"] == "incident"):
            wrong.append(name)
    assert wrong == []
