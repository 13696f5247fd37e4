"""Where the evidence leads: what findings point at, what looking there would read, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from soc_analyst.state.costs import Volume, volume_of
from soc_analyst.state.entities import Entity, Reading, Topic
from soc_analyst.state.findings import Finding
from soc_analyst.state.plans import Lead
from soc_analyst.state.queries import QueryRecord
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.leads import pointed_at, same_thing

from .questions import subject_of, telling_tables

__all__ = ["MAX_DEPTH", "Pursuit", "Trail", "leads_from"]

MAX_DEPTH = 3
"""Steps away from the question that are followed; the last one only where the step before it found something."""
MOST = 4
"""Leads of one round."""
AROUND = timedelta(hours=1)
FURTHER = timedelta(days=1)
"""How far back the way in is looked for, and how far on what came after on a host."""
TOO_MUCH = 2_000_000
"""Rows that a lead may read for looking further than around the event."""
UNKNOWN = 10_000
"""Rows that a table is taken to hold where nobody knows."""
SHORTEST = timedelta(minutes=1)
GAIN = {"host": 3.0, "account": 2.0, "ip": 2.0}
"""What a look at a thing of a kind is worth: a host shows most of what was done."""
SURE = {"High": 3.0, "Medium": 2.0}
GOES_ON = ("initial-access", "credential-access", "persistence", "lateral-movement", "command-and-control", "stealth")
"""Tactics that make little sense alone: what they were for comes later."""
CLOUD: frozenset[Topic] = frozenset({"signins", "directory", "azure"})
NOTHING_LEFT = "nothing was left to follow"


@dataclass(frozen=True)
class Trail:
    """What was looked into so far, and what looking further may cost."""

    reading: Reading
    tables: Mapping[str, TableSchema]
    records: tuple[QueryRecord, ...] = ()
    followed: tuple[Lead, ...] = ()
    volumes: tuple[Volume, ...] = ()
    queries_left: int = 100

    @property
    def depth(self) -> int:
        """Return how many steps away from the question the last leads were."""
        return max((lead.depth for lead in self.followed), default=0)

    def rows(self, table: str, start: datetime, end: datetime) -> int | None:
        """Return how many rows a table holds in a window, None where nobody knows."""
        volume = volume_of(self.volumes, table, start, end)
        return volume.within(start, end).rows if volume is not None else None

    def goes_on(self, finding: Finding) -> bool:
        """Return whether a finding rests on rows that the last leads brought."""
        last = max((record.round for record in self.records if _of_lead(record)), default=0)
        new = {record.id for record in self.records if _of_lead(record) and record.round == last}
        return any(ref.query_id in new for ref in finding.evidence)


@dataclass(frozen=True)
class Pursuit:
    """The leads to follow next; where there is none, why."""

    leads: tuple[Lead, ...] = ()
    stopped: str = ""


@dataclass(frozen=True)
class _Pointer:
    """A finding that points at a thing, and the stretch of time around it that may tell more."""

    entity: Entity
    finding: Finding
    start: datetime
    end: datetime


def leads_from(findings: Iterable[Finding], trail: Trail, evidence: Evidence) -> Pursuit:
    """Return what is worth looking into next, the most expected of it for what it reads first.

    Only what a rule found is followed: a model's word, which the text of a row may have put there, asks no query.
    """
    depth = trail.depth + 1
    pointers = [_pointer(entity, one, trail) for one in findings for entity in pointed_at(one, evidence)]
    wanted = [p for p in pointers if not any(same_thing(p.entity, other) for other in trail.reading.excluded)]
    kept = [p for p in wanted if depth < MAX_DEPTH or trail.goes_on(p.finding)] if depth <= MAX_DEPTH else []
    leads = sorted(_leads(kept, trail, depth), key=lambda lead: (-lead.score, lead.time))
    if leads:
        return Pursuit(_affordable(leads[:MOST], trail.queries_left))
    left = list(_leads(wanted, trail, depth))
    if not left:
        return Pursuit(stopped=NOTHING_LEFT)
    named = ", ".join(f"{lead.entity.kind} {lead.entity.value}" for lead in left[:MOST])
    more = f" and {len(left) - MOST} more" if len(left) > MOST else ""
    return Pursuit(stopped=f"leads were followed {trail.depth} steps from the question; not looked into: {named}{more}")


def _of_lead(record: QueryRecord) -> bool:
    return record.leads_from.startswith("lead ")


def _pointer(entity: Entity, finding: Finding, trail: Trail) -> _Pointer:
    times = [ref.time for ref in finding.evidence if ref.time is not None] or [finding.time]
    first, last, window = min(times), max(times), trail.reading.window
    start, end = first - AROUND, last + AROUND
    if entity.kind != "host":
        end = window.end  # rows about one account or address are few
        start = first - FURTHER if entity.kind == "ip" or _in_the_cloud(finding, trail) else start
    elif _tactic(finding) in GOES_ON and _cheap(trail, start, last + FURTHER):
        end = last + FURTHER
    start, end = max(window.start, start), min(window.end, end)
    return _Pointer(entity, finding, start, max(end, start + SHORTEST))


def _in_the_cloud(finding: Finding, trail: Trail) -> bool:
    """Return whether it was seen where the way in is a sign-in, which may be hours older."""
    named = (trail.tables[ref.table] for ref in finding.evidence if ref.table in trail.tables)
    return any(CLOUD.intersection(schema.topics) for schema in named)


def _tactic(finding: Finding) -> str:
    return finding.mitre.tactic.casefold().replace(" ", "-")


def _cheap(trail: Trail, start: datetime, end: datetime) -> bool:
    window = trail.reading.window
    rows = [trail.rows(table, max(window.start, start), min(window.end, end)) for table in trail.tables]
    return any(count is not None for count in rows) and sum(count or 0 for count in rows) <= TOO_MUCH


def _leads(pointers: Sequence[_Pointer], trail: Trail, depth: int) -> Iterator[Lead]:
    """Return one lead for each thing, as far as it was not looked into."""
    for own in _by_thing(pointers):
        entity = own[0].entity
        start, end = min(p.start for p in own), max(p.end for p in own)
        unseen = {
            table: part
            for table in telling_tables(entity, trail.tables)
            if (part := _unseen(entity, table, start, end, trail)) is not None
        }
        if not unseen:
            continue
        best = max(own, key=lambda p: (SURE[p.finding.confidence], -p.finding.time.timestamp())).finding
        begun, ended = min(part[0] for part in unseen.values()), max(part[1] for part in unseen.values())
        yield Lead(
            entity=entity,
            reason=f"{entity.kind} {entity.value} stands in “{best.title}”",
            finding_id=best.id,
            time=best.time,
            depth=depth,
            tables=tuple(unseen),
            start=begun,
            end=ended,
            score=round(_gain(own, trail) / _cost(unseen, begun, ended, trail), 4),
        )


def _by_thing(pointers: Sequence[_Pointer]) -> list[list[_Pointer]]:
    things: list[list[_Pointer]] = []
    for pointer in pointers:
        known = next((own for own in things if same_thing(own[0].entity, pointer.entity)), None)
        if known is None:
            things.append([pointer])
        else:
            known.append(pointer)
    return things


def _gain(own: Sequence[_Pointer], trail: Trail) -> float:
    """Return what a look is expected to tell: more where several findings name it, where it is new and goes on."""
    sure = max(SURE[p.finding.confidence] for p in own)
    often = 1 + (len({p.finding.id for p in own}) - 1) / 4
    asked = any(same_thing(own[0].entity, entity) for entity in trail.reading.entities)
    on = any(trail.goes_on(p.finding) for p in own)
    return sure * often * GAIN[own[0].entity.kind] * (0.5 if asked else 1.0) * (1.5 if on else 1.0)


def _cost(tables: Iterable[str], start: datetime, end: datetime, trail: Trail) -> float:
    """Return what a look costs: its queries, and the rows they read by order of magnitude."""
    held = (trail.rows(table, start, end) for table in tables)
    return sum(1 + math.log10(1 + (UNKNOWN if rows is None else rows)) for rows in held)


def _unseen(
    entity: Entity, table: str, start: datetime, end: datetime, trail: Trail
) -> tuple[datetime, datetime] | None:
    """Return the part of a window in which a table was not asked about a thing, None where all of it was."""
    if _asked(entity, table, trail):
        return None
    covered = sorted(
        (lead.start, lead.end)
        for lead in trail.followed
        if lead.start is not None and lead.end is not None and table in lead.tables and same_thing(lead.entity, entity)
    )
    for begun, ended in covered:
        start = max(start, ended) if begun <= start < ended else start
    for begun, ended in reversed(covered):
        end = min(end, begun) if begun < end <= ended else end
    return (start, end) if end - start >= SHORTEST else None


def _asked(entity: Entity, table: str, trail: Trail) -> bool:
    """Return whether the question itself was about all that a table knows of a thing."""
    reading = trail.reading
    subject = subject_of(reading.entities)
    alone = len({one.kind for one in subject}) == 1 or reading.alert is not None
    if not any(same_thing(entity, one) for one in subject) or not alone or not (reading.broad or not reading.terms):
        return False
    return any(
        record.table == table and record.status != "refused" and not _of_lead(record) for record in trail.records
    )


def _affordable(leads: Sequence[Lead], queries_left: int) -> tuple[Lead, ...]:
    """Return the first leads, as many as the queries that are left can follow, one at least."""
    kept: list[Lead] = []
    for lead in leads:
        queries_left -= len(lead.tables)
        if kept and queries_left < 0:
            break
        kept.append(lead)
    return tuple(kept)
