"""What a person accepted of earlier investigations."""

from __future__ import annotations

from typing import Literal

from .base import UtcTime, Value
from .entities import Entity
from .findings import Confidence, Outcome

__all__ = ["Earlier"]


class Earlier(Value):
    """A finding of an earlier report that a person accepted, and what that person held it for."""

    thread_id: str
    accepted_at: UtcTime
    outcome: Outcome
    """Of the report."""
    finding_id: str
    title: str
    technique: str
    confidence: Confidence
    time: UtcTime
    entities: tuple[Entity, ...]
    held_for: Literal["attack", "ordinary work"]
    reason: str = ""
    """In the person's own words."""
