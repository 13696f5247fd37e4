"""What plans and what judges, whoever does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from soc_analyst.state.entities import Entity, Reading
from soc_analyst.state.findings import Detection, Finding, Hypothesis
from soc_analyst.state.plans import Feedback, Lead, Plan
from soc_analyst.state.queries import Coverage, QueryRecord
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence

__all__ = ["Analysis", "Analyst", "CaseFile", "Planner", "Situation"]


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


@dataclass(frozen=True)
class Analysis:
    """Draft findings, to be proved; the hypotheses as they stand; what the user should know."""

    findings: tuple[Finding, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    warnings: tuple[str, ...] = ()


class Analyst(Protocol):
    """Judge the rows of a case."""

    def analyse(self, case: CaseFile) -> Analysis:
        """Return draft findings."""
        ...
