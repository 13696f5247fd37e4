"""The door to models, through the real clients over loopback: forms, faults, retries, limits, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from soc_analyst.tools.models.asking import Terms, open_door
from soc_analyst.tools.models.clients import Timeouts
from soc_analyst.tools.models.keys import Keys
from soc_analyst.tools.models.scripted import (
    Asked,
    Broken,
    Delayed,
    HttpError,
    Reply,
    Said,
    Script,
    denied,
    failed,
    filtered,
    not_found,
    out_of_quota,
    rate_limited,
    too_long,
    unsupported,
)
from soc_analyst.tools.models.spec import ModelSpec

from .doors import GOOD, KEYS, Time, door, request

TEXT = json.dumps(GOOD)


async def test_an_answer_by_schema_and_what_it_took(tmp_path: Path) -> None:
    async with door(Script(Said(TEXT, cached=4)), tmp_path) as (asker, server, _):
        answer = await asker.ask(request())
        (asked,) = server.asked
    assert answer.value is not None
    assert answer.value.model_dump() == GOOD
    assert answer.said == ()
    (call,) = answer.calls
    assert (call.node, call.prompt, call.paid, call.usd) == ("planner", "plan@1234", True, 0.0)
    assert (call.cached_tokens, call.output_tokens) == (4, len(TEXT) // 4)
    assert (asked.form, asked.answer, asked.streams) == ("schema", "Route", True)
    assert asked.body["stream_options"] == {"include_usage": True}
    assert asked.body["max_tokens"] == 400
    assert asked.schema["properties"]["steps"]["maxItems"] == 3
    assert asked.schema["required"] == ["title", "steps", "note"]


async def test_each_provider_gets_its_own_key_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.setenv(name, f"secret-of-{name}")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-own")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-own")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")
    seen = {}
    for spec in ("server", "openai:gpt-5-mini", "azure:gpt-4.1"):
        async with door(Script(GOOD), tmp_path / spec[:5], spec=spec) as (asker, server, _):
            assert (await asker.ask(request())).value is not None
            seen[spec] = server.asked[0].headers
    assert seen["server"]["authorization"] == "Bearer secret-of-server"
    assert seen["openai:gpt-5-mini"]["authorization"] == "Bearer sk-secret-of-openai"
    assert seen["azure:gpt-4.1"]["api-key"] == "secret-of-azure"
    for spec in ("server", "azure:gpt-4.1"):
        told = json.dumps(dict(seen[spec]))
        assert not any(one in told for one in ("sk-secret", "org-own", "project-own", "secret-of-OPENAI")), spec
    assert seen["openai:gpt-5-mini"]["openai-organization"] == "org-own"


async def test_a_server_without_a_key_gets_a_placeholder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    async with door(Script(GOOD), tmp_path, keys=Keys(openai="sk-own")) as (asker, server, _):
        await asker.ask(request())
        assert server.asked[0].headers["authorization"] == "Bearer no-key"


async def test_azure_without_a_key_gets_a_token(tmp_path: Path) -> None:
    class Signed:
        def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            assert scopes == ("https://cognitiveservices.azure.com/.default",)
            return AccessToken("token-of-identity", 4_102_444_800)

    keys = Keys(azure_api_version="2025-01-01")
    async with door(Script(GOOD), tmp_path, spec="azure:gpt-4.1", keys=keys, credential=Signed()) as (asker, server, _):
        answer = await asker.ask(request())
        (asked,) = server.asked
    assert answer.value is not None
    assert answer.calls[0].usd > 0
    assert asked.headers["authorization"] == "Bearer token-of-identity"
    assert asked.path == "/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21"


BY_MODEL = [
    ("openai:gpt-5-mini", "schema", "schema",
     {"max_completion_tokens": 8400, "prompt_cache_key": "plan@1234"}, {"temperature"}),
    ("openai:gpt-4.1", "function", "function", {"max_completion_tokens": 400, "temperature": 0}, set()),
    ("openai:gpt-4.1", "schema", "schema", {"temperature": 0}, {"max_tokens"}),
    ("azure:own-deployment", "schema", "schema", {"max_completion_tokens": 8400}, {"temperature", "prompt_cache_key"}),
    ("server", "schema", "schema", {"max_tokens": 400, "temperature": 0},
     {"prompt_cache_key", "max_completion_tokens"}),
    ("server", "function", "function", {"max_tokens": 400}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "preferred", "form", "sent", "absent"), BY_MODEL)
async def test_a_model_is_asked_as_it_can(
    tmp_path: Path, spec: str, preferred: str, form: str, sent: dict[str, Any], absent: set[str]
) -> None:
    async with door(Script(GOOD), tmp_path, spec=spec, allowed=("catalogue", "azure:*")) as (asker, server, _):
        answer = await asker.ask(request(form=preferred))
        (asked,) = server.asked
    assert answer.value is not None
    assert asked.form == form
    assert {name: asked.body[name] for name in sent} == sent
    assert not absent & asked.body.keys()
    if form == "function":
        assert asked.body["tool_choice"] == {"type": "function", "function": {"name": "Route"}}


def _only(*forms: str) -> Any:
    def reply(asked: Asked) -> Reply:
        if asked.form in forms:
            return Said(TEXT) if asked.form in ("json", "text") else GOOD
        return unsupported("tools" if asked.form == "function" else "response_format")

    return reply


@pytest.mark.parametrize(("form", "tries"), [("function", 3), ("json", 5), ("text", 6)])
async def test_an_unknown_server_is_tried_form_by_form_once_a_run(tmp_path: Path, form: str, tries: int) -> None:
    async with door(_only(form), tmp_path) as (asker, server, passing):
        first, second = await asker.ask(request()), await asker.ask(request(user="And then?"))
        asked = server.asked
    assert first.value == second.value
    assert first.value is not None
    assert len(first.calls) == len(second.calls) == 1
    assert len(asked) <= tries + 1
    assert asked[-1].form == asked[-2].form == form
    assert passing.slept == []
    assert ("obeys this JSON schema" in asked[-1].user) is (form in ("json", "text"))


@pytest.mark.parametrize("name", ["temperature", "stream", "stream_options", "max_tokens", "strict"])
async def test_a_parameter_that_a_server_refuses_is_left_out(tmp_path: Path, name: str) -> None:
    def reply(asked: Asked) -> Reply:
        held = asked.body.get(name) or name in (asked.body.get("response_format") or {}).get("json_schema", {})
        return unsupported(name) if held or (name == "temperature" and name in asked.body) else GOOD

    async with door(reply, tmp_path) as (asker, server, _):
        answer = await asker.ask(request())
        assert answer.value is not None
        assert answer.said == ()
        assert len(server.asked) == 2


async def test_a_server_that_heeds_no_schema_is_asked_in_words(tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        return Said(f"Sure! Here it is:\n```json\n{TEXT}\n```") if "JSON schema" in asked.user else Said("Sure!")

    async with door(reply, tmp_path, run="heedless") as (asker, server, _):
        answers = [await asker.ask(request(user=f"Round {n}?")) for n in range(3)]
        forms = [asked.form for asked in server.asked]
    assert answers[-1].value is not None
    assert forms[-1] == "json"
    assert len(answers[-1].calls) == 1


RETRIED = [
    ([rate_limited(7)], "wait", [7.0]),
    ([rate_limited(None), rate_limited("0.2")], "wait", [0.5, 0.2]),
    ([failed(503), failed(500), failed(502)], "wait", [0.5, 1.0, 2.0]),
    ([Broken("reset")], "wait", [0.5]),
    ([Broken("cut")], "wait", [0.5]),
    ([HttpError(408)], "wait", [0.5]),
    ([HttpError(409)], "wait", [0.5]),
]  # fmt: skip


@pytest.mark.parametrize(("faults", "_", "pauses"), RETRIED)
async def test_what_passes_is_tried_again(tmp_path: Path, faults: list[Reply], _: str, pauses: list[float]) -> None:
    async with door(Script(*faults, GOOD), tmp_path) as (asker, _server, passing):
        answer = await asker.ask(request())
    assert answer.value is not None
    assert not [line for line in answer.said if "broke off" not in line]
    waits = [seconds for seconds in passing.slept if seconds > 0]
    assert len(waits) >= len(pauses)
    for told, slept in zip(pauses, waits, strict=False):
        assert told <= slept <= told * 1.5 + 0.5


FOR_GOOD = [
    (out_of_quota(), "has no quota left (429 insufficient_quota); add credit", True),
    (denied(401, "Incorrect API key provided: sk-secret-of***"),
     "refused the key (401 invalid_api_key); check SOC_", True),
    (denied(403), "refused the key (403 permission_denied)", True),
    (not_found(), "is not there (404 model_not_found)", True),
    (HttpError(402, "payment", "Pay."), "has no quota left (402 payment)", True),
    (HttpError(407, text="<h1>Proxy</h1>"), "could not be reached (407)", True),
    (filtered(), "declined to answer (400 content_filter)", False),
    (HttpError(400, "bad", "Bad."), "refused the request (400 bad)", False),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "said", "lost"), FOR_GOOD)
async def test_what_does_not_pass_is_not_tried_again(tmp_path: Path, fault: Reply, said: str, lost: bool) -> None:
    async with door(lambda _: fault, tmp_path) as (asker, server, passing):
        first = await asker.ask(request())
        before = len(server.asked)
        second = await asker.ask(request(purpose="reading of the evidence"))
        after = len(server.asked)
    (line,) = first.said
    assert first.value is None
    assert line.startswith("The plan of round 2 was done by rules: scripted@http://127.0.0.1:")
    assert said in line
    assert "sk-secret" not in line
    assert passing.slept in ([], [pytest.approx(0.6, abs=0.2)])
    assert (after == before) is lost
    assert ("not asked again in this run" in second.said[0]) is lost


async def test_a_dead_server_is_asked_twice_and_then_no_more(tmp_path: Path) -> None:
    passing = Time()
    opened = open_door(
        ModelSpec("server", "gone", "http://127.0.0.1:9/v1"), keys=KEYS, terms=Terms(("loopback",), 1.0),
        ledger=tmp_path, run="dead", clock=passing.clock, sleep=passing.sleep,
    )  # fmt: skip
    async with opened as asker:
        answers = [await asker.ask(request()) for _ in range(2)]
    assert "could not be reached (no connection); check the address" in answers[0].said[0]
    assert "it is not asked again in this run" in answers[1].said[0]
    assert len(passing.slept) == 1


SETTINGS = [
    ("HTTPS_PROXY", "nonsense://proxy"),
    ("HTTPS_PROXY", "socks5://127.0.0.1:9"),
    ("SSL_CERT_FILE", "/none/such.pem"),
]


@pytest.mark.parametrize(("name", "value"), SETTINGS)
async def test_settings_that_allow_no_client_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    opened = open_door(
        ModelSpec("openai", "gpt-5-mini"), keys=KEYS, terms=Terms(("catalogue",), 1.0), ledger=tmp_path,
        run=f"settings {value}", openai_url="https://models.invalid/v1", sleep=Time().sleep,
    )  # fmt: skip
    async with opened as asker:
        answer = await asker.ask(request())
    assert (
        "could not be reached (the proxy or certificate settings of the environment cannot be used)" in answer.said[0]
    )
    assert value not in answer.said[0]


async def test_a_server_on_this_machine_is_asked_past_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with door(Script(GOOD), tmp_path) as (asker, _server, _passing):
        assert (await asker.ask(request())).value is not None


async def test_a_wait_past_the_run_is_not_begun(tmp_path: Path) -> None:
    async with door(lambda _: rate_limited(400), tmp_path, seconds=300) as (asker, server, passing):
        answer = await asker.ask(request())
    assert answer.value is None
    assert "is over its rate limit (429 rate_limit_exceeded)" in answer.said[0]
    assert (len(server.asked), passing.slept) == (1, [])


async def test_a_silent_server_is_left(tmp_path: Path) -> None:
    slow = Delayed(30, Said(TEXT))
    async with door(lambda _: slow, tmp_path, timeouts=Timeouts(1, 0.05)) as (asker, server, _):
        answer = await asker.ask(request())
        assert len(server.asked) == 2
    assert "did not answer in time" in answer.said[0]


async def test_an_answer_that_stops_half_way_is_left(tmp_path: Path) -> None:
    late = Delayed(30, Said(TEXT), late=True)
    async with door(lambda _: late, tmp_path, timeouts=Timeouts(1, 0.05)) as (asker, _server, _passing):
        assert "did not answer in time" in (await asker.ask(request())).said[-1]


@pytest.mark.parametrize(
    "reply", [too_long(2000), HttpError(413), HttpError(429, "tokens", "Request too large for it.")]
)
async def test_a_request_over_the_window_is_to_be_made_smaller(tmp_path: Path, reply: Reply) -> None:
    long = request(user="word " * 3000)
    async with door(lambda _: reply, tmp_path) as (asker, server, _):
        before, answer, after = await asker.size(long), await asker.ask(long), await asker.size(long)
        assert len(server.asked) == 1
    assert (answer.value, answer.too_large) == (None, True)
    assert "was too large" in answer.said[0]
    assert before.tokens > 3000
    assert before.room > 0 > after.room


async def test_a_server_that_does_not_stream_is_asked_in_one_piece(tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        return Broken("foreign") if asked.streams else GOOD

    async with door(reply, tmp_path) as (asker, server, _):
        answers = [await asker.ask(request(user=f"Round {n}?")) for n in range(2)]
        streamed = [asked.streams for asked in server.asked]
    assert all(answer.value is not None for answer in answers)
    assert streamed == [True, False, False]


async def test_usage_is_counted_where_a_server_tells_none(tmp_path: Path) -> None:
    async with door(Script(Said(TEXT, usage=False)), tmp_path) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert answer.calls[0].input_tokens > 20
    assert answer.calls[0].output_tokens > 10


async def test_a_paid_answer_is_not_asked_for_again(tmp_path: Path) -> None:
    spec = "openai:gpt-4.1"
    async with door(Script("prose", GOOD), tmp_path, spec=spec, run="killed") as (asker, _server, _passing):
        first = await asker.ask(request())
    async with door(Script(), tmp_path, spec=spec, run="resumed", max_usd=0.0) as (asker, _server, _passing):
        again = await asker.ask(request())
        third = await asker.ask(request())
    assert again.value == first.value
    assert [call.paid for call in again.calls] == [False, False]
    assert [call.usd for call in again.calls] == [call.usd for call in first.calls]
    assert [call.usd for call in third.calls] == [0.0, 0.0]  # counted already in this run


async def test_a_full_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / "calls").write_text("a file where the folder should be")
    async with door(Script(GOOD), tmp_path) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert answer.value is not None
    assert "could not be kept" in answer.said[0]


async def test_an_answer_without_bounds_is_a_fault_of_ours(tmp_path: Path) -> None:
    from pydantic import BaseModel

    class Open(BaseModel):
        """An answer that may go on for ever."""

        words: list[str]

    async with door(Script(), tmp_path) as (asker, _server, _passing):
        with pytest.raises(ValueError, match="no bound at words"):
            await asker.ask(request(answer=Open))
