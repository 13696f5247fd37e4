"""A Sigma rule as one SELECT, for the engines that `detections_speed.py` compares with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.rule import SigmaRule

__all__ = ["statement_of"]


def statement_of(rule: Mapping[str, Any], engine: str) -> str:
    """Return the rule's SELECT over a table `logs` whose columns go by Sigma's names."""
    [text] = _backend().convert(SigmaCollection([SigmaRule.from_dict(dict(rule))]))
    text = str(text).replace("SELECT *", "SELECT rowid")
    if engine == "sqlite":
        return text
    # DuckDB has no collation of columns that LIKE heeds, and spells a search by regex as a function.
    return re.sub(r"(\w+) REGEXP ('(?:[^']|'')*')", r"regexp_matches(\1, \2)", text.replace(" LIKE ", " ILIKE "))


@lru_cache(maxsize=1)
def _backend() -> sqliteBackend:
    return sqliteBackend()
