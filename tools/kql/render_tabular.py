"""The canonical text of the steps of tabular.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .tabular import (
    Expanded,
    Level,
    MakeSeries,
    MvApply,
    MvExpand,
    Parse,
    Pattern,
    Piece,
    Sample,
    SampleDistinct,
    Serialize,
    Series,
    TopHitters,
    TopNested,
)
from .tree import Node

__all__ = ["TABULAR"]


class Writer(Protocol):
    """What these texts need of the renderer."""

    @property
    def quote(self) -> Callable[[str], str]:
        """Text as a literal."""

    def text(self, node: Any) -> str:
        """Return the text of a node."""

    def name(self, name: str) -> str:
        """Return a name, in brackets where it must be."""

    def several(self, nodes: tuple[Node, ...]) -> str:
        """Return texts between commas."""


def _pattern(_: Writer, node: Pattern) -> str:
    return f"{node.name} {node.order}".rstrip()


def _serialize(to: Writer, node: Serialize) -> str:
    return f"serialize {to.several(node.items)}".rstrip()


def _piece(to: Writer, node: Piece) -> str:
    if node.text is not None:
        return to.quote(node.text)
    return "*" if node.name is None else to.name(node.name) + (f":{node.kind}" if node.kind else "")


def _parse(to: Writer, node: Parse) -> str:
    word = "parse-where" if node.strict else "parse"
    return f"{word} kind={node.how} {to.text(node.source)} with {' '.join(to.text(one) for one in node.pieces)}"


def _expanded(to: Writer, node: Expanded) -> str:
    return to.text(node.item) + (f" to typeof({node.to})" if node.to else "")


def _items(to: Writer, node: MvExpand | MvApply) -> str:
    index = f"with_itemindex={to.name(node.index)} " if node.index else ""
    limit = f" limit {node.limit}" if node.limit is not None else ""
    return f"{index}{to.several(node.items)}{limit}"


def _mv_expand(to: Writer, node: MvExpand) -> str:
    return f"mv-expand {'bagexpansion=array ' if node.pairs else ''}{_items(to, node)}"


def _mv_apply(to: Writer, node: MvApply) -> str:
    return f"mv-apply {_items(to, node)} on ({to.text(node.body)})"


def _series(to: Writer, node: Series) -> str:
    return to.text(node.item) + (f" default={to.text(node.default)}" if node.default else "")


def _make_series(to: Writer, node: MakeSeries) -> str:
    low = f" from {to.text(node.low)}" if node.low else ""
    high = f" to {to.text(node.high)}" if node.high else ""
    by = f" by {to.several(node.by)}" if node.by else ""
    return f"make-series {to.several(node.series)} on {to.text(node.axis)}{low}{high} step {to.text(node.step)}{by}"


def _level(to: Writer, node: Level) -> str:
    count = f"{node.count} " if node.count is not None else ""
    others = f" with others = {to.text(node.others)}" if node.others else ""
    order = "asc" if node.ascending else "desc"
    return f"{count}of {to.text(node.group)}{others} by {to.text(node.aggregate)} {order}"


def _top_nested(to: Writer, node: TopNested) -> str:
    return ", ".join(f"top-nested {to.text(level)}" for level in node.levels)


def _top_hitters(to: Writer, node: TopHitters) -> str:
    return f"top-hitters {node.count} of {to.text(node.of)}" + (f" by {to.text(node.by)}" if node.by else "")


TABULAR: dict[type[Node], Callable[[Any, Any], str]] = {
    Pattern: _pattern,
    Serialize: _serialize,
    Piece: _piece,
    Parse: _parse,
    Expanded: _expanded,
    MvExpand: _mv_expand,
    MvApply: _mv_apply,
    Series: _series,
    MakeSeries: _make_series,
    Level: _level,
    TopNested: _top_nested,
    TopHitters: _top_hitters,
    Sample: lambda _, node: f"sample {node.count}",
    SampleDistinct: lambda to, node: f"sample-distinct {node.count} of {to.text(node.of)}",
}
"""How each is written."""
