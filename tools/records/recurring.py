"""Findings over time: the same finding, however often it was made, as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from soc_analyst.state.findings import Confidence

from .logged import ORDER, LoggedFinding

__all__ = ["Recurring", "folded"]


@dataclass(frozen=True)
class Recurring:
    """A finding with all the times it was made, in the order of the log."""

    entries: tuple[LoggedFinding, ...]

    @property
    def latest(self) -> LoggedFinding:
        """Return it as it was told last."""
        return self.entries[-1]

    @property
    def confidence(self) -> Confidence:
        """Return the surest that it was held with."""
        return max((one.confidence for one in self.entries), key=ORDER.__getitem__)

    @property
    def first(self) -> datetime:
        """Return the time of its first event."""
        return min(one.time for one in self.entries)

    @property
    def last(self) -> datetime:
        """Return the time of its latest event."""
        return max(one.last for one in self.entries)

    @property
    def events(self) -> int:
        """Return how many occurrences it stands for, however often each was looked into."""
        return len({one.id for one in self.entries})

    @property
    def threads(self) -> tuple[str, ...]:
        """Return the cases that made it, the latest first."""
        return tuple(dict.fromkeys(one.thread_id for one in reversed(self.entries)))

    def named(self, kind: str) -> tuple[str, ...]:
        """Return the entities of a kind that it was ever about."""
        return tuple(dict.fromkeys(value for one in self.entries for value in one.named(kind)))


def folded(findings: Iterable[LoggedFinding]) -> tuple[Recurring, ...]:
    """Return each finding once, the latest seen first.

    Two are the same where, in one workspace, they are of the same event (their id says so), or name the same technique
    under the same title, which names the rule and whom it is about.
    """
    groups: list[list[LoggedFinding]] = []
    by_key: dict[tuple[str, ...], list[LoggedFinding]] = {}
    for finding in findings:
        title = " ".join(finding.title.casefold().split())
        keys = (finding.workspace, finding.id), (finding.workspace, finding.mitre.id, title)
        group = next((by_key[key] for key in keys if key in by_key), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(finding)
        by_key.update({key: by_key.get(key, group) for key in keys})
    found = (Recurring(tuple(group)) for group in groups)
    return tuple(sorted(found, key=lambda one: (one.last, one.latest.title), reverse=True))
