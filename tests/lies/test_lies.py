"""An analyst that lies: nothing it makes up is shipped, and nothing true that it says is lost."""

import json
from pathlib import Path

import pytest

from soc_analyst.tools.detections import fired_again, load_rules
from soc_analyst.tools.models.scripted import Said
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.proof.findings import rules_named
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_model.analyst import ModelAnalyst
from soc_analyst.tools.reasoning.by_model.brief import Brief
from tests.models.doors import door

from .judging import Score, answers, asked_of, judged, scored
from .scenes import CATALOG, Scene, scenes
from .telling import statements


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return next(scenes(tmp_path_factory.mktemp("tenant"), most=3))


def all_is_right(score: Score) -> None:
    assert not score.shipped, score.shipped
    assert not score.lost, score.lost


def test_what_is_made_up_goes_and_what_is_true_stays(scene: Scene) -> None:
    score = Score()
    scored(scene, statements(scene, most=1), score)
    all_is_right(score)
    assert len(score.lies) >= 10 and score.truths.total() >= 10


async def test_so_it_is_for_what_comes_over_the_wire(scene: Scene, tmp_path: Path) -> None:
    class Shown(ModelAnalyst):
        """Shows the brief of the scene, whose handles the script knows."""

        def briefs(self, case: CaseFile, budget: int) -> list[Brief]:  # noqa: ARG002
            return [scene.brief]

    score = Score()
    rules = rules_named(scene.floor.findings)
    again = fired_again(rules, scene.case.evidence, rules=load_rules(), tables=scene.case.tables)
    for at, (some, said) in enumerate(list(answers(list(statements(scene, most=1))))[::3]):
        reply = Said(json.dumps(said))
        async with door(lambda _asked, reply=reply: reply, tmp_path / str(at)) as (asker, _, _):
            case = asked_of(scene, truncated=some[0].truncated)
            analysis = await Shown(asker, Pseudonyms.off(), CATALOG).analyse(case, scene.floor)
        assert analysis.calls
        judged(scene, some, analysis, case, again, score)
    all_is_right(score)
    assert score.lies.total() >= 10


@pytest.mark.slow
def test_over_all_stories_of_the_sample_tenant(tmp_path: Path) -> None:
    score = Score()
    for each in scenes(tmp_path):
        scored(each, statements(each, most=1), score)
    all_is_right(score)
    assert score.lies.total() >= 500 and score.truths.total() >= 200
