"""The served form with two users: `examples/server` through `langgraph dev`, where none reaches what is not theirs."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml

from ..graph.workspace import END, small
from .dev import ROOT, Dev, dev_server

pytestmark = pytest.mark.slow

QUESTION = "Anything suspicious on host ws-1 in the last day?"
NOW = {"now": END.isoformat()}


@dataclass(frozen=True)
class Served:
    """The server and a token for each of its users."""

    dev: Dev
    tokens: dict[str, str]

    def ask(self, user: str, method: str, path: str, sent: object = None, **headers: str) -> httpx.Response:
        """Send a request as a user; as nobody where there is no such user."""
        token = self.tokens.get(user)
        signed = {"authorization": f"Bearer {token}"} if token else {}
        url = f"{self.dev.url}{path}"
        return httpx.request(method, url, json=sent, headers={**signed, **headers}, trust_env=False, timeout=240)

    def thread(self, user: str) -> str:
        return str(self.ask(user, "POST", "/threads", {}).json()["thread_id"])

    def run(self, user: str, thread: str, context: dict[str, object] | None = None, **given: Any) -> httpx.Response:
        wished = {} if "config" in given else {"context": context or NOW}
        sent = {"assistant_id": "soc_analyst", "input": {"question": QUESTION}, **wished, **given}
        return self.ask(user, "POST", f"/threads/{thread}/runs/wait", sent)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    example = folder / "server"
    shutil.copytree(ROOT / "examples" / "server", example)
    config = json.loads((example / "langgraph.json").read_text())
    (example / "langgraph.json").write_text(json.dumps({**config, "dependencies": ["."]}))
    tokens = {user: secrets.token_urlsafe(32) for user in ("alice", "bob", "carol")}
    hashes = {user: hashlib.sha256(token.encode()).hexdigest() for user, token in tokens.items()}
    (example / "tokens.yaml").write_text(yaml.safe_dump(hashes))
    small(example / "logs")
    rules = yaml.safe_load((example / "served.yaml").read_text())
    rules["context"] |= {"workspace": "logs", "data_dir": "home"}
    rules["users"] = {"alice": {}, "bob": {"context": {"approve": "always"}}}  # carol has a token, and may not ask
    (example / "served.yaml").write_text(yaml.safe_dump(rules))
    with dev_server(example, example / "langgraph.json") as running:
        yield Served(running, tokens)


def test_nobody_gets_in_without_a_token(served: Served) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"x-auth-scheme": "langsmith", "x-api-key": "x"}):
        for method, path in (("POST", "/threads"), ("POST", "/assistants/search"), ("POST", "/mcp")):
            assert served.ask("nobody", method, path, {}, **headers).status_code in (401, 403), (headers, path)


def test_a_case_runs_under_the_servers_rules_and_is_its_owners(served: Served) -> None:
    alices = served.thread("alice")
    done = served.run("alice", alices)
    assert done.json()["report"]["outcome"] == "confirmed", done.text
    home = served.dev.folder / "home" / "users"
    assert [folder for folder in home.iterdir() if (folder / "cases" / alices).is_dir()] == [*home.glob("alice-*")]
    for method, path in (
        ("GET", f"/threads/{alices}"), ("GET", f"/threads/{alices}/state"), ("POST", f"/threads/{alices}/history"),
        ("DELETE", f"/threads/{alices}"), ("PATCH", f"/threads/{alices}"), ("POST", f"/threads/{alices}/state"),
        ("POST", f"/threads/{alices}/copy"), ("GET", f"/threads/{alices}/runs"),
    ):  # fmt: skip
        sent = {"values": {}, "metadata": {}} if method != "GET" else None
        answer = served.ask("bob", method, path, sent)
        assert answer.status_code in (403, 404, 409) or answer.json() == [], (method, path, answer.text[:200])
    assert served.run("bob", alices).status_code in (403, 404)
    assert [thread["thread_id"] for thread in served.ask("bob", "POST", "/threads/search", {}).json()] == []
    # What is one's own stays so: metadata that names another owner is not taken.
    served.ask("alice", "PATCH", f"/threads/{alices}", {"metadata": {"owner": "bob"}})
    assert served.ask("alice", "GET", f"/threads/{alices}").json()["metadata"]["owner"] == "alice"


REACHING: tuple[tuple[dict[str, object], str], ...] = (
    ({"policy": "/etc/passwd"}, "policy is set by this server"),
    ({"data_dir": "/tmp/elsewhere"}, "data_dir is set by this server"),
    ({"workspace": "/etc"}, "workspace is set by this server"),
    ({"attack_data": "/etc/passwd"}, "attack_data is set by this server"),
    ({"model": "x@http://127.0.0.1:22"}, "model is set by this server"),
    ({"max_usd": 5}, "max_usd is at most 0.5"),
    ({"max_rounds": 99}, "max_rounds: Input should be less than or equal to 20"),
    ({"approve": "auto", "privacy": "off"}, "privacy is personal or stricter"),
)


def test_a_context_that_reaches_further_is_refused_before_it_is_queued(served: Served) -> None:
    thread = served.thread("alice")
    for wish, said in REACHING:
        for sent in ({"context": wish}, {"config": {"configurable": wish}}):
            answer = served.run("alice", thread, **sent)  # type: ignore[arg-type]
            assert answer.status_code == 422 and said in answer.json()["detail"], answer.text
    assert served.ask("alice", "GET", f"/threads/{thread}/runs").json() == []


def test_other_ways_in_are_closed(served: Served) -> None:
    made = {"graph_id": "soc_analyst", "context": {"policy": "/etc/passwd"}}
    assert served.ask("alice", "POST", "/assistants", made).status_code == 403
    cron = {"assistant_id": "soc_analyst", "schedule": "* * * * *", "input": {"question": QUESTION}}
    assert served.ask("alice", "POST", "/runs/crons", cron).status_code == 403
    assert served.ask("alice", "PUT", "/store/items", {"namespace": ["x"], "key": "x", "value": {}}).status_code in (
        403,
        404,
    )
    # A public address by number: of a name the server would ask a resolver, before the hook.
    told = served.run("alice", served.thread("alice"), webhook="https://8.8.8.8/hook")
    assert told.status_code == 422 and "posts to no webhook" in told.text
    refused = served.run("carol", served.thread("carol"))
    assert refused.status_code == 422 and "may not ask this server" in refused.text
    whole = {"assistant_id": "soc_analyst", "input": {"question": QUESTION}, "context": {"policy": "/etc/passwd"}}
    assert served.ask("alice", "POST", "/runs/wait", whole).status_code == 422


def test_a_large_request_is_refused_with_its_limit(served: Served) -> None:
    thread = served.thread("alice")
    long = served.run("alice", thread, input={"question": "x" * 4_001})
    assert long.status_code == 422 and "a question of 4,001 characters; this server takes 4,000" in long.text
    many = served.run("alice", thread, input={"messages": [{"role": "user", "content": "x"}] * 51})
    assert many.status_code == 422 and "51 messages; this server takes 50" in many.text
    huge = served.run("alice", thread, input={"question": QUESTION, "messages": [], "x": "x" * 300_000})
    assert huge.status_code == 413 and "256,000 bytes" in huge.text


def test_each_users_own_rules_hold_and_a_tampered_case_stays_inside(served: Served) -> None:
    thread = served.thread("bob")
    served.run("bob", thread)
    waiting = served.ask("bob", "GET", f"/threads/{thread}/state").json()
    assert waiting["next"] == ["guardrail"] and waiting["interrupts"]  # bob is always asked
    edit = {"values": {"thread_id": "../../alice"}, "as_node": "guardrail"}
    assert served.ask("bob", "POST", f"/threads/{thread}/state", edit).status_code == 200
    served.run("bob", thread, input=None)  # what was edited is proved and put down anew
    told = served.run("bob", thread, input=None, command={"resume": [{"type": "accept", "args": None}]})
    assert "a thread id takes letters" in told.text, told.text[:500]


def test_mcp_and_a2a_are_behind_the_same_door(served: Served) -> None:
    accept = {"accept": "application/json, text/event-stream"}
    call = {"name": "soc_analyst", "arguments": {"question": "Any failed sign-ins for bob@contoso.com?"}}
    sent = {"jsonrpc": "2.0", "id": "1", "method": "tools/call", "params": call}
    assert "report" in served.ask("alice", "POST", "/mcp", sent, **accept).text
    long = {**sent, "params": {**call, "arguments": {"question": "x" * 4_001}}}
    refused = served.ask("alice", "POST", "/mcp", long, **accept)
    assert refused.status_code == 500 and "report" not in refused.text  # the server tells no reason here
    assistant = served.ask("alice", "POST", "/assistants/search", {}).json()[0]["assistant_id"]
    said = {"role": "user", "parts": [{"kind": "text", "text": QUESTION}], "messageId": "m1"}
    message = {"jsonrpc": "2.0", "id": "1", "method": "message/send", "params": {"message": said}}
    done = served.ask("alice", "POST", f"/a2a/{assistant}", message, **accept)
    assert done.json()["result"]["status"]["state"] == "completed", done.text
    assert served.ask("nobody", "POST", f"/a2a/{assistant}", message, **accept).status_code == 401
