"""What a report was made of: all of the case but its rows, so that it can be made again without asking anything."""

from __future__ import annotations

from soc_analyst.state.base import Value
from soc_analyst.state.entities import Reading
from soc_analyst.state.findings import Hypothesis
from soc_analyst.state.memory import Earlier
from soc_analyst.state.plans import Lead
from soc_analyst.state.queries import Coverage, QueryRecord

__all__ = ["Dossier"]


class Dossier(Value):
    """The case as its reviewer had it before the report."""

    asked: int
    reading: Reading
    records: tuple[QueryRecord, ...]
    coverage: tuple[Coverage, ...]
    hypotheses: tuple[Hypothesis, ...]
    rounds: int
    warnings: tuple[str, ...]
    leads: tuple[Lead, ...] = ()
    """Those that a budget left."""
    budget_reached: str
    earlier: tuple[Earlier, ...] = ()
    stopped: str = ""
    lacking: dict[str, tuple[str, ...]]
    rules: str
    """A digest of the detections that were in force."""
