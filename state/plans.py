"""Plans, and what makes the next one different."""

from __future__ import annotations

from typing import Literal

from .base import UtcTime, Value
from .entities import Entity, TimeWindow
from .queries import Diagnostic, PlannedQuery

__all__ = ["Feedback", "Lead", "Plan"]


class Lead(Value):
    """A thing that a finding points at and that nobody has looked into yet."""

    entity: Entity
    reason: str
    finding_id: str
    time: UtcTime
    depth: int
    """Steps away from the question, from 1."""
    tables: tuple[str, ...] = ()
    """Tables to ask; empty means all in which such a thing shows."""
    start: UtcTime | None = None
    end: UtcTime | None = None
    """The window to ask for; null means around the time."""
    score: float = 0.0
    """What it is expected to tell for what it reads; leads are followed in its order."""


class Feedback(Value):
    """Why the last plan did not do, and what would: the planner must act on it."""

    kind: Literal["refused", "empty", "failed", "truncated"]
    query: PlannedQuery
    message: str
    diagnostics: tuple[Diagnostic, ...] = ()
    oldest: UtcTime | None = None
    """The time of the oldest row that a cut result returned."""
    subject_rows: int | None = None
    """Rows of that table about the same host or account in the window, whatever else was asked of them."""
    fits: tuple[TimeWindow, ...] = ()
    """Parts of its window, newest first, that are not too much to read where the whole of it is."""
    known_values: tuple[str, ...] = ()
    """Values like the one asked for that do occur."""


class Plan(Value):
    """The queries of one round and why they are asked."""

    round: int
    queries: tuple[PlannedQuery, ...] = ()
    rationale: str = ""
    given_up: tuple[str, ...] = ()
    """What the planner will not try again, and why."""
