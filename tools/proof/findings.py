"""A draft finding, proved against the rows: what fails is dropped or downgraded, and said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from soc_analyst.state.findings import Confidence, EvidenceRef, Finding
from soc_analyst.state.queries import Coverage
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.rows import row_json

from .claims import check
from .indicators import occurs_in

__all__ = ["Proved", "merged", "prove", "with_log_lines"]

LOWER: Mapping[Confidence, Confidence] = {"High": "Medium", "Medium": "Low", "Low": "Low"}
LINES_BUDGET = 160_000
"""Characters of log lines a report carries in all, so that a checkpoint stays small whatever the rows."""


@dataclass(frozen=True)
class Proved:
    """The findings that stand, and what was dropped."""

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]


def prove(drafts: Iterable[Finding], evidence: Evidence, coverage: Iterable[Coverage]) -> Proved:
    """Keep what the rows bear out: cited rows that exist, indicators that occur, claims that hold."""
    by_table = {entry.table: entry for entry in coverage}
    kept, warnings = [], []
    for draft in drafts:
        refs = tuple(ref for ref in draft.evidence if evidence.row(ref) is not None)
        if not refs:
            warnings.append(f"Dropped “{draft.title}”: none of the rows it cites is in evidence.")
            continue
        kept.append(_standing(draft, refs, evidence, by_table))
    return Proved(tuple(kept), tuple(warnings))


def _standing(
    draft: Finding, refs: tuple[EvidenceRef, ...], evidence: Evidence, coverage: Mapping[str, Coverage]
) -> Finding:
    rows = [row for ref in refs if (row := evidence.row(ref)) is not None]
    claims = tuple(check(claim, evidence, coverage) for claim in draft.claims)
    failed = [claim for claim in claims if not claim.verified]
    notes = draft.notes
    if failed:
        notes = f"{notes} {len(failed)} of {len(claims)} claims did not hold; confidence was lowered.".strip()
    return draft.model_copy(
        update={
            "evidence": refs,
            "claims": claims,
            "confidence": LOWER[draft.confidence] if failed else draft.confidence,
            "indicators_of_compromise": tuple(i for i in draft.indicators_of_compromise if occurs_in(i, rows)),
            "notes": notes,
        }
    )


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Fold findings of one identity into the one seen last, which rests on the most rows."""
    by_id = {finding.id: finding for finding in findings}
    order = {"High": 0, "Medium": 1, "Low": 2}
    return tuple(sorted(by_id.values(), key=lambda f: (order[f.confidence], f.time, f.id)))


def with_log_lines(findings: Sequence[Finding], evidence: Evidence) -> tuple[Finding, ...]:
    """Copy the cited rows into the findings as JSON, as many as the report may carry, at least one each."""
    lines = [[row_json(evidence.row(ref) or {}) for ref in finding.evidence] for finding in findings]
    kept = _within_budget(lines)
    return tuple(_told(finding, own[:count]) for finding, own, count in zip(findings, lines, kept, strict=True))


def _told(finding: Finding, lines: Sequence[str]) -> Finding:
    """Return the finding with its lines; its time is that of the earliest row it still cites."""
    refs = finding.evidence[: len(lines)]
    time = min((ref.time for ref in refs if ref.time is not None), default=finding.time)
    return finding.model_copy(update={"evidence": refs, "log_lines": tuple(lines), "time": time})


def _within_budget(lines: Sequence[Sequence[str]]) -> list[int]:
    """Return how many lines each finding keeps: round by round, so that none starves another."""
    kept, left, level = [0] * len(lines), LINES_BUDGET, 0
    while any(level < len(own) for own in lines) and left > 0:
        for i, own in enumerate(lines):
            if level < len(own) and kept[i] == level and (level == 0 or len(own[level]) <= left):
                kept[i] += 1
                left -= len(own[level])
        level += 1
    return kept
