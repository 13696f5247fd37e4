"""What plans and what judges, whoever does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.findings import Detection, Finding, Hypothesis
from soc_analyst.state.plans import Feedback, Lead, Plan
from soc_analyst.state.queries import Coverage, QueryRecord
from soc_analyst.state.report import ModelCall
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence

from .past import NOTHING_PAST, Past

__all__ = ["Analysis", "Analyst", "CaseFile", "Planned", "Planner", "Situation"]


@dataclass(frozen=True)
class Situation:
    """What a planner may know: no row text, only what code computed."""

    reading: Reading
    tables: Mapping[str, TableSchema]
    """The tables and columns that policy allows."""
    round: int
    """The round to plan, from 1."""
    queries_left: int
    max_window_days: float
    records: tuple[QueryRecord, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    leads: tuple[Lead, ...] = ()
    pursued: tuple[Entity, ...] = ()
    question: str = ""
    """The user's own words."""
    coverage: tuple[Coverage, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What is proved so far; a planner may use its techniques, entities, times and counts, never its log lines."""
    hypotheses: tuple[Hypothesis, ...] = ()
    guidance: str = ""
    """What a person wants in the place of the last plan; `reading` heeds it already."""


@dataclass(frozen=True)
class Planned:
    """A plan by a model, and what it cost to get it."""

    plan: Plan
    hypotheses: tuple[Hypothesis, ...] = ()
    window: TimeWindow | None = None
    """A window that the model read from the question where code could only assume one."""
    calls: tuple[ModelCall, ...] = ()
    said: tuple[str, ...] = ()


class Planner(Protocol):
    """Propose the queries of one round; an empty plan says that nothing is left to try."""

    def plan(self, situation: Situation) -> Plan:
        """Return a plan that differs from all that was tried."""
        ...


@dataclass(frozen=True)
class CaseFile:
    """What an analyst reads."""

    reading: Reading
    evidence: Evidence
    detections: tuple[Detection, ...]
    coverage: tuple[Coverage, ...]
    tables: Mapping[str, TableSchema]
    question: str = ""
    """The user's own words."""
    past: Past = NOTHING_PAST
    """What the workspace tells of earlier days, for what may be ordinary work."""


@dataclass(frozen=True)
class Analysis:
    """Draft findings, to be proved; the hypotheses as they stand; what the user should know."""

    findings: tuple[Finding, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    warnings: tuple[str, ...] = ()
    calls: tuple[ModelCall, ...] = ()
    """Exchanges with a model that it took."""


class Analyst(Protocol):
    """Judge the rows of a case."""

    def analyse(self, case: CaseFile) -> Analysis:
        """Return draft findings."""
        ...
