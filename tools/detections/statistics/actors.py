"""Who did what in the control plane and the directory."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, busiest, equals, one_of

__all__ = ["Actors", "azure_actors", "directory_actors", "initiator", "parts", "target"]

MARKED_DELETED = re.compile(r"^[0-9a-f]{32}(?=.*@)")
"""Entra puts the object id before the name of an account that is being deleted."""
DONE = frozenset({"success", "succeeded", ""})
"""A row without a status, of a log of other origin, tells of what was done."""
TAKEN = frozenset({"accept", "accepted"})
DONE_IN_DIRECTORY = frozenset({"success", ""})
PAST_SHARE = 0.5
ANEW_SHARE, ANEW_SECONDS = 0.9, 60 * 60
SERVICE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
PLATFORMS = re.compile(
    r"/resourcegroups/(mc_|databricks-rg-|synapseworkspace-managedrg-|azurebackuprg_|pkr-resource-group-)"
)
TRIALS = re.compile(
    r"/resourcegroups/([^/]*[-_.])?(pr[-_]?[0-9]+|ci|e2e|tests?|testing|te?mp|sandbox|sbx|preview|review|ephemeral"
    r"|loadtest|scratch|playground|packer)[0-9]*([-_.][^/]*)?(/|$)"
)
"""Groups whose name says that they last for a while; the rules of deletions know the same ones."""


@dataclass(frozen=True)
class Actors:
    """A table's operations by row: by whom, which, and whether they were done."""

    frame: Frame
    who: Sequence[str]
    operations: Sequence[str]
    done: Sequence[bool]

    def doing(self, wanted: re.Pattern[str]) -> dict[str, list[int]]:
        """Return rows whose operation fits and was done, by who did it."""
        return self.frame.grouped(lambda i: self.who[i] if self.done[i] and wanted.search(self.operations[i]) else "")

    def proof(self, who: str, rows: Sequence[int]) -> tuple[Claim]:
        """Claim how often the actor did these operations."""
        names = {self.operations[i] for i in rows}
        if self.frame.rows.table == "AzureActivity":
            states = DONE | {self.frame.lower("ActivityStatusValue")[i] for i in rows}
            where = (equals("Caller", who), one_of("OperationNameValue", names), one_of("ActivityStatusValue", states))
        else:
            by = Condition(column="InitiatedBy", op="contains", values=(f'"{who}"',))
            where = (by, one_of("OperationName", names), one_of("Result", DONE_IN_DIRECTORY))
        return (self.frame.counted(f"such operations by {who}", *where),)

    def entities(self, who: str, rows: Sequence[int]) -> list[Entity]:
        """Return the actor and the addresses it acted from."""
        addresses = dict.fromkeys(self.frame.text("CallerIpAddress")[i] for i in rows)
        return [Entity(kind="account", value=who), *(Entity(kind="ip", value=a) for a in list(addresses)[:3] if a)]

    def acts(self, rows: Sequence[int]) -> list[str]:
        """Return by row the request that it is part of; one that removes a group removes all in it."""
        return [self.frame.lower("CorrelationId")[i] or str(i) for i in rows]

    def passing(self, row: int) -> bool:
        """Tell whether it is made and cleared away all the time: for a trial, or by a platform's own service."""
        resource = self.frame.lower("ResourceId")[row]
        by_platform = SERVICE.fullmatch(self.who[row]) and PLATFORMS.search(resource)
        return bool(by_platform or TRIALS.search(resource))

    def resource(self, row: int) -> str:
        """Return the thing in Azure that a row is about, in lower case."""
        return self.frame.lower("ResourceId")[row] or self.frame.lower("_ResourceId")[row]

    def made_anew(self, who: str, rows: Sequence[int]) -> bool:
        """Tell whether the actor makes as many of a kind as it takes away, as whoever keeps the last few does."""
        taken = [self.operations[i] for i in rows]
        made = {operation.removesuffix("/action").removesuffix("/delete") + "/write" for operation in taken}
        first, last = self.frame.at([rows[0], rows[-1]])
        anew = sum(
            self.who[i] == who and self.done[i] and first - ANEW_SECONDS <= time <= last + ANEW_SECONDS
            for i, time in enumerate(self.frame.times)
            if self.operations[i] in made and time is not None
        )
        return anew >= ANEW_SHARE * len(taken)

    def usual(self, rows: Sequence[int], start: int, seconds: float, size: int) -> bool:
        """Tell whether the actor's rows before the burst hold another one half its size."""
        first, last = busiest(self.frame.at(rows[:start]), seconds)
        return last - first >= PAST_SHARE * size


def azure_actors(evidence: Evidence) -> Actors | None:
    """Read who did what in the control plane.

    Start and Accept repeat an operation and do not count, but for what was accepted and whose end no row tells: what
    takes long ends after the rows at hand.
    """
    frame = Frame.of(evidence, "AzureActivity", ("Caller", "OperationNameValue", "ActivityStatusValue"))
    if frame is None:
        return None
    states, acts = frame.lower("ActivityStatusValue"), frame.lower("CorrelationId")
    ended = {act for act, state in zip(acts, states, strict=True) if state not in TAKEN | {"start", "started"}}
    begun: set[str] = set()
    done = []
    for act, state in zip(acts, states, strict=True):
        taken = bool(act) and state in TAKEN and act not in ended and act not in begun
        begun |= {act} if taken else set()
        done.append(state in DONE or taken)
    return Actors(frame, frame.lower("Caller"), frame.lower("OperationNameValue"), done)


def directory_actors(evidence: Evidence) -> Actors | None:
    """Read who did what in the directory."""
    frame = Frame.of(evidence, "AuditLogs", ("OperationName", "InitiatedBy", "Result"))
    if frame is None:
        return None
    who = frame.coded("InitiatedBy").mapped(initiator).texts()
    done = [value in DONE_IN_DIRECTORY for value in frame.lower("Result")]
    return Actors(frame, who, frame.lower("OperationName"), done)


def initiator(text: str) -> str:
    """Return who started a directory operation: a user's name, or an application's, in lower case."""
    user, app = _part(text, "user"), _part(text, "app")
    name = user.get("userPrincipalName") or user.get("id") or app.get("displayName") or app.get("servicePrincipalId")
    return str(name or "").lower()


def target(text: str) -> str:
    """Return the name of the first object that a directory operation changed, in lower case."""
    try:
        first = json.loads(text)[0]
        name = str(first.get("userPrincipalName") or first.get("displayName") or "").lower()
        return MARKED_DELETED.sub("", name)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return ""


def parts(text: str, kind: str) -> list[dict[str, object]]:
    """Return the changed things of a kind, such as `Device`."""
    try:
        every = json.loads(text)
    except (ValueError, RecursionError):
        return []
    listed = every if isinstance(every, list) else []
    return [each for each in listed if isinstance(each, dict) and str(each.get("type", "")).lower() == kind.lower()]


def _part(text: str, name: str) -> dict[str, object]:
    try:
        part = json.loads(text)[name]
    except (ValueError, TypeError, LookupError, RecursionError):
        return {}
    return part if isinstance(part, dict) else {}
