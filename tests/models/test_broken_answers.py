"""An answer that breaks off was paid for: it is counted as far as it is known, and --max-usd holds with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soc_analyst.state.report import ModelCall, Usage
from soc_analyst.tools.models import parse_model_spec
from soc_analyst.tools.models.clients import Timeouts
from soc_analyst.tools.models.forms import REASONING
from soc_analyst.tools.models.prices import usd
from soc_analyst.tools.models.scripted import Asked, Broken, Delayed, Endless, HttpError, Reply, Said, failed

from .doors import GOOD, door, request

MINI = "openai:gpt-5-mini"
PAID = {"spec": MINI, "over_limit": ()}


def once(first: Reply) -> Any:
    """Return a model that replies so to the first request, and well to the others."""
    replies = [first]
    return lambda _: replies.pop() if replies else GOOD


async def _worst(folder: Path) -> float:
    """Return the dollars that one call may take."""
    async with door(lambda _: GOOD, folder, **PAID) as (asker, _server, _passing):
        size = await asker.size(request())
    return usd(parse_model_spec(MINI), input=size.tokens, output=400 + REASONING) or 0.0


async def test_a_stream_that_breaks_is_counted_beside_the_answer_that_came(tmp_path: Path) -> None:
    async with door(once(Broken("cut")), tmp_path, **PAID) as (asker, server, _):
        answer = await asker.ask(request())
        assert len(server.asked) == 2
    broken, whole = answer.calls
    assert answer.value is not None
    assert (broken.estimated, whole.estimated) == (True, False)
    assert broken.input_tokens > 0
    assert broken.usd > 0
    assert "broke off" in answer.said[0]
    assert "by our own count" in answer.said[0]
    usage = Usage().with_calls(answer.calls)
    assert (usage.model_calls, usage.estimated_calls) == (2, 1)
    assert usage.usd == pytest.approx(broken.usd + whole.usd, abs=1e-5)


async def test_a_stream_that_stops_in_the_middle_counts_what_came(tmp_path: Path) -> None:
    late = Delayed(30, Said("word " * 400), late=True)
    async with door(lambda _: late, tmp_path, timeouts=Timeouts(1, 0.2), **PAID) as (asker, server, _):
        answer = await asker.ask(request())
        assert len(server.asked) == 2
    assert answer.value is None
    assert [call.estimated for call in answer.calls] == [True, True]
    assert all(call.output_tokens > 0 for call in answer.calls)


async def test_what_failed_before_an_answer_began_costs_nothing(tmp_path: Path) -> None:
    for n, fault in enumerate((Broken("reset"), failed(503), HttpError(408))):
        async with door(once(fault), tmp_path / str(n), **PAID) as (asker, server, _):
            answer = await asker.ask(request())
            assert len(server.asked) == 2
        assert len(answer.calls) == 1


async def test_no_try_is_made_that_could_pass_the_dollars_with_what_broke(tmp_path: Path) -> None:
    worst = await _worst(tmp_path)
    for most, tries in ((worst * 1.001, 1), (worst * 1.5, 2)):
        folder = tmp_path / str(tries)
        async with door(once(Broken("cut")), folder, max_usd=most, **PAID) as (asker, server, _):
            answer = await asker.ask(request())
            assert len(server.asked) == tries
        assert answer.calls[0].estimated
        assert (answer.value is None) is (tries == 1)
        assert sum(call.usd for call in answer.calls) <= most


async def test_the_dollars_of_a_broken_answer_are_gone_for_the_next_request(tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        return Broken("cut") if "first" in asked.user else GOOD

    async with door(reply, tmp_path, max_usd=await _worst(tmp_path) * 1.001, **PAID) as (asker, server, _):
        first = await asker.ask(request(user="first?"))
        second = await asker.ask(request(user="What is next?"))
        assert len(server.asked) == 1
    assert first.calls
    assert second.over_usd


async def test_an_answer_that_repeats_itself_counts_by_our_own_count(tmp_path: Path) -> None:
    async with door(lambda _: Endless(), tmp_path, **PAID) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert answer.calls
    assert all(call.estimated and call.output_tokens > 500 for call in answer.calls)


def test_the_cost_is_one_line_that_says_what_is_an_estimate() -> None:
    call = ModelCall(node="planner", model="m", input_tokens=1200, cached_tokens=1000, output_tokens=30, usd=0.00123)
    assert Usage().model_line == ""
    assert Usage().with_calls([call]).model_line == (
        "1 call of the model, 1,200 tokens in (1,000 cached), 30 out, $0.0012"
    )
    guessed = call.model_copy(update={"estimated": True, "cached_tokens": 0})
    assert Usage().with_calls([call, guessed]).model_line == (
        "2 calls of the model, about 2,400 tokens in (1,000 cached), 60 out, about $0.0025"
    )
