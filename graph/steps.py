"""What a node did, in one line, and where the case goes from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from langgraph.runtime import Runtime

from soc_analyst.state.case import CaseState
from soc_analyst.tools.amounts import counted

from .context import Context
from .progress import VERSION, Next, NodeName, tell
from .routes import after_executor, after_guardrail, after_reviewer
from .telling import spent_of

__all__ = ["summary", "tell_step", "then"]


def summary(node: NodeName, state: CaseState, update: dict[str, Any]) -> str:
    """Return what a node did, for people."""
    case = _merged(state, update)
    if node == "planner":
        return _planned(case)
    if node == "guardrail":
        return _guarded(case, update)
    if node == "executor":
        return _ran(update)
    if node == "analyzer":
        return _drafted(case)
    return _reviewed(case)


def then(node: NodeName, state: CaseState, update: dict[str, Any]) -> Next:
    """Return what comes after a node; a person where one is asked."""
    case = _merged(state, update)
    if node == "planner":
        return "guardrail"
    if node == "guardrail":
        after = after_guardrail(case)
        return "person" if after == "guardrail" else after
    if node == "executor":
        return after_executor(case)
    if node == "analyzer":
        return "reviewer"
    return "planner" if after_reviewer(case) == "planner" else "end"


def tell_step(runtime: Runtime[Context], node: NodeName, did: str, state: CaseState, update: dict[str, Any]) -> None:
    """Tell that a node ended."""
    usage = _merged(state, update)["usage"]
    tell(
        runtime,
        {
            "v": VERSION,
            "event": "step",
            "node": node,
            "text": did,
            "next": then(node, state, update),
            "spent": spent_of(usage),
        },
    )


def _merged(state: CaseState, update: dict[str, Any]) -> CaseState:
    """Return the case after a node, but for the channels that merge, of which this holds the update alone."""
    return cast(CaseState, {**state, **update})


def _planned(case: CaseState) -> str:
    plan = case["plan"]
    if not plan.queries:
        return "Nothing more to ask."
    return f"Round {plan.round}: {counted(len(plan.queries), 'query', 'queries')} planned. {plan.rationale}".strip()


def _guarded(case: CaseState, update: dict[str, Any]) -> str:
    if case.get("awaiting") is not None:
        return f"{counted(len(case['approved']), 'query waits', 'queries wait')} for a person."
    if case.get("guidance"):
        return "A person wants another plan."
    if case.get("declined"):
        return "A person declined the plan."
    approved, refused = len(case["approved"]), len(update.get("records", ()))
    said = f"{counted(approved, 'query', 'queries')} approved"
    return f"{said}, {refused} refused." if refused else f"{said}."


def _ran(update: dict[str, Any]) -> str:
    records = update.get("records", ())
    if not records:
        return "Nothing was to be run."
    rows = sum(record.rows for record in records)
    return f"{_by_kind(record.status for record in records)}; {counted(rows, 'row', 'rows')}."


def _drafted(case: CaseState) -> str:
    findings = case["findings"]
    if not findings:
        return "No finding drafted."
    drafted = counted(len(findings), "finding", "findings")
    return f"{drafted} drafted: {_by_kind(finding.confidence for finding in findings)}."


def _reviewed(case: CaseState) -> str:
    if case["stage"] == "open":
        return f"{counted(len(case['leads']), 'lead', 'leads')} to follow: {case['leads'][0].reason}."
    findings = counted(len(case["report"].findings), "finding", "findings")
    return f"Finished, {case['outcome'].replace('_', ' ')}: {findings}."


def _by_kind(kinds: Iterable[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).items())
