"""What a name that cannot be used is likely to mean, read once from neighbours.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from soc_analyst.tools.kql.trouble import nearest

__all__ = ["Neighbours", "column_like", "function_like", "neighbours", "table_like"]


@dataclass(frozen=True)
class Neighbours:
    """What names stand for; all keys are in lower case."""

    tables: Mapping[str, Sequence[str]]
    columns: Mapping[str, Sequence[str]]
    values: Mapping[str, str]
    functions: Mapping[str, str]


@lru_cache(maxsize=1)
def neighbours() -> Neighbours:
    """Return the neighbours of this package."""
    read = yaml.safe_load(Path(__file__).with_name("neighbours.yaml").read_text(encoding="utf-8"))
    columns: dict[str, list[str]] = {}
    for group in read["columns"]:
        for name in group["of"]:
            columns.setdefault(name.lower(), []).extend(group["is"])
    tables = {name.lower(): found for name, found in read["tables"].items()}
    return Neighbours(tables, columns, read["values"], read["functions"])


def table_like(name: str, allowed: Iterable[str], bound: Iterable[str] = ()) -> tuple[bool, str]:
    """Return whether a table is well known although not allowed, and the hint."""
    known = list(allowed)
    if (found := neighbours().tables.get(name.lower())) is not None:
        similar = [table for table in found if table in known]
        return True, f"{' or '.join(similar)} may answer it" if similar else f"allowed are {', '.join(known)}"
    return False, nearest(name, [*known, *bound]) or f"allowed are {', '.join(known)}"


def column_like(name: str, known: Iterable[str]) -> str:
    """Return `did you mean X?` by case, by meaning, then by spelling, or an empty text."""
    names = list(known)
    twin = next((one for one in names if one.lower() == name.lower()), None)
    if twin is not None:
        return f"did you mean {twin}? names are case-sensitive"
    meant = next((one for one in neighbours().columns.get(name.lower(), ()) if one in names), None)
    return f"did you mean {meant}?" if meant else nearest(name, names)


def function_like(name: str, known: Iterable[str]) -> str:
    """Return `did you mean X?` by meaning, then by spelling, or an empty text."""
    names = list(known)
    meant = neighbours().functions.get(name.lower())
    return f"did you mean {meant}?" if meant in names else nearest(name, names)
