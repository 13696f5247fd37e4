"""The case: what the graph keeps between nodes, and how updates merge.

Rows never enter it. Reducers are keyed by identity, so a node that runs twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Annotated, Literal, TypeVar

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from langgraph.managed import RemainingSteps
from typing_extensions import (
    TypedDict,
)  # pydantic needs it before Python 3.12, and the server makes its forms with pydantic

from .approvals import Awaiting
from .base import UtcTime, Value
from .costs import Volume
from .entities import Entity, Reading
from .findings import Finding, Hypothesis, Outcome
from .memory import Earlier
from .plans import Feedback, Lead, Plan
from .queries import ApprovedQuery, Coverage, QueryRecord
from .report import Report, Usage

__all__ = ["CaseInput", "CaseOutput", "CaseState", "Stage"]

Stage = Literal["open", "finished"]


Item = TypeVar("Item", bound=Value)


def _keyed(
    kind: type[Item], key: Callable[[Item], Hashable]
) -> Callable[[tuple[Item, ...], tuple[Item, ...]], tuple[Item, ...]]:
    """Return what merges items by their key; one that comes as plain data is read first."""

    def merge(old: tuple[Item, ...], new: tuple[Item, ...]) -> tuple[Item, ...]:
        items = [kind.model_validate(item) for item in (*(old or ()), *(new or ()))]
        return tuple({key(item): item for item in items}.values())

    return merge


def merge_warnings(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """Keep each warning once, in the order they came."""
    return tuple(dict.fromkeys([*(old or ()), *(new or ())]))


def _record_id(record: QueryRecord) -> str:
    return record.id


def _table(coverage: Coverage) -> str:
    return coverage.table


merge_records = _keyed(QueryRecord, _record_id)
merge_coverage = _keyed(Coverage, _table)


class CaseInput(TypedDict, total=False):
    """A question, or a conversation whose last human message is the question."""

    question: str
    messages: list[AnyMessage]


class CaseOutput(TypedDict, total=False):
    """The report, and the conversation with its summary appended."""

    report: Report
    messages: list[AnyMessage]


class CaseState(TypedDict, total=False):
    """Everything a case needs to go on after a crash. A few tens of kilobytes, whatever the rows."""

    did: str
    """What the last node did, in one line for people."""
    question: str
    about: str
    """The question that the rest of this state belongs to."""
    messages: Annotated[list[AnyMessage], add_messages]
    remaining_steps: RemainingSteps
    """Steps of the graph that the host's recursion limit leaves; no part of a checkpoint."""
    thread_id: str
    asked: int
    """Questions answered on this thread before this one."""
    stage: Stage
    reading: Reading
    now: UtcTime
    rounds: int
    plan: Plan
    approved: tuple[ApprovedQuery, ...]
    awaiting: Awaiting | None
    """What was put down for a person to answer; None where nothing waits."""
    yes_to: str
    """The hash of the plan that a person said yes to last."""
    guidance: str
    """What a person wants otherwise, until the planner has heeded it."""
    declined: bool
    """Whether a person wants nothing more to be run."""
    feedback: tuple[Feedback, ...]
    leads: tuple[Lead, ...]
    pursued: tuple[Entity, ...]
    """Things already looked into."""
    followed: tuple[Lead, ...]
    """Leads already followed: where, and for which time."""
    stopped: str
    """Why no further lead is followed."""
    records: Annotated[tuple[QueryRecord, ...], merge_records]
    coverage: Annotated[tuple[Coverage, ...], merge_coverage]
    findings: tuple[Finding, ...]
    hypotheses: tuple[Hypothesis, ...]
    earlier: tuple[Earlier, ...]
    """What accepted reports say of the same things."""
    usage: Usage
    warnings: Annotated[tuple[str, ...], merge_warnings]
    budget_reached: str
    policy_hash: str
    lacking: dict[str, tuple[str, ...]]
    """What policy allows and the workspace has not: columns by table, or a whole table where none is named."""
    volumes: tuple[Volume, ...]
    """What the tables hold in the window of the case, looked up once; empty where nobody could."""
    outcome: Outcome
    report: Report
