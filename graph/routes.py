"""Where the case goes next: pure functions of the state."""

from __future__ import annotations

from typing import Literal

from soc_analyst.state.case import CaseState
from soc_analyst.state.reviving import revived

__all__ = ["after_executor", "after_guardrail", "after_reviewer"]


def after_guardrail(state: CaseState) -> Literal["planner", "guardrail", "executor"]:
    """Come again to ask a person where one must say yes; send back what was refused whole, or is wanted otherwise."""
    state = revived(state)  # an edited case comes by here before any node does
    if state.get("awaiting") is not None:
        return "guardrail"
    if state.get("guidance"):
        return "planner"
    if state.get("declined"):
        return "executor"
    refused = state["plan"].queries and not state["approved"]
    return "planner" if refused and not state["budget_reached"] else "executor"


def after_executor(state: CaseState) -> Literal["planner", "analyzer"]:
    """Send empty, failed and cut results back with the reason; the planner says when it has nothing else to try."""
    return "planner" if state["feedback"] and not state["budget_reached"] else "analyzer"


def after_reviewer(state: CaseState) -> Literal["planner", "__end__"]:
    """Follow the leads that are left, or end."""
    return "planner" if state["stage"] == "open" else "__end__"
