"""The user's own figures: read with every fault and its line, and taken in place of the shipped ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc_analyst.state.errors import OperatorError, OperatorErrors
from soc_analyst.tools.models import parse_model_spec
from soc_analyst.tools.models.candidates import candidate_for
from soc_analyst.tools.models.limiter import limiter_for
from soc_analyst.tools.models.limits import Limits
from soc_analyst.tools.models.limits_file import read_figures
from soc_analyst.tools.models.tiers import Stated, default_figures, limits_for
from soc_analyst.tools.models.tokens import Count

from .doors import GOOD, door, request

OWN = """\
source: Settings, Limits, on 2026-11-30
tiers:
  gpt-5.1: {"2": {rpm: 7, tpm: 45000}}
models:
  azure:soc-gpt41: {rpm: 300, tpm: 50000}
  qwen3@http://127.0.0.1:11434/v1/: {context: 8192, output: 1024}
"""
WRONG = """\
tiers:
  gpt-4.2: {"1": {rpm: 5}}
  gpt-4.1: {"7": {rpm: 5}, "1": {rmp: 5, tpm: -1}}
models:
  oops: {rpm: 10}
  azure:soc: {context: 100, output: 200, tpm: 1.5}
  q@http://127.0.0.1:1/v1: 7
sourec: x
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def test_own_figures_stand_in_place_of_the_shipped_ones(own: Path) -> None:
    figures = read_figures(own)
    assert limits_for(parse_model_spec("openai:gpt-5.1"), "2", figures) == Limits(rpm=7, tpm=45_000)
    assert limits_for(parse_model_spec("openai:gpt-5.1"), "1", figures) == Limits(rpm=500, tpm=500_000)
    for tier in ("free", "5"):
        assert limits_for(parse_model_spec("azure:soc-gpt41"), tier, figures) == Limits(rpm=300, tpm=50_000)  # type: ignore[arg-type]
    assert figures.source.startswith("Settings, Limits, on 2026-11-30; the rest from OpenAI")
    assert not figures.is_estimate(parse_model_spec("openai:gpt-5.1"))
    assert figures.is_estimate(parse_model_spec("openai:gpt-5.4"))


def test_without_a_file_the_shipped_figures_hold() -> None:
    assert read_figures(None) is default_figures()


def test_what_a_server_takes_bounds_question_and_answer(own: Path) -> None:
    spec = parse_model_spec("qwen3@http://127.0.0.1:11434/v1")
    made = candidate_for(spec, Count(100), 6_000, tier="1", figures=read_figures(own))
    assert (made.output, made.context) == (1_024, 8_192 - 1_024)
    narrower = candidate_for(spec, Count(100), 6_000, tier="1", figures=read_figures(own), told=2_048)
    assert (narrower.output, narrower.context) == (512, 2_048 - 512)


def test_two_tiers_of_equal_limits_share_a_limiter_and_own_limits_have_their_own(own: Path) -> None:
    spec = parse_model_spec("openai:gpt-5.1")
    assert limiter_for(spec, "2", read_figures(own)) is limiter_for(spec, "2", read_figures(own))
    assert limiter_for(spec, "2", read_figures(own)) is not limiter_for(spec, "2")


def test_all_faults_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    with pytest.raises(OperatorErrors) as told:
        read_figures(path)
    lines = [str(fault).removeprefix(f"{path}:") for fault in told.value.faults]
    assert [line.partition(":")[0] for line in lines] == ["2", "3", "3", "3", "5", "6", "6", "6", "7", "8"]
    assert "`gpt-4.2` is no model of the catalogue" in lines[0]
    assert any("`gpt-4.1.1.rmp` is no key; did you mean `rpm`?" in line for line in lines)
    assert "did you mean `source`?" in lines[-1]


@pytest.mark.parametrize(
    "text", ["- 1", "tiers: 5", "models: [a]", "tiers: {gpt-4.1: 5}", "source: 5", "models: {none: {rpm: 1}}"]
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "no.yaml"
    path.write_text(text)
    with pytest.raises(OperatorError, match=r"no\.yaml:1"):
        read_figures(path)


async def test_a_stated_context_is_held_to_before_a_server_is_asked(tmp_path: Path) -> None:
    async with door(lambda _: GOOD, tmp_path, stated=Stated(context=700, output=256)) as (asker, server, _passing):
        assert (await asker.ask(request(user="word " * 900))).too_large
        assert not server.asked
        assert (await asker.ask(request())).value is not None
        assert server.asked[0].body["max_tokens"] == 256
