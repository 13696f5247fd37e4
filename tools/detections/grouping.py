"""From rows that meet a rule to detections: one for each rule and subject, with its proof and who is in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Claim, Detection, EvidenceRef, Rule
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.evidence.describing import TELLING, describe

from .columns import TableViews
from .fields import Subject
from .ruleset import CompiledRule

__all__ = ["Grouping", "tactics_of", "techniques_of", "told_time"]

MAX_CITED = 20
MAX_ROWS_READ = 500
"""Rows that are described to choose those cited; the counts are over all."""
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


class Grouping:
    """Detections from the rows of one table."""

    def __init__(self, views: TableViews, subject: Subject, schema: TableSchema | None) -> None:
        self._rows: TableRows = views.rows
        self._views = views
        self._subject = subject
        self._schema = schema

    def detections(self, rule: CompiledRule, matched: Iterable[int]) -> Iterator[Detection]:
        """Yield one detection for each subject among the matched rows."""
        by_subject: dict[str, list[int]] = defaultdict(list)
        for row in matched:
            by_subject[self._subjects[row].lower()].append(int(row))
        for rows in by_subject.values():
            yield self._detection(rule, sorted(rows, key=self._times.__getitem__))

    def _detection(self, rule: CompiledRule, rows: Sequence[int]) -> Detection:
        cited = self._most_telling(rows)
        refs = self._rows.refs(cited)
        statement = self._statement(rows, cited[0])
        return Detection(
            rule=Rule(id=rule.id, title=rule.title, level=rule.level, author=rule.author, license=rule.license),
            description=rule.description,
            statement=statement,
            techniques=self._told_techniques(cited) or techniques_of(rule.tags),
            tactics=tactics_of(rule.tags),
            rows=refs,
            entities=tuple(self._entities(cited)),
            claims=tuple(self._claims(statement, refs, rows[0])),
            false_positives=tuple(rule.false_positives),
            tags=tuple(rule.tags),
        )

    def _told_techniques(self, cited: Sequence[int]) -> tuple[str, ...]:
        """Return the techniques that the cited alerts name themselves, which fit better than any rule's."""
        if OWN_TECHNIQUES not in self._rows.rows.column_names:
            return ()
        told = self._rows.rows[OWN_TECHNIQUES].take(pa.array(cited, pa.int64())).to_pylist()
        return tuple(dict.fromkeys(id for text in told for id in TECHNIQUE.findall(str(text or ""))))

    def refs(self, rows: Sequence[int]) -> tuple[EvidenceRef, ...]:
        """Return the handles of rows."""
        return tuple(self._rows.refs(rows))

    def seconds(self, row: int) -> float | None:
        """Return the time of a row in seconds since 1970, or None where it has none."""
        moment = self._times[row]
        return None if moment.year == 1 else moment.timestamp()

    def entities(self, rows: Sequence[int]) -> tuple[Entity, ...]:
        """Return who and what is in these rows."""
        return tuple(self._entities(rows))

    @cached_property
    def _subjects(self) -> list[str]:
        return self._firsts(self._subject.fields)

    @cached_property
    def _named(self) -> list[str]:
        """What the subject's own column holds, empty where the subject is read from elsewhere."""
        return self._rows.strings(self._subject.fields[0])

    @cached_property
    def _times(self) -> list[datetime]:
        early = datetime.min.replace(tzinfo=UTC)
        if "TimeGenerated" not in self._rows.rows.column_names:
            return [early] * len(self._rows)
        values = self._rows.rows["TimeGenerated"].to_pylist()
        return [_utc(value) if isinstance(value, datetime) else early for value in values]

    def _firsts(self, fields: Sequence[str]) -> list[str]:
        """Return each row's first non-empty value among these fields."""
        found = [""] * len(self._rows)
        for field in reversed(fields):
            view = self._views[field]
            for row, texts in enumerate(view.texts() if view is not None else ()):
                found[row] = texts[0] if texts else found[row]
        return found

    def _most_telling(self, rows: Sequence[int]) -> list[int]:
        """Return at most MAX_CITED rows: the first of each kind of line, rare kinds before frequent, then others."""
        read = rows[:MAX_ROWS_READ]
        kinds: dict[str, list[int]] = defaultdict(list)
        for row, told in zip(read, _read(self._telling, read), strict=True):
            kinds[VARYING.sub("#", describe(self._rows.table, told))].append(row)
        firsts = dict.fromkeys(alike[0] for alike in sorted(kinds.values(), key=len))
        return list(firsts | dict.fromkeys(read))[:MAX_CITED]

    @cached_property
    def _telling(self) -> pa.Table:
        names = [name for name in TELLING.get(self._rows.table, ()) if name in self._rows.rows.column_names]
        telling = self._rows.rows.select(names)
        # Only the start of a text is ever told; a command line can be a megabyte.
        clipped = [pc.utf8_slice_codeunits(each, 0, MAX_READ) if pa.types.is_string(each.type) else each
                   for each in telling.columns]  # fmt: skip
        return pa.table(clipped, names=names)

    def _statement(self, rows: Sequence[int], telling: int) -> str:
        one, _, many = self._subject.noun.partition("/")
        line = describe(self._rows.table, _read(self._telling, [telling])[0])
        actors = self._actors(rows)
        by = f" by {actors}" if actors else ""
        subject = self._subjects[rows[0]] or "an unnamed subject"
        return f"{len(rows)} {one if len(rows) == 1 else many} on {subject}{by}: {line}{self._when(rows)}"

    def _actors(self, rows: Sequence[int]) -> str:
        names = dict.fromkeys(self._acting[row] for row in rows if self._acting[row])
        told = list(names)[:MAX_OF_A_KIND]
        more = len(names) - len(told)
        return ", ".join(told) + (f" and {more} more" if more else "")

    @cached_property
    def _acting(self) -> list[str]:
        return self._firsts(self._subject.actors)

    def _when(self, rows: Sequence[int]) -> str:
        first, last = self._times[rows[0]], self._times[rows[-1]]
        if first.year == 1:
            return ""
        return f" ({_iso(first)})" if first == last else f" (first {_iso(first)}, last {_iso(last)})"

    def _claims(self, statement: str, refs: tuple[EvidenceRef, ...], row: int) -> Iterator[Claim]:
        yield Claim(kind="exists", statement=statement, rows=refs, table=self._rows.table)
        subject, column = self._subjects[row], self._subject.fields[0]
        if subject and self._named[row] == subject:
            same = f"all the rows cited are of {subject}"
            yield Claim(
                kind="same_entity", statement=same, rows=refs, table=self._rows.table, column=column, value=subject
            )

    def _entities(self, cited: Sequence[int]) -> Iterator[Entity]:
        """Yield who and what is in the cited rows, few of a kind; the subject always."""
        found: dict[EntityKind, dict[str, str]] = {kind: {} for kind in TOLD}
        subject = self._subjects[cited[0]]
        if subject and (self._subject.kind == "account" or self._named[cited[0]] == subject):
            found[self._subject.kind][subject.lower()] = subject
        for row in _read(self._named_things, cited[:MAX_OF_A_KIND]):
            for kind, value in self._things(row):
                found.setdefault(kind, {}).setdefault(value.lower(), value)
        for kind, values in found.items():
            yield from (Entity(kind=kind, value=value) for value in list(values.values())[:MAX_OF_A_KIND])

    @cached_property
    def _named_things(self) -> pa.Table:
        columns = self._schema.columns if self._schema is not None else {}
        names = [
            name
            for name in self._rows.rows.column_names
            if name in columns
            and columns[name].entity in TOLD
            and columns[name].type == "string"
            and not NO_NAME.search(name)
        ]
        return self._rows.rows.select(names)

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


def _read(table: pa.Table, rows: Sequence[int]) -> list[dict[str, Any]]:
    # A table of no columns has no rows for Arrow.
    return table.take(pa.array(rows, pa.int64())).to_pylist() if table.num_columns else [{} for _ in rows]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def told_time(seconds: float) -> str:
    """Return a time as statements tell it."""
    return _iso(datetime.fromtimestamp(seconds, UTC))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
