"""What a run tells those who watch it: one schema of small events on the custom stream."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal

from langgraph.runtime import Runtime
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from soc_analyst.state.findings import Confidence, Outcome
from soc_analyst.state.queries import QueryStatus

from .context import Context

__all__ = ["COMING", "VERSION", "Event", "Next", "NodeName", "Spent", "adapter", "schema", "tell"]

VERSION: Literal[1] = 1
"""Counts up when an event loses a field or changes what one means; events and fields may be added without."""

NodeName = Literal["planner", "guardrail", "executor", "analyzer", "reviewer"]
Next = Literal["planner", "guardrail", "executor", "analyzer", "reviewer", "person", "end"]

COMING: Mapping[Next, str] = {
    "planner": "another plan",
    "guardrail": "the guard",
    "executor": "the queries",
    "analyzer": "the analysis",
    "reviewer": "the proof of each claim",
    "person": "your answer",
    "end": "the report",
}
"""What each step that may come next means to a reader."""

_shape = with_config(ConfigDict(extra="forbid"))


@_shape
class Spent(TypedDict):
    """What the case has cost so far."""

    usd: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    model_calls: int
    queries: int
    rows: int
    seconds: Annotated[float, Field(description="Of work: the time that a person was waited for is not in it.")]


@_shape
class Common(TypedDict):
    """What every event has."""

    v: Annotated[Literal[1], Field(description="The version of this schema.")]
    node: Annotated[NodeName, Field(description="The node that tells it.")]


@_shape
class Round(Common):
    """A plan was made."""

    event: Literal["round"]
    round: int
    count: Annotated[int, Field(description="Queries of the plan; 0 where nothing more is to be asked.")]
    text: Annotated[str, Field(description="Why these.")]


@_shape
class QueryApproved(Common):
    """The guard proved a query."""

    event: Literal["query_approved"]
    id: str
    text: Annotated[str, Field(description="What it is for.")]


@_shape
class QueryRefused(Common):
    """The guard refused a query."""

    event: Literal["query_refused"]
    id: str
    text: Annotated[str, Field(description="Why.")]


@_shape
class Cost(Common):
    """What the approved queries will read, before any of them runs."""

    event: Literal["cost"]
    count: Annotated[int, Field(description="Approved queries.")]
    unknown: Annotated[int, Field(description="Those of which nobody knows what they will read.")]
    scanned_rows: int | None
    bytes: int | None
    text: Annotated[str, Field(description="Where the figures are from: `usage`, `count`, `loaded`.")]


@_shape
class Waiting(Common):
    """The plan waits for a person; the interrupt that follows holds it."""

    event: Literal["waiting"]
    text: Annotated[str, Field(description="Why somebody is asked.")]


@_shape
class QueryStarted(Common):
    """A query runs."""

    event: Literal["query_started"]
    id: str
    table: str
    text: Annotated[str, Field(description="What it is for.")]


@_shape
class QueryFinished(Common):
    """A query came back."""

    event: Literal["query_finished"]
    id: str
    table: str
    status: QueryStatus
    rows: int
    elapsed_ms: float
    bytes: Annotated[int | None, Field(description="What the service says that it read; null where it does not say.")]
    scanned_rows: int | None
    cpu_ms: float | None


@_shape
class Detections(Common):
    """The rules and statistics ran over the rows."""

    event: Literal["detections"]
    count: Annotated[int, Field(description="Those that fired.")]


@_shape
class ModelAsked(Common):
    """A language model is about to be asked."""

    event: Literal["model_call"]
    text: Annotated[str, Field(description="Which, how many tokens that is, and the most it can cost.")]


@_shape
class ModelAnswered(Common):
    """What a request to a language model took, its retries and repairs included."""

    event: Literal["model_answered"]
    model: str
    calls: Annotated[int, Field(description="0 where the answer was on record from an earlier try.")]
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    usd: float


@_shape
class FindingTold(Common):
    """A finding of the report, proved."""

    event: Literal["finding"]
    id: str
    text: Annotated[str, Field(description="Its title.")]
    confidence: Confidence


@_shape
class Finished(Common):
    """The report is there."""

    event: Literal["finished"]
    outcome: Outcome
    count: Annotated[int, Field(description="Its findings.")]
    text: Annotated[str, Field(description="Its summary.")]


@_shape
class Step(Common):
    """A node ended: what it did, what the case has cost so far, and what comes next."""

    event: Literal["step"]
    text: str
    next: Next
    spent: Spent


Event = Annotated[
    Round
    | QueryApproved
    | QueryRefused
    | Cost
    | Waiting
    | QueryStarted
    | QueryFinished
    | Detections
    | ModelAsked
    | ModelAnswered
    | FindingTold
    | Finished
    | Step,
    Field(discriminator="event"),
]
"""One step of progress; `event` says which."""


def tell(runtime: Runtime[Context], event: Event) -> None:
    """Send an event to whoever streams the run."""
    runtime.stream_writer(event)


@cache
def adapter() -> TypeAdapter[Event]:
    """Return what reads an event and refuses what is none."""
    return TypeAdapter(Event)


def schema() -> dict[str, JsonValue]:
    """Return the JSON schema of an event."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Event", **adapter().json_schema()}
