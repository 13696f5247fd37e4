"""The investigation, on one page.

START → planner → guardrail ── refused ──────────────────────→ planner
                     │ approved (by a person too, where one is to be asked)
                     ▼
                  executor ── empty, failed or cut ──────────→ planner
                     │ rows
                     ▼
                  analyzer → reviewer ── a lead ─────────────→ planner
                                 └── done, or a budget is used up → END
"""

from __future__ import annotations

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from soc_analyst.settings import environment_now
from soc_analyst.state.case import CaseInput, CaseOutput, CaseState

from .bridging import Node, both_ways
from .context import Context
from .nodes.analyzer import analyzer
from .nodes.executor import executor
from .nodes.guardrail import guardrail
from .nodes.planner import planner
from .nodes.reviewer import reviewer
from .progress import NodeName
from .routes import after_executor, after_guardrail, after_reviewer
from .served import Served

__all__ = ["build_graph"]

RECURSION_LIMIT = 5 * 20 + 5
"""Five nodes for each of the most rounds a context may ask for: budgets end a run long before this does."""

NODES: dict[NodeName, Node] = {
    "planner": planner,
    "guardrail": guardrail,
    "executor": executor,
    "analyzer": analyzer,
    "reviewer": reviewer,
}


def build_graph(
    *, checkpointer: BaseCheckpointSaver[str] | None = None, served: Served | None = None
) -> CompiledStateGraph[CaseState, Context, CaseInput, CaseOutput]:
    """Compile the graph. Without a checkpointer the host supplies one, as the LangGraph server does.

    `served` is what a server holds fast, whatever context a user sends. Keys, endpoints and the key that seals cases
    are those of the environment as it is now.
    """
    environment = environment_now()
    graph = StateGraph(CaseState, context_schema=Context, input_schema=CaseInput, output_schema=CaseOutput)
    for name, node in NODES.items():
        graph.add_node(name, both_ways(name, node, environment, served))
    graph.add_edge(START, "planner")
    graph.add_edge("planner", "guardrail")
    graph.add_conditional_edges("guardrail", after_guardrail)
    graph.add_conditional_edges("executor", after_executor)
    graph.add_edge("analyzer", "reviewer")
    graph.add_conditional_edges("reviewer", after_reviewer)
    compiled = graph.compile(checkpointer=checkpointer, name="soc_analyst")
    # Set in place: a copy made by `with_config` forgets which types of the state a host's strict saver may load.
    compiled.config = {"recursion_limit": RECURSION_LIMIT}
    return compiled
