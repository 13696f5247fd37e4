"""What would be suspicious and is explained makes the verdict `benign`, with the evidence for the explanation."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc_analyst import Context, ahunt
from soc_analyst.graph.concluding.replaying import replayed
from soc_analyst.tools.records.folder import DataDir

from .workspace import CRADLE, END, process, small, write

QUESTION = "Anything suspicious on host ws-1 in the last day?"


@pytest.fixture
def known(tmp_path: Path) -> Path:
    path = tmp_path / "known-good.yaml"
    path.write_text("- hosts: [ws-1]\n  owner: red@contoso.com\n  reason: A drill.\n  expires: 2026-12-31\n")
    return path


async def test_an_explanation_is_told_with_its_evidence(tmp_path: Path, known: Path) -> None:
    context = Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home", now=END, known_good=known)
    report = await ahunt(QUESTION, context=context, thread_id="case-1")
    assert report.outcome == "benign"
    explained = [finding for finding in report.findings if "explained" in finding.tags]
    assert explained and all(finding.confidence == "Low" and "A drill." in finding.notes for finding in explained)
    assert "ordinary work here" in report.summary and f"“{explained[0].title}”" in report.summary
    benign = next(one for one in report.hypotheses if "ordinary work" in one.statement)
    assert benign.status == "supported" and set(benign.evidence) <= {r for one in explained for r in one.evidence}
    assert benign.evidence
    assert (await replayed("case-1", data_dir=DataDir(context.data_dir))).differs == ()


async def test_one_thing_that_is_not_explained_is_enough(tmp_path: Path, known: Path) -> None:
    logs = small(tmp_path / "logs")
    log = logs / "DeviceProcessEvents.jsonl"
    before = log.read_text()
    word = {"InitiatingProcessFileName": "winword.exe"}
    write(logs, "DeviceProcessEvents", [process(20, "ws-3", CRADLE, "jdoe", **word)])
    log.write_text(before + log.read_text())
    context = Context(workspace=str(logs), data_dir=tmp_path / "home", now=END, known_good=known)
    report = await ahunt("Anything suspicious in the last day?", context=context)
    assert report.outcome == "confirmed"
    assert any("explained" in finding.tags for finding in report.findings)


async def test_an_explanation_is_no_absence_where_nobody_could_look(tmp_path: Path, known: Path) -> None:
    logs = small(tmp_path / "logs")
    log = logs / "DeviceProcessEvents.jsonl"
    before = log.read_text()
    write(logs, "DeviceProcessEvents", [process(40 + n, "ws-1", "notepad.exe a.txt") for n in range(9)])
    log.write_text(before + log.read_text())
    context = Context(
        workspace=str(logs), data_dir=tmp_path / "home", now=END, known_good=known, max_rows=3, max_rounds=1
    )
    report = await ahunt(QUESTION, context=context)
    assert any("explained" in finding.tags for finding in report.findings)
    assert report.outcome == "could_not_look"
