"""The events that a report cites, each once, with who or what it happened to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import orjson

from soc_analyst.state.entities import EntityKind
from soc_analyst.state.findings import EvidenceRef, Finding
from soc_analyst.state.report import Report
from soc_analyst.tools.evidence.describing import describe
from soc_analyst.tools.logs.tables import load_tables

__all__ = ["WEIGHT", "Event", "Row", "events_of", "row_of"]

Row = Mapping[str, object]
WEIGHT = {"High": 3, "Medium": 2, "Low": 1, "": 0}
"""Confidences by weight; an event of no finding has none."""
SUBJECTS: tuple[EntityKind, ...] = ("host", "account", "resource", "ip")


@dataclass(frozen=True, slots=True)
class Event:
    """A cited row as a point of the story; `finding` is its number on the page, 0 for none."""

    time: datetime
    table: str
    entity: str
    confidence: str
    finding: int
    title: str
    told: str
    line: str

    @property
    def text(self) -> str:
        """Return it in words; made when asked for, as few of very many events are listed."""
        return describe(self.table, row_of(self.line)) or self.told or self.title


def row_of(line: str) -> Row:
    """Return the row of a log line, empty where it is no JSON object."""
    try:
        found = orjson.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def events_of(report: Report) -> tuple[tuple[Event, ...], int]:
    """Return the events in order of time, and how many cited rows have no time to be placed by."""
    told = {(each.evidence.query_id, each.evidence.row): each.event for each in report.timeline}
    events: dict[tuple[str, int], Event] = {}
    timeless: set[tuple[str, int]] = set()
    for number, finding in sorted(enumerate(report.findings, 1), key=lambda pair: -WEIGHT[pair[1].confidence]):
        for ref, line in _cited(finding):
            key = (ref.query_id, ref.row)
            if ref.time is None:
                timeless.add(key)
            elif key not in events:
                events[key] = _event(ref, line, number, finding, told.get(key, ""))
    for each in report.timeline:
        ref = each.evidence
        lone = Event(each.time, ref.table, "", "", 0, "", each.event, "")
        events.setdefault((ref.query_id, ref.row), lone)
    return tuple(sorted(events.values(), key=lambda event: (event.time, event.table, event.finding))), len(timeless)


def _cited(finding: Finding) -> Iterator[tuple[EvidenceRef, str]]:
    """Yield the rows that are there in full, then those that only claims name."""
    for at, ref in enumerate(finding.evidence):
        yield ref, finding.log_lines[at] if at < len(finding.log_lines) else ""
    for claim in finding.claims:
        yield from ((ref, "") for ref in claim.rows)


def _event(ref: EvidenceRef, line: str, number: int, finding: Finding, told: str) -> Event:
    subject = _subject(ref.table, row_of(line)) or _main_entity(finding)
    time = ref.time or finding.time
    return Event(time, ref.table, subject, finding.confidence, number, finding.title, told, line)


def _subject(table: str, row: Row) -> str:
    """Return what a row happened to: its host, else its account, its resource, its address."""
    values = (row.get(column) for column in _subject_columns(table))
    return next((value for value in values if isinstance(value, str) and value), "")


def _main_entity(finding: Finding) -> str:
    return next(_values(finding, SUBJECTS), "")


def _values(finding: Finding, kinds: Iterable[EntityKind]) -> Iterator[str]:
    for kind in kinds:
        yield from (entity.value for entity in finding.entities if entity.kind == kind)


@cache
def _subject_columns(table: str) -> tuple[str, ...]:
    schema = load_tables().get(table)
    if schema is None:
        return ()
    return tuple(column for kind in SUBJECTS for column in schema.columns_of(kind))
