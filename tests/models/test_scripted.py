"""The scripted model: what it expects, what it replies over the wire, and that it fails loudly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from pydantic import BaseModel

from soc_analyst.tools.models.scripted import (
    Asked,
    Broken,
    Called,
    Delayed,
    Endless,
    HttpError,
    Reply,
    Said,
    Script,
    ScriptedServer,
    ScriptError,
    Step,
    denied,
    failed,
    filtered,
    not_found,
    out_of_quota,
    rate_headers,
    rate_limited,
    too_long,
    unsupported,
)

SCHEMA = {"type": "json_schema", "json_schema": {"name": "Weather", "schema": {"type": "object"}, "strict": True}}
TOOLS = [{"type": "function", "function": {"name": "Weather", "parameters": {"type": "object"}}}]


class Weather(BaseModel):
    """An answer."""

    sky: str


def body(**more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How is the weather?"}]
    return {"model": "scripted", "messages": messages, **more}


def post(server: ScriptedServer, path: str = "/v1/chat/completions", **more: Any) -> httpx.Response:
    return httpx.post(f"{server.root}{path}", json=body(**more), timeout=10, trust_env=False)


def events(response: httpx.Response) -> Iterator[Any]:
    lines = [line for line in response.text.split("\n") if line]
    assert lines[-1] == "data: [DONE]"
    return (json.loads(line.removeprefix("data: ")) for line in lines[:-1])


def test_a_value_takes_the_form_that_was_asked_for() -> None:
    with ScriptedServer(lambda _: Weather(sky="clear")) as server:
        by_schema = post(server, response_format=SCHEMA).json()["choices"][0]["message"]
        by_call = post(server, tools=TOOLS).json()["choices"][0]["message"]["tool_calls"][0]["function"]
        forms = [(asked.form, asked.answer) for asked in server.asked]
    assert json.loads(by_schema["content"]) == {"sky": "clear"}
    assert (by_call["name"], json.loads(by_call["arguments"])) == ("Weather", {"sky": "clear"})
    assert forms == [("schema", "Weather"), ("function", "Weather")]


def test_a_stream_says_the_same_and_its_usage_last() -> None:
    with ScriptedServer(lambda _: Said('{"sky": "' + "clear " * 30 + '"}', cached=5)) as server:
        told = list(events(post(server, stream=True, stream_options={"include_usage": True})))
        silent = list(events(post(server, stream=True)))
    text = "".join(one["choices"][0]["delta"].get("content", "") for one in told if one["choices"])
    assert json.loads(text)["sky"].count("clear") == 30
    assert told[-1]["usage"]["prompt_tokens_details"] == {"cached_tokens": 5}
    assert all(one["usage"] is None for one in silent)


def test_a_streamed_call_is_put_together_from_its_pieces() -> None:
    with ScriptedServer(lambda _: Called("Weather", {"sky": "clear " * 30})) as server:
        deltas = [one["choices"][0]["delta"] for one in events(post(server, tools=TOOLS, stream=True))]
    calls = [delta["tool_calls"][0] for delta in deltas if delta.get("tool_calls")]
    assert calls[0]["function"]["name"] == "Weather"
    assert json.loads("".join(call["function"]["arguments"] for call in calls))["sky"].count("clear") == 30


def test_a_request_is_told_as_it_came() -> None:
    with ScriptedServer(lambda _: "{}", key="k-1") as server:
        assert post(server).status_code == 401
        url = f"{server.root}/openai/deployments/soc/chat/completions?api-version=2025-01-01"
        assert httpx.post(url, json=body(), headers={"api-key": "k-1"}, trust_env=False).status_code == 200
        asked = server.asked[-1]
        assert asked.path.startswith("/openai/deployments/soc/chat/completions?")
    assert (asked.system, asked.user, asked.form, asked.answer) == ("Be brief.", "How is the weather?", "text", "")


FAULTS: list[tuple[Reply, int, str | None]] = [
    (rate_limited(3), 429, "rate_limit_exceeded"), (out_of_quota(), 429, "insufficient_quota"),
    (denied(), 401, "invalid_api_key"), (denied(403), 403, "permission_denied"), (failed(), 503, "server_error"),
    (not_found(), 404, "model_not_found"), (too_long(), 400, "context_length_exceeded"),
    (filtered(), 400, "content_filter"), (unsupported(), 400, "unsupported_parameter"),
    (Delayed(0.01, failed(500)), 500, "server_error"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "status", "code"), FAULTS)
def test_faults_by_status(fault: Reply, status: int, code: str | None) -> None:
    with ScriptedServer(lambda _: fault) as server:
        response = post(server)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_headers_tell_the_limits_and_when_to_come_back() -> None:
    with ScriptedServer(lambda _: rate_limited(3), headers=rate_headers(tokens=(100, 7, "2s"))) as server:
        headers = post(server).headers
    assert (headers["retry-after"], headers["x-ratelimit-remaining-tokens"]) == ("3", "7")


def test_a_proxy_speaks_html() -> None:
    with ScriptedServer(lambda _: HttpError(502, text="<h1>Bad gateway</h1>")) as server:
        response = post(server)
    assert (response.status_code, response.text) == (502, "<h1>Bad gateway</h1>")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "seen"), [("reset", httpx.ReadError), ("cut", httpx.RemoteProtocolError)])
def test_connections_break(kind: Any, seen: type[Exception], stream: bool) -> None:
    with ScriptedServer(lambda _: Broken(kind)) as server, pytest.raises(seen):
        post(server, stream=stream)


@pytest.mark.parametrize(
    ("kind", "body"), [("malformed", '{"id"'), ("html", "<!doctype"), ("empty", ""), ("foreign", '{"ok')]
)
def test_bodies_are_no_completions(kind: Any, body: str) -> None:
    with ScriptedServer(lambda _: Broken(kind)) as server:
        response = post(server)
    assert response.status_code == 200
    assert response.text.startswith(body)


def test_a_text_without_end_ends_where_the_client_leaves() -> None:
    with ScriptedServer(lambda _: Endless(size=50_000_000)) as server:
        url = f"{server.url}/chat/completions"
        with httpx.stream("POST", url, json=body(stream=True), trust_env=False) as response:
            pieces = response.iter_text()
            assert "and so on" in next(pieces) + next(pieces) + next(pieces)


def test_the_models_are_listed() -> None:
    with ScriptedServer(lambda _: "", models=("one", "two")) as server:
        listed = httpx.get(f"{server.url}/models", trust_env=False).json()
        assert httpx.get(f"{server.url}/other", trust_env=False).status_code == 404
    assert [one["id"] for one in listed["data"]] == ["one", "two"]


def test_a_script_is_played_in_order() -> None:
    script = Script(Step("a", contains="weather"), Step(lambda asked: asked.user, when=lambda asked: not asked.answer))
    with ScriptedServer(script) as server:
        said = [post(server).json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert said == ["a", "How is the weather?"]


def test_parallel_requests_find_their_step_in_any_order() -> None:
    script = Script(Step("other", contains="no such"), Step("mine", contains="weather"), "rest", in_order=False)
    with pytest.raises(ScriptError, match="step 1 was never asked for"), ScriptedServer(script) as server:
        assert post(server).json()["choices"][0]["message"]["content"] == "mine"
        assert post(server).json()["choices"][0]["message"]["content"] == "rest"


@pytest.mark.parametrize(
    "step", [Step("a", answer="Plan"), Step("a", contains="snow"), Step("a", when=lambda _: False)]
)
def test_an_unexpected_request_is_refused_and_raises_at_the_end(step: Step) -> None:
    fault = pytest.raises(ScriptError, match=r"unexpected request .*\n.*never asked for")
    with fault, ScriptedServer(Script(step)) as server:
        assert post(server).status_code == 418


def test_a_request_after_the_last_step_is_unexpected() -> None:
    with pytest.raises(ScriptError, match="the script is over"), ScriptedServer(Script("a")) as server:
        assert [post(server).status_code for _ in range(2)] == [200, 418]


def test_steps_may_come_several_times_or_never() -> None:
    script = Script(Step("any", times=None), Step("twice", answer="Weather", times=2))
    with pytest.raises(ScriptError, match="step 2 was never asked for"), ScriptedServer(script) as server:
        for _ in range(3):
            post(server)


def test_what_a_callable_raises_is_raised_at_the_end() -> None:
    def broken(_: Asked) -> Reply:
        raise ValueError("no reply")

    with pytest.raises(ValueError, match="no reply"), ScriptedServer(broken) as server:
        assert post(server).status_code == 418


def test_an_error_of_the_test_itself_is_not_hidden() -> None:
    with pytest.raises(KeyError) as caught, ScriptedServer(Script("never asked")):
        raise KeyError("own")
    assert "never asked for" in caught.value.__notes__[0]
