"""The rows of a table that are alike: equal in some columns, and in a text but for what varies from day to day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence.packing import numbered, plain
from soc_analyst.tools.evidence.rows import taken
from soc_analyst.tools.reasoning.past import Likeness

__all__ = ["RowsAlike", "plain_text"]

VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|s-1-5-[\d-]+|\d+", re.IGNORECASE)
PERSONAL = re.compile(r"(?<=\\users\\)[^\\]+", re.IGNORECASE)
MOST = 5_000
"""Rows compared one by one."""
UNREAD = -1


class RowsAlike:
    """The rows of one table: sorted once by what must be equal, the text of each read at most once."""

    def __init__(self, rows: pa.Table, like: Likeness) -> None:
        told = dict.fromkeys((like.place, like.account, "TimeGenerated", like.text))
        self._told = rows.select([name for name in told if name in rows.column_names])
        self._like = like
        self._equal = {name: _numbers(rows[name]) for name in like.names}
        self._kind_of = np.full(rows.num_rows, UNREAD, np.int32)
        self._kinds: dict[str, int] = {}

    def to(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what is told of the first rows that are like this one: place, account, time and text."""
        wanted = self._kinds.setdefault(plain_text(str(row[self._like.text])), len(self._kinds))
        near = self._equal_to(row)
        self._read(near[self._kind_of[near] == UNREAD])
        same = near[self._kind_of[near] == wanted].tolist()
        columns = [taken(column, same) for column in self._told.columns]
        return [dict(zip(self._told.column_names, values, strict=True)) for values in zip(*columns, strict=True)]

    @cached_property
    def places(self) -> int:
        """How many places the rows are of."""
        return int(pc.count_distinct(plain(self._told[self._like.place])).as_py())

    @cached_property
    def _sorted(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the rows in the order of their keys, and these keys."""
        keys = np.zeros(len(self._kind_of), np.int64)
        for distinct, numbers in self._equal.values():
            keys = keys * (len(distinct) + 1) + numbers
        order = np.argsort(keys, kind="stable")
        return order, keys[order]

    def _equal_to(self, row: Mapping[str, Any]) -> npt.NDArray[np.int64]:
        key = 0
        for name, (distinct, _) in self._equal.items():
            value = row.get(name)
            number = len(distinct) if value is None else distinct.get(value)
            if number is None:
                return np.zeros(0, np.int64)
            key = key * (len(distinct) + 1) + number
        order, keys = self._sorted
        first, end = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right")
        return order[first : min(int(end), int(first) + MOST)]

    def _read(self, rows: npt.NDArray[np.int64]) -> None:
        texts = taken(self._told[self._like.text], rows.tolist())
        known = self._kinds
        self._kind_of[rows] = [known.setdefault(plain_text(str(text or "")), len(known)) for text in texts]


def _numbers(column: pa.ChunkedArray) -> tuple[dict[Any, int], npt.NDArray[np.int32]]:
    """Return the number of each distinct value, and that of each row: their count where it is null."""
    if pa.types.is_null(column.type):
        return {}, np.zeros(len(column), np.int32)
    distinct, numbers = numbered(column if pa.types.is_dictionary(column.type) else column.dictionary_encode())
    return {value: number for number, value in enumerate(distinct.to_pylist())}, numbers


def plain_text(text: str) -> str:
    """Return a text without what varies from host to host and from day to day."""
    return VARYING.sub("#", PERSONAL.sub("#", text[:2_000])).lower()
