"""A scanner of one's own: it reaches as many, at the same hour, day after day. An intruder scans once, then goes in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.packing import plain
from soc_analyst.tools.reasoning.past import REACHING, Past, Reaching

from .actors import acting_account, is_service
from .reasons import Reason

__all__ = ["SCANS", "by_schedule", "sources"]

SCANS = frozenset({"T1046", "T1018", "T1135", "T1595", "T1021"})
DAYS, TARGETS = 3, 20
"""Days on which a source must have reached so many for it to be a schedule."""
HOURS = 2
"""Hours of the clock within which all its scans begin."""
WIDER = 2.0
"""The widest scan reaches at most so many times as many as the narrowest."""
MOST = 200_000


def by_schedule(detection: Detection, evidence: Evidence, past: Past) -> Iterator[Reason]:
    """Yield that one source scans as widely at the same hour on several days."""
    if not detection.techniques or detection.techniques[0].partition(".")[0] not in SCANS:
        return
    found = sources(detection, evidence)
    if len(found) != 1:
        return
    (table, source), rows = next(iter(found.items()))
    days = _days(_reached(evidence, past, table, source))
    if not _is_schedule(days):
        return
    hours = sorted(first.hour for first, _ in days.values())
    who = {acting_account(row) for row in rows}
    service = ", by a service account" if all(is_service(each) for each in who) else ""
    yield Reason(
        "scan",
        f"a scan on a schedule: {source} reached {min(n for _, n in days.values())} and more "
        f"on {len(days)} days between {hours[0]}:00 and {hours[-1]}:59 UTC{service}",
        proves=True,
    )


def sources(detection: Detection, evidence: Evidence) -> Mapping[tuple[str, str], list[Mapping[str, Any]]]:
    """Return the cited rows by their table and who reached out, in lower case."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for ref in detection.rows:
        row, reaching = evidence.row(ref), REACHING.get(ref.table)
        if row is None or reaching is None or not row.get(reaching.source):
            return {}
        found[ref.table, str(row[reaching.source]).lower()].append(row)
    return found


def _reached(evidence: Evidence, past: Past, table: str, source: str) -> Iterable[tuple[datetime, int]]:
    """Return the hours, over the rows at hand and the past, and how many were reached in each."""
    yield from past.reached.get((table, source), ())
    rows = evidence.get(table)
    if rows is not None:
        yield from _at_hand(rows.rows, REACHING[table], source)


def _at_hand(rows: pa.Table, reaching: Reaching, source: str) -> Iterator[tuple[datetime, int]]:
    columns = [reaching.source, reaching.target, "TimeGenerated"]
    if not set(columns) <= set(rows.column_names):
        return
    own = rows.select(columns).filter(pc.equal(pc.utf8_lower(plain(rows[reaching.source])), source)).slice(0, MOST)
    hours: dict[datetime, set[object]] = defaultdict(set)
    for each in own.to_pylist():
        if each["TimeGenerated"] is not None:
            hour = each["TimeGenerated"].replace(minute=0, second=0, microsecond=0)
            hours[hour].add(each[reaching.target])
    yield from ((hour, len(targets)) for hour, targets in hours.items())


def _days(hours: Iterable[tuple[datetime, int]]) -> dict[date, tuple[datetime, int]]:
    """Return of each day with a scan when it began and how many were reached in its widest hour."""
    days: dict[date, tuple[datetime, int]] = {}
    for hour, targets in hours:
        if targets >= TARGETS:
            first, most = days.get(hour.date(), (hour, 0))
            days[hour.date()] = (min(first, hour), max(most, targets))
    return days


def _is_schedule(days: Mapping[date, tuple[datetime, int]]) -> bool:
    if len(days) < DAYS:
        return False
    hours: Sequence[int] = sorted(first.hour for first, _ in days.values())
    widths = [targets for _, targets in days.values()]
    return hours[-1] - hours[0] < HOURS and max(widths) <= WIDER * min(widths)
