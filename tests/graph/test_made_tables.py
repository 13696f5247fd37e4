"""What a query makes of rows is evidence for a model to read, and no event for the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soc_analyst import Context, ahunt
from soc_analyst.graph.desk.desk import open_desk
from soc_analyst.tools.models.scripted import Asked, Reply, ScriptedServer
from soc_analyst.tools.records.cases import CaseFolder
from soc_analyst.tools.records.folder import DataDir

from .workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"
TEXTS = (
    "DeviceProcessEvents | summarize TimeGenerated = max(TimeGenerated), Runs = count() "
    "by DeviceName, FileName, ProcessCommandLine, InitiatingProcessFileName, AccountName",
    "DeviceProcessEvents | where AccountName == 'bob' | extend Who = AccountName",
)


def plan(*texts: str) -> dict[str, Any]:
    nothing = {"refutes": None, "read": None, "start": None, "end": None, "shape": "rows", "limit": None}
    queries = [{**nothing, "purpose": f"Ask {n}", "kql": text} for n, text in enumerate(texts)]
    return {"reason": "To count.", "window": None, "hypotheses": [], "queries": queries}


class Model:
    """Plans aggregates once, finds nothing, and keeps what it read."""

    def __init__(self) -> None:
        self.plans, self.read = 0, ""

    def __call__(self, asked: Asked) -> Reply:
        if asked.answer == "plan_queries":
            self.plans += 1
            return plan(*TEXTS) if self.plans == 1 else plan()
        self.read = asked.user
        return {"findings": [], "hypotheses": []}


async def test_an_aggregate_is_read_by_the_model_and_fires_no_rule(tmp_path: Path) -> None:
    model, logs = Model(), str(small(tmp_path / "logs"))
    ruled = await ahunt(QUESTION, context=Context(workspace=logs, data_dir=tmp_path / "rules", now=END, max_rounds=1))
    with ScriptedServer(model) as server:
        context = Context(
            workspace=logs, model=f"scripted@{server.url}", data_dir=tmp_path / "home", now=END, max_rounds=1
        )
        report = await ahunt(QUESTION, context=context, thread_id="case-1")
    asked = {query.purpose: query for query in report.queries}
    assert {asked["Ask 0"].status, asked["Ask 1"].status} == {"ok"}
    dossier = CaseFolder(DataDir(tmp_path / "home").case("case-1")).dossier()
    assert dossier is not None
    shapes = {record.purpose: record.shape for record in dossier.records}
    assert (shapes["Ask 0"], shapes["Ask 1"]) == ("made", "rows")
    made = f"DeviceProcessEvents ({asked['Ask 0'].id})"
    async with open_desk(context) as desk:
        evidence = desk.evidence(dossier.records)
        schemas = desk.schemas(dossier.records)
    assert len(evidence[made]) > 0
    assert set(evidence.events) == {"DeviceProcessEvents"}
    assert schemas[made].columns["AccountName"].personal
    # The attack is one event: what was counted of it is not another.
    cradles = [row for row in evidence["DeviceProcessEvents"].strings("ProcessCommandLine") if "DownloadString" in row]
    assert len(cradles) == 1
    assert {one.id for one in ruled.findings} == {one.id for one in report.findings}
    assert {len(one.evidence) for one in ruled.findings} == {len(one.evidence) for one in report.findings}
    assert made in model.read
    assert "Runs" in model.read
    assert "jdoe" not in model.read
    assert "bob" not in model.read
