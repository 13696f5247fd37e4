"""Texts are never null in Kusto, and may be in the engine: where a join or a union leaves them out."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from ..tree import Binary, Call, Expr, Literal, Name, Node

__all__ = ["empty_texts"]

Kept = TypeVar("Kept", bound=Node)
_ASKS = {"==": "isempty", "!=": "isnotempty"}


def empty_texts(node: Kept) -> Kept:
    """Return the same with `column == ""` as the question whether it is empty, which a null is too."""
    changed: dict[str, Any] = {}
    for item in fields(node):
        value = getattr(node, item.name)
        if isinstance(value, Node):
            found: Any = _asked(value)
        elif isinstance(value, tuple):
            found = tuple(_asked(one) if isinstance(one, Node) else one for one in value)
            found = value if all(new is old for new, old in zip(found, value, strict=True)) else found
        else:
            continue
        if found is not value:
            changed[item.name] = found
    return replace(node, **changed) if changed else node


def _asked(node: Node) -> Node:
    if isinstance(node, Binary) and node.op in _ASKS and isinstance(node.left, Name) and _is_empty(node.right):
        return Call(_ASKS[node.op], (node.left,), span=node.span)
    return empty_texts(node)


def _is_empty(node: Expr) -> bool:
    return isinstance(node, Literal) and node.kind == "string" and node.value == ""
