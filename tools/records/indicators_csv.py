"""The indicators of a report as CSV, raw for machines and safe for spreadsheets."""

from __future__ import annotations

import csv
import io

from soc_analyst.state.report import Report

from .indicator_kinds import kind_of

__all__ = ["as_csv"]

COLUMNS = ("indicator", "kind", "confidence", "technique", "first_seen", "finding", "finding_id")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell must not begin with: a spreadsheet would take it for a formula."""


def as_csv(report: Report) -> str:
    """Return a line for each indicator of each finding, most serious first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for finding in report.findings:
        for value in finding.indicators_of_compromise:
            row = (
                value, kind_of(value), finding.confidence, finding.mitre.id, finding.time.isoformat(), finding.title,
                finding.id,
            )  # fmt: skip
            writer.writerow([_cell(text) for text in row])
    return out.getvalue()


def _cell(text: str) -> str:
    plain = text.replace("\x00", "")
    return f"'{plain}" if plain.startswith(FORMULA) else plain
