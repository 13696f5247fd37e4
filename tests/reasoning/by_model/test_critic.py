from typing import Any

import pytest

from soc_analyst.state.findings import Finding
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.by_model.analyst import ModelAnalyst
from soc_analyst.tools.reasoning.by_model.critic import ModelCritic, Reviewed

from .case_of_rows import (
    CATALOG,
    HANDLES,
    PROCESSES,
    SIGNINS,
    Model,
    answer,
    case,
    claim,
    finding,
    floor,
    handle,
    tokens,
    where,
)

CASE = case()
CRADLE, DUMP, COPY = (handle(CASE, name) for name in HANDLES)
NOTEPAD = handle(CASE, "0")
DUMPS = claim("count", table=PROCESSES, where=[where("ProcessCommandLine", "contains", "MiniDump")], count=1)
USUAL = claim(
    "count",
    table=PROCESSES,
    where=[where("DeviceName", "startswith", "ws-1"), where("FolderPath", "contains", "System32")],
    count=3,
)
NEVER_BLOCKED = claim("absent", table=PROCESSES, where=[where("FileName", "==", "procdump.exe")])


async def drafted(**more: Any) -> tuple[Finding, ...]:
    model = Model(lambda _request: answer(finding(DUMP, claims=[DUMPS], **more)))
    analysis = await ModelAnalyst(model, Pseudonyms.off(), CATALOG, count=tokens).analyse(CASE, floor(CASE))
    return analysis.findings


async def reviewed(says: Any, findings: tuple[Finding, ...] | None = None) -> tuple[Reviewed, Model]:
    model = Model(lambda _request: says)
    critic = ModelCritic(model, Pseudonyms.off(), CATALOG, count=tokens)
    return await critic.refute(await drafted() if findings is None else findings, CASE), model


def review(verdict: str, *claims: dict[str, Any], of: str = "F1", reason: str = "It is usual.") -> dict[str, Any]:
    return {"reviews": [{"finding": of, "verdict": verdict, "reason": reason, "claims": list(claims)}]}


async def test_a_refutation_that_holds_lowers_what_a_model_found_and_is_said() -> None:
    done, model = await reviewed(review("refuted", USUAL))
    ruled, found = done.findings
    assert ruled == floor(CASE).findings[0]
    assert found.confidence == "Low"
    assert "Lowered in review: 3 rows of DeviceProcessEvents have DeviceName startswith ws-1" in found.notes
    assert any("was lowered to Low in review" in line for line in done.said)
    assert [one.status for one in done.hypotheses] == ["open"]
    assert model.asked[0].node == "reviewer" and "Memory of LSASS" in model.asked[0].user


async def test_enough_that_holds_drops_it() -> None:
    done, _ = await reviewed(review("refuted", USUAL, NEVER_BLOCKED))
    assert done.findings == floor(CASE).findings
    assert any("was dropped in review" in line for line in done.said)
    assert [one.status for one in done.hypotheses] == ["refuted"]


@pytest.mark.parametrize(
    "says",
    [
        review("stands", USUAL),
        review("refuted"),
        review("refuted", {**USUAL, "count": 4}),
        review("refuted", DUMPS),
        review("refuted", claim("count", table=SIGNINS, where=[where("ResultType", "==", "50126")], count=7)),
        review("refuted", claim("absent", table=SIGNINS, where=[where("ResultType", "==", "53003")])),
        review("refuted", claim("order", CRADLE, COPY)),
        review("refuted", claim("exists", DUMP)),
        review("refuted", USUAL, of="F2"),
        review("refuted", USUAL, of="f-1"),
        {"reviews": []},
        None,
    ],
)
async def test_what_does_not_hold_or_says_nothing_of_it_changes_nothing(says: Any) -> None:
    findings = await drafted()
    done, _ = await reviewed(says, findings)
    assert done.findings == findings
    assert done.hypotheses == ()
    assert bool(done.said) or (says or {}).get("reviews") in ([], review("stands", USUAL)["reviews"])


async def test_what_a_rule_found_is_never_asked_about() -> None:
    done, model = await reviewed(review("refuted", USUAL, NEVER_BLOCKED), floor(CASE).findings)
    assert done.findings == floor(CASE).findings
    assert model.asked == []


async def test_a_reason_is_told_only_as_far_as_rows_bear_it_out() -> None:
    done, _ = await reviewed(review("weaker", USUAL, reason="It is usual there. The host dc-01 does it 99 times."))
    assert "It is usual there." in done.findings[1].notes
    assert "dc-01" not in done.findings[1].notes
