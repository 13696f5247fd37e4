"""A verdict that says nobody could look says how somebody can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.queries import Coverage, Diagnostic, QueryRecord
from soc_analyst.tools.proof.outcome import judge

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
WINDOW = TimeWindow(start=NOON - timedelta(days=1), end=NOON)
READING = Reading(window=WINDOW, entities=(Entity(kind="host", value="ws-1"),))
FULL = Coverage(table="DeviceProcessEvents", rows_in_window=100, first=WINDOW.start, last=NOON, subject_rows=5)


def record(**more: object) -> QueryRecord:
    told: dict[str, object] = {
        "id": "r1q1", "round": 1, "purpose": "", "table": "DeviceProcessEvents", "key": "k", "status": "ok", "rows": 5,
    }  # fmt: skip
    return QueryRecord.model_validate({**told, **more})


DENIED = Diagnostic(code="denied", message="no permission", hint="grant Log Analytics Reader")


@pytest.mark.parametrize(
    ("records", "coverage", "how"),
    [
        ([record(truncated=True, status="partial")], [FULL], "raise --max-rows"),
        ([record(status="failed", rows=0, diagnostics=(DENIED,))], [FULL], "grant Log Analytics Reader"),
        ([record(status="skipped", rows=0)], [FULL], "raise --max-seconds"),
        ([], [], "let the policy allow the tables"),
        ([record()], [FULL, Coverage(table="AlertInfo", note="no such table")], "connect the source"),
        ([record()], [FULL.model_copy(update={"seen_from": NOON})], "let the policy allow"),
        (
            [record(status="empty", rows=0)],
            [Coverage(table="DeviceProcessEvents", rows_in_window=0, last_before=NOON - timedelta(days=9))],
            "up to 2026-02-23 12:00 UTC",
        ),
        (
            [record(status="empty", rows=0)],
            [Coverage(table="DeviceProcessEvents", rows_in_window=0)],
            "sources of these tables are connected",
        ),
        ([record(status="empty", rows=0)], [FULL.model_copy(update={"subject_rows": 0})], "check the name"),
    ],
)
def test_what_is_missing_is_told_with_how_to_get_it(
    records: list[QueryRecord], coverage: list[Coverage], how: str
) -> None:
    verdict = judge(READING, (), records, coverage)
    assert verdict.outcome == "could_not_look" and verdict.reasons[-1].startswith("To see it: ")
    assert how in verdict.reasons[-1]


def test_what_was_seen_whole_needs_nothing() -> None:
    verdict = judge(READING, (), [record()], [FULL])
    assert verdict.outcome == "not_found" and not any("To see it" in reason for reason in verdict.reasons)
