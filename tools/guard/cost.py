"""What an approved query is expected to read, by what its tables hold."""

from __future__ import annotations

from collections.abc import Iterable

from soc_analyst.state.costs import Estimate, Volume, volume_of
from soc_analyst.state.queries import ApprovedQuery

from .policy import Policy

__all__ = ["estimated"]


def estimated(query: ApprovedQuery, volumes: Iterable[Volume], policy: Policy) -> Estimate | None:
    """Return the rows and bytes that the windows of a query's tables hold, or None where nothing is known.

    Conditions are not taken into account, and a table counts once however often a query reads it: the index of a
    table spares most of it to a query that looks for a name.
    """
    known = tuple(volumes)
    parts = []
    for table in query.tables:
        start = policy.start_of(table, query.start, query.end)
        volume = volume_of(known, table, start, query.end)
        if volume is None:
            return None
        parts.append(volume.within(start, query.end))
    return Estimate.together(parts)
