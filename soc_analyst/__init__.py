"""An AI SOC analyst: a question in plain words becomes proved findings.

>>> from soc_analyst import hunt
>>> report = hunt("Any failed sign-ins for alice@contoso.com over the past 6 hours?")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soc_analyst.agents.investigating import investigate_tool
    from soc_analyst.agents.logs import log_tools
    from soc_analyst.graph.build import build_graph
    from soc_analyst.graph.checkpoints import checkpoint_serializer
    from soc_analyst.graph.context import Context
    from soc_analyst.graph.hunting import ahunt, hunt
    from soc_analyst.graph.looking.answer import Answer
    from soc_analyst.graph.looking.querying import aquery, query
    from soc_analyst.state.findings import Finding
    from soc_analyst.state.report import Report

__all__ = [
    "Answer",
    "Context",
    "Finding",
    "Report",
    "ahunt",
    "aquery",
    "build_graph",
    "checkpoint_serializer",
    "hunt",
    "investigate_tool",
    "log_tools",
    "query",
]

_HOMES = {
    "Answer": "soc_analyst.graph.looking.answer",
    "Context": "soc_analyst.graph.context",
    "Finding": "soc_analyst.state.findings",
    "Report": "soc_analyst.state.report",
    "ahunt": "soc_analyst.graph.hunting",
    "aquery": "soc_analyst.graph.looking.querying",
    "build_graph": "soc_analyst.graph.build",
    "checkpoint_serializer": "soc_analyst.graph.checkpoints",
    "hunt": "soc_analyst.graph.hunting",
    "investigate_tool": "soc_analyst.agents.investigating",
    "log_tools": "soc_analyst.agents.logs",
    "query": "soc_analyst.graph.looking.querying",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing the package costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
