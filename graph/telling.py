"""The events of a run, each made of what a node has at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import cast

from langgraph.runtime import Runtime

from soc_analyst.state.costs import Estimate
from soc_analyst.state.findings import Finding
from soc_analyst.state.plans import Plan
from soc_analyst.state.queries import ApprovedQuery, PlannedQuery, QueryRecord
from soc_analyst.state.report import ModelCall, ModelUsage, Report, Usage

from .context import Context
from .progress import VERSION, Event, ModelAnswered, ModelAsked, NodeName, Spent, tell

__all__ = [
    "model_answered",
    "model_asked",
    "spent_of",
    "tell_approved",
    "tell_cost",
    "tell_detections",
    "tell_finished",
    "tell_refused",
    "tell_report",
    "tell_round",
    "tell_started",
    "tell_waiting",
]


def tell_round(runtime: Runtime[Context], plan: Plan, count: int) -> None:
    """Tell that a plan was made of which so many queries will be asked."""
    tell(
        runtime,
        {
            "v": VERSION,
            "event": "round",
            "node": "planner",
            "round": plan.round,
            "count": count,
            "text": plan.rationale,
        },
    )


def tell_approved(runtime: Runtime[Context], query: PlannedQuery) -> None:
    """Tell that a query may run."""
    told: Event = {"v": VERSION, "event": "query_approved", "node": "guardrail", "id": query.id, "text": query.purpose}
    tell(runtime, told)


def tell_refused(runtime: Runtime[Context], query: PlannedQuery, why: str) -> None:
    """Tell that a query may not run."""
    tell(runtime, {"v": VERSION, "event": "query_refused", "node": "guardrail", "id": query.id, "text": why})


def tell_cost(runtime: Runtime[Context], queries: Sequence[ApprovedQuery]) -> None:
    """Tell what the approved queries of a plan will read, before any of them runs."""
    known = [query.estimate for query in queries if query.estimate is not None]
    if not queries:
        return
    whole = Estimate.together(known)
    tell(
        runtime,
        {
            "v": VERSION,
            "event": "cost",
            "node": "guardrail",
            "count": len(queries),
            "unknown": len(queries) - len(known),
            "scanned_rows": whole.rows,
            "bytes": whole.bytes,
            "text": ", ".join(whole.basis),
        },
    )


def tell_waiting(runtime: Runtime[Context], why: str) -> None:
    """Tell that a person will be asked."""
    tell(runtime, {"v": VERSION, "event": "waiting", "node": "guardrail", "text": why})


def tell_started(runtime: Runtime[Context], query: ApprovedQuery, purpose: str) -> None:
    """Tell that a query runs."""
    tell(
        runtime,
        {
            "v": VERSION,
            "event": "query_started",
            "node": "executor",
            "id": query.id,
            "table": query.tables[0],
            "text": purpose,
        },
    )


def tell_finished(runtime: Runtime[Context], record: QueryRecord) -> None:
    """Tell what a query brought."""
    scanned = record.scanned
    tell(
        runtime,
        {
            "v": VERSION,
            "event": "query_finished",
            "node": "executor",
            "id": record.id,
            "table": record.table,
            "status": record.status,
            "rows": record.rows,
            "elapsed_ms": record.elapsed_ms,
            "bytes": scanned.bytes if scanned else None,
            "scanned_rows": scanned.rows if scanned else None,
            "cpu_ms": scanned.cpu_ms if scanned else None,
        },
    )


def tell_detections(runtime: Runtime[Context], fired: int) -> None:
    """Tell how many detections fired."""
    tell(runtime, {"v": VERSION, "event": "detections", "node": "analyzer", "count": fired})


def tell_report(runtime: Runtime[Context], report: Report) -> None:
    """Tell the findings of a finished report, then its outcome."""
    for finding in report.findings:
        _tell_finding(runtime, finding)
    tell(
        runtime,
        {
            "v": VERSION,
            "event": "finished",
            "node": "reviewer",
            "outcome": report.outcome,
            "count": len(report.findings),
            "text": report.summary,
        },
    )


def model_asked(node: str, line: str) -> ModelAsked:
    """Return what is told before a model is asked."""
    return {"v": VERSION, "event": "model_call", "node": cast(NodeName, node), "text": line}


def model_answered(node: str, calls: Sequence[ModelCall]) -> ModelAnswered:
    """Return what is told after a model was asked: all exchanges of the request together."""
    took = reduce(ModelUsage.plus, calls, ModelUsage())
    return {
        "v": VERSION,
        "event": "model_answered",
        "node": cast(NodeName, node),
        "model": calls[-1].model,
        "calls": took.model_calls,
        "input_tokens": took.input_tokens,
        "cached_tokens": took.cached_tokens,
        "output_tokens": took.output_tokens,
        "usd": took.usd,
    }


def spent_of(usage: Usage) -> Spent:
    """Return what a case has cost so far, as events tell it."""
    return {
        "usd": usage.usd,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "model_calls": usage.model_calls,
        "queries": usage.queries,
        "rows": usage.rows,
        "seconds": usage.seconds,
    }


def _tell_finding(runtime: Runtime[Context], finding: Finding) -> None:
    tell(
        runtime,
        {
            "v": VERSION,
            "event": "finding",
            "node": "reviewer",
            "id": finding.id,
            "text": finding.title,
            "confidence": finding.confidence,
        },
    )
