"""Budgets: what is left, and which one is used up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from soc_analyst.state.case import CaseState
from soc_analyst.state.report import STOP, Usage

from ..context import Context
from .stopping import asked_to_stop

__all__ = ["Stopwatch", "queries_left", "rows_left", "seconds_left", "timed", "used_up"]


STEPS_OF_A_ROUND = 7
"""Of the graph, the most that another round takes to its report: each node, and two for a person who is asked."""


@dataclass
class Stopwatch:
    """Seconds of wall time since the node began."""

    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self.started

    def added_to(self, usage: Usage, *, queries: int = 0, rows: int = 0) -> Usage:
        """Return the usage with this node's work added."""
        return usage.model_copy(
            update={
                "seconds": round(usage.seconds + self.seconds, 3),
                "queries": usage.queries + queries,
                "rows": usage.rows + rows,
            }
        )


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Time a node."""
    yield Stopwatch()


def queries_left(state: CaseState, context: Context) -> int:
    """Return how many queries may still run."""
    return max(0, context.max_queries - state["usage"].queries)


def rows_left(state: CaseState, context: Context) -> int:
    """Return how many rows may still be fetched."""
    return max(0, context.max_rows - state["usage"].rows)


def seconds_left(state: CaseState, context: Context) -> float:
    """Return how many seconds of work are left: none once the run was asked to stop."""
    if asked_to_stop():
        return 0.0
    return max(0.0, context.max_seconds - state["usage"].seconds)


def used_up(state: CaseState, context: Context) -> str:
    """Return the budget that forbids another round, or that a person does; empty where nothing does."""
    if asked_to_stop():
        return STOP
    if state.get("remaining_steps", STEPS_OF_A_ROUND + 1) <= STEPS_OF_A_ROUND:
        return "steps"
    if state["rounds"] >= context.max_rounds:
        return "rounds"
    if not queries_left(state, context):
        return "queries"
    if not rows_left(state, context):
        return "rows"
    return "" if seconds_left(state, context) > 0 else "seconds"
