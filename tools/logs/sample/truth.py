"""The ground truth: what was planted, where it shows, and what should find it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Kind", "Stage", "Truth", "TruthEntry"]

Kind = Literal["incident", "lookalike"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a story and the row that shows it; `key` is the column that identifies the row, with its value."""

    time: str
    table: str
    event: str
    host: str | None
    account: str | None
    techniques: tuple[str, ...]
    key: tuple[str, str | int]


@dataclass
class TruthEntry:
    """An incident, or something harmless that looks like one."""

    id: str
    kind: Kind
    title: str
    questions: tuple[str, ...]
    stages: list[Stage] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the entry as it is written."""
        stages = sorted(self.stages, key=lambda stage: (stage.time, stage.table))
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "techniques": sorted({each for stage in stages for each in stage.techniques}),
            "hosts": sorted({stage.host for stage in stages if stage.host}),
            "accounts": sorted({stage.account for stage in stages if stage.account}),
            "questions": list(self.questions),
            "stages": [_stage_as_json(stage) for stage in stages],
        }


@dataclass(frozen=True)
class Truth:
    """All that was planted in one workspace."""

    seed: int
    rows: int
    incidents: tuple[TruthEntry, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the content of `truth.json`."""
        return {"seed": self.seed, "rows": self.rows, "incidents": [entry.as_json() for entry in self.incidents]}


def _stage_as_json(stage: Stage) -> dict[str, Any]:
    return {
        "time": stage.time,
        "table": stage.table,
        "event": stage.event,
        "host": stage.host,
        "account": stage.account,
        "techniques": list(stage.techniques),
        "key": {stage.key[0]: stage.key[1]},
    }
