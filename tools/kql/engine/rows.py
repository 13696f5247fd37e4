"""What the embedded engine lacks of rows in order, said in steps that it has.

Each step that looks at neighbouring rows is preceded by steps that number the rows and compute what it asks of them, in
columns of their own that are dropped right after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from ..tabular import MakeSeries, MvApply, Sample, SampleDistinct, Serialize, TopHitters, TopNested
from ..tree import (
    Binary,
    Call,
    Count,
    Distinct,
    Expr,
    Extend,
    Let,
    Literal,
    Name,
    Named,
    Node,
    Operator,
    Pipeline,
    Project,
    ProjectNames,
    Query,
    Sort,
    SortKey,
    Source,
    Summarize,
    Table,
)
from ..walking import walk
from .apply import Apply
from .parts import Lacking, Spare, over_fields

__all__ = ["ROW_TEMPLATES", "add_row_functions", "in_order"]

ROW_TEMPLATES = {
    "zz_place": ("row_number() OVER ()", 0),
    "zz_before": ("lag({0}, {2}) OVER (ORDER BY {1})", 3),
    "zz_before_or": ("lag({0}, {2}, {3}) OVER (ORDER BY {1})", 4),
    "zz_after": ("lead({0}, {2}) OVER (ORDER BY {1})", 3),
    "zz_after_or": ("lead({0}, {2}, {3}) OVER (ORDER BY {1})", 4),
    "zz_runs": ("CAST(count(*) FILTER (WHERE {0}) OVER (ORDER BY {1} ROWS UNBOUNDED PRECEDING) AS BIGINT)", 2),
    "zz_number": ("row_number() OVER (PARTITION BY {0} ORDER BY {1})", 2),
    "zz_sum": ("sum({0}) OVER (PARTITION BY {1} ORDER BY {2} ROWS UNBOUNDED PRECEDING)", 3),
}
"""SQL of the functions that only this module's steps use, and how many arguments each takes."""

_NEIGHBOUR = {"prev": "zz_before", "next": "zz_after"}
_ROW_CALLS = frozenset({*_NEIGHBOUR, "row_number", "row_cumsum"})
_DROPPING = (Project, Summarize, Distinct, Count)
"""Steps that leave only what they name."""

_LACKING: dict[type[Node], str] = {
    MakeSeries: "make-series",
    TopNested: "top-nested",
    TopHitters: "top-hitters",
    Sample: "sample",
    SampleDistinct: "sample-distinct",
}


def add_row_functions(functions: Any) -> None:
    """Add the templates to the library's own list of functions; `functions` is its module of them."""
    if "zz_place" not in functions.SCALAR_FUNCTIONS:
        specs = {
            name: functions.FunctionSpec(name, "template", sql, (count,))
            for name, (sql, count) in ROW_TEMPLATES.items()
        }
        functions.SCALAR_FUNCTIONS.update(specs)


def in_order(query: Query, spare: Spare) -> Query:
    """Return a query without functions of neighbouring rows. Raise Lacking for what the engine has nothing like."""
    found = next((node for node in walk(query) if type(node) in _LACKING), None)
    if found is not None:
        raise Lacking(_LACKING[type(found)], found.span)
    if not any(isinstance(node, Serialize | MvApply) or _is_row_call(node) for node in walk(query)):
        return query
    return _Rows(spare).query(query)


def _is_row_call(node: Node) -> bool:
    return isinstance(node, Call) and node.name in _ROW_CALLS


class _Rows:
    def __init__(self, spare: Spare) -> None:
        self.spare = spare
        self.lets: list[Let] = []

    def query(self, query: Query) -> Query:
        """Return a query whose pipelines are all rewritten; what one of them reads twice is bound before it."""
        for let in query.lets:
            rewritten = self.node(let)
            self.lets.append(rewritten)
        body = self.node(query.body)
        return replace(query, lets=tuple(self.lets), body=body)

    def node(self, node: Any) -> Any:
        """Return a node with every pipeline below it rewritten."""
        if not isinstance(node, Pipeline):
            return over_fields(node, self.node)
        source, steps = node.source, list[Operator]()
        for step in node.steps:
            if isinstance(step, MvApply):
                source, steps = self.applied(source, steps, step)
            else:
                steps.extend(self.step(self.node(step)))
        return replace(node, source=source, steps=tuple(steps))

    def applied(
        self, source: Source | None, steps: list[Operator], step: MvApply
    ) -> tuple[Source | None, list[Operator]]:
        """Return source and steps up to and with an mv-apply."""
        if any(_is_row_call(node) for one in step.body.steps for node in _within(one)):
            raise Lacking("neighbouring rows within mv-apply", step.span)
        apply = Apply(step, self.spare)
        numbered = (*steps, _extend(apply.place.name, Call("zz_place")))
        if not apply.sums_up:
            return source, [*numbered, *apply.direct()]
        rows = Table(self.spare.name())
        self.lets.append(Let(rows.name, Pipeline(source, numbered)))
        return rows, list(apply.beside(rows))

    def step(self, step: Operator) -> tuple[Operator, ...]:
        """Return a step as those that the engine has."""
        if isinstance(step, Serialize):
            if not step.items:
                return ()
            step = Extend(step.items)
        if not any(_is_row_call(node) for node in _within(step)):
            return (step,)
        place = self.spare.name()
        before = _Columns(self.spare, Name(place))
        rewritten = before.without_calls(step)
        hidden = (Name(place), *(Name(name) for name in before.made))
        away = () if isinstance(step, _DROPPING) else (ProjectNames("away", hidden),)
        return (
            _extend(place, Call("zz_place")),
            *before.steps,
            Sort((SortKey(Name(place), ascending=True),)),
            rewritten,
            *away,
        )


class _Columns:
    """Columns computed ahead of a step, in the order in which they need one another."""

    def __init__(self, spare: Spare, place: Name) -> None:
        self.spare = spare
        self.place = place
        self.steps: list[Operator] = []
        self.made: list[str] = []
        self._known: dict[Expr, Name] = {}

    def without_calls(self, node: Any) -> Any:
        """Return a node with each call of neighbouring rows replaced by the column that holds its answer."""
        if isinstance(node, Pipeline):
            return node
        node = over_fields(node, self.without_calls)
        return self._answer(node) if _is_row_call(node) else node

    def _answer(self, call: Call) -> Expr:
        if call.name in _NEIGHBOUR:
            value, offset = self._column(call.args[0]), (*call.args[1:2], Literal("long", 1))[0]
            wanted = _NEIGHBOUR[call.name] + ("_or" if len(call.args) > 2 else "")
            return self._column(Call(wanted, (value, self.place, offset, *call.args[2:])))
        if call.name == "row_number":
            number = self._column(Call("zz_number", (self._runs(call.args[1:2]), self.place)))
            first = call.args[0] if call.args else Literal("long", 1)
            return Binary("-", Binary("+", number, first), Literal("long", 1))
        return self._column(Call("zz_sum", (self._column(call.args[0]), self._runs(call.args[1:2]), self.place)))

    def _runs(self, restart: tuple[Expr, ...]) -> Expr:
        """Return the number of the run that a row belongs to, where a condition begins a new one."""
        when = self._column(restart[0]) if restart else Literal("bool", False)
        return self._column(Call("zz_runs", (when, self.place)))

    def _column(self, expr: Expr) -> Expr:
        if isinstance(expr, Name | Literal):
            return expr
        if expr not in self._known:
            name = self.spare.name()
            self.steps.append(_extend(name, expr))
            self.made.append(name)
            self._known[expr] = Name(name)
        return self._known[expr]


def _extend(name: str, expr: Expr) -> Extend:
    return Extend((Named(expr, name),))


def _within(node: Node) -> Iterator[Node]:
    """Return a step and what is below it, but not the pipelines it holds."""
    waiting: list[Any] = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, tuple):
            waiting.extend(found)
        elif isinstance(found, Node) and not isinstance(found, Pipeline):
            yield found
            waiting.extend(getattr(found, field.name) for field in fields(found))
