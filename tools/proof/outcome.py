"""The verdict, by code: found, nothing there, or could not look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from soc_analyst.state.entities import Entity, Reading
from soc_analyst.state.findings import EXPLAINED, Finding, Outcome
from soc_analyst.state.queries import Coverage, QueryRecord

__all__ = ["Verdict", "judge", "unseen_parts"]


MOST_NAMED = 3


@dataclass(frozen=True)
class Verdict:
    """An outcome and the reasons for it."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()


def judge(
    reading: Reading, findings: Sequence[Finding], records: Sequence[QueryRecord], coverage: Sequence[Coverage]
) -> Verdict:
    """Return what the findings and the coverage bear: silence counts as absence only where the data could be seen."""
    best = {finding.confidence for finding in findings}
    if "High" in best:
        return Verdict("confirmed")
    if "Medium" in best:
        return Verdict("suspected")
    blind = _blind(reading, records, coverage)
    if blind:
        return Verdict("could_not_look", (*blind, *_how(reading, records, coverage)))
    besides = _besides(coverage)
    if explained := [finding for finding in findings if EXPLAINED in finding.tags]:
        return Verdict("benign", (_explanation(explained), *besides))
    if not (reading.broad or reading.suspicion) and any(record.rows for record in records):
        return Verdict("benign", ("What was asked about did happen; nothing in it points to an attack.", *besides))
    return Verdict("not_found", besides)


def _explanation(explained: Sequence[Finding]) -> str:
    """Say what would be suspicious and is ordinary work here; each finding's notes hold the reason."""
    named = "; ".join(f"“{finding.title}”" for finding in explained[:MOST_NAMED])
    more = f" and {len(explained) - MOST_NAMED} more" if len(explained) > MOST_NAMED else ""
    return f"What would be suspicious is ordinary work here, for the reason in its notes: {named}{more}."


def _besides(coverage: Sequence[Coverage]) -> tuple[str, ...]:
    """Say what the verdict does not rest on: tables without data in the window, and rows that may still come in."""
    silent = [entry for entry in coverage if entry.rows_in_window == 0]
    told = [f"{entry.table} (silent since {at:%Y-%m-%d %H:%M})" for entry in silent if (at := entry.last_before)]
    never = [entry.table for entry in silent if entry.last_before is None]
    told += [f"{', '.join(never)} (none was seen before it either)"] if never else []
    late = [f"{entry.table} from {at:%Y-%m-%d %H:%M} UTC on" for entry in coverage if (at := entry.unsettled_from)]
    said = (
        f"No data in the window, so that nothing is told of: {', '.join(told)}." if told else "",
        f"Rows may still come in: {', '.join(late)}; look again later." if late else "",
    )
    return tuple(filter(None, said))


def unseen_parts(records: Sequence[QueryRecord]) -> tuple[str, ...]:
    """Return what was asked and not fully seen, leaving out what was asked again in parts that came back whole."""
    return tuple(f"{record.table}: {_why(record, records)}" for record in records if _is_open(record, records))


def _is_open(record: QueryRecord, records: Sequence[QueryRecord]) -> bool:
    if record.status in ("ok", "empty") and not record.truncated:
        return False
    parts = _parts_of(record, records)
    if record.status == "refused" and record.start is not None:
        return _unread_before(record, parts) is not None
    if record.status == "refused":
        return not any(other.table == record.table and other.status != "refused" for other in records)
    return not parts


def _parts_of(record: QueryRecord, records: Sequence[QueryRecord]) -> list[QueryRecord]:
    return [other for other in records if other.leads_from.split()[:3] == ["part", "of", record.id]]


def _unread_before(record: QueryRecord, parts: Sequence[QueryRecord]) -> datetime | None:
    """Return the time before which a query that was too much to read was not asked in parts; its end if in none."""
    reached = record.end
    for part in sorted(parts, key=lambda part: part.end or part.round, reverse=True):
        if reached is not None and part.start is not None and part.end is not None and part.end >= reached:
            reached = min(reached, part.start)
    return None if record.start is None or reached is None or reached <= record.start else reached


def _too_much(record: QueryRecord, parts: Sequence[QueryRecord]) -> str:
    unread = _unread_before(record, parts)
    what = (
        "was not asked"
        if unread is None or unread == record.end
        else f"was asked from {unread:%Y-%m-%d %H:%M} UTC on only"
    )
    detail = f": {record.diagnostics[0].message}" if record.diagnostics else ""
    return f"query {record.id} {what}{detail}"


def _why(record: QueryRecord, records: Sequence[QueryRecord]) -> str:
    if record.status == "refused" and record.start is not None:
        return _too_much(record, _parts_of(record, records))
    if record.truncated:
        return f"query {record.id} returned more rows than may be fetched"
    detail = record.diagnostics[0].message if record.diagnostics else "no reason was given"
    return f"query {record.id} {record.status}: {detail}"


def _blind(reading: Reading, records: Sequence[QueryRecord], coverage: Sequence[Coverage]) -> tuple[str, ...]:
    reasons = [f"{part}." for part in unseen_parts(records)]
    if not records:
        reasons.append("No query could be asked: no allowed table can answer this.")
    elif coverage and not any(entry.rows_in_window for entry in coverage):
        reasons.append("None of the tables asked holds a row in the window.")
    elif unknown := _unknown(reading, records, coverage):
        reasons.append(f"No row in the window is about {unknown.kind} {unknown.value}.")
    reasons += [f"{entry.table}: {entry.note}." for entry in coverage if entry.rows_in_window is None and entry.note]
    reasons += [
        f"{entry.table}: rows of this window may not have come in yet."
        for entry in coverage
        if _too_young(entry, reading)
    ]
    reasons += [
        f"{entry.table} could be seen from {entry.seen_from:%Y-%m-%d %H:%M} UTC on only: policy allows no more of it."
        for entry in coverage
        if entry.seen_from is not None
    ]
    return tuple(dict.fromkeys(reasons))


def _how(reading: Reading, records: Sequence[QueryRecord], coverage: Sequence[Coverage]) -> tuple[str, ...]:
    """Say what to do so that it can be looked at."""
    open_ones = [record for record in records if _is_open(record, records)]
    told = [why.hint for record in open_ones for why in record.diagnostics[:1] if why.hint]
    if any(record.truncated for record in open_ones):
        told.append("raise --max-rows, or ask about less time or fewer things")
    if any(record.status == "skipped" and not record.diagnostics for record in open_ones):
        told.append("raise --max-seconds")
    if not records or any(entry.seen_from is not None for entry in coverage):
        told.append("let the policy allow the tables and the days that the question is about")
    if any(entry.rows_in_window is None for entry in coverage):
        told.append("connect the source of the tables that are not there (Microsoft Sentinel, Data connectors)")
    if coverage and not any(entry.rows_in_window for entry in coverage):
        told.append(_where_rows_are(coverage))
    elif _unknown(reading, records, coverage) is not None:
        told.append("check the name, and that its sensor or sign-in logs reach the workspace")
    return (f"To see it: {'; '.join(dict.fromkeys(told))}.",) if told else ()


def _where_rows_are(coverage: Sequence[Coverage]) -> str:
    """Say where a window would have to lie, or that the source is silent."""
    known = [at for entry in coverage if (at := entry.last_before) is not None]
    if known:
        return f"ask about a time up to {max(known):%Y-%m-%d %H:%M} UTC, the newest row before the window"
    return "check that the sources of these tables are connected, or ask about another time"


def _too_young(entry: Coverage, reading: Reading) -> bool:
    """Return whether a table holds nothing in a window of which nothing need have come in."""
    late = entry.unsettled_from
    return entry.rows_in_window == 0 and late is not None and late <= reading.window.start


def _unknown(reading: Reading, records: Sequence[QueryRecord], coverage: Sequence[Coverage]) -> Entity | None:
    """Return the host whose silence cannot be told from a missing sensor, or the account that no log knows."""
    subject = next((entity for entity in reading.entities if entity.kind in ("host", "account")), None)
    if subject is None or any(record.rows for record in records):
        return None
    seen = [entry.subject_rows for entry in coverage if entry.subject_rows is not None]
    return subject if seen and not any(seen) else None
