"""The report: the contract's JSON, as a type."""

from __future__ import annotations

from .base import Value
from .entities import Entity, TimeWindow
from .findings import Finding, Hypothesis, Outcome, TimelineEvent
from .queries import Coverage, Diagnostic, QueryStatus

__all__ = ["SCHEMA_VERSION", "QueryReport", "Report", "Usage"]

SCHEMA_VERSION = 1


class QueryReport(Value):
    """One query of the investigation, with the exact text that ran."""

    id: str
    round: int
    purpose: str
    table: str
    kql: str
    status: QueryStatus
    rows: int
    truncated: bool
    elapsed_ms: float
    diagnostics: tuple[Diagnostic, ...] = ()


class Usage(Value):
    """What it cost: tokens and dollars of the model, queries, rows, and wall seconds."""

    model: str = "none"
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    model_calls: int = 0
    queries: int = 0
    rows: int = 0
    seconds: float = 0.0


class Report(Value):
    """A finished investigation."""

    schema_version: int = SCHEMA_VERSION
    thread_id: str
    question: str
    model: str
    policy_hash: str
    outcome: Outcome
    summary: str
    window: TimeWindow
    entities: tuple[Entity, ...] = ()
    findings: tuple[Finding, ...] = ()
    timeline: tuple[TimelineEvent, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    queries: tuple[QueryReport, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    rounds: int
    usage: Usage
    warnings: tuple[str, ...] = ()
    attack_version: str = ""
    """The release of ATT&CK that techniques are named by."""
    budget_reached: str = ""
    """Which budget ended the run early, empty when none did."""
