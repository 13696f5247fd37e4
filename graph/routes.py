"""Where the case goes next: pure functions of the state."""

from __future__ import annotations

from typing import Literal

from soc_analyst.state.case import CaseState

__all__ = ["after_executor", "after_guardrail", "after_reviewer"]


def after_guardrail(state: CaseState) -> Literal["planner", "executor"]:
    """Send a plan of which nothing was approved back, unless there is nothing left to plan."""
    refused = state["plan"].queries and not state["approved"]
    return "planner" if refused and not state["budget_reached"] else "executor"


def after_executor(state: CaseState) -> Literal["planner", "analyzer"]:
    """Send empty, failed and cut results back with the reason; the planner says when it has nothing else to try."""
    return "planner" if state["feedback"] and not state["budget_reached"] else "analyzer"


def after_reviewer(state: CaseState) -> Literal["planner", "__end__"]:
    """Follow the leads that are left, or end."""
    return "planner" if state["stage"] == "open" else "__end__"
