"""Analyst and critic through the real door and client, against a server on loopback."""

import json
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.tools.models.scripted import Asked, Reply, Said, Script, Step, failed, out_of_quota
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.base import Analysis
from soc_analyst.tools.reasoning.by_model.analyst import ModelAnalyst
from soc_analyst.tools.reasoning.by_model.critic import ModelCritic
from tests.models.doors import door

from .case_of_rows import CATALOG, HANDLES, PROCESSES, answer, case, claim, finding, floor, handle, where

CASE = case()
DUMP = handle(CASE, "dump")
DUMPS = claim("count", table=PROCESSES, where=[where("ProcessCommandLine", "contains", "MiniDump")], count=1)
FOUND = answer(finding(DUMP, claims=[DUMPS]))
USUAL = claim("count", table=PROCESSES, where=[where("FolderPath", "contains", "System32")], count=23)
REVIEW = {"reviews": [{"finding": "F1", "verdict": "weaker", "reason": "It is usual.", "claims": [USUAL]}]}


async def analysed(model: Any, folder: Path, **more: Any) -> tuple[Analysis, list[Asked]]:
    async with door(model, folder, **more) as (asker, server, _):
        made = await ModelAnalyst(asker, Pseudonyms.off(), CATALOG).analyse(CASE, floor(CASE))
        return made, list(server.asked)


async def test_analyst_and_critic_are_asked_in_their_forms(tmp_path: Path) -> None:
    script = Script(Step(FOUND, answer="AnalysisAnswer", contains="MiniDump"), Step(REVIEW, answer="CriticAnswer"))
    async with door(script, tmp_path) as (asker, server, _):
        made = await ModelAnalyst(asker, Pseudonyms.off(), CATALOG).analyse(CASE, floor(CASE))
        done = await ModelCritic(asker, Pseudonyms.off(), CATALOG).refute(made.findings, CASE)
        first, second = server.asked
    assert [one.confidence for one in made.findings] == ["High", "Medium"]
    assert [one.confidence for one in done.findings] == ["High", "Low"]
    assert (made.calls[0].node, done.calls[0].node) == ("analyzer", "reviewer")
    assert made.calls[0].prompt.startswith("analyse@") and done.calls[0].prompt.startswith("critic@")
    assert "ProcessCommandLine" in json.dumps(first.schema) and "RegistryKey" not in json.dumps(first.schema)
    assert "comsvcs" not in first.system + second.system


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (out_of_quota(), "no quota left"),
        (failed(), "failed"),
        (Said("Ich habe nichts gefunden."), "no answer that can be used"),
        (Said('{"findings": [{"title": "x'), "did not come to an end"),
        (Said(refusal="I cannot help with that."), "declined"),
    ],
)
async def test_where_no_answer_comes_the_rules_findings_stand_and_it_is_said(
    reply: Reply, reason: str, tmp_path: Path
) -> None:
    made, _ = await analysed(lambda _asked: reply, tmp_path)
    assert made.findings == floor(CASE).findings
    said = " ".join(made.warnings)
    assert "reading of the evidence" in said and reason in said


async def test_an_answer_with_columns_that_are_not_there_is_repaired_or_left(tmp_path: Path) -> None:
    wrong = answer(finding(DUMP, claims=[{**DUMPS, "where": [where("Password", "==", "x")]}]))
    made, asked = await analysed(Script(Said(json.dumps(wrong)), Said(json.dumps(FOUND))), tmp_path)
    assert len(asked) == 2
    assert [ref.row for ref in made.findings[1].evidence] == [HANDLES["dump"]]
