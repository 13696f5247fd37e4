"""What a node tells those who watch: small events on the custom stream."""

from __future__ import annotations

from typing import Literal, TypedDict

from langgraph.runtime import Runtime

from .context import Context

__all__ = ["Event", "tell"]


class Event(TypedDict, total=False):
    """One step of progress; `event` says which of the other fields are there."""

    event: Literal[
        "round", "query_approved", "query_refused", "query_started", "query_finished", "detections", "finding"
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


def tell(runtime: Runtime[Context], event: Event) -> None:
    """Send an event to whoever streams the run."""
    runtime.stream_writer(event)
