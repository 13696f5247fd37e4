"""Steps that take values apart, look at neighbouring rows or fill a time line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from .tree import Expr, LiteralKind, Named, Node, Operator, Pipeline

__all__ = [
    "Expanded",
    "Level",
    "MakeSeries",
    "MvApply",
    "MvExpand",
    "Parse",
    "Pattern",
    "Piece",
    "Sample",
    "SampleDistinct",
    "Serialize",
    "Series",
    "TopHitters",
    "TopNested",
]


@dataclass(frozen=True)
class Pattern(Expr):
    """Columns by a name with stars; `order` sorts those that fit, where project-reorder says so."""

    name: str
    order: OneOf["", "asc", "desc"] = ""


@dataclass(frozen=True)
class Serialize(Operator):
    """Hold the rows to the order they have, and add columns."""

    items: tuple[Named, ...] = ()


@dataclass(frozen=True)
class Piece(Node):
    """A part of what `parse` looks for: text, a column, or with neither a star."""

    text: str | None = None
    name: str | None = None
    kind: LiteralKind | None = None


@dataclass(frozen=True)
class Parse(Operator):
    """Take text apart into columns; `strict` drops the rows that do not fit, which is `parse-where`."""

    how: OneOf["simple", "regex", "relaxed"]
    source: Expr
    pieces: tuple[Piece, ...]
    strict: bool = False


@dataclass(frozen=True)
class Expanded(Node):
    """What is expanded, and the type its elements are made."""

    item: Named
    to: LiteralKind | None = None


@dataclass(frozen=True)
class MvExpand(Operator):
    """One row for each element of dynamic columns, in step; `index` names the column of its place from 0."""

    items: tuple[Expanded, ...]
    index: str | None = None
    limit: int | None = None
    pairs: bool = False
    """Whether a property bag becomes `[key, value]` arrays instead of bags of one property."""


@dataclass(frozen=True)
class MvApply(Operator):
    """Expand, then run steps over the elements of each row by itself."""

    items: tuple[Expanded, ...]
    body: Pipeline
    index: str | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Series(Node):
    """An aggregate along a time line, and its value where there are no rows."""

    item: Named
    default: Expr | None = None


@dataclass(frozen=True)
class MakeSeries(Operator):
    """Aggregates as arrays along an axis."""

    series: tuple[Series, ...]
    axis: Named
    step: Expr
    low: Expr | None = None
    high: Expr | None = None
    by: tuple[Named, ...] = ()


@dataclass(frozen=True)
class Level(Node):
    """A level of `top-nested`: its groups, how many of them, a name for all others, and what to rank by."""

    group: Named
    aggregate: Named
    count: int | None = None
    others: Expr | None = None
    ascending: bool = False


@dataclass(frozen=True)
class TopNested(Operator):
    """The first groups within the first groups."""

    levels: tuple[Level, ...]


@dataclass(frozen=True)
class TopHitters(Operator):
    """The most frequent values, about."""

    count: int
    of: Named
    by: Expr | None = None


@dataclass(frozen=True)
class Sample(Operator):
    """Some rows, by chance."""

    count: int


@dataclass(frozen=True)
class SampleDistinct(Operator):
    """Some values of a column, by chance."""

    count: int
    of: Named
