"""The graph as a subgraph of a chat agent of your own, in both ways: as a node, and called within one.

    python examples/as_subgraph.py [WORKSPACE]

The parent has a state and a checkpointer of its own. As a node the graph shares the parent's `messages`; within a node
you map states as you like, and take the whole `Report`. Every call on a thread is a case of its own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime

from soc_analyst import Context, Report, build_graph, checkpoint_serializer

LOGS = Path(__file__).parent / "logs"
QUESTION = "Anything suspicious on host ws-1 in the last day?"


class Desk(MessagesState):
    """A state of the parent's own, which the investigation does not know."""

    ticket: str
    severity: str


def triaged(state: Desk) -> dict[str, Any]:
    """A node of the parent's own."""
    return {"ticket": f"INC-{len(state['messages']):03d}"}


def as_node() -> Any:
    """Return a parent whose node is the graph: `messages` are shared, the last human one is the question."""
    parent = StateGraph(Desk, context_schema=Context)
    parent.add_node("triage", triaged)
    parent.add_node("soc", build_graph())
    parent.add_edge(START, "triage")
    parent.add_edge("triage", "soc")
    parent.add_edge("soc", END)
    return parent.compile(checkpointer=InMemorySaver(serde=checkpoint_serializer()))


def within_a_node() -> Any:
    """Return a parent that calls the graph in a node and maps what comes back."""
    graph = build_graph()

    def investigated(state: Desk, runtime: Runtime[Context]) -> dict[str, Any]:
        came = graph.invoke({"question": str(state["messages"][-1].text)}, context=runtime.context)
        report = Report.model_validate(came["report"])
        severity = "high" if report.outcome == "confirmed" else "low"
        return {"severity": severity, "messages": [AIMessage(f"{report.outcome}, case {report.thread_id}")]}

    parent = StateGraph(Desk, context_schema=Context)
    parent.add_node("investigate", investigated)
    parent.add_edge(START, "investigate")
    return parent.compile(checkpointer=InMemorySaver(serde=checkpoint_serializer()))


def main(workspace: str) -> int:
    """Run both."""
    thread: RunnableConfig = {"configurable": {"thread_id": "chat-1"}}
    with tempfile.TemporaryDirectory() as home:
        context = Context(workspace=workspace, data_dir=Path(home))
        for name, parent in (("as a node", as_node()), ("within a node", within_a_node())):
            came = parent.invoke({"messages": [HumanMessage(QUESTION)]}, thread, context=context)
            sys.stdout.write(f"{name}: {came['messages'][-1].text[:300]}\n")
            own = {key: value for key, value in came.items() if key != "messages"}
            sys.stdout.write(f"  the parent's own state: {own}\n")
        cases = sorted(path.name for path in (Path(home) / "cases").iterdir())
    sys.stdout.write(f"Two calls on one thread, two cases: {', '.join(cases)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(LOGS)))
