"""A draft finding, proved against the rows: what fails is removed, and said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from soc_analyst.state.findings import Finding
from soc_analyst.state.queries import Coverage
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.rows import row_json

from .claims import Again
from .standing import stands

__all__ = ["Proved", "merged", "prove", "rules_named", "with_log_lines"]

LINES_BUDGET = 400_000
"""Characters of log lines a report carries in all, so that a checkpoint stays small whatever the rows."""


@dataclass(frozen=True)
class Proved:
    """The findings that stand, and what was dropped."""

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    failed: int = 0
    """Claims that did not hold."""
    removed: int = 0
    """Sentences that went with them, or that nothing bears out."""


def prove(
    drafts: Iterable[Finding],
    evidence: Evidence,
    coverage: Iterable[Coverage],
    again: Again | None = None,
    *,
    names: Collection[str] = (),
) -> Proved:
    """Keep what the rows bear out: cited rows that exist, indicators that occur, claims that hold and their sentences.

    `again` holds what the rules that are named say when they are run again over the rows; `names` are hosts and
    accounts that the case knows. Both rules and models come through this gate.
    """
    by_table = {entry.table: entry for entry in coverage}
    kept: list[Finding] = []
    warnings: list[str] = []
    failed = removed = 0
    for draft in drafts:
        refs = tuple(ref for ref in draft.evidence if evidence.row(ref) is not None)
        if not refs:
            warnings.append(f"Dropped “{draft.title}”: none of the rows it cites is in evidence.")
            continue
        standing = stands(draft, refs, evidence, by_table, again, names)
        failed, removed = failed + len(standing.failed), removed + len(standing.removed)
        if standing.finding is None:
            warnings.append(f"Dropped a finding: nothing that it claims holds on the stored rows ({draft.id}).")
        else:
            kept.append(standing.finding)
    return Proved(tuple(kept), (*warnings, *_left_out(failed, removed)), failed, removed)


def rules_named(drafts: Iterable[Finding]) -> frozenset[str]:
    """Return the ids of the rules that must be run again to prove these findings."""
    return frozenset(claim.rule for draft in drafts for claim in draft.claims if claim.rule)


def _left_out(claims: int, sentences: int) -> tuple[str, ...]:
    told = [
        f"{count} {what}{'s' if count > 1 else ''}"
        for count, what in ((claims, "claim"), (sentences, "sentence"))
        if count
    ]
    return (f"Removed at the proof: {' and '.join(told)} that the stored rows do not bear out.",) if told else ()


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
    """Return the finding with its lines; its time is that of a row it still cites."""
    refs = finding.evidence[: len(lines)]
    times = [ref.time for ref in refs if ref.time is not None]
    time = finding.time if finding.time in times else min(times, default=finding.time)
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
