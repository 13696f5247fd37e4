"""Which rows of a table meet which rules: every test once over distinct values, then boolean algebra on row masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from .columns import FieldView, Mask, TableViews
from .matching import FieldTests, Key
from .resolving import All, Leaf, Node, Not, Same
from .searching import NOTHING
from .texts import Indexes

__all__ = ["rows_meeting"]

FEW = 4
"""Where a rule has less than one in so many rows left, a regular expression is tried on the values of those alone."""


def rows_meeting(nodes: Sequence[Node], views: TableViews) -> Iterator[Indexes]:
    """Yield the rows that each node holds for, in order."""
    table = _Table(views, _tests(nodes, views))
    for node in nodes:
        mask = table.rows(node, None)
        yield NOTHING if mask is None else np.flatnonzero(mask)


def _tests(nodes: Iterable[Node], views: TableViews) -> dict[str | None, FieldTests]:
    tests: dict[str | None, dict[Key, None]] = defaultdict(dict)
    for node in nodes:
        for leaf in _leaves(node):
            tests[leaf.field][leaf.key] = None
    found = ((field, views[field], keys) for field, keys in tests.items())
    return {field: FieldTests(view, keys) for field, view, keys in found if view is not None}


def _leaves(node: Node) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Not):
        yield from _leaves(node.node)
    elif isinstance(node, All):
        for child in node.nodes:
            yield from _leaves(child)


class _Table:
    """Masks of a table's rows; None stands for no row at all, which most tests come to.

    A mask asked for `within` others is right for their rows, and may be anything for the rest.
    """

    def __init__(self, views: TableViews, tests: Mapping[str | None, FieldTests]) -> None:
        self._views = views
        self._tests = tests
        self._size = len(views.rows)

    def rows(self, node: Node, within: Mask | None) -> Mask | None:
        """Return the rows for which a node holds."""
        if isinstance(node, Leaf):
            return self._leaves([node], within)
        if isinstance(node, Not):
            inner = self.rows(node.node, within)
            return np.ones(self._size, np.bool_) if inner is None else ~inner
        if isinstance(node, Same):
            return self._same(node)
        return self._any(node.nodes, within) if node.any_of else self._all(node.nodes, within)

    def _leaves(self, leaves: Sequence[Leaf], within: Mask | None) -> Mask | None:
        """Return the rows for which any of these tests of one field holds."""
        field = leaves[0].field
        view, tests = self._views[field], self._tests[field]
        asked = [leaf.key for leaf in leaves if not tests.none(leaf.key)]
        if view is None or not asked:
            return None
        waiting = any(tests.waits(key) for key in asked)
        among = _among(view, within) if waiting and within is not None else None
        values = np.concatenate([tests.values(key, among) for key in asked])
        return view.rows_with(values) if len(values) else None

    def _all(self, nodes: Sequence[Node], within: Mask | None) -> Mask | None:
        if any(isinstance(node, Leaf) and self._tests[node.field].none(node.key) for node in nodes):
            return None
        result = within
        for node in sorted(nodes, key=self._cost):
            mask = self.rows(node, result)
            if mask is None:
                return None
            result = mask if result is None else result & mask
            if not result.any():
                return None
        return result

    def _cost(self, node: Node) -> int:
        """Rank the parts of a rule: what narrows at no cost first, what is better asked of few rows last."""
        if isinstance(node, Not):
            return 2 + self._waits(node.node)
        return 4 if isinstance(node, Same) else int(self._waits(node))

    def _waits(self, node: Node) -> bool:
        return any(self._tests[leaf.field].waits(leaf.key) for leaf in _leaves(node))

    def _any(self, nodes: Sequence[Node], within: Mask | None) -> Mask | None:
        """Join the values of the tests of each field first, so that rows are looked up once a field."""
        by_field: dict[str | None, list[Leaf]] = defaultdict(list)
        for node in nodes:
            if isinstance(node, Leaf):
                by_field[node.field].append(node)
        masks = [self._leaves(leaves, within) for leaves in by_field.values()]
        masks += [self.rows(node, within) for node in nodes if not isinstance(node, Leaf)]
        known = [mask for mask in masks if mask is not None]
        return np.logical_or.reduce(known) if known else None

    def _same(self, node: Same) -> Mask | None:
        left, right = self._views[node.field], self._views[node.other]
        if left is None or right is None:
            return None
        rows = zip(left.texts(), right.texts(), strict=True)
        fits = _COMPARED[node.how]
        return np.fromiter(
            (any(fits(a.lower(), b.lower()) for a in mine for b in theirs) for mine, theirs in rows),
            np.bool_,
            self._size,
        )


def _among(view: FieldView, within: Mask) -> Indexes | None:
    """Return the values that these rows hold; None where they are so many that all may as well be tried."""
    return view.values_in(within) if np.count_nonzero(within) * FEW < len(within) else None


_COMPARED = {
    "is": str.__eq__,
    "has": str.__contains__,
    "starts": str.startswith,
    "ends": str.endswith,
}
