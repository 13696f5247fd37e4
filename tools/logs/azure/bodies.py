"""The body of a response, read as it comes: what is held is one piece of it and the rows so far as Arrow.

The service writes `{"tables": [{"name", "columns", "rows": [[…], […], …]}], "statistics": …, "error": …}`.
A piece is cut between two rows, read, and let go; what follows the last cut is read with the head as a body of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from .results import as_arrow

__all__ = ["Body", "BodyReader"]

PIECE = 4_000_000
"""Bytes that are read at a time."""
MOST_CUTS = 4
"""Places at which a piece is tried to be cut; only rows with arrays inside need a second."""
_MEETING = re.compile(rb"\],\s*\[")
_ROWS = re.compile(rb'"rows"\s*:\s*\[')


@dataclass(frozen=True)
class Body:
    """What a response says."""

    rows: pa.Table
    """Those of the first table, and of further ones with the same columns."""
    error: Mapping[str, Any] | None = None
    """Why rows are missing, as the service tells it."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    apart: tuple[str, ...] = ()
    """Names of further tables, whose rows cannot stand among those of the first."""


class BodyReader:
    """Reads one body; keeps at most `most` rows of it. Blocks: feed it off the event loop."""

    def __init__(self, *, most: int | None = None) -> None:
        self._most = most
        self._held = bytearray()
        self._head = b""
        self._columns: tuple[Sequence[str], Sequence[str]] = ((), ())
        self._read: list[pa.Table] = []
        self._whole = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes; raise ValueError where they can be no answer."""
        self._held += piece
        if self._whole or len(self._held) < PIECE:
            return
        # A body whose first piece does not name its columns is none that we know: it is read whole.
        self._whole = not self._head and not self._begun()
        if not self._whole:
            self._cut()

    def finish(self) -> Body:
        """Read what is left and return all of it; raise ValueError where it is no answer."""
        said = loaded(self._head + bytes(self._held))
        self._held.clear()
        if not isinstance(said, dict):
            raise ValueError("not an object")
        tables = said.get("tables") or []
        for table in tables[:1]:
            self._keep(_columns(table), table["rows"])
        first = _columns(tables[0]) if tables else ((), ())
        apart = []
        for table in tables[1:]:
            if _columns(table) == first:
                self._keep(first, table["rows"])
            elif table.get("rows"):
                apart.append(str(table.get("name") or "without a name"))
        rows = pa.concat_tables(self._read) if self._read else pa.table({})
        return Body(rows, said.get("error"), _statistics(said), tuple(apart))

    def _begun(self) -> bool:
        """Read the head, if all of it is there."""
        found = _ROWS.search(self._held)
        if found is None:
            return False
        head = bytes(self._held[: found.end()])
        try:
            (table,) = loaded(head + b"]}]}")["tables"]
            self._columns = _columns(table)
        except (ValueError, KeyError, TypeError):
            return False
        self._head, self._held = head, self._held[found.end() :]
        return bool(self._columns[0])

    def _cut(self) -> None:
        """Read the rows up to the last place between two of them."""
        at = len(self._held)
        for _ in range(MOST_CUTS):
            at = self._before(at)
            if at < 0:
                return
            try:
                rows = loaded(b"[" + self._held[: at + 1] + b"]")
            except ValueError:
                continue  # between two arrays of one row
            self._keep(self._columns, rows)
            del self._held[: self._held.index(b"[", at)]
            return

    def _before(self, end: int) -> int:
        """Return the last place before `end` where arrays meet outside of any text, or -1."""
        at, upto, inside = end, end, _quotes(self._held[:end]) % 2
        while (at := self._held.rfind(b"],", 0, at)) >= 0:
            inside = (inside + _quotes(self._held[at:upto])) % 2
            upto = at
            if not inside and _MEETING.match(self._held, at):
                return at
        return -1

    def _keep(self, columns: tuple[Sequence[str], Sequence[str]], rows: Sequence[Sequence[Any]]) -> None:
        held = sum(one.num_rows for one in self._read)
        if self._most is not None and self._read and (held >= self._most or not rows):
            return
        most = None if self._most is None else self._most - held
        self._read.append(as_arrow(*columns, rows[:most]))


def loaded(raw: bytes) -> Any:
    """Read JSON; also with halves of surrogate pairs in its texts, which the faster reader does not take."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        if b"\\u" not in raw:
            raise
        return json.loads(raw)


def _columns(table: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[str]]:
    columns = table["columns"]
    return [str(one["name"]) for one in columns], [str(one["type"]) for one in columns]


def _statistics(said: Mapping[str, Any]) -> Mapping[str, Any]:
    told = said.get("statistics")
    return told if isinstance(told, dict) else {}


def _quotes(text: bytes | bytearray) -> int:
    """Count the quotes that begin or end a text: those that are not escaped."""
    return text.replace(rb"\\", b"").replace(rb"\"", b"").count(b'"')
