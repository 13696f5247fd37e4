"""Policy bounds what queries read: a query over its cap is told which parts of its window fit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from soc_analyst.state.costs import GB, Volume
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery, PlannedQuery, TypedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check, check_text, recheck, weigh

from .conftest import END, START

HOUR = timedelta(hours=1)


def volume(*sizes: float, table: str = "SigninLogs") -> Volume:
    """Return gigabytes by equal parts of the two days."""
    return Volume(table=table, start=START, end=END, sizes=tuple(int(size * GB) for size in sizes), basis="usage")


@pytest.fixture
def approved(policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow) -> ApprovedQuery:
    planned = PlannedQuery(id="q", purpose="p", typed=TypedQuery(table="SigninLogs", start=START, end=END))
    verdict = check(planned, policy=policy, tables=tables, window=window)
    assert verdict.approved is not None
    return verdict.approved


def capped(policy: Policy, query: float = 100, case: float = 1000, **more: object) -> Policy:
    return policy.model_copy(update={"max_scan_gb": query, "max_case_scan_gb": case, **more})


def spans(fits: tuple[TimeWindow, ...]) -> list[tuple[datetime, datetime]]:
    return [(one.start, one.end) for one in fits]


def test_a_query_under_its_cap_has_its_estimate(policy: Policy, approved: ApprovedQuery) -> None:
    found = weigh(approved, [volume(60, 40)], policy)
    assert not found.faults and found.query.estimate is not None
    assert (found.query.estimate.bytes, found.query.estimate.basis) == (100 * GB, ("usage",))
    assert recheck(found.query, policy=policy, tables={"SigninLogs": _schema()}) == ()


def _schema() -> TableSchema:
    from soc_analyst.tools.logs.tables import load_tables

    return load_tables()["SigninLogs"]


def test_a_query_over_its_cap_is_told_the_parts_that_fit(policy: Policy, approved: ApprovedQuery) -> None:
    found = weigh(approved, [volume(60, 60)], capped(policy, 60))
    (fault,) = found.faults
    assert fault.code == "scan-too-large" and "120 GB" in fault.message and "60 GB" in fault.message
    assert "2026-03-04T00:00:00Z to 2026-03-05T00:00:00Z" in fault.hint
    assert spans(found.fits) == [(START + 24 * HOUR, END), (START, START + 24 * HOUR)]


def test_parts_are_longer_where_less_is_held_and_none_is_over_the_cap(policy: Policy, approved: ApprovedQuery) -> None:
    volumes = [volume(1, 1, 30, 8)]
    found = weigh(approved, volumes, capped(policy, 10))
    held = [volumes[0].within(one.start, one.end).bytes or 0 for one in found.fits]
    assert len(held) > 3 and max(held) <= 10 * GB
    assert spans(found.fits)[-1][0] == START
    assert all(later.start == earlier.end for later, earlier in zip(found.fits, found.fits[1:], strict=False))


def test_what_the_case_has_left_bounds_the_parts(policy: Policy, approved: ApprovedQuery) -> None:
    found = weigh(approved, [volume(10, 10)], capped(policy, 100, 25), spent=20 * GB)
    (fault,) = found.faults
    assert fault.code == "scan-used-up" and "of which 5 GB is left" in fault.message
    assert spans(found.fits) == [(END - 12 * HOUR, END)]
    assert weigh(approved, [volume(10, 10)], capped(policy, 100, 20), spent=20 * GB).fits == ()


def test_a_part_too_large_for_a_minute_of_it_has_no_part_that_fits(policy: Policy, approved: ApprovedQuery) -> None:
    assert weigh(approved, [volume(1e6)], capped(policy, 0.001)).fits == ()


def test_at_most_eight_parts_are_told(policy: Policy, approved: ApprovedQuery) -> None:
    found = weigh(approved, [volume(1000)], capped(policy, 10, 1e6))
    assert len(found.fits) == 8 and found.fits[0].end == END and found.fits[-1].start > START


def test_what_nobody_knows_is_no_fault(policy: Policy, approved: ApprovedQuery) -> None:
    found = weigh(approved, [volume(1e6, table="AuditLogs")], capped(policy, 0))
    assert not found.faults and found.query.estimate is None


def test_each_table_counts_for_its_own_part_of_the_window(
    policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    verdict = check_text("SigninLogs | union AuditLogs | count", policy=policy, tables=tables, window=window)
    assert verdict.approved is not None
    found = weigh(verdict.approved, [volume(1, 1), volume(2, 2, table="AuditLogs")], policy)
    assert found.query.estimate is not None and found.query.estimate.bytes == 6 * GB


def test_whoever_could_be_asked_is_said(policy: Policy, approved: ApprovedQuery) -> None:
    (fault,) = weigh(approved, [volume(60, 60)], capped(policy, 60, costly="ask")).faults
    assert "nobody can be asked" in fault.message


@pytest.mark.parametrize("costly", ["refuse", "ask"])
def test_a_table_that_is_paid_by_what_is_read_is_refused(
    costly: str, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow, approved: ApprovedQuery
) -> None:
    dear = capped(policy, expensive_tables=("SigninLogs",), costly=costly)
    joined = "AuditLogs | join (SigninLogs) on CorrelationId | count"
    for kql in ("SigninLogs | take 1", joined):
        verdict = check_text(kql, policy=dear, tables=tables, window=window)
        assert [fault.code for fault in verdict.diagnostics] == ["expensive-table"]
    assert check_text("AuditLogs | take 1", policy=dear, tables=tables, window=window).allowed
    changed = approved.model_copy(update={"policy_hash": dear.hash})
    assert [fault.code for fault in recheck(changed, policy=dear, tables=tables)] == ["expensive-table"]
