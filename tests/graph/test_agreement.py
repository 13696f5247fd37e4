"""A verdict that is asked for several times says how far the times agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from soc_analyst import Context, Report, ahunt
from soc_analyst.graph.concluding.replaying import replayed
from soc_analyst.tools.models.scripted import Asked, Reply, ScriptedServer
from soc_analyst.tools.records.folder import DataDir
from tests.graph.test_model_hunts import QUESTION, Model, workspace

from .workspace import END


class Wavering(Model):
    """A model that tells of the odd row at some of the times that it reads the evidence."""

    def __init__(self, tells: Callable[[int], bool]) -> None:
        super().__init__()
        self.tells, self.times = tells, 0

    def __call__(self, asked: Asked) -> Reply:
        reply = super().__call__(asked)
        if asked.answer != "AnalysisAnswer":
            return reply
        self.times += 1
        return reply if self.tells(self.times) else {"findings": [], "hypotheses": []}


async def judged(tmp_path: Path, model: Model, repeat: int) -> tuple[Report, int]:
    context = Context(workspace=workspace(tmp_path / "logs"), data_dir=tmp_path / "home", now=END, repeat=repeat)
    with ScriptedServer(model) as server:
        asking = context.model_copy(update={"model": f"scripted@{server.url}"})
        report = await ahunt(QUESTION, context=asking, thread_id="case-1")
        return report, len(server.asked)


async def test_a_steady_model_agrees_with_itself(tmp_path: Path) -> None:
    report, asked = await judged(tmp_path, Model(), 3)
    assert report.agreement is not None and report.agreement.times == 3
    assert report.agreement.share == 1.0 and set(report.agreement.findings.values()) == {3}
    assert report.usage.model_calls == asked  # every time is paid and counted


async def test_what_comes_only_sometimes_is_said(tmp_path: Path) -> None:
    report, _ = await judged(tmp_path, Wavering(lambda time: time == 1), 4)
    by_model = next(one for one in report.findings if "by-model" in one.tags)
    assert report.agreement is not None and report.agreement.findings[by_model.id] == 1
    assert report.agreement.same_outcome == 4 and 0.5 < report.agreement.share < 1.0
    assert all(count == 4 for id, count in report.agreement.findings.items() if id != by_model.id)


async def test_what_comes_another_time_only_is_told_and_changes_no_verdict(tmp_path: Path) -> None:
    report, _ = await judged(tmp_path, Wavering(lambda time: time > 1), 3)
    assert not [one for one in report.findings if "by-model" in one.tags]
    assert report.agreement is not None and report.agreement.others == ("A share copied to another host",)


async def test_a_repeated_case_can_be_made_again(tmp_path: Path) -> None:
    report, _ = await judged(tmp_path, Model(), 2)
    again = await replayed("case-1", data_dir=DataDir(tmp_path / "home"))
    assert again.differs == () and again.report.agreement == report.agreement


async def test_rules_have_nothing_to_repeat(tmp_path: Path) -> None:
    context = Context(workspace=workspace(tmp_path / "logs"), data_dir=tmp_path / "home", now=END, repeat=3)
    report = await ahunt(QUESTION, context=context)
    assert report.agreement is None and any("nothing to repeat" in one for one in report.warnings)
