"""Evidence that one brief does not hold: each part is read by itself, then what belongs together is joined."""

import re
from dataclasses import replace
from itertools import islice
from typing import Any

import pyarrow as pa

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Rule
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.models.base import Request
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_model.analysis_answer import AnalysisAnswer, StoryAnswer
from soc_analyst.tools.reasoning.by_model.analyst import ModelAnalyst
from soc_analyst.tools.reasoning.by_model.brief import parts
from soc_analyst.tools.reasoning.by_model.drafting import Reading, read
from soc_analyst.tools.reasoning.by_model.merging import joined, listed, numbered, told
from soc_analyst.tools.reasoning.by_model.referee import Referee

from .case_of_rows import CATALOG, PROCESSES, Model, answer, case, claim, finding, floor, process, tokens

STEPS = 30


def step(n: int) -> dict[str, Any]:
    name = f"tool{chr(97 + n % 26)}{chr(97 + n // 26)}"
    return process(n, "ws-1", "jdoe", f"{name}.exe", f"{name}.exe /{name[::-1]} /quiet C:\\Temp\\{name}")


def long_case() -> CaseFile:
    rows = TableRows.collect(PROCESSES, [("q1", pa.Table.from_pylist([step(n) for n in range(STEPS)]))])
    fired = tuple(
        Detection(
            rule=Rule(id=f"rule-{n}", title=f"Rule of step {n}", level="medium"),
            statement=f"a tool of step {n} was started with a switch that only it has, by a person, from a folder",
            techniques=("T1059",) if n % 2 else ("T1105",),
            rows=(rows.ref(n),),
            entities=(Entity(kind="host", value="ws-1.contoso.com"),),
        )
        for n in range(STEPS)
    )
    return replace(case(), evidence=Evidence([rows]), detections=fired)


CASE = long_case()


def groups(request: Request[Any]) -> list[str]:
    return re.findall(r"^(G\d+)\t", request.user, re.MULTILINE)


def reads(request: Request[Any], *, joins: dict[str, Any] | None) -> dict[str, Any] | None:
    if request.purpose == "joining of the parts":
        return joins
    first, second, *_ = groups(request)
    drafted = finding(
        first, second, technique_id="T1570", title="A tool was brought along", description="It was one hand."
    )
    return answer({**drafted, "claims": [claim("order", *sorted((first, second), key=lambda one: int(one[1:])))]})


async def analysed(model: Model, of: CaseFile = CASE, **more: Any) -> Analysis:
    analyst = ModelAnalyst(model, Pseudonyms.off(), CATALOG, count=tokens, **more)
    return await analyst.analyse(of, floor(of))


def story(*drafts: str) -> dict[str, Any]:
    words = {"title": "One hand brought tools along", "description": "They came one after the other.", "notes": ""}
    return {"stories": [{"drafts": list(drafts), "technique_id": "T1570", "confidence": "Medium", **words}]}


async def test_three_parts_are_read_and_then_joined() -> None:
    model = Model(lambda request: reads(request, joins=story("F1", "F2", "F3", "F9")), room=1_100)
    analysis = await analysed(model)
    purposes = [one.purpose for one in model.asked]
    assert purposes[:3] == [f"reading of part {n} of 3 of the evidence" for n in (1, 2, 3)]
    assert len(analysis.calls) == len(purposes)
    shown = [groups(one) for one in model.asked[:3]]
    assert len({one for own in shown for one in own}) == sum(len(own) for own in shown)
    base = floor(CASE)
    assert {one.id for one in base.findings} <= {one.id for one in analysis.findings}


def quiet_readings(*techniques: str) -> tuple[list[Reading], Referee]:
    """Return what two parts gave where no rule fired: one draft of two rows each."""
    quiet = replace(CASE, detections=())
    referee = Referee(quiet, CATALOG, Pseudonyms.off())
    made = list(islice(parts(quiet, budget=400, count=tokens, pseudonyms=Pseudonyms.off()), 2))
    answers = [
        AnalysisAnswer.model_validate(answer(finding(*list(brief.groups)[:2], technique_id=technique)))
        for brief, technique in zip(made, techniques, strict=True)
    ]
    return [read(one, brief, referee) for one, brief in zip(answers, made, strict=True)], referee


def test_drafts_of_one_technique_on_one_host_are_one() -> None:
    readings, referee = quiet_readings("T1570", "T1570")
    (draft,) = joined(readings, referee).drafts
    assert len(draft.refs) == 4


def test_drafts_of_different_techniques_are_one_by_a_story() -> None:
    readings, referee = quiet_readings("T1570", "T1074")
    drafts = numbered(joined(readings, referee).drafts)
    assert "\nF2\tT1074\t" in listed(drafts, referee)
    (draft,) = told(StoryAnswer.model_validate(story("F1", "f2", "F2", "F7")), drafts, referee)
    assert draft.title == "One hand brought tools along"
    assert len(draft.refs) == 4
    assert referee.dropped["unknown handles"] == 1


def test_no_story_loses_a_draft() -> None:
    readings, referee = quiet_readings("T1570", "T1074")
    drafts = numbered(joined(readings, referee).drafts)
    for names in ((), ("F1",), ("F8", "F9")):
        assert told(StoryAnswer.model_validate(story(*names)), drafts, referee) == tuple(drafts.values())
