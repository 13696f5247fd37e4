"""Which rows of a table meet which rules: every test once over distinct values, then boolean algebra on row masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from .columns import Indexes, Mask, TableViews
from .matching import NOTHING, Key, values_matching
from .resolving import All, Leaf, Node, Not, Same

__all__ = ["rows_meeting"]

Found = Mapping[tuple[str | None, Key], Indexes]


def rows_meeting(nodes: Sequence[Node], views: TableViews) -> Iterator[Indexes]:
    """Yield the rows that each node holds for, in order."""
    table = _Table(views, _matches(nodes, views))
    for node in nodes:
        mask = table.rows(node)
        yield NOTHING if mask is None else np.flatnonzero(mask)


def _matches(nodes: Iterable[Node], views: TableViews) -> dict[tuple[str | None, Key], Indexes]:
    tests: dict[str | None, dict[Key, None]] = defaultdict(dict)
    for node in nodes:
        for leaf in _leaves(node):
            tests[leaf.field][leaf.key] = None
    found: dict[tuple[str | None, Key], Indexes] = {}
    for field, keys in tests.items():
        view = views[field]
        if view is not None:
            found |= {(field, key): at for key, at in values_matching(view, keys).items()}
    return found


def _leaves(node: Node) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Not):
        yield from _leaves(node.node)
    elif isinstance(node, All):
        for child in node.nodes:
            yield from _leaves(child)


class _Table:
    """Masks of a table's rows; None stands for no row at all, which most tests come to."""

    def __init__(self, views: TableViews, found: Found) -> None:
        self._views = views
        self._found = found
        self._size = len(views.rows)

    def rows(self, node: Node) -> Mask | None:
        """Return the rows for which a node holds."""
        if isinstance(node, Leaf):
            return self._leaf(node)
        if isinstance(node, Not):
            inner = self.rows(node.node)
            return np.ones(self._size, np.bool_) if inner is None else ~inner
        if isinstance(node, Same):
            return self._same(node)
        return self._any(node.nodes) if node.any_of else self._all(node.nodes)

    def _leaf(self, leaf: Leaf) -> Mask | None:
        values = self._found[leaf.field, leaf.key]
        return self._with(leaf.field, values) if len(values) else None

    def _with(self, field: str | None, values: Indexes) -> Mask:
        view = self._views[field]
        return np.zeros(self._size, np.bool_) if view is None else view.rows_with(values)

    def _all(self, nodes: Sequence[Node]) -> Mask | None:
        leaves = [node for node in nodes if isinstance(node, Leaf)]
        if any(not len(self._found[leaf.field, leaf.key]) for leaf in leaves):
            return None
        result: Mask | None = None
        # Denials come last: where nothing is left they need not be asked.
        for node in sorted(nodes, key=lambda node: isinstance(node, Not)):
            mask = self.rows(node)
            if mask is None:
                return None
            result = mask if result is None else result & mask
            if not result.any():
                return None
        return result

    def _any(self, nodes: Sequence[Node]) -> Mask | None:
        """Join the values of the tests of each field first, so that rows are looked up once a field."""
        values: dict[str | None, list[Indexes]] = defaultdict(list)
        masks: list[Mask | None] = []
        for node in nodes:
            if isinstance(node, Leaf):
                values[node.field].append(self._found[node.field, node.key])
            else:
                masks.append(self.rows(node))
        for field, found in values.items():
            joined = np.concatenate(found)
            masks.append(self._with(field, joined) if len(joined) else None)
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


_COMPARED = {
    "is": str.__eq__,
    "has": str.__contains__,
    "starts": str.startswith,
    "ends": str.endswith,
}
