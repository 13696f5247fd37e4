"""One attack told once: findings that belong together, who and what is in them, and how those hang together."""

from __future__ import annotations

from .base import UtcTime, Value
from .entities import Entity
from .findings import Confidence

__all__ = ["Edge", "Incident"]


class Edge(Value):
    """Two things that findings saw together; `findings` are the ids of those that did."""

    source: Entity
    target: Entity
    label: str
    """What the one did with the other, such as `signed in from`."""
    findings: tuple[str, ...]


class Incident(Value):
    """Findings over tables and hosts that share who or what was in them, within a day of each other."""

    id: str
    title: str
    confidence: Confidence
    """That of its surest finding."""
    start: UtcTime
    end: UtcTime
    """Of the first and the last row that its findings cite."""
    tactics: tuple[str, ...]
    """ATT&CK tactic names in the order an intrusion runs through them."""
    findings: tuple[str, ...]
    """Ids, in the order of time."""
    entities: tuple[Entity, ...]
    edges: tuple[Edge, ...] = ()
