"""Other models, dollars and limits, through the real clients over loopback."""

from __future__ import annotations

import json
from pathlib import Path

from soc_analyst.tools.models.limits import Limits
from soc_analyst.tools.models.scripted import (
    Asked,
    Reply,
    Script,
    denied,
    not_found,
    rate_headers,
)

from .doors import GOOD, door, request

TEXT = json.dumps(GOOD)


async def test_another_model_is_taken_where_one_fails(tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        return not_found() if asked.model == "gpt-5-mini" else GOOD

    async with door(reply, tmp_path, spec="openai:gpt-5-mini") as (asker, server, _):
        answer = await asker.ask(request())
        other = server.asked[-1].model
    assert answer.value is not None
    assert answer.calls[0].model == f"openai:{other}"
    assert answer.said[0].startswith("openai:gpt-5-mini is not there (404 model_not_found)")
    assert answer.said[0].endswith(f"; openai:{other} was taken instead.")


async def test_no_other_model_is_taken_unless_it_is_allowed(tmp_path: Path) -> None:
    for more in ({"over_limit": ("wait",)}, {"allowed": ("openai:gpt-5-mini",)}):
        async with door(lambda _: not_found(), tmp_path, spec="openai:gpt-5-mini", **more) as (asker, server, _):
            answer = await asker.ask(request())
            assert (answer.value, len(server.asked)) == (None, 1)


async def test_a_key_that_is_refused_is_refused_for_all_models_of_the_provider(tmp_path: Path) -> None:
    async with door(lambda _: denied(), tmp_path, spec="openai:gpt-5-mini") as (asker, server, _):
        answer = await asker.ask(request())
        assert len(server.asked) == 1
    assert "refused the key (401 invalid_api_key); check OPENAI_API_KEY." in answer.said[0]


async def test_dollars_stop_before_the_call(tmp_path: Path) -> None:
    async with door(Script(), tmp_path, spec="openai:gpt-5.4", max_usd=0.01) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert (answer.value, answer.over_usd, answer.calls) == (None, True, ())
    assert "--max-usd" in answer.said[0]


async def test_dollars_stop_between_calls(tmp_path: Path) -> None:
    async with door(lambda _: GOOD, tmp_path, spec="openai:gpt-4.1", max_usd=0.0045) as (asker, server, _):
        answers = [await asker.ask(request(user=f"Round {n}?")) for n in range(12)]
        made = len(server.asked)
    spent = sum(call.usd for answer in answers for call in answer.calls)
    assert 1 < made < 12
    assert spent <= 0.0045
    assert answers[-1].over_usd


async def test_headers_of_answers_set_the_limits(tmp_path: Path) -> None:
    headers = rate_headers(tokens=(1_000, 10, "20s"))
    async with door(lambda _: GOOD, tmp_path, headers=headers, limits=Limits(tpm=100_000)) as (asker, _server, passing):
        for n in range(2):
            assert (await asker.ask(request(user=f"Round {n}?"))).value is not None
    assert sum(passing.slept) >= 20


async def test_evidence_over_a_limit_is_to_be_split(tmp_path: Path) -> None:
    big = request(user="word " * 5_000, role="analyse", node="analyzer")
    async with door(Script(), tmp_path, limits=Limits(tpm=2_000), over_limit=("split",)) as (asker, _server, _passing):
        answer = await asker.ask(big)
    assert (answer.value, answer.too_large) == (None, True)
    assert "split" in answer.said[0]
