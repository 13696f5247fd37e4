"""What each step does to the columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from soc_analyst.tools.kql.tabular import Pattern
from soc_analyst.tools.kql.tree import (
    Call,
    Count,
    Distinct,
    Expr,
    Extend,
    Join,
    JoinKey,
    Name,
    Named,
    Node,
    Operator,
    Project,
    ProjectNames,
    ProjectRename,
    Sort,
    SortKey,
    Star,
    Summarize,
    Take,
    Top,
    Union,
    Unread,
    Where,
)
from soc_analyst.tools.kql.walking import walk

from .dialect import dialect
from .expressions import Typist
from .frames import TIME, Cell, Frame, Kind
from .kinds import comparable
from .names import name_of, one_by_one
from .scope import Bind, Scope
from .steps_tabular import TABULAR_STEPS
from .summarizing import any_of, row_of
from .uniting import united

__all__ = ["STEPS", "Steps"]

_ROUNDING = frozenset({"bin", "floor", "startofday", "startofweek", "startofmonth"})


Bound = Operator | tuple[Operator, ...]
"""A bound step, or several that together do what was asked."""


class Steps:
    """Binds one step over the frame before it."""

    def __init__(self, scope: Scope, frame: Frame, bind: Bind) -> None:
        self.scope = scope
        self.frame = frame
        self.nested = bind

    def over(self, frame: Frame) -> Steps:
        """Return the same over other columns."""
        return Steps(self.scope, frame, self.nested)

    def bound(self, step: Operator) -> tuple[Bound, Frame]:
        """Return the step as it will be run, and the columns after it."""
        return STEPS[type(step)](self, step)

    def typist(self, *, aggregates: bool = False, stars: bool = False) -> Typist:
        """Return who finds the types of expressions here."""
        return Typist(self.scope, self.frame, self.nested, aggregates=aggregates, stars=stars)

    def where(self, step: Where) -> tuple[Operator, Frame]:
        """Keep all columns."""
        return Where(self.typist(stars=True).predicate(step.predicate), span=step.span), self.frame

    def unread(self, step: Unread) -> tuple[Operator, Frame]:
        """Know no more of the columns than the step says."""
        return step, Frame(self.frame.cells, self.frame.ordered, self.frame.open or step.opens)

    def project(self, step: Project) -> tuple[Operator, Frame]:
        """Keep the columns named and computed."""
        items, cells = self.items(step.items, {})
        return Project(items, span=step.span), Frame(cells, ordered=self.frame.ordered)

    def extend(self, step: Extend) -> tuple[Operator, Frame]:
        """Add the columns computed; each sees only the columns before the step."""
        items, cells = self.items(step.items, dict(self.frame.cells))
        return Extend(items, span=step.span), self._frame(cells)

    def items(self, items: Iterable[Named], cells: dict[str, Cell]) -> tuple[tuple[Named, ...], dict[str, Cell]]:
        """Bind columns computed, over those that stand."""
        bound: list[Named] = []
        fresh: set[str] = set()
        for item in items:
            expr, kind = self.typist().bound(item.expr)
            name = self.name(item, {*fresh, *cells})
            if name in fresh:
                self.scope.report("duplicate-column", f"`{name[:80]}` stands twice", item, "give it another name")
            fresh.add(name)
            self.may_be_named(name, expr, item)
            self.add(cells, name, self._cell(expr, kind), item)
            bound.append(_named(expr, name, item))
        return tuple(bound), cells

    def name(self, item: Named, taken: Iterable[str], *, aggregate: bool = False) -> str:
        """Return the column's name; one that Kusto would only number gets the next free number."""
        name = name_of(item, aggregate=aggregate)
        if name is not None and (item.name or isinstance(item.expr, Name) or name not in taken):
            return name
        base, taken = name or "Column", set(taken)
        return next(one for one in (f"{base}{number}" for number in range(1, 10_000)) if one not in taken)

    def may_be_named(self, name: str, expr: Expr, node: Node) -> None:
        """Report a name that a column cannot have, the time's above all."""
        if not name or len(name) > 200:
            self.scope.report("bad-name", "a column's name has 1 to 200 characters", node)
        rounded = isinstance(expr, Call) and expr.name in _ROUNDING and expr.args[:1] == (Name(TIME),)
        if name == TIME and expr != Name(TIME) and not rounded:
            self.scope.report("reserved-name", f"{TIME} is the time of the event and cannot be replaced", node)

    def _cell(self, expr: Expr, kind: Kind) -> Cell:
        passed = isinstance(expr, Name) and expr.name in self.frame
        return Cell(kind, self.frame.cells[expr.name].sources if passed else frozenset())  # type: ignore[attr-defined]

    def add(self, cells: dict[str, Cell], name: str, cell: Cell, node: Node) -> None:
        """Add a column, unless another differs from it in case only."""
        twin = Frame(cells).twin(name)
        if twin is not None:
            message = f"`{name[:80]}` and `{twin}` differ in case only"
            self.scope.report("case-collision", message, node, "give it another name")
        cells[name] = cell

    def project_names(self, step: ProjectNames) -> tuple[Operator, Frame]:
        """Drop, keep or reorder; keeping and reordering are written out as the columns that result."""
        named = list(dict.fromkeys(name for one in step.names for name in self._fitting(one)))
        if step.how == "away":
            return self._without(step, named)
        order = [name for name in self.frame.cells if name in named]
        if step.how == "reorder":
            order = [*named, *(name for name in self.frame.cells if name not in named)]
            self.scope.usage.need(self.frame.sources())
        if not order:
            self.scope.report("no-column", "no column would be left", step)
        items = tuple(Named(Name(name)) for name in order)
        cells = {name: self.frame.cells[name] for name in order}
        return Project(items, span=step.span), self._frame(cells)

    def _without(self, step: ProjectNames, named: list[str]) -> tuple[Operator, Frame]:
        kept = {name: cell for name, cell in self.frame.cells.items() if name not in named}
        if not kept and not self.frame.open:
            self.scope.report("no-column", "no column would be left", step)
        names = tuple(Name(name) for name in named)
        return ProjectNames("away", names, span=step.span), self._frame(kept)

    def _fitting(self, node: Expr) -> list[str]:
        """Return the columns here that a name, or a name with stars, stands for; what is hidden is not here."""
        if not isinstance(node, Pattern):
            assert isinstance(node, Name)
            found = self.scope.column(node, self.frame)
            return [node.name] if found and node.name in self.frame else []
        fits = re.compile(".*".join(re.escape(part) for part in node.name.split("*")), re.DOTALL).fullmatch
        names = [name for name in self.frame.cells if fits(name)]
        if not names:
            self.scope.report("unknown-column", f"no column here fits `{node.name[:80]}`", node, "leave it out")
        for name in names:
            self.scope.usage.need(self.frame.cells[name].sources)
        return sorted(names, key=str.lower, reverse=node.order == "desc") if node.order else names

    def _frame(self, cells: Mapping[str, Cell]) -> Frame:
        """Return columns of which no more is known than of those before."""
        return Frame(cells, self.frame.ordered, self.frame.open)

    def project_rename(self, step: ProjectRename) -> tuple[Operator, Frame]:
        """Give columns new names in their places."""
        new: dict[str, str] = {}
        unknown: dict[str, Cell] = {}
        for item in step.items:
            assert isinstance(item.expr, Name) and item.name is not None
            found = self.scope.column(item.expr, self.frame)
            new[item.expr.name] = item.name
            unknown |= {} if found and item.expr.name in self.frame else {item.name: Cell("any")}
            if item.name == TIME:
                self.scope.report("reserved-name", f"{TIME} is the time of the event; nothing else can be", item)
        cells: dict[str, Cell] = {}
        for name, cell in self.frame.cells.items():
            if new.get(name, name) in cells:
                self.scope.report("duplicate-column", f"`{new.get(name, name)[:80]}` stands twice", step)
            self.add(cells, new.get(name, name), cell, step)
        return step, self._frame({**unknown, **cells})

    def summarize(self, step: Summarize) -> tuple[Bound, Frame]:
        """Keep the groups, then the aggregates; what some of them need computed comes before, and is dropped after.

        Within a group rows have no neighbours.
        """
        if self.frame.ordered:
            return self.over(Frame(self.frame.cells)).summarize(step)
        by, cells = self.groups(step.by)
        aggregates: list[Named] = []
        before: list[Named] = []
        after: list[Name] = []
        for item in one_by_one(step.aggregates):
            name = dialect().spellings.get(item.expr.name, item.expr.name) if isinstance(item.expr, Call) else ""
            if name in ("arg_max", "arg_min"):
                aggregates.append(row_of(self, item, cells, before))
                continue
            if name == "take_any" and _is_several(item.expr):
                aggregates.append(any_of(self, item, cells, before, after))
                continue
            named, kind = self.aggregate(item, cells)
            self.add(cells, named.name or "", Cell(kind), item)
            aggregates.append(named)
        found = Summarize(tuple(aggregates), by, span=step.span)
        first = (Extend(tuple(before), span=step.span),) if before else ()
        last = (ProjectNames("away", tuple(after), span=step.span),) if after else ()
        return (*first, found, *last), Frame(cells)

    def aggregate(self, item: Named, taken: Mapping[str, Cell]) -> tuple[Named, Kind]:
        """Bind an aggregate and name it."""
        expr, kind = self.typist(aggregates=True).bound(item.expr)
        if not (_has_aggregate(expr) or self._is_unknown(expr)):
            self.scope.report("not-aggregate", "summarize computes aggregates; put this after `by`", item)
        name = self.name(Named(expr, item.name), taken, aggregate=True)
        if name in taken:
            self.scope.report("duplicate-column", f"`{name[:80]}` stands twice", item, "give it another name")
        return _named(expr, name, item), kind

    def _is_unknown(self, expr: Expr) -> bool:
        """Return whether a function that is not known stands here, which is reported already."""
        known = {*dialect().functions, *dialect().aggregates, *self.scope.functions}
        return any(isinstance(node, Call) and node.name not in known for node in walk(expr))

    def groups(self, items: tuple[Named, ...]) -> tuple[tuple[Named, ...], dict[str, Cell]]:
        """Bind what to group by."""
        for item in items:
            if isinstance(item.expr, Name) and self.frame.cells.get(item.expr.name, Cell("any")).kind == "dynamic":
                message = f"`{item.expr.name[:80]}` is dynamic and cannot be grouped by"
                self.scope.report("type-mismatch", message, item, "group by tostring() of it")
        return self.items(items, {})

    def sort(self, step: Sort) -> tuple[Operator, Frame]:
        """Keep all columns."""
        return Sort(tuple(self._key(key) for key in step.keys), span=step.span), self._ordered()

    def top(self, step: Top) -> tuple[Operator, Frame]:
        """Keep all columns."""
        return Top(step.count, self._key(step.key), span=step.span), self._ordered()

    def _ordered(self) -> Frame:
        return Frame(self.frame.cells, ordered=True)

    def _key(self, key: SortKey) -> SortKey:
        expr, kind = self.typist().bound(key.expr)
        if kind == "dynamic":
            self.scope.report("type-mismatch", "a dynamic value has no order", key, "sort by tostring() of it")
        return SortKey(expr, key.ascending, key.nulls_first, span=key.span)

    def take(self, step: Take) -> tuple[Operator, Frame]:
        """Keep all columns."""
        return step, self.frame

    def count(self, step: Count) -> tuple[Operator, Frame]:
        """Leave one number."""
        return step, Frame({"Count": Cell("long")})

    def distinct(self, step: Distinct) -> tuple[Operator, Frame]:
        """Keep the columns named, or write out all of them."""
        items = step.items or tuple(Named(Name(name), span=step.span) for name in self.frame.cells)
        bound, cells = self.groups(items)
        return Distinct(bound, span=step.span), Frame(cells)

    def join(self, step: Join) -> tuple[Operator, Frame]:
        """Join; a column that both sides have gets a number on the right."""
        right, other = self.nested(step.right)
        keys = tuple(self._join_key(key, other) for key in step.keys)
        if step.kind in ("leftanti", "leftsemi"):
            return Join(step.kind, right, keys, step.lookup, span=step.span), Frame(self.frame.cells)
        if step.kind in ("rightanti", "rightsemi"):
            return Join(step.kind, right, keys, step.lookup, span=step.span), Frame(other.cells)
        dropped = {key.right.name for key in keys} if step.lookup else set()
        cells = _side_by_side(self.frame, other, dropped)
        self.no_twins(cells, step)
        return Join(step.kind, right, keys, step.lookup, span=step.span), Frame(
            cells, open=self.frame.open or other.open
        )

    def _join_key(self, key: JoinKey, other: Frame) -> JoinKey:
        left, right = self.scope.column(key.left, self.frame), self.scope.column(key.right, other)
        if left and right and not comparable(left.kind, right.kind):
            self.scope.report("type-mismatch", f"the key joins {left.kind} with {right.kind}", key)
        return key

    def no_twins(self, cells: dict[str, Cell], node: Node) -> None:
        """Report columns that differ in case only."""
        lower: dict[str, str] = {}
        for name in cells:
            twin = lower.setdefault(name.lower(), name)
            if twin != name:
                message = f"`{name[:80]}` and `{twin[:80]}` differ in case only"
                self.scope.report("case-collision", message, node, "name the columns with project first")

    def union(self, step: Union) -> tuple[Operator, Frame]:
        """Put the rows together."""
        return united(self, step)


def _named(expr: Expr, name: str, item: Named) -> Named:
    plain = isinstance(expr, Name) and expr.name == name
    return Named(expr, None if plain else name, span=item.span)


def _is_several(expr: Expr) -> bool:
    return isinstance(expr, Call) and (len(expr.args) > 1 or Star() in expr.args)


def _has_aggregate(expr: Expr) -> bool:
    return any(isinstance(node, Call) and node.name in dialect().aggregates for node in walk(expr))


def _side_by_side(left: Frame, right: Frame, dropped: set[str]) -> dict[str, Cell]:
    cells = dict(left.cells)
    for name, cell in right.cells.items():
        if name in dropped:
            continue
        new, sources, number = name, cell.sources, 0
        while new in cells:
            # The number comes from the columns in its way: they must stand in the views too for the name to hold.
            sources |= cells[new].sources
            number += 1
            new = f"{name}{number}"
        cells[new] = Cell(cell.kind, sources)
    return cells


STEPS: dict[type[Operator], Callable[[Steps, Any], tuple[Bound, Frame]]] = {
    Where: Steps.where,
    Project: Steps.project,
    ProjectNames: Steps.project_names,
    ProjectRename: Steps.project_rename,
    Extend: Steps.extend,
    Summarize: Steps.summarize,
    Sort: Steps.sort,
    Top: Steps.top,
    Take: Steps.take,
    Count: Steps.count,
    Distinct: Steps.distinct,
    Join: Steps.join,
    Union: Steps.union,
    **TABULAR_STEPS,
    Unread: Steps.unread,
}
"""Every step that can be bound; a step that is not here cannot be approved."""
