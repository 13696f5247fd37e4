"""What the modules that write a query out for the embedded engine share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

from ..tree import Node, Query, Span
from ..walking import walk

__all__ = ["Lacking", "Spare", "over_fields"]


class Lacking(Exception):
    """The engine has nothing like a construct."""

    def __init__(self, construct: str, span: Span) -> None:
        super().__init__(construct)
        self.construct = construct
        self.span = span


class Spare:
    """Names for columns that no query here has."""

    def __init__(self, query: Query, columns: Iterable[str]) -> None:
        taken = {one.lower() for one in (*columns, *_names(query))}
        self._stem = "Zz"
        while any(one.startswith(self._stem.lower()) for one in taken):
            self._stem += "z"
        self._made = 0

    def name(self) -> str:
        """Return another one."""
        self._made += 1
        return f"{self._stem}{self._made}"


def _names(query: Query) -> Iterator[str]:
    for node in walk(query):
        for field in ("name", "index"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value


def over_fields(node: Any, change: Any) -> Any:
    """Return a node with each node directly below it changed."""
    if isinstance(node, tuple) and not isinstance(node, Span):
        return tuple(change(one) if isinstance(one, Node) else one for one in node)
    if not isinstance(node, Node):
        return node
    changed = {}
    for field in fields(node):
        old = getattr(node, field.name)
        new = change(old) if isinstance(old, Node) else over_fields(old, change)
        if new is not old:
            changed[field.name] = new
    return replace(node, **changed) if changed else node
