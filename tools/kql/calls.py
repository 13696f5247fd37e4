"""Functions that a query defines for itself, and queries whose result is one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from .tree import Expr, Let, Literal, LiteralKind, Node, Pipeline, Source

__all__ = ["Function", "Invocation", "Parameter", "ToScalar"]


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """What a function is given: a value of a type, or a table with at least these columns."""

    name: str
    kind: LiteralKind | OneOf["table"]
    default: Literal | None = None
    columns: tuple[tuple[str, LiteralKind], ...] | None = None
    """The columns of a table that the function reads; None where it takes any table."""


@dataclass(frozen=True, slots=True)
class Function(Node):
    """A function bound by `let`; whoever calls it gets its body, so that bound queries hold none."""

    parameters: tuple[Parameter, ...]
    lets: tuple[Let, ...]
    body: Expr | Pipeline


@dataclass(frozen=True, slots=True)
class Invocation(Source):
    """A call of such a function where a table may stand."""

    args: tuple[Expr | Pipeline, ...] = ()


@dataclass(frozen=True, slots=True)
class ToScalar(Expr):
    """The first column of the first row of a pipeline."""

    pipeline: Pipeline
