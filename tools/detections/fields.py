"""The map from Sigma's names to our tables and columns, as `fields.yaml` tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from soc_analyst.state.entities import EntityKind

from .tree import Tree, Unsupported

__all__ = ["FieldMap", "Reading", "Subject", "field_map"]


@dataclass(frozen=True)
class Reading:
    """One way to read a field: a column, or texts computed from columns; `of` names the computation in `columns.py`."""

    of: str
    columns: tuple[str, ...]
    path: tuple[str, ...] = ()
    """Names inside the JSON of the column, for `json`; the name of the property, for `modified`."""
    to: tuple[tuple[str, str], ...] = ()
    """Values in lower case and what they stand for, for `translate`."""
    otherwise: str = ""


@dataclass(frozen=True)
class Subject:
    """Whom a detection in a table is about: the first of these fields with a value; and how its rows are called."""

    fields: tuple[str, ...]
    kind: EntityKind
    noun: str
    actors: tuple[str, ...]
    """Fields that name who did it, told in the statement."""


@dataclass(frozen=True)
class FieldMap:
    """Logsources and fields; `aliases` by table and lower-cased name."""

    logsources: tuple[Mapping[str, Any], ...]
    aliases: Mapping[str, Mapping[str, Any]]
    subjects: Mapping[str, Subject]

    def table_of(self, logsource: Mapping[str, Any]) -> tuple[str, Tree | None]:
        """Return the table of a rule's logsource and the test that its rows must meet; raise Unsupported."""
        named = {key: str(logsource[key]).lower() for key in ("product", "category", "service") if logsource.get(key)}
        for entry in self.logsources:
            if all(named.get(key) == value for key, value in entry.items() if key not in ("table", "where")):
                return entry["table"], _limited(entry.get("where", {}))
        raise Unsupported("logsource " + (" ".join(named.values()) or "missing"))

    def unsupported(self, table: str, name: str) -> bool:
        """Tell whether the table is known to hold nothing of this field."""
        return self.aliases.get(table, {}).get(name.lower()) == "unsupported"

    def readings(self, table: str, name: str, columns: Mapping[str, str]) -> tuple[Reading, ...]:
        """Return the ways to read a field from the columns at hand (by lower-cased name); none if it is missing."""
        alias = self.aliases.get(table, {}).get(name.lower())
        specifications = alias if isinstance(alias, list) else [name if alias is None else alias]
        readings = (_reading(specification, columns) for specification in specifications)
        return tuple(reading for reading in readings if reading is not None)


@lru_cache(maxsize=1)
def field_map() -> FieldMap:
    """Return the map of the product."""
    text = files(__package__).joinpath("fields.yaml").read_text(encoding="utf-8")
    content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    aliases = {
        table: {name.lower(): specification for name, specification in fields.items()}
        for table, fields in content["fields"].items()
    }
    subjects = {
        table: Subject(tuple(entry["fields"]), entry["kind"], entry["noun"], tuple(entry.get("actors", ())))
        for table, entry in content["subjects"].items()
    }
    return FieldMap(tuple(content["logsources"]), aliases, subjects)


def _limited(where: Mapping[str, Sequence[str]]) -> Tree | None:
    """Return the test that a row is of one of these kinds."""
    for column, kinds in where.items():
        return ["or", [["text", column, "is", kind.lower(), False] for kind in kinds]]
    return None


def _reading(specification: str | Mapping[str, Any], columns: Mapping[str, str]) -> Reading | None:
    if isinstance(specification, str):
        return _plain(specification, columns)
    (of, source), *_ = specification.items()
    if of == "translate":
        column = columns.get(source["column"].lower())
        to = tuple((value.lower(), meaning) for value, meaning in source["to"].items())
        return Reading(of, (column,), to=to, otherwise=source.get("otherwise", "")) if column else None
    if of == "modified":
        column = columns.get(source[0].lower())
        return Reading(of, (column,), path=(source[1].lower(),)) if column else None
    wanted = [source] if isinstance(source, str) else source
    found = tuple(columns.get(name.lower(), "") for name in wanted)
    return Reading(of, found) if any(found) else None


def _plain(name: str, columns: Mapping[str, str]) -> Reading | None:
    if name.lower() in columns:
        return Reading("column", (columns[name.lower()],))
    first, *path = name.split(".")
    column = columns.get(first.lower())
    return Reading("json", (column,), path=tuple(path)) if path and column else None
