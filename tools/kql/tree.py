"""The syntax tree: all that a query may consist of.

What has no node here cannot be said, so it cannot be run. Spans tell where in the given text a node stood and take no
part in equality: a tree read from canonical text equals the tree that text was rendered from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf
from typing import NamedTuple

__all__ = [
    "NOWHERE",
    "Between",
    "Binary",
    "Call",
    "Count",
    "Distinct",
    "Expr",
    "Extend",
    "Index",
    "Join",
    "JoinKey",
    "Let",
    "Literal",
    "LiteralKind",
    "Logical",
    "Member",
    "Membership",
    "Name",
    "Named",
    "Negative",
    "Node",
    "Operator",
    "Pipeline",
    "Project",
    "ProjectNames",
    "ProjectRename",
    "Query",
    "Sort",
    "SortKey",
    "Source",
    "Span",
    "Star",
    "Summarize",
    "Table",
    "Take",
    "Top",
    "Union",
    "Unread",
    "Where",
]

LiteralKind = OneOf["string", "long", "int", "real", "bool", "datetime", "timespan", "dynamic"]


class Span(NamedTuple):
    """A stretch of the given text, in code points."""

    start: int
    length: int


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    """Anything in the tree."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Expr(Node):
    """A scalar expression."""


@dataclass(frozen=True, slots=True)
class Literal(Expr):
    """A value; None is the null of its kind.

    datetime: ISO 8601 UTC text with seven digits of fraction. timespan: 100 ns ticks. dynamic: compact JSON text.
    """

    kind: LiteralKind
    value: str | int | float | bool | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return (self.kind, type(self.value), self.value)


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A column, or a value bound by `let`."""

    name: str


@dataclass(frozen=True, slots=True)
class Star(Expr):
    """All columns; only `arg_max` and its like take it."""


@dataclass(frozen=True, slots=True)
class Logical(Expr):
    """`and` or `or` of two or more; never directly within its own kind."""

    op: OneOf["and", "or"]
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """Comparison, string operator or arithmetic, by its KQL spelling."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negative(Expr):
    """Minus something that is not a number literal."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A scalar or aggregate function."""

    name: str
    args: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Membership(Expr):
    """`in` and its kin, `has_any`, `has_all`: against a list, or against the first column of a pipeline."""

    op: str
    value: Expr
    items: tuple[Expr, ...] = ()
    pipeline: Pipeline | None = None


@dataclass(frozen=True, slots=True)
class Between(Expr):
    """Whether a value lies between two, both included."""

    value: Expr
    low: Expr
    high: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Member(Expr):
    """A property of a dynamic value."""

    base: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index(Expr):
    """An element of a dynamic array."""

    base: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Named(Node):
    """An expression with or without a name of its own; what gives several columns may have more names."""

    expr: Expr
    name: str | None = None
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operator(Node):
    """A step of a pipeline."""


@dataclass(frozen=True, slots=True)
class Where(Operator):
    """Keep the rows for which the expression is true."""

    predicate: Expr


@dataclass(frozen=True, slots=True)
class Project(Operator):
    """Keep and compute columns, in this order."""

    items: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class ProjectNames(Operator):
    """Drop, keep or move to the front the columns named, or those that a name with stars fits."""

    how: OneOf["away", "keep", "reorder"]
    names: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ProjectRename(Operator):
    """Give columns new names."""

    items: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Extend(Operator):
    """Add columns."""

    items: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Summarize(Operator):
    """Aggregate by groups."""

    aggregates: tuple[Named, ...]
    by: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey(Node):
    """What to sort by; KQL sorts descending, nulls last, where nothing is said."""

    expr: Expr
    ascending: bool = False
    nulls_first: bool | None = None


@dataclass(frozen=True, slots=True)
class Sort(Operator):
    """Order the rows."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class Top(Operator):
    """The first rows by one key."""

    count: int
    key: SortKey


@dataclass(frozen=True, slots=True)
class Take(Operator):
    """At most so many rows."""

    count: int


@dataclass(frozen=True, slots=True)
class Count(Operator):
    """The number of rows, as the column `Count`."""


@dataclass(frozen=True, slots=True)
class Distinct(Operator):
    """Distinct rows of these expressions; none means of all columns."""

    items: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class MvExpand(Operator):
    """One row for each element of a dynamic column."""

    item: Named
    to: LiteralKind | None = None


@dataclass(frozen=True, slots=True)
class JoinKey(Node):
    """Columns that must be equal, left and right."""

    left: Name
    right: Name


@dataclass(frozen=True, slots=True)
class Join(Operator):
    """Join or lookup with another pipeline; the kind is always written out."""

    kind: str
    right: Pipeline
    keys: tuple[JoinKey, ...]
    lookup: bool = False


@dataclass(frozen=True, slots=True)
class Union(Operator):
    """The rows so far, if any, and those of other pipelines.

    `source` names a column that tells which arm a row is from; `inner` keeps only the columns that all arms have. The
    guard writes both out, so that bound queries have neither.
    """

    arms: tuple[Pipeline, ...]
    source: str = ""
    inner: bool = False


@dataclass(frozen=True, slots=True)
class Source(Node):
    """What the rows of a pipeline come from."""

    name: str


@dataclass(frozen=True)
class Table(Source):
    """A table, or a pipeline bound by `let`."""


@dataclass(frozen=True, slots=True)
class Unread(Operator):
    """A step that could not be read, so that the others can be judged; no query with one is ever run."""

    opens: bool = True
    """Whether it may have added columns."""


@dataclass(frozen=True, slots=True)
class Pipeline(Node):
    """A source and what is done to its rows; without a source it starts with a union."""

    source: Source | None
    steps: tuple[Operator, ...] = ()


@dataclass(frozen=True, slots=True)
class Let(Node):
    """A name for a value or a pipeline."""

    name: str
    value: Node
    """A scalar expression, a pipeline, or a function of either."""


@dataclass(frozen=True, slots=True)
class Query(Node):
    """Bindings, then exactly one pipeline."""

    lets: tuple[Let, ...]
    body: Pipeline
