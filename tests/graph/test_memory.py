"""What a person accepted of earlier cases is told with its source, and changes no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.cli.app import run
from soc_analyst.graph.concluding.replaying import replayed
from soc_analyst.tools.models.scripted import ScriptedServer
from soc_analyst.tools.records.folder import DataDir
from tests.graph.test_model_hunts import Model, workspace

from .workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home", now=END, memory=True)


def accept(context: Context, thread: str, *more: str) -> int:
    return run(["accept", thread, "--data-dir", str(context.data_dir), *more])


async def first(context: Context) -> Report:
    return await ahunt(QUESTION, context=context, thread_id="first")


async def test_nothing_is_told_that_nobody_accepted(context: Context) -> None:
    await first(context)
    assert (await ahunt(QUESTION, context=context)).earlier == ()


async def test_an_accepted_case_is_told_where_it_is_asked_for(context: Context) -> None:
    before = await first(context)
    finding = before.findings[0]
    assert accept(context, "first", "--benign", f"{finding.id}=a drill of the red team") == 0
    report = await ahunt(QUESTION, context=context, thread_id="second")
    told = {one.finding_id: one for one in report.earlier}
    assert told[finding.id].held_for == "ordinary work" and told[finding.id].reason == "a drill of the red team"
    assert told[finding.id].thread_id == "first"
    assert (report.outcome, [one.confidence for one in report.findings]) == (
        before.outcome,
        [one.confidence for one in before.findings],
    )
    without = await ahunt(QUESTION, context=context.model_copy(update={"memory": False}))
    other = await ahunt("Anything suspicious on host ws-2 in the last day?", context=context)
    assert without.earlier == other.earlier == ()
    again = await replayed("second", data_dir=DataDir(context.data_dir))
    assert again.differs == () and again.report.earlier == report.earlier


async def test_a_report_that_was_changed_since_counts_no_more(context: Context) -> None:
    await first(context)
    assert accept(context, "first") == 0
    await ahunt("what else happened?", context=context, thread_id="first")
    assert (await ahunt(QUESTION, context=context)).earlier == ()


async def test_a_changed_file_cannot_be_accepted_nor_a_word_be_slipped_in(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    await first(context)
    path = DataDir(context.data_dir).case("first") / "report.json"
    path.write_text(path.read_text().replace('"confirmed"', '"benign"'))
    assert accept(context, "first") == 4 and "report.json was changed" in capsys.readouterr().err


@pytest.mark.parametrize("benign", ["f-none=why", "f-none", "=", "f-none="])
async def test_what_cannot_be_accepted_is_said(
    context: Context, benign: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await first(context)
    assert accept(context, "first", "--benign", benign) == 2
    assert "--benign: " in capsys.readouterr().err
    assert accept(context, "none") == 2


async def test_a_model_is_told_of_it_as_data_and_without_log_text(tmp_path: Path) -> None:
    context = Context(workspace=workspace(tmp_path / "logs"), data_dir=tmp_path / "home", now=END, memory=True)
    before = await ahunt(QUESTION, context=context, thread_id="first")
    finding = before.findings[0]
    assert accept(context, "first", "--benign", f"{finding.id}=a drill") == 0
    model = Model()
    with ScriptedServer(model) as server:
        report = await ahunt(QUESTION, context=context.model_copy(update={"model": f"scripted@{server.url}"}))
        assert "Of case first, which a person accepted" in model.read and "(a drill)" in model.read
        planner = " ".join(one.text for one in server.asked if one.answer == "plan_queries")
    assert "a drill" not in planner and report.outcome == before.outcome
