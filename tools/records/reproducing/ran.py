"""The text of a query that ran, taken apart: what was asked, of which tables, over which window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.guard.bounds import inside
from soc_analyst.tools.kql import parse
from soc_analyst.tools.kql.tree import Binary, Let, Literal, Logical, Query, Where

__all__ = ["Ran", "ran_of"]

MAX_TEXT = 262_144
"""Code points of canonical text, as the guard bounds it."""


@dataclass(frozen=True)
class Ran:
    """A query without the bounds that the guard gave it, and the window of those."""

    query: Query
    window: TimeWindow


def ran_of(kql: str) -> Ran | None:
    """Return what a canonical text asks; None where it is none."""
    tree = parse(kql, max_text=MAX_TEXT).tree if kql else None
    if tree is None:
        return None
    views = tuple(takewhile(_is_view, tree.lets))
    query = inside(tree, tuple(view.name for view in views))
    windows = [window for view in views for window in _windows(view)]
    if query is None or not windows:
        return None
    return Ran(query, TimeWindow(start=min(one.start for one in windows), end=max(one.end for one in windows)))


def _is_view(let: Let) -> bool:
    source = getattr(getattr(let, "value", None), "source", None)
    return source is not None and getattr(source, "name", "") == let.name


def _windows(view: Let) -> Iterator[TimeWindow]:
    steps = getattr(view.value, "steps", ())
    first = steps[0] if steps else None
    if isinstance(first, Where) and isinstance(first.predicate, Logical):
        moments = [moment for test in first.predicate.operands for moment in _moments(test)]
        if len(moments) == 2:
            yield TimeWindow(start=moments[0], end=moments[1])


def _moments(test: object) -> Iterator[datetime]:
    if isinstance(test, Binary) and isinstance(test.right, Literal) and test.right.kind == "datetime":
        yield datetime.fromisoformat(str(test.right.value)[:26] + "+00:00")
