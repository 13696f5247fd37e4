"""What the findings log says: entries that can be read, faults that are named, and what is wanted of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from soc_analyst.state.base import UtcTime
from soc_analyst.state.findings import Confidence, Finding

from .threats import ThreatsLog

__all__ = ["Entry", "Fault", "LoggedFinding", "Wanted", "read"]

ORDER: Mapping[Confidence, int] = {"Low": 0, "Medium": 1, "High": 2}


class LoggedFinding(Finding):
    """A finding as the log has it, with the run that it came from."""

    logged_at: UtcTime
    thread_id: str
    question: str = ""
    workspace: str = ""
    model: str = ""
    policy_hash: str = ""

    @property
    def last(self) -> datetime:
        """Return the time of its latest event."""
        return max((ref.time for ref in self.evidence if ref.time is not None), default=self.time)

    def named(self, kind: str) -> tuple[str, ...]:
        """Return its entities of a kind."""
        return tuple(entity.value for entity in self.entities if entity.kind == kind)


@dataclass(frozen=True)
class Entry:
    """A line of the log: as it stands, and read."""

    raw: Mapping[str, Any]
    finding: LoggedFinding


@dataclass(frozen=True)
class Fault:
    """A line that cannot be read, from 1, and why."""

    line: int
    reason: str


def read(log: ThreatsLog) -> Iterator[Entry | Fault]:
    """Yield the lines in order. What another version wrote beside the known fields is left out of what is read."""
    for number, raw in log.lines():
        if raw is None:
            yield Fault(number, "is no JSON object")
            continue
        try:
            yield Entry(raw, LoggedFinding.model_validate(raw, extra="ignore"))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            yield Fault(number, f"is no finding ({place}: {first['msg']})")


@dataclass(frozen=True)
class Wanted:
    """Which entries are wanted: those that meet all that is said."""

    since: datetime | None = None
    until: datetime | None = None
    """Of when a finding was logged."""
    confidence: Confidence | None = None
    """At least this."""
    host: str = ""
    account: str = ""
    tactic: str = ""
    technique: str = ""
    tag: str = ""
    workspace: str = ""
    thread: str = ""
    text: str = ""

    def meets(self, finding: LoggedFinding) -> bool:
        """Return whether a finding is wanted."""
        return all(test(finding) for test in self._tests())

    def _tests(self) -> Iterator[Callable[[LoggedFinding], bool]]:
        since, until, least = self.since, self.until, self.confidence
        if since is not None:
            yield lambda one: one.logged_at >= since
        if until is not None:
            yield lambda one: one.logged_at < until
        if least is not None:
            yield lambda one: ORDER[one.confidence] >= ORDER[least]
        if self.host:
            yield lambda one: _is_among(self.host, one.named("host"))
        if self.account:
            yield lambda one: _is_among(self.account, one.named("account"))
        if self.tactic:
            yield lambda one: _plain(self.tactic) in map(_plain, re.split(r"[,/]", one.mitre.tactic))
        if self.technique:
            yield lambda one: _is_technique(self.technique, one)
        if self.tag:
            yield lambda one: self.tag.casefold() in (tag.casefold() for tag in one.tags)
        if self.workspace:
            yield lambda one: one.workspace == self.workspace
        if self.thread:
            yield lambda one: one.thread_id == self.thread
        if self.text:
            yield lambda one: any(self.text.casefold() in told.casefold() for told in _texts(one))


def _is_among(wanted: str, values: Iterable[str]) -> bool:
    """Return whether a host or account is one of these, with or without its domain."""
    return any(wanted.casefold() in (value.casefold(), _bare(value.casefold())) for value in values)


def _bare(value: str) -> str:
    return re.split(r"[.@]", value.rsplit("\\", 1)[-1], maxsplit=1)[0]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _is_technique(wanted: str, finding: LoggedFinding) -> bool:
    mitre, asked = finding.mitre, wanted.casefold()
    names = (mitre.technique.casefold(), mitre.sub_technique.casefold())
    return asked in (mitre.id.casefold(), mitre.id.casefold().split(".")[0]) or asked in filter(None, names)


def _texts(finding: LoggedFinding) -> Iterator[str]:
    yield from (finding.id, finding.title, finding.description, finding.notes, finding.question)
    yield from finding.indicators_of_compromise
    yield from (entity.value for entity in finding.entities)
    yield from finding.log_lines
