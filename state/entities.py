"""What a question or a finding is about: things in the world, and the stretch of time."""

from __future__ import annotations

from typing import Literal

from .base import UtcTime, Value

__all__ = ["Alert", "Basis", "Entity", "EntityKind", "Reading", "TimeWindow", "Topic"]

EntityKind = Literal[
    "host", "account", "ip", "port", "domain", "url", "hash", "file", "process", "registry_key", "resource"
]
"""`resource` is an Azure resource, resource group, subscription, directory object or application by name or id."""

Topic = Literal[
    "logons", "processes", "files", "registry", "network", "signins", "directory", "azure", "flows", "alerts"
]

Basis = Literal["stated", "assumed", "option"]


class Entity(Value):
    """A thing in the world; `value` is refanged and otherwise as the log would hold it."""

    kind: EntityKind
    value: str


class TimeWindow(Value):
    """A half-open UTC window [start, end) and where it came from; `phrase` is the user's own words."""

    start: UtcTime
    end: UtcTime
    basis: Basis = "assumed"
    phrase: str = ""


class Alert(Value):
    """An alert that an investigation starts from: what it claims, and of which things."""

    id: str
    title: str = ""
    severity: str = ""
    techniques: tuple[str, ...] = ()
    """ATT&CK ids that it claims."""
    first: UtcTime
    last: UtcTime
    """When the first and the last of its rows were written."""
    things: tuple[Entity, ...] = ()
    """What its evidence names besides hosts and accounts: files, command lines, hashes, addresses, registry keys."""


class Reading(Value):
    """What was understood of a question."""

    window: TimeWindow
    entities: tuple[Entity, ...] = ()
    candidates: tuple[str, ...] = ()
    """Bare words that may name a host, account or resource; confirmed or dropped against the data."""
    topics: tuple[Topic, ...] = ()
    broad: bool = True
    """Whether the question asks for anything suspicious, rather than one kind of activity."""
    suspicion: bool = False
    """Whether it asks for what is suspicious, rather than for what happened."""
    themes: tuple[str, ...] = ()
    """ATT&CK techniques or tactics that the question is about, such as T1110 or lateral-movement."""
    terms: tuple[str, ...] = ()
    """Words to look for in rows, such as `powershell` or `encoded`; empty for a broad question."""
    outcomes: tuple[Literal["failed", "succeeded", "blocked", "allowed"], ...] = ()
    """What the question says of results: failed sign-ins, blocked flows."""
    excluded: tuple[Entity, ...] = ()
    """What the user wants left out."""
    follows: Literal["", "why", "more", "elsewhere", "widen", "ignore"] = ""
    """How it follows from the question before, if it does."""
    alert: Alert | None = None
    """The alert whose claim is to be tested, if the investigation starts from one."""
    notes: tuple[str, ...] = ()
    """What the user should know of how the question was read."""
