"""A person approves a plan through the parent graph: the interrupt of the subgraph surfaces there, and resumes there.

    python examples/approve_in_parent.py [WORKSPACE]

The payload is the one that Agent Inbox and Studio draw. Here the first plan is edited, and all later ones accepted.
What a person changed goes through the guard again. The serializer lets the saver load the types of a case.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from soc_analyst import Context, build_graph, checkpoint_serializer

LOGS = Path(__file__).parent / "logs"
QUESTION = "Anything suspicious on host ws-1 in the last day?"


def edited(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a person who narrows the query over process starts and leaves the others as they are."""
    queries = {name: text for name, text in asked["action_request"]["args"].items() if name != "hash"}
    name = next(name for name, text in queries.items() if text.startswith("DeviceProcessEvents"))
    queries[name] += '\n| where ProcessCommandLine has "DownloadString"'
    return {"type": "edit", "args": {"action": "run_queries", "args": queries}}


def main(workspace: str) -> int:
    """Ask, answer as a person would, and show what came of it."""
    parent = StateGraph(MessagesState, context_schema=Context)
    parent.add_node("soc", build_graph())
    parent.add_edge(START, "soc")
    graph = parent.compile(checkpointer=InMemorySaver(serde=checkpoint_serializer()))
    thread: RunnableConfig = {"configurable": {"thread_id": "chat-1"}}
    with tempfile.TemporaryDirectory() as home:
        context = Context(workspace=workspace, data_dir=Path(home), approve="always", max_rounds=2)
        came = graph.invoke({"messages": [HumanMessage(QUESTION)]}, thread, context=context)
        asked = 0
        while "__interrupt__" in came:
            asked += 1
            plan = came["__interrupt__"][0].value
            sys.stdout.write(f"--- a person is asked:\n{plan['description'][:500]}\n")
            answer = edited(plan) if asked == 1 else {"type": "accept", "args": None}
            sys.stdout.write(f"--- the answer: {answer['type']}\n")
            came = graph.invoke(Command(resume=[answer]), thread, context=context)
        report = json.loads(next(Path(home).glob("cases/*/report.json")).read_text())
    sys.stdout.write(f"--- after {asked} answers: {came['messages'][-1].text[:200]}\n")
    sys.stdout.write("".join(f"--- {warning}\n" for warning in report["warnings"] if "person" in warning))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(LOGS)))
