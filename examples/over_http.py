"""Over HTTP: the graph on a LangGraph server, asked as an MCP tool (`/mcp`) and as an agent (`/a2a`).

    pip install -e '.[studio]' && python examples/over_http.py [WORKSPACE]

It starts `langgraph dev` for itself and stops it at the end. The tool and the agent carry the name of the assistant,
which holds the workspace: whoever asks chooses neither.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from langgraph_sdk import get_client

HERE = Path(__file__).parent
CONFIG = HERE.parent / "langgraph.json"
LOGS = HERE / "logs"
QUESTION = "Anything suspicious on host ws-1 in the last day?"
STARTS_WITHIN = 240


@asynccontextmanager
async def server(folder: str) -> AsyncIterator[str]:
    """Start a server that writes below a folder; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("langgraph")
    options = ("--config", str(CONFIG), "--port", str(port), "--no-browser", "--no-reload")
    nothing = asyncio.subprocess.DEVNULL
    settings = {**os.environ, "LANGSMITH_TRACING": "false"}
    process = await asyncio.create_subprocess_exec(
        command, "dev", *options, cwd=folder, env=settings, stdout=nothing, stderr=nothing
    )
    try:
        yield await _answering(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


async def _answering(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(STARTS_WITHIN):
        while True:
            try:
                await http.get(f"{url}/ok")
                return url
            except httpx.TransportError:
                await asyncio.sleep(0.2)


async def main(workspace: str) -> int:
    """Make an assistant for a workspace, and ask it twice."""
    with tempfile.TemporaryDirectory() as home:
        async with server(home) as url:
            context = {"workspace": workspace, "data_dir": str(Path(home) / "home")}
            assistant = await get_client(url=url).assistants.create(
                "soc_analyst", context=context, name="office", description="Investigates the logs of the office"
            )
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=300) as http:
                await as_tool(http)
                await as_agent(http, assistant["assistant_id"])
    return 0


async def as_tool(http: httpx.AsyncClient) -> None:
    """List the tools of `/mcp`, and call the one of the assistant."""
    tools = {tool["name"]: tool for tool in (await asked(http, "/mcp", "tools/list"))["tools"]}
    takes = ", ".join(tools["office"]["inputSchema"]["properties"])
    sys.stdout.write(f"/mcp   the tool `office` takes: {takes}\n")
    answer = await asked(http, "/mcp", "tools/call", name="office", arguments={"question": QUESTION})
    sys.stdout.write(f"/mcp   {'confirmed' if 'confirmed' in answer['content'][0]['text'] else 'not confirmed'}\n")


async def as_agent(http: httpx.AsyncClient, assistant: str) -> None:
    """Read the card of the agent, and send it a message."""
    card = (await http.get("/.well-known/agent-card.json", params={"assistant_id": assistant})).json()
    sys.stdout.write(f"/a2a   the agent: {card['name']}, {card['description']}\n")
    said = {"role": "user", "parts": [{"kind": "text", "text": QUESTION}], "messageId": "1"}
    task = await asked(http, f"/a2a/{assistant}", "message/send", message=said)
    sys.stdout.write(f"/a2a   {task['status']['state']}: {task['artifacts'][0]['parts'][0]['text'][:120]} …\n")


async def asked(http: httpx.AsyncClient, path: str, method: str, **params: object) -> dict[str, Any]:
    """Return the result of a call in JSON-RPC, which both speak."""
    headers = {"Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
    answer = await http.post(path, json=body, headers=headers)
    answer.raise_for_status()
    result: dict[str, Any] = json.loads(answer.text)["result"]
    return result


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else str(LOGS))))
