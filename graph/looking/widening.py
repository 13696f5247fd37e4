"""Which empty answers are worth asking again more widely."""

from __future__ import annotations

from collections.abc import Sequence

from soc_analyst.state.queries import QueryRecord

__all__ = ["to_widen"]


def to_widen(records: Sequence[QueryRecord], before: Sequence[QueryRecord]) -> tuple[QueryRecord, ...]:
    """Return the empty ones of a round, as long as nothing that was asked for came back.

    A table that is asked in parts answers a round later than the others: what those returned once they were asked more
    widely says nothing of it. One part of a table stands for all of them.
    """
    empty = [record for record in records if record.status == "empty"]
    parts = {record.table: record for record in empty if record.leads_from.startswith("part of ")}
    found = [record for record in (*before, *records) if record.rows]
    if not found:
        return (*(record for record in empty if not record.leads_from.startswith("part of ")), *parts.values())
    return tuple(parts.values()) if all("relaxed " in record.leads_from for record in found) else ()
