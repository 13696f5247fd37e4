"""Columns that `parse` makes under names the embedded engine's patterns cannot hold: named after it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..tabular import Parse
from ..tree import Extend, Name, Named, Node, Operator, Pipeline, ProjectNames, Query
from ..words import is_plain_name
from .parts import Spare, over_fields

__all__ = ["plain_pieces"]


def plain_pieces(query: Query, spare: Spare) -> Query:
    """Return the query with plain names in every `parse`, each given its own name right after it."""

    def changed(node: Node) -> Any:
        below = over_fields(node, changed)
        if not isinstance(below, Pipeline):
            return below
        return replace(below, steps=tuple(_written(below.steps, spare)))

    found: Query = changed(query)
    return found


def _written(steps: Iterable[Operator], spare: Spare) -> Iterator[Operator]:
    for step in steps:
        odd = _odd_names(step)
        if not isinstance(step, Parse) or not odd:
            yield step
            continue
        plain = {name: spare.name() for name in odd}
        pieces = tuple(replace(piece, name=plain.get(piece.name or "", piece.name)) for piece in step.pieces)
        yield replace(step, pieces=pieces)
        yield Extend(tuple(Named(Name(new), old) for old, new in plain.items()))
        yield ProjectNames("away", tuple(Name(new) for new in plain.values()))


def _odd_names(step: Operator) -> list[str]:
    pieces = step.pieces if isinstance(step, Parse) else ()
    return [piece.name for piece in pieces if piece.name is not None and not is_plain_name(piece.name)]
