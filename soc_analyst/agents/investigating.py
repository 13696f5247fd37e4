"""`investigate`: a whole investigation as one tool of a host's agent."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, ConfigDict, Field

from soc_analyst.graph.build import RECURSION_LIMIT, build_graph
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.opened import kept_open
from soc_analyst.state.errors import SocAnalystError
from soc_analyst.state.report import Report

from .calling import misused, one_line
from .telling import told_report

__all__ = ["DESCRIPTION", "Question", "investigate_tool"]

DESCRIPTION = (
    "Investigate a security question over the organisation's logs: plans guarded queries, runs detections, follows "
    "leads and returns findings proved against the rows. Takes from seconds to minutes. Ask one self-contained "
    "question that names the host, account or address and the time, such as 'Anything suspicious on host WS-123 in "
    "the last day?'. `not_found` means looked and found nothing; `could_not_look` is no all-clear."
)
WAITS = (
    "The plan waits for a person's approval, and nobody can be asked here: compile the agent with a checkpointer and "
    "answer its interrupt, or let the context say approve='auto'."
)
OWN_LIMIT: RunnableConfig = {"recursion_limit": RECURSION_LIMIT}
"""The steps of an investigation are bounded by its own budgets, not by what the host allows its agent."""


class Question(BaseModel):
    """What a model may say: the question alone. Workspace, policy and budgets are the host's."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(
        min_length=3, max_length=2_000, description="What to find out, in plain words, with whom and when."
    )


def investigate_tool(context: Context | None = None, *, name: str = "investigate") -> BaseTool:
    """Return a tool that investigates under this context; its artifact is the `Report`.

    Within a LangGraph agent it runs as a subgraph: the agent's checkpointer keeps its steps, callbacks see its nodes,
    and where a person must approve a plan, the agent's graph is interrupted.
    """
    chosen, graph = context or Context(), build_graph()

    async def investigated(question: str) -> tuple[str, Report]:
        try:
            async with kept_open():
                return _answer(await graph.ainvoke({"question": question}, OWN_LIMIT, context=chosen))
        except SocAnalystError as error:
            raise ToolException(one_line(error)) from error

    def investigated_now(question: str) -> tuple[str, Report]:
        try:
            return _answer(graph.invoke({"question": question}, OWN_LIMIT, context=chosen))
        except SocAnalystError as error:
            raise ToolException(one_line(error)) from error

    return StructuredTool.from_function(
        investigated_now,
        investigated,
        name=name,
        description=DESCRIPTION,
        args_schema=Question,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=misused,
    )


def _answer(came: dict[str, Any]) -> tuple[str, Report]:
    if "report" not in came:
        raise ToolException(WAITS)
    report = Report.model_validate(came["report"])
    return told_report(report), report
