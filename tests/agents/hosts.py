"""A host for the tests: an agent with a scripted model behind a real client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langchain_openai import ChatOpenAI

from soc_analyst.tools.models.scripted import ScriptedServer

QUESTION = "Anything suspicious on host ws-1 in the last day?"


def chat(server: ScriptedServer) -> ChatOpenAI:
    return ChatOpenAI(model="scripted", base_url=server.url, api_key="none", max_retries=0)  # type: ignore[arg-type]


def agent(server: ScriptedServer, tools: Sequence[BaseTool], **more: Any) -> Any:
    from langchain.agents import create_agent

    return create_agent(chat(server), list(tools), **more)


def asked(text: str = QUESTION) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def answers(came: dict[str, Any]) -> list[ToolMessage]:
    return [one for one in came["messages"] if isinstance(one, ToolMessage)]
