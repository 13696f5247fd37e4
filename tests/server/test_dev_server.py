"""The graph as `langgraph dev` serves it from `langgraph.json`, driven by the SDK, MCP and A2A."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from soc_analyst.graph.progress import adapter

from ..graph.workspace import END, small
from .dev import ROOT, Dev, dev_server

pytestmark = pytest.mark.slow

GRAPH = "soc_analyst"
QUESTION = "Anything suspicious on host ws-1 in the last day?"
NODES = ["planner", "guardrail", "executor", "analyzer", "reviewer"]
ACCEPT = {"type": "accept", "args": None}
HARMFUL = "SecurityEvent | take 5"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("dev")
    small(folder / "logs")
    with dev_server(folder, ROOT / "langgraph.json") as running:
        yield running


@pytest.fixture
async def client(server: Dev) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server.url) as open_client:
        yield open_client


class Served:
    """The server with one client and the context of the small workspace."""

    def __init__(self, dev: Dev, client: LangGraphClient, **context: object) -> None:
        self.dev, self.client = dev, client
        self.context = {"workspace": str(dev.folder / "logs"), "now": END.isoformat(), **context}

    async def thread(self) -> str:
        return str((await self.client.threads.create())["thread_id"])

    async def run(self, thread: str | None, *modes: Any, **given: Any) -> list[tuple[str, Any]]:
        """Run to the next question or the end, and return what was streamed."""
        sent = given or {"input": {"question": QUESTION}}
        stream = self.client.runs.stream(
            thread, GRAPH, stream_mode=list(modes or ("updates",)), context=self.context, **sent
        )
        return [(part.event, part.data) async for part in stream]

    async def state(self, thread: str) -> dict[str, Any]:
        return dict((await self.client.threads.get_state(thread))["values"])

    async def asked(self, thread: str) -> dict[str, Any] | None:
        """Return what a person is asked, None where nobody is."""
        waiting = (await self.client.threads.get_state(thread))["interrupts"]
        return waiting[0]["value"] if waiting else None

    async def to_the_end(self, thread: str, answer: Any) -> dict[str, Any]:
        """Answer, say yes to all that follows, and return the report."""
        while True:
            await self.run(thread, command={"resume": [answer]})
            if await self.asked(thread) is None:
                return dict((await self.state(thread))["report"])
            answer = ACCEPT


async def test_the_form_of_the_context_can_be_drawn(client: LangGraphClient) -> None:
    assistant = (await client.assistants.search())[0]
    assert assistant["description"].endswith("It only reads.")
    schemas = await client.assistants.get_schemas(assistant["assistant_id"])
    form = schemas["context_schema"]
    assert "$defs" not in form and "$ref" not in json.dumps(form) and "anyOf" not in json.dumps(form)
    for name, field in form["properties"].items():
        assert field["description"] and field["title"] and field["type"] != "null", name
        open_end = field.get("format") in ("date-time", "path")
        assert open_end or "default" in field, name
        if field["type"] in ("integer", "number"):
            assert {"minimum", "exclusiveMinimum"} & set(field), name
        if field["type"] == "string" and not open_end:
            assert "enum" in field or "maxLength" in field, name
    assert set(schemas["input_schema"]["properties"]) == {"question", "messages"}
    assert set(schemas["output_schema"]["properties"]) == {"report", "messages"}


async def test_all_modes_stream_and_a_trace_reads_as_a_story(server: Dev, client: LangGraphClient) -> None:
    served = Served(server, client)
    thread = await served.thread()
    parts = await served.run(thread, "updates", "custom", "values", "messages-tuple", "tasks")
    updates = [(node, update) for event, data in parts if event == "updates" for node, update in data.items()]
    assert [node for node, _ in updates[:5]] == NODES and updates[-1][0] == "reviewer"
    assert all(update is None for _, update in updates[:-1])  # the output is the report, and nothing before it
    done = [data for event, data in parts if event == "tasks" and "result" in data]
    assert [task["name"] for task in done] == [node for node, _ in updates]
    assert all(0 < len(task["result"]["did"]) < 500 for task in done)
    report = updates[-1][1]["report"]
    assert report["outcome"] == "confirmed"
    events = [adapter().validate_python(data) for event, data in parts if event == "custom"]
    assert [event["node"] for event in events if event["event"] == "step"] == [node for node, _ in updates]
    assert [data for event, data in parts if event == "values"][-1]["report"] == report
    told = [data[0] for event, data in parts if event == "messages"]
    assert [message["content"] for message in told] == [report["summary"]]
    history = await served.client.threads.get_history(thread, limit=100)
    assert [state["next"] for state in reversed(history)][1:6] == [[node] for node in NODES]
    marker = report["findings"][0]["log_lines"][0]
    kept = [json.dumps({k: v for k, v in state["values"].items() if k != "report"}) for state in history]
    assert not any(json.dumps(marker)[1:-1] in state for state in kept)  # no row in any state but in the report
    assert max(map(len, kept)) < 200_000
    follow_up = await served.run(thread, input={"messages": [{"role": "user", "content": "And on ws-2?"}]})
    assert follow_up[-1][1]["reviewer"]["report"]["question"] == "And on ws-2?"


async def test_what_is_wrong_is_told_in_one_line(server: Dev, client: LangGraphClient) -> None:
    served = Served(server, client, workspace="/nowhere")
    event, data = (await served.run(await served.thread()))[-1]
    assert event == "error" and data["error"] == "OperatorError"
    assert "there is no folder /nowhere" in data["message"] and "\n" not in data["message"]


async def test_a_person_accepts_edits_responds_and_ignores(server: Dev, client: LangGraphClient) -> None:
    served = Served(server, client, approve="always")
    threads = [await served.thread() for _ in range(4)]
    await asyncio.gather(*(served.run(thread) for thread in threads))
    asked = [await served.asked(thread) for thread in threads]
    for one in asked:
        assert one is not None and set(one) == {"action_request", "config", "description"}
        assert all(one["config"].values()) and len(one["config"]) == 4
    args = asked[1]["action_request"]["args"]  # type: ignore[index]
    first, second = [name for name in args if name != "hash"][:2]
    good = 'DeviceProcessEvents | where ProcessCommandLine has "DownloadString" | project TimeGenerated, DeviceName'
    edit = {"type": "edit", "args": {"action": "run_queries", "args": {**args, first: good, second: HARMFUL}}}
    answers = [ACCEPT, edit, {"type": "response", "args": "Look at sign-ins of bob instead"}, {"type": "ignore"}]
    accepted, edited, guided, ignored = await asyncio.gather(*map(served.to_the_end, threads, answers))
    assert accepted["outcome"] == "confirmed"
    ran = {query["id"]: query for query in edited["queries"]}
    assert ran[first]["status"] == "ok" and 'has "DownloadString"' in ran[first]["kql"]
    assert ran[second]["status"] == "refused" and not any("SecurityEvent" in query["kql"] for query in ran.values())
    assert any(query["table"] == "SigninLogs" for query in guided["queries"])
    assert {query["status"] for query in ignored["queries"]} == {"skipped"}


async def test_a_stale_yes_is_refused_and_the_plan_still_waits(server: Dev, client: LangGraphClient) -> None:
    served = Served(server, client, approve="always")
    thread = await served.thread()
    await served.run(thread)
    await served.run(thread, command={"resume": [{"type": "accept", "args": {"hash": "0" * 64}}]})
    state = await served.client.threads.get_state(thread)
    assert state["next"] == ["guardrail"]
    assert "the answer is to another plan" in state["tasks"][0]["interrupts"][0]["value"]["description"]


async def test_a_case_is_forked_at_every_node(server: Dev, client: LangGraphClient) -> None:
    served = Served(server, client)
    thread = await served.thread()
    await served.run(thread)
    whole = (await served.state(thread))["report"]
    history = list(reversed(await served.client.threads.get_history(thread, limit=100)))
    for node in NODES:
        at = next(state for state in history if state["next"] == [node])
        parts = await served.run(thread, input=None, checkpoint_id=at["checkpoint"]["checkpoint_id"])
        told = [next(iter(data)) for event, data in parts if event == "updates"]
        assert told[0] == node and told[-1] == "reviewer"
        again = parts[-1][1]["reviewer"]["report"]
        assert (again["outcome"], [one["id"] for one in again["findings"]]) == (
            whole["outcome"], [one["id"] for one in whole["findings"]],
        )  # fmt: skip


async def test_an_edited_plan_or_query_is_proved_again(server: Dev, client: LangGraphClient) -> None:
    served = Served(server, client, max_rounds=1)
    thread = await served.thread()
    await served.run(thread)
    history = await served.client.threads.get_history(thread, limit=100)

    async def forked(before: str, edit: dict[str, Any], as_node: str) -> dict[str, Any]:
        at = next(state for state in history if state["next"] == [before])
        fork = await served.client.threads.update_state(
            thread, edit, as_node=as_node, checkpoint_id=at["checkpoint"]["checkpoint_id"]
        )
        parts = await served.run(thread, input=None, checkpoint_id=fork["checkpoint"]["checkpoint_id"])
        return dict(parts[-1][1]["reviewer"]["report"])

    planned = next(state for state in history if state["next"] == ["guardrail"])["values"]["plan"]
    mine = {"id": "mine", "purpose": "mine", "kql": 'DeviceProcessEvents | where FileName =~ "powershell.exe"'}
    bad = {"id": "bad", "purpose": "bad", "kql": HARMFUL}
    report = await forked("guardrail", {"plan": {**planned, "queries": [mine, bad]}}, "planner")
    status = {query["id"]: query["status"] for query in report["queries"]}
    assert status == {"mine": "ok", "bad": "refused"} and report["outcome"] == "confirmed"
    approved = next(state for state in history if state["next"] == ["executor"])["values"]["approved"]
    wider = [{**query, "kql": query["kql"].replace("2026-03-0", "2025-03-0")} for query in approved]
    report = await forked("executor", {"approved": wider}, "guardrail")
    assert {query["status"] for query in report["queries"] if query["round"] == 1} == {"refused"}
    assert not report["findings"] and report["usage"]["rows"] == 0


async def test_stateless_joined_and_cancelled_runs(server: Dev, client: LangGraphClient) -> None:
    served = Served(server, client)
    given = {"input": {"question": QUESTION}, "context": served.context}
    stopped = await served.thread()
    run = await client.runs.create(stopped, GRAPH, stream_mode=["custom"], stream_resumable=True, **given)
    async for part in client.runs.join_stream(stopped, run["run_id"]):
        if part.event == "custom" and part.data["event"] == "query_started":
            break
    await client.runs.cancel(stopped, run["run_id"], wait=True)
    assert (await client.runs.get(stopped, run["run_id"]))["status"] == "interrupted"

    alone = await client.runs.wait(None, GRAPH, **given)
    assert alone["report"]["outcome"] == "confirmed"
    kept = _files(server.folder, stopped)
    thread = await served.thread()
    run = await client.runs.create(thread, GRAPH, **given)
    joined = await client.runs.join(thread, run["run_id"])
    assert joined["report"]["outcome"] == "confirmed"
    assert _files(server.folder, stopped) == kept  # nothing went on while other cases ran

    again = await client.runs.wait(stopped, GRAPH, input=None, context=served.context)
    assert again["report"]["outcome"] == "confirmed"
    assert kept <= _files(server.folder, stopped)


def _files(folder: Path, thread: str) -> set[str]:
    return {path.name for path in (folder / ".soc-analyst" / "cases" / thread).rglob("*") if path.is_file()}


async def test_mcp_and_a2a_ask_it_too(server: Dev, client: LangGraphClient) -> None:
    logs = Served(server, client).context
    assistant = await client.assistants.create(GRAPH, context=logs, name="small_case", description="The small one")
    headers = {"accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=240, headers=headers) as http:

        async def asked(path: str, method: str, **params: object) -> str:
            sent = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
            answer = await http.post(path, json=sent)
            assert answer.status_code == 200, answer.text
            return answer.text

        tools = {tool["name"]: tool for tool in json.loads(await asked("/mcp", "tools/list"))["result"]["tools"]}
        assert set(tools["small_case"]["inputSchema"]["properties"]) == {"question", "messages"}
        called = await asked("/mcp", "tools/call", name="small_case", arguments={"question": QUESTION})
        assert "'outcome': 'confirmed'" in json.loads(called)["result"]["content"][0]["text"]
        known = {"assistant_id": assistant["assistant_id"]}
        card = (await http.get("/.well-known/agent-card.json", params=known)).json()
        assert card["name"] == "small_case" and card["capabilities"]["streaming"]
        said = {"role": "user", "parts": [{"kind": "text", "text": QUESTION}], "messageId": "m1"}
        path = f"/a2a/{assistant['assistant_id']}"
        task = json.loads(await asked(path, "message/send", message=said))["result"]
        assert task["status"]["state"] == "completed"
        assert task["artifacts"][0]["parts"][0]["text"].startswith("Confirmed")
        streamed = await asked(path, "message/stream", message=said)
        states = [
            json.loads(line[6:])["result"]["status"]["state"] for line in streamed.splitlines() if "status" in line
        ]
        assert states[0] == "submitted" and states[-1] == "completed"


def test_nothing_blocked_the_servers_loop_and_nothing_was_traced(server: Dev) -> None:
    log = server.log.read_text()
    assert "Blocking call" not in log and "BlockingError" not in log and "smith.langchain.com/runs" not in log
