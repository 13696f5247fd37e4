"""What a checkup comes to: a result a step, with what to do; as JSON it is what `doctor --json` prints."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from soc_analyst.state.base import UtcTime, Value

__all__ = ["Checkup", "Fact", "Status", "StepResult", "TableHealth"]

Status = Literal["ok", "note", "failed", "skipped", "not_needed"]
"""note: it works, with something to know. skipped: a step before it failed. not_needed: not with such a workspace."""
Fact = str | int | float | bool | None


class TableHealth(Value):
    """A table of the policy in the workspace; null rows mean that nobody could look."""

    table: str
    status: Literal["ok", "empty", "missing", "failed"]
    rows: int | None = None
    last: UtcTime | None = None
    lacking: tuple[str, ...] = ()
    """Columns that policy allows and the workspace has not."""
    why: str = ""


class StepResult(Value):
    """What one step found: what holds or went wrong and why, and what to do. No secret is in it."""

    step: str
    status: Status
    what: str
    do: str = ""
    facts: dict[str, Fact] = Field(default_factory=dict)
    tables: tuple[TableHealth, ...] = ()
    exit_status: int = 0


class Checkup(Value):
    """All steps in their order."""

    schema_version: int = 1
    steps: tuple[StepResult, ...]

    @property
    def exit_status(self) -> int:
        """Return 0 where all is well, else that of the first step that failed."""
        return next((step.exit_status for step in self.steps if step.exit_status), 0)
