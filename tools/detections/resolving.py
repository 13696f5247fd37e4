"""A rule's tree on the columns at hand: what is missing can never make a rule fire."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from .columns import FieldView, TableViews
from .matching import Key
from .tree import Tree, fields_of

__all__ = ["All", "Leaf", "Never", "Node", "Not", "Same", "missing_fields", "resolve"]


class Never(Enum):
    """Why a part of a tree has no say."""

    FALSE = "false"
    """It holds for no row, since a column is missing."""
    ABSENT = "absent"
    """It denies something that could not be seen: neither true nor false."""


@dataclass(frozen=True)
class Leaf:
    """A test of a field that is there."""

    field: str | None
    key: Key


@dataclass(frozen=True)
class Same:
    """A comparison of two fields of a row: is, has, starts or ends with the other."""

    field: str
    other: str
    how: str


@dataclass(frozen=True)
class Not:
    """The rows for which the node does not hold."""

    node: Node


@dataclass(frozen=True)
class All:
    """The rows for which every node holds, or with `any_of`, at least one."""

    nodes: tuple[Node, ...]
    any_of: bool = False


Node = Leaf | Same | Not | All


def resolve(tree: Tree, views: TableViews) -> Node | Never:
    """Return the tree on these columns.

    A test of a missing field, or of one that is null in every row, is false. To deny what is false for that reason is
    no evidence: it counts neither for nor against, so a filter over a missing column removes nothing and a rule cannot
    fire by absence alone.
    """
    kind = tree[0]
    if kind == "not":
        inner = resolve(tree[1], views)
        return Never.ABSENT if isinstance(inner, Never) else Not(inner)
    if kind == "and":
        return _all(tree[1], views)
    if kind == "or":
        return _any([resolve(child, views) for child in tree[1]])
    return _test(tree, views)


def _all(trees: list[Tree], views: TableViews) -> Node | Never:
    known: list[Node] = []
    for tree in trees:
        node = resolve(tree, views)
        if node is Never.FALSE:
            return Never.FALSE
        if not isinstance(node, Never):
            known.append(node)
    return Never.ABSENT if not known else known[0] if len(known) == 1 else All(tuple(known))


def _any(nodes: list[Node | Never]) -> Node | Never:
    known = tuple(node for node in nodes if not isinstance(node, Never))
    if not known:
        return Never.FALSE if Never.FALSE in nodes else Never.ABSENT
    return known[0] if len(known) == 1 else All(known, any_of=True)


def _test(test: Tree, views: TableViews) -> Node | Never:
    kind, field = test[0], test[1]
    view = views[field]
    if view is None:
        return Never.FALSE
    if kind == "empty":
        return Not(Leaf(field, ("filled",)))
    if _dark(view) and kind != "filled":
        return Never.FALSE
    if kind == "same":
        return Never.FALSE if _dark(views[test[2]]) else Same(field, test[2], test[3])
    return Leaf(field, (kind, *map(_frozen, test[2:])))


def _dark(view: FieldView | None) -> bool:
    return view is None or not len(view.filled)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def missing_fields(tree: Tree, views: TableViews) -> list[str]:
    """Return the fields of a tree that the rows lack or leave empty, by name."""
    return sorted({field for field in fields_of(tree) if _dark(views[field])})
