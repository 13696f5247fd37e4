"""The table catalogue as a model reads it: what each table holds and what its columns mean, in few words.

Column names are in the form of the answer too; here they have their types and meanings. Columns that several tables
share by a prefix are described once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from soc_analyst.state.tables import Column, TableSchema

__all__ = ["catalogue_text"]

FAMILY = "InitiatingProcess"
EXPLAINED = 16
"""Columns of a table that are explained, the most direct ones; the others are named."""
LONGEST = 120
_TYPES = {"long": "int", "int": "int", "real": "real", "bool": "bool", "datetime": "time", "dynamic": "JSON"}


def catalogue_text(tables: Mapping[str, TableSchema]) -> str:
    """Return the tables and their columns. Names and words of the product's own files only: nothing of any row."""
    shared = _family(tables)
    parts = [_table(schema, shared) for _, schema in sorted(tables.items())]
    if shared:
        parts.append(f"{FAMILY}* ({len(shared)} columns of what acted, where a table has them): {', '.join(shared)}.")
    return "\n".join(parts)


def _family(tables: Mapping[str, TableSchema]) -> dict[str, None]:
    """Return the ends of the names of columns about the acting process, in their order, if several tables have them."""
    tally = Counter(name for schema in tables.values() for name in schema.columns if name.startswith(FAMILY))
    return {name.removeprefix(FAMILY): None for name, count in tally.items() if count > 1}


def _table(schema: TableSchema, shared: Mapping[str, None]) -> str:
    own = [name for name in schema.columns if name != "TimeGenerated"]
    acting = [name for name in own if name.removeprefix(FAMILY) in shared and name.startswith(FAMILY)]
    rest = [name for name in own if name not in set(acting)]
    explained = [_column(name, schema.columns[name]) for name in rest[:EXPLAINED]]
    named = [_typed(name, schema.columns[name]) for name in rest[EXPLAINED:]]
    more = [*named, *([f"{FAMILY}*{_lacking(acting, shared)}"] if acting else [])]
    lines = [f"{schema.name}: {schema.description}", f"  {'; '.join(explained)}"]
    return "\n".join([*lines, f"  Also {', '.join(more)}"] if more else lines)


def _lacking(acting: Iterable[str], shared: Mapping[str, None]) -> str:
    """Say which columns of the family a table does not have, as policy or the table itself leaves them out."""
    lacking = [end for end in shared if f"{FAMILY}{end}" not in set(acting)]
    return f" (without {', '.join(lacking)})" if lacking else ""


def _column(name: str, column: Column) -> str:
    meaning = " ".join(_words(column.description))
    return f"{_typed(name, column)} {meaning}".strip()


def _typed(name: str, column: Column) -> str:
    return f"{name}:{_TYPES[column.type]}" if column.type in _TYPES else name


def _words(text: str) -> Iterator[str]:
    """Yield the words of a description up to its length, without the full stop."""
    length = 0
    for word in text.rstrip(".").split():
        length += len(word) + 1
        if length > LONGEST:
            yield "…"
            return
        yield word
