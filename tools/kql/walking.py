"""Ways through a tree, none of which needs more stack for a deeper one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from .tree import Node

__all__ = ["children", "depth", "walk"]

_PLAIN = frozenset({"str", "int", "bool", "str | None", "bool | None", "str | int | float | bool | None"})
"""Annotations of fields that hold no node; all other fields are looked into."""

_PARTS: dict[type, tuple[str, ...]] = {}


def _parts(node: Node) -> tuple[str, ...]:
    """Return the fields of a kind of node that may hold nodes, found once for each kind."""
    found = tuple(item.name for item in fields(node) if item.name != "span" and item.type not in _PLAIN)
    _PARTS[type(node)] = found
    return found


def children(node: Node) -> list[Node]:
    """Return the nodes directly below, in the order written."""
    found: list[Node] = []
    parts = _PARTS.get(type(node))
    for name in _parts(node) if parts is None else parts:
        value = getattr(node, name)
        if isinstance(value, tuple):
            found += [one for one in value if isinstance(one, Node)]
        elif isinstance(value, Node):
            found.append(value)
    return found


def walk(node: Node) -> Iterator[Node]:
    """Return the node and all below it, without recursion."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        if below := children(found):
            below.reverse()
            waiting += below


def depth(node: Node) -> int:
    """Return the length of the longest path down, without recursion."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for found in level for child in children(found)]
    return deepest
