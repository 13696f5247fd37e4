"""Whom and what rows name: so that rows which share nothing are not told as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import EvidenceRef
from soc_analyst.state.names import bare_name
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.leads import EVERYBODY, same_thing

__all__ = ["Thing", "entities_of", "names_of", "related", "things_in"]

TELLING: tuple[EntityKind, ...] = ("host", "account", "ip")
"""Kinds of things by which rows belong together; the hash of a system's tool, or an application's name, joins all."""
SHOWN: tuple[EntityKind, ...] = ("host", "account", "ip", "process", "hash", "domain")
NOTHING = frozenset({"", "-", "n/a", "none", "null", "127.0.0.1", "::1", "0.0.0.0", "localhost", "unknown"})
MOST_ENTITIES = 12
MOST_NAMES = 20_000
_LETTER = re.compile(r"[^\W\d_]")

Thing = tuple[EntityKind, str]


def things_in(row: Mapping[str, Any], schema: TableSchema | None) -> frozenset[Thing]:
    """Return what a row names, in plain spelling: short host names, accounts without their domain."""
    found = {(kind, bare_name(value, kind)) for kind in TELLING for value in _values(row, schema, kind)}
    return frozenset((kind, value) for kind, value in found if value not in NOTHING and not EVERYBODY.match(value))


def related(refs: Sequence[EvidenceRef], evidence: Evidence, tables: Mapping[str, TableSchema]) -> tuple[int, ...]:
    """Return the positions of the rows that the first one leads to, over things that two rows name.

    A row that names nothing at all is kept: nothing speaks against it.
    """
    named = [things_in(evidence.row(ref) or {}, tables.get(ref.table)) for ref in refs]
    reached: set[Thing] = set(named[0]) if named else set()
    kept = {0} if refs else set()
    grown = True
    while grown:
        near = {i for i, own in enumerate(named) if i not in kept and (not own or own & reached or not reached)}
        kept |= near
        reached |= {thing for i in near for thing in named[i]}
        grown = bool(near)
    return tuple(sorted(kept))


def entities_of(rows: Iterable[tuple[str, Mapping[str, Any]]], tables: Mapping[str, TableSchema]) -> tuple[Entity, ...]:
    """Return the things that rows name, each once, at most twelve."""
    kept: list[Entity] = []
    for table, row in rows:
        for kind in SHOWN:
            for value in _values(row, tables.get(table), kind)[:1]:
                entity = Entity(kind=kind, value=value)
                if value.casefold() not in NOTHING and not any(same_thing(entity, other) for other in kept):
                    kept.append(entity)
    return tuple(kept[:MOST_ENTITIES])


def names_of(evidence: Evidence, tables: Mapping[str, TableSchema]) -> frozenset[str]:
    """Return the hosts and accounts that rows name, in lower case, whole and short; at most 20,000 of a column."""
    found: set[str] = set()
    for table, rows in evidence.items():
        schema = tables.get(table)
        for kind in ("host", "account"):
            for column in schema.columns_of(kind) if schema is not None else ():
                for value in _distinct(rows.rows, column):
                    found |= {value.casefold(), bare_name(value, kind)}
    return frozenset(name for name in found if len(name) > 2 and _LETTER.search(name) and name not in NOTHING)


def _values(row: Mapping[str, Any], schema: TableSchema | None, kind: EntityKind) -> list[str]:
    columns = schema.columns_of(kind) if schema is not None else ()
    return [str(row[name]) for name in columns if row.get(name) not in (None, "")]


def _distinct(rows: pa.Table, column: str) -> list[str]:
    if column not in rows.column_names or pa.types.is_nested(rows[column].type):
        return []
    return [str(value) for value in pc.unique(rows[column]).to_pylist()[:MOST_NAMES] if value not in (None, "")]
