"""What a node tells those who watch: small events on the custom stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from langgraph.runtime import Runtime

from soc_analyst.state.costs import Estimate
from soc_analyst.state.queries import ApprovedQuery

from .context import Context

__all__ = ["Event", "tell", "tell_cost"]


class Event(TypedDict, total=False):
    """One step of progress; `event` says which of the other fields are there."""

    event: Literal[
        "round",
        "query_approved",
        "query_refused",
        "cost",
        "waiting",
        "query_started",
        "query_finished",
        "detections",
        "model_call",
        "finding",
    ]
    node: str
    round: int
    id: str
    table: str
    text: str
    status: str
    rows: int
    elapsed_ms: float
    count: int
    confidence: str
    bytes: int | None
    """Of the event `cost` what will be read as far as that is known, of `query_finished` what was."""
    scanned_rows: int | None
    cpu_ms: float | None
    unknown: int
    """Queries of the event `cost` of which nobody knows what they will read."""


def tell(runtime: Runtime[Context], event: Event) -> None:
    """Send an event to whoever streams the run."""
    runtime.stream_writer(event)


def tell_cost(runtime: Runtime[Context], queries: Sequence[ApprovedQuery]) -> None:
    """Tell what the approved queries of a plan will read, before any of them runs."""
    known = [query.estimate for query in queries if query.estimate is not None]
    if not queries:
        return
    whole = Estimate.together(known)
    event: Event = {"event": "cost", "node": "guardrail", "count": len(queries), "unknown": len(queries) - len(known)}
    tell(runtime, {**event, "scanned_rows": whole.rows, "bytes": whole.bytes, "text": ", ".join(whole.basis)})
