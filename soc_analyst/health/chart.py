"""What the steps before found, for those after; and how a step says what it found."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.desk import wall_clock
from soc_analyst.settings import Settings

from .checkup import Fact, StepResult

if TYPE_CHECKING:
    from datetime import datetime

    from soc_analyst.tools.guard import Policy
    from soc_analyst.tools.logs.azure.clock import Seen
    from soc_analyst.tools.logs.azure.probing import Token
    from soc_analyst.tools.logs.azure.signing_in import FoundCredential
    from soc_analyst.tools.logs.azure.spec import AzureSpec
    from soc_analyst.tools.logs.base import Workspace

__all__ = ["CANNOT_LOOK", "CONFIGURATION", "Chart", "failed", "noted", "well"]

CONFIGURATION, CANNOT_LOOK = 2, 4
"""Exit statuses of the contract."""


@dataclass
class Chart:
    """One checkup under way. A field is None until its step has found it."""

    context: Context
    settings: Settings
    days: float
    """How far back the tables are looked into."""
    stack: AsyncExitStack
    policy: Policy | None = None
    where: AzureSpec | None = None
    """None too where the logs are on this machine."""
    credential: FoundCredential | None = None
    seen: Seen | None = None
    token: Token | None = None
    workspace: Workspace | None = None
    secrets: set[str] = field(default_factory=set)

    @property
    def live(self) -> bool:
        """Return whether the workspace is on Azure."""
        return self.context.workspace.strip().casefold().startswith("azure:")

    @staticmethod
    def clock() -> datetime:
        """Return this machine's time."""
        return wall_clock()


def well(what: str, **facts: Fact) -> StepResult:
    """Say that all is well."""
    return StepResult(step="", status="ok", what=what, facts=facts)


def noted(what: str, do: str = "", **facts: Fact) -> StepResult:
    """Say that it works, with something to know."""
    return StepResult(step="", status="note", what=what, do=do, facts=facts)


def failed(exit_status: int, what: str, do: str, **facts: Fact) -> StepResult:
    """Say what went wrong, why, and what to do."""
    return StepResult(step="", status="failed", what=what, do=do, facts=facts, exit_status=exit_status)
