"""An incident before it is written: every byte that would be sent, and the hash that a yes is bound to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from .target import Target

__all__ = ["API_VERSION", "Draft", "Drafts", "Severity", "Step"]

API_VERSION = "2025-09-01"
"""The stable version of Microsoft.SecurityInsights that this speaks."""
Severity = Literal["High", "Medium", "Low", "Informational"]


@dataclass(frozen=True)
class Step:
    """One thing to be created: where, and the bytes of it."""

    path: str
    content: bytes


@dataclass(frozen=True)
class Draft:
    """The incident of one finding, and the comment with its evidence."""

    finding_id: str
    title: str
    description: str
    severity: Severity
    labels: tuple[str, ...]
    first: datetime
    last: datetime
    message: str
    """The comment, as Markdown."""
    cuts: tuple[str, ...] = ()
    """What of the finding is not in it, a line each."""

    def incident(self, target: Target) -> Step:
        """Return the incident as it would be put."""
        properties = {
            "title": self.title,
            "description": self.description,
            "severity": self.severity,
            "status": "New",
            "labels": [{"labelName": label} for label in self.labels],
            "firstActivityTimeUtc": _time(self.first),
            "lastActivityTimeUtc": _time(self.last),
        }
        return Step(target.incident(self.name(target)), _json({"properties": properties}))

    def comment(self, target: Target) -> Step:
        """Return the comment as it would be put."""
        name = target.derived("comment", self.finding_id)
        return Step(target.comment(self.name(target), name), _json({"properties": {"message": self.message}}))

    def name(self, target: Target) -> str:
        """Return the incident's GUID."""
        return target.derived("incident", self.finding_id)


@dataclass(frozen=True)
class Drafts:
    """What one yes is about: the incidents of some findings, and where they go."""

    target: Target
    drafts: tuple[Draft, ...]

    @property
    def steps(self) -> Sequence[Step]:
        """Return all that would be put, in order."""
        return [step for one in self.drafts for step in (one.incident(self.target), one.comment(self.target))]

    @property
    def sha256(self) -> str:
        """Return the hash of exactly what would be sent, and where to."""
        digest = hashlib.sha256(f"{self.target.endpoint} {API_VERSION}\n".encode())
        for step in self.steps:
            digest.update(f"PUT {step.path} {len(step.content)}\n".encode() + step.content + b"\n")
        return digest.hexdigest()


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
