"""Which columns of a table tell one kind of event from another, read once from columns.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter

from soc_analyst.state.base import Value
from soc_analyst.state.tables import TableSchema

__all__ = ["Kind", "Look", "SubjectKind", "look_of"]

Kind = Literal["word", "name", "command", "path", "address", "port", "url"]
"""What a key column holds, and so what of it varies from row to row of one template."""

SubjectKind = Literal["host", "account", "address"]
SUBJECT_OF: Mapping[str, SubjectKind] = {"host": "host", "account": "account", "ip": "address"}
KIND_OF: Mapping[str, Kind] = {"process": "command", "file": "path", "url": "url", "ip": "address", "port": "port"}
MOST_GUESSED = 5
"""Key columns of a table that columns.yaml does not know."""


class Look(Value):
    """How the rows of one table are read."""

    subjects: Mapping[SubjectKind, tuple[str, ...]] = {}
    keys: Mapping[str, Kind]
    also: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, subjects first."""
        subjects = (name for own in self.subjects.values() for name in own)
        return tuple(dict.fromkeys([*subjects, *self.keys, *self.also]))

    def within(self, columns: Sequence[str]) -> Look:
        """Return the look of rows that have these columns only."""
        return Look(
            subjects={kind: tuple(name for name in own if name in columns) for kind, own in self.subjects.items()},
            keys={name: kind for name, kind in self.keys.items() if name in columns},
            also=tuple(name for name in self.also if name in columns),
        )


def look_of(table: str, schema: TableSchema | None, filled: Sequence[str]) -> Look:
    """Return how to read a table of which these columns hold anything; for an unknown one, what its schema suggests."""
    known = _looks().get(table)
    look = known.within(filled) if known is not None else Look(keys={})
    return look if look.keys else _guessed(schema, filled)


@lru_cache(maxsize=1)
def _looks() -> Mapping[str, Look]:
    read = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text("utf-8"))
    return TypeAdapter(dict[str, Look]).validate_python(read)


def _guessed(schema: TableSchema | None, filled: Sequence[str]) -> Look:
    known = schema.columns if schema is not None else {}
    named = {name: known[name].entity if name in known else None for name in filled if name != "TimeGenerated"}
    subjects: dict[SubjectKind, tuple[str, ...]] = {}
    for name, entity in named.items():
        if entity is not None and (kind := SUBJECT_OF.get(entity)):
            subjects[kind] = (*subjects.get(kind, ()), name)
    keys = {name: KIND_OF.get(entity or "", "name") for name, entity in named.items() if entity not in SUBJECT_OF}
    return Look(subjects=subjects, keys=dict(list(keys.items())[:MOST_GUESSED]))
