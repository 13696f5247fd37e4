"""Why the report says what it says, from the evidence that is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soc_analyst.state.findings import Finding
from soc_analyst.state.queries import Coverage, QueryRecord
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.describing import describe

__all__ = ["explained"]

MOST = 4
CLAIMS = 3


def explained(
    findings: Sequence[Finding], records: Sequence[QueryRecord], coverage: Sequence[Coverage], evidence: Evidence
) -> str:
    """Return what each serious finding rests on; where there is none, what was looked at."""
    serious = [one for one in findings if one.confidence != "Low"]
    told = [_of(finding, evidence) for finding in (serious or list(findings))[:MOST]]
    more = len(serious) - MOST
    if more > 0:
        told.append(f"{more} more findings rest on rows of their own; the report lists them.")
    return " ".join(told) if told else _seen(records, coverage)


def _of(finding: Finding, evidence: Evidence) -> str:
    first = finding.evidence[0]
    row = evidence.row(first)
    shown = f", the first of them {describe(first.table, row)}" if row is not None else ""
    rows = "1 row" if len(finding.evidence) == 1 else f"{len(finding.evidence)} rows"
    rules = "; ".join(f"rule “{rule.title}” ({rule.level})" for rule in finding.detections) or "no rule, but a model"
    return " ".join(
        [
            f"“{finding.title}” is held for {finding.confidence} by {rules}.",
            f"It rests on {rows} of {first.table}{shown}.",
            *_claims(finding),
            finding.notes,
        ]
    ).strip()


def _claims(finding: Finding) -> Iterator[str]:
    proved = [claim for claim in finding.claims if claim.verified]
    told = "; ".join(claim.statement.rstrip(".") for claim in proved[:CLAIMS])
    yield f"{len(proved)} of {len(finding.claims)} claims hold on the stored rows: {told}."


def _seen(records: Sequence[QueryRecord], coverage: Sequence[Coverage]) -> str:
    rows = sum(record.rows for record in records)
    held = ", ".join(f"{entry.table} ({entry.rows_in_window:,} rows)" for entry in coverage if entry.rows_in_window)
    looked = f"{len(records)} queries returned {rows:,} rows, on which no rule fired."
    return f"Nothing was found: {looked} The window held {held}." if held else f"Nothing was found: {looked}"
