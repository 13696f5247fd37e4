"""From rows that meet a rule to detections: one for each rule and subject, with its proof and who is in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Claim, Detection, EvidenceRef
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.evidence.describing import TELLING, describe
from soc_analyst.tools.evidence.rows import taken

from . import asked
from .columns import TableViews
from .fields import Subject
from .ruleset import CompiledRule
from .texts import Indexes
from .tree import fields_of

__all__ = ["Grouping", "tactics_of", "techniques_of", "told_time"]

MAX_CITED = 20
MAX_ROWS_READ = 500
"""Rows that are described to choose those cited; the counts are over all."""
READ_AT_ONCE = 50
NO_TIME = np.iinfo(np.int64).min
MAX_OF_A_KIND = 3
MAX_READ = 400
TOLD: tuple[EntityKind, ...] = (
    "host",
    "account",
    "ip",
    "domain",
    "url",
    "process",
    "file",
    "hash",
    "registry_key",
    "resource",
)
NOBODY = frozenset(
    {
        "",
        "-",
        "system",
        "network service",
        "local service",
        "anonymous logon",
        "localhost",
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "n/a",
        "none",
        "null",
        "unknown",
    }
)
NO_NAME = re.compile(
    r"Sid$|Id$|_g$|PublicIPs_s$|^NIC_s$|CommandLine$|^UserDisplayName$|^Identity$|^LocalIP$|^VMIP_s$|SHA1$|MD5$"
)
"""Columns whose values a person would not use to name a thing: ids and display names beside names, whole command
lines, a host's own address, the weaker of several hashes."""
OWN_TECHNIQUES = "AttackTechniques"
TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9+/=]{40,}|0x[0-9a-f]+|\d+", re.IGNORECASE)


class _Row(NamedTuple):
    """A matched row, whom it is about, and who acted."""

    row: int
    subject: str
    actor: str


class Grouping:
    """Detections from the rows of one table."""

    def __init__(self, views: TableViews, subject: Subject, schema: TableSchema | None) -> None:
        self._rows: TableRows = views.rows
        self._views = views
        self._subject = subject
        self._schema = schema

    def detections(self, rule: CompiledRule, matched: Indexes) -> Iterator[Detection]:
        """Yield one detection for each subject among the matched rows."""
        if not len(matched):
            return
        subjects, actors = (self._firsts(fields, matched) for fields in (self._subject.fields, self._subject.actors))
        by_subject: dict[str, list[int]] = defaultdict(list)
        for place, subject in enumerate(subjects):
            by_subject[subject.lower()].append(place)
        order = np.argsort(self._times[matched], kind="stable").argsort(kind="stable").tolist()
        for places in by_subject.values():
            places.sort(key=order.__getitem__)
            alike = [
                _Row(row, subjects[at], actors[at]) for at, row in zip(places, matched[places].tolist(), strict=True)
            ]
            yield self._detection(rule, alike)

    def _detection(self, rule: CompiledRule, alike: Sequence[_Row]) -> Detection:
        told = self._most_telling([each.row for each in alike[:MAX_ROWS_READ]])
        cited = self._with_their_requests(rule, list(told))
        refs = self._rows.refs(cited)
        subject_of = {each.row: each.subject for each in alike[:MAX_ROWS_READ]}
        statement = self._statement(alike, told[cited[0]])
        return Detection(
            rule=rule.named,
            description=rule.description,
            statement=statement,
            techniques=self._told_techniques(cited) or techniques_of(rule.tags),
            tactics=tactics_of(rule.tags),
            rows=refs,
            entities=tuple(self._entities(cited, subject_of[cited[0]])),
            claims=tuple(self._claims(rule, statement, refs, alike)),
            false_positives=tuple(rule.false_positives),
            tags=tuple(rule.tags),
        )

    def _with_their_requests(self, rule: CompiledRule, cited: list[int]) -> list[int]:
        """Return the rows cited, and those that tell what they asked for where the rule reads it."""
        begun = self._views.begun
        if not begun or not any(field.partition(".")[0] in asked.TOLD_IN for field in fields_of(rule.tree)):
            return cited
        return [*cited, *(begun[row] for row in cited if row in begun)][:MAX_CITED]

    def _told_techniques(self, cited: Sequence[int]) -> tuple[str, ...]:
        """Return the techniques that the cited alerts name themselves, which fit better than any rule's."""
        if OWN_TECHNIQUES not in self._rows.rows.column_names:
            return ()
        told = taken(self._rows.rows[OWN_TECHNIQUES], cited)
        return tuple(dict.fromkeys(id for text in told for id in TECHNIQUE.findall(str(text or ""))))

    def refs(self, rows: Sequence[int]) -> tuple[EvidenceRef, ...]:
        """Return the handles of rows."""
        return tuple(self._rows.refs(rows))

    def seconds(self, row: int) -> float | None:
        """Return the time of a row in seconds since 1970, or None where it has none."""
        time = int(self._times[row])
        return None if time == NO_TIME else time / 1e6

    def entities(self, row: int) -> tuple[Entity, ...]:
        """Return who and what is in a row."""
        [subject] = self._firsts(self._subject.fields, np.array([row]))
        return tuple(self._entities([row], subject))

    @cached_property
    def _times(self) -> Indexes:
        """Microseconds since 1970 by row."""
        if "TimeGenerated" not in self._rows.rows.column_names:
            return np.full(len(self._rows), NO_TIME)
        column = self._rows.rows["TimeGenerated"]
        if not pa.types.is_timestamp(column.type):
            return np.full(len(self._rows), NO_TIME)
        times = pc.fill_null(column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64()), NO_TIME)
        found: Indexes = times.to_numpy()
        return found

    def _firsts(self, fields: Sequence[str], rows: Indexes) -> list[str]:
        """Return the first non-empty value among these fields of each of these rows."""
        found = [""] * len(rows)
        for field in reversed(fields):
            view = self._views[field]
            if view is not None:
                found = [own or other for own, other in zip(view.firsts(rows), found, strict=True)]
        return found

    def _most_telling(self, rows: Sequence[int]) -> dict[int, str]:
        """Return at most MAX_CITED rows as lines: the first of each kind, rare kinds before frequent, then others."""
        lines = dict(zip(rows, self._lines(rows), strict=True))
        kinds: dict[str, list[int]] = defaultdict(list)
        for row, line in lines.items():
            kinds[VARYING.sub("#", line)].append(row)
        firsts = dict.fromkeys(alike[0] for alike in sorted(kinds.values(), key=len))
        return {row: lines[row] for row in list(firsts | dict.fromkeys(rows))[:MAX_CITED]}

    def _lines(self, rows: Sequence[int]) -> Iterator[str]:
        table, known = self._rows.table, self._rows.rows
        names = [name for name in TELLING.get(table, ()) if name in known.column_names]
        # A command line can be a megabyte: few are read at a time, and of each the start alone is told.
        for at in range(0, len(rows), READ_AT_ONCE):
            some = rows[at : at + READ_AT_ONCE]
            columns = [[_clipped(value) for value in taken(known[name], some)] for name in names]
            for values in zip(*columns, strict=True) if columns else ((),) * len(some):
                yield describe(table, dict(zip(names, values, strict=True)))

    def _statement(self, alike: Sequence[_Row], line: str) -> str:
        one, _, many = self._subject.noun.partition("/")
        names = list(dict.fromkeys(each.actor for each in alike if each.actor))
        more = f" and {len(names) - MAX_OF_A_KIND} more" if len(names) > MAX_OF_A_KIND else ""
        by = f" by {', '.join(names[:MAX_OF_A_KIND])}{more}" if names else ""
        subject = alike[0].subject or "an unnamed subject"
        when = self._when(alike[0].row, alike[-1].row)
        return f"{len(alike)} {one if len(alike) == 1 else many} on {subject}{by}: {line}{when}"

    def _when(self, first: int, last: int) -> str:
        start, end = self.seconds(first), self.seconds(last)
        if start is None or end is None:
            return ""
        return f" ({told_time(start)})" if start == end else f" (first {told_time(start)}, last {told_time(end)})"

    def _claims(
        self, rule: CompiledRule, statement: str, refs: tuple[EvidenceRef, ...], alike: Sequence[_Row]
    ) -> Iterator[Claim]:
        first = alike[0]
        yield Claim(kind="exists", statement=statement, rows=refs, table=self._rows.table)
        yield Claim(
            kind="count",
            statement=f"{rule.title}: {statement}",
            table=self._rows.table,
            value=first.subject,
            expected=len(alike),
            rule=rule.id,
        )
        if first.subject and self._is_named(first.row, first.subject):
            yield Claim(
                kind="same_entity",
                statement=f"all the rows cited are of {first.subject}",
                rows=refs,
                table=self._rows.table,
                column=self._subject.fields[0],
                value=first.subject,
            )

    def _is_named(self, row: int, subject: str) -> bool:
        """Tell whether the subject's own column holds it, rather than another that it was read from."""
        column = self._subject.fields[0]
        if column not in self._rows.rows.column_names:
            return False
        [value] = taken(self._rows.rows[column], [row])
        return value is not None and str(value) == subject

    def _entities(self, cited: Sequence[int], subject: str) -> Iterator[Entity]:
        """Yield who and what is in the cited rows, few of a kind; the subject always."""
        found: dict[EntityKind, dict[str, str]] = {kind: {} for kind in TOLD}
        if subject and (self._subject.kind == "account" or self._is_named(cited[0], subject)):
            found[self._subject.kind][subject.lower()] = subject
        named = {name: taken(self._rows.rows[name], cited[:MAX_OF_A_KIND]) for name in self._named_things}
        for at in range(len(cited[:MAX_OF_A_KIND])):
            for kind, value in self._things({name: values[at] for name, values in named.items()}):
                found.setdefault(kind, {}).setdefault(value.lower(), value)
        for kind, values in found.items():
            yield from (Entity(kind=kind, value=value) for value in list(values.values())[:MAX_OF_A_KIND])

    @cached_property
    def _named_things(self) -> list[str]:
        """The columns whose values name who and what."""
        columns = self._schema.columns if self._schema is not None else {}
        return [
            name
            for name in self._rows.rows.column_names
            if name in columns
            and columns[name].entity in TOLD
            and columns[name].type == "string"
            and not NO_NAME.search(name)
        ]

    def _things(self, row: Mapping[str, Any]) -> Iterator[tuple[EntityKind, str]]:
        """Yield the values of entity columns, but for those that name nobody."""
        for name, column in self._schema.columns.items() if self._schema is not None else ():
            value = row.get(name)
            if column.entity in TOLD and isinstance(value, str) and value.lower() not in NOBODY:
                yield column.entity, value


def techniques_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the ATT&CK techniques among a rule's tags, in the rule's order."""
    names = (tag.partition(".")[2].upper() for tag in tags if tag.lower().startswith("attack."))
    return tuple(dict.fromkeys(name for name in names if re.fullmatch(r"T\d{4}(\.\d{3})?", name)))


def tactics_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the ATT&CK tactics among a rule's tags by short name, such as credential-access."""
    names = (tag.partition(".")[2].lower().replace("_", "-") for tag in tags if tag.lower().startswith("attack."))
    return tuple(dict.fromkeys(name for name in names if re.fullmatch(r"[a-z]+(-[a-z]+)*", name)))


def _clipped(value: Any) -> Any:
    return value[:MAX_READ] if isinstance(value, str) else value


def told_time(seconds: float) -> str:
    """Return a time as statements tell it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
