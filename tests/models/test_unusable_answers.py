"""Answers that cannot be used, through the real clients over loopback: repaired once, mended, or done by rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.tools.models.scripted import (
    Asked,
    Broken,
    Called,
    Endless,
    HttpError,
    Reply,
    Said,
    Script,
    Step,
    unsupported,
)

from .doors import GOOD, door, request

TEXT = json.dumps(GOOD)


REPAIRED: list[tuple[Reply, str]] = [
    ("I would look at ws-1 first.", "no JSON object"),
    (Said('{"title": "Look", "title": "Again", "steps": [], "note": null}'), "more than once"),
    (Said('{"title": "Look", "steps": [{"host": "ws-1", "kind": "dance"}], "note": null}'), "steps.0.kind"),
    (Said(TEXT[:30], finish="length"), "shorter"),
    (Called("delete_everything", GOOD), "there is only Route"),
    (Called("Route", '{"title": "L'), "no JSON object"),
    (Endless("again and again "), "repeats itself"),
    (Said(json.dumps({"title": "Посмотреть на компьютер", "steps": [], "note": "и всё"})), "language of the request"),
    (Said('{"title": NaN, "steps": [], "note": null}'), "no JSON object"),
    (Said("[" * 100_000), "repeats itself"),
    (Said("{" * 20_000), "repeats itself"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "told"), REPAIRED)
async def test_what_cannot_be_used_is_repaired_once(tmp_path: Path, bad: Reply, told: str) -> None:
    async with door(Script(Step(bad), Step(GOOD, contains=told)), tmp_path) as (asker, server, _):
        answer = await asker.ask(request())
        assert server.asked[1].body["messages"][-2]["role"] == "assistant"
    assert answer.value is not None
    assert len(answer.calls) == 2
    assert answer.said == ()


@pytest.mark.parametrize(("bad", "_"), REPAIRED)
async def test_what_cannot_be_repaired_goes_by_rules(tmp_path: Path, bad: Reply, _: str) -> None:
    async with door(lambda _: bad, tmp_path) as (asker, server, passing):
        answer = await asker.ask(request())
        assert len(server.asked) <= 4
    if answer.value is None:
        assert len(answer.said) == 1
        assert "no answer that can be used (" in answer.said[0] or "did not come to an end (" in answer.said[0]
        assert answer.too_large is ("too large" in answer.said[0])
    else:
        assert "did not fit its form" in answer.said[0]
    assert passing.slept == []


MENDED: list[tuple[dict[str, Any], int]] = [
    ({**GOOD, "surprise": 1}, 1),
    ({"title": "Look", "steps": []}, 1),
    ({**GOOD, "title": "L" * 500}, 1),
    ({**GOOD, "steps": GOOD["steps"] * 9}, 1),
    ({**GOOD, "steps": [{"host": "ws-1", "kind": "search", "why": "so"}]}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("value", "calls"), MENDED)
async def test_what_leaves_no_doubt_is_mended_without_a_call(tmp_path: Path, value: dict[str, Any], calls: int) -> None:
    async with door(Script(Said(json.dumps(value))), tmp_path) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert answer.value is not None
    assert len(answer.calls) == calls


WRAPPED = [f"```json\n{TEXT}\n```", f"Here you are: {TEXT} Good luck!", f"<think>{{hm}}</think>\n{TEXT}",
           f'{{"thought": "no"}} and then {TEXT}', f"\ufeff{TEXT}", f"```\n{TEXT}"]  # fmt: skip


@pytest.mark.parametrize("text", WRAPPED)
async def test_json_is_found_where_it_stands(tmp_path: Path, text: str) -> None:
    async with door(Script(Said(text)), tmp_path) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert answer.value is not None
    assert answer.value.model_dump() == GOOD


FOREIGN: list[tuple[Reply, str]] = [
    (Broken("html"), "a web page came instead"),
    (Broken("malformed"), "not in the form of a chat completion"),
    (Broken("empty"), "not in the form of a chat completion"),
    (Broken("foreign"), "not in the form of a chat completion"),
    (HttpError(307, headers={"location": "http://127.0.0.1:9/"}), "sends on to another address with status 307"),
    (HttpError(502, text="<h1>Bad gateway</h1>"), "failed (502)"),
    (Said(refusal="I will not."), "declined to answer"),
    (Said("", finish="content_filter"), "declined to answer (content_filter)"),
    (Said("x" * 9_000_000), "longer than 8 MB"),
]  # fmt: skip


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize(("reply", "said"), FOREIGN)
async def test_what_is_no_answer_goes_by_rules(tmp_path: Path, reply: Reply, said: str, streams: bool) -> None:
    def play(asked: Asked) -> Reply:
        return unsupported("stream") if asked.streams and not streams else reply

    async with door(play, tmp_path) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert answer.value is None
    (line,) = answer.said
    assert said in line or (streams and "did not come to an end (it repeats itself" in line)
