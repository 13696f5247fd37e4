"""What each step does to the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from soc_analyst.tools.kql.tree import (
    Call,
    Count,
    Distinct,
    Expr,
    Extend,
    Join,
    JoinKey,
    MvExpand,
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
    Where,
    walk,
)

from .dialect import dialect
from .expressions import Typist
from .frames import TIME, Cell, Frame, Kind
from .kinds import can_be, comparable, joined
from .names import name_of
from .scope import Bind, Scope

__all__ = ["STEPS", "Steps"]

_ROUNDING = frozenset({"bin", "floor", "startofday", "startofweek", "startofmonth"})


class Steps:
    """Binds one step over the frame before it."""

    def __init__(self, scope: Scope, frame: Frame, bind: Bind) -> None:
        self.scope = scope
        self.frame = frame
        self._bind = bind

    def typist(self, *, aggregates: bool = False) -> Typist:
        """Return who finds the types of expressions here."""
        return Typist(self.scope, self.frame, self._bind, aggregates=aggregates)

    def where(self, step: Where) -> tuple[Operator, Frame]:
        """Keep all columns."""
        return Where(self.typist().predicate(step.predicate), span=step.span), self.frame

    def project(self, step: Project) -> tuple[Operator, Frame]:
        """Keep the columns named and computed."""
        items, cells = self._items(step.items, {})
        return Project(items, span=step.span), Frame(cells)

    def extend(self, step: Extend) -> tuple[Operator, Frame]:
        """Add the columns computed; each sees only the columns before the step."""
        items, cells = self._items(step.items, dict(self.frame.cells))
        return Extend(items, span=step.span), Frame(cells)

    def _items(self, items: Iterable[Named], cells: dict[str, Cell]) -> tuple[tuple[Named, ...], dict[str, Cell]]:
        bound: list[Named] = []
        fresh: set[str] = set()
        for item in items:
            expr, kind = self.typist().bound(item.expr)
            name = self._name(item, {*fresh, *cells})
            if name in fresh:
                self.scope.report("duplicate-column", f"`{name[:80]}` stands twice", item, "give it another name")
            fresh.add(name)
            self._may_be_named(name, expr, item)
            self._add(cells, name, self._cell(expr, kind), item)
            bound.append(_named(expr, name, item))
        return tuple(bound), cells

    def _name(self, item: Named, taken: Iterable[str], *, aggregate: bool = False) -> str:
        """Return the column's name; one that Kusto would only number gets the next free number."""
        name = name_of(item, aggregate=aggregate)
        if name is not None and (item.name or isinstance(item.expr, Name) or name not in taken):
            return name
        base, taken = name or "Column", set(taken)
        return next(one for one in (f"{base}{number}" for number in range(1, 10_000)) if one not in taken)

    def _may_be_named(self, name: str, expr: Expr, node: Node) -> None:
        if not name or len(name) > 200:
            self.scope.report("bad-name", "a column's name has 1 to 200 characters", node)
        rounded = isinstance(expr, Call) and expr.name in _ROUNDING and expr.args[:1] == (Name(TIME),)
        if name == TIME and expr != Name(TIME) and not rounded:
            self.scope.report("reserved-name", f"{TIME} is the time of the event and cannot be replaced", node)

    def _cell(self, expr: Expr, kind: Kind) -> Cell:
        passed = isinstance(expr, Name) and expr.name in self.frame
        return Cell(kind, self.frame.cells[expr.name].sources if passed else frozenset())  # type: ignore[attr-defined]

    def _add(self, cells: dict[str, Cell], name: str, cell: Cell, node: Node) -> None:
        twin = Frame(cells).twin(name)
        if twin is not None:
            message = f"`{name[:80]}` and `{twin}` differ in case only"
            self.scope.report("case-collision", message, node, "give it another name")
        cells[name] = cell

    def project_names(self, step: ProjectNames) -> tuple[Operator, Frame]:
        """Drop, keep or reorder; keeping and reordering are written out as the columns that result."""
        named = [name.name for name in step.names if self.scope.column(name, self.frame) is not None]
        if step.how == "away":
            kept = {name: cell for name, cell in self.frame.cells.items() if name not in named}
            if not kept:
                self.scope.report("no-column", "no column would be left", step)
            return step, Frame(kept)
        order = [name for name in self.frame.cells if name in named]
        if step.how == "reorder":
            order = [*dict.fromkeys(named), *(name for name in self.frame.cells if name not in named)]
            self.scope.usage.need(self.frame.sources())
        items = tuple(Named(Name(name)) for name in order)
        return Project(items, span=step.span), Frame({name: self.frame.cells[name] for name in order})

    def project_rename(self, step: ProjectRename) -> tuple[Operator, Frame]:
        """Give columns new names in their places."""
        new: dict[str, str] = {}
        for item in step.items:
            assert isinstance(item.expr, Name) and item.name is not None
            if self.scope.column(item.expr, self.frame) is not None:
                new[item.expr.name] = item.name
            if TIME in (item.name, item.expr.name):
                self.scope.report("reserved-name", f"{TIME} is the time of the event and keeps its name", item)
        cells: dict[str, Cell] = {}
        for name, cell in self.frame.cells.items():
            if new.get(name, name) in cells:
                self.scope.report("duplicate-column", f"`{new.get(name, name)[:80]}` stands twice", step)
            self._add(cells, new.get(name, name), cell, step)
        return step, Frame(cells)

    def summarize(self, step: Summarize) -> tuple[Operator, Frame]:
        """Keep the groups, then the aggregates."""
        by, cells = self._groups(step.by)
        aggregates: list[Named] = []
        for item in step.aggregates:
            if isinstance(item.expr, Call) and item.expr.name in ("arg_max", "arg_min"):
                aggregates.append(self._row_of(item, cells))
                continue
            expr, kind = self.typist(aggregates=True).bound(item.expr)
            if not _has_aggregate(expr):
                self.scope.report("not-aggregate", "summarize computes aggregates; put this after `by`", item)
            name = self._name(Named(expr, item.name), cells, aggregate=True)
            if name in cells:
                self.scope.report("duplicate-column", f"`{name[:80]}` stands twice", item, "give it another name")
            self._add(cells, name, Cell(kind), item)
            aggregates.append(_named(expr, name, item))
        return Summarize(tuple(aggregates), by, span=step.span), Frame(cells)

    def _groups(self, items: tuple[Named, ...]) -> tuple[tuple[Named, ...], dict[str, Cell]]:
        for item in items:
            if isinstance(item.expr, Name) and self.frame.cells.get(item.expr.name, Cell("any")).kind == "dynamic":
                message = f"`{item.expr.name[:80]}` is dynamic and cannot be grouped by"
                self.scope.report("type-mismatch", message, item, "group by tostring() of it")
        return self._items(items, {})

    def _row_of(self, item: Named, cells: dict[str, Cell]) -> Named:
        """Bind arg_max and arg_min, whose star is written out as the columns it stands for."""
        call = item.expr
        assert isinstance(call, Call)
        if item.name is not None or not call.args or not isinstance(call.args[0], Name):
            hint = f"write {call.name}({TIME}, *) without a name"
            self.scope.report("refused-arguments", f"{call.name} takes columns here", item, hint)
            return item
        wanted: list[Name] = []
        for arg in call.args:
            if isinstance(arg, Star):
                wanted += [Name(name) for name in self.frame.cells if name not in cells]
            elif isinstance(arg, Name):
                wanted.append(arg)
            else:
                self.scope.report("refused-arguments", f"{call.name} takes columns or a star here", arg)
        for name in dict.fromkeys(wanted):
            cell = self.scope.column(name, self.frame)
            if name.name in cells:
                self.scope.report("duplicate-column", f"`{name.name[:80]}` is already a column", item)
            elif cell is not None:
                self._add(cells, name.name, cell, item)
        return Named(Call(call.name, tuple(dict.fromkeys(wanted)), span=call.span), span=item.span)

    def sort(self, step: Sort) -> tuple[Operator, Frame]:
        """Keep all columns."""
        return Sort(tuple(self._key(key) for key in step.keys), span=step.span), self.frame

    def top(self, step: Top) -> tuple[Operator, Frame]:
        """Keep all columns."""
        return Top(step.count, self._key(step.key), span=step.span), self.frame

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
        bound, cells = self._groups(items)
        return Distinct(bound, span=step.span), Frame(cells)

    def mv_expand(self, step: MvExpand) -> tuple[Operator, Frame]:
        """Make the column, or a new one, single elements."""
        expr, kind = self.typist().bound(step.item.expr)
        if not can_be(kind, "dynamic"):
            self.scope.report("type-mismatch", f"only a dynamic column can be expanded, this is {kind}", step.item)
        name = self._name(step.item, self.frame.cells)
        self._may_be_named(name, expr, step)
        cells = dict(self.frame.cells)
        self._add(cells, name, Cell(step.to or "dynamic"), step)
        # Engines place the columns of an expansion by the columns before it, so all of those are needed.
        self.scope.usage.need(self.frame.sources())
        return MvExpand(_named(expr, name, step.item), step.to, span=step.span), Frame(cells)

    def join(self, step: Join) -> tuple[Operator, Frame]:
        """Join; a column that both sides have gets a number on the right."""
        right, other = self._bind(step.right)
        keys = tuple(self._join_key(key, other) for key in step.keys)
        if step.kind in ("leftanti", "leftsemi"):
            return Join(step.kind, right, keys, step.lookup, span=step.span), self.frame
        if step.kind in ("rightanti", "rightsemi"):
            return Join(step.kind, right, keys, step.lookup, span=step.span), other
        dropped = {key.right.name for key in keys} if step.lookup else set()
        cells = _side_by_side(self.frame, other, dropped)
        self._no_twins(cells, step)
        return Join(step.kind, right, keys, step.lookup, span=step.span), Frame(cells)

    def _join_key(self, key: JoinKey, other: Frame) -> JoinKey:
        left, right = self.scope.column(key.left, self.frame), self.scope.column(key.right, other)
        if left and right and not comparable(left.kind, right.kind):
            self.scope.report("type-mismatch", f"the key joins {left.kind} with {right.kind}", key)
        return key

    def _no_twins(self, cells: dict[str, Cell], node: Node) -> None:
        lower: dict[str, str] = {}
        for name in cells:
            twin = lower.setdefault(name.lower(), name)
            if twin != name:
                message = f"`{name[:80]}` and `{twin[:80]}` differ in case only"
                self.scope.report("case-collision", message, node, "name the columns with project first")

    def union(self, step: Union) -> tuple[Operator, Frame]:
        """Put the rows together; a column that only some have is empty in the others."""
        bound = [self._bind(arm) for arm in step.arms]
        frames = [frame for frame in (self.frame, *(frame for _, frame in bound)) if frame.cells]
        cells: dict[str, Cell] = {}
        for frame in frames:
            for name, cell in frame.cells.items():
                known = cells.get(name)
                if known and not comparable(known.kind, cell.kind):
                    message = f"`{name}` is {known.kind} in one table and {cell.kind} in another"
                    self.scope.report("type-mismatch", message, step, "convert or drop it with project in one of them")
                kind = joined(known.kind, cell.kind) if known else cell.kind
                cells[name] = Cell(kind, cell.sources | (known.sources if known else frozenset()))
        self._no_twins(cells, step)
        return Union(tuple(pipeline for pipeline, _ in bound), span=step.span), Frame(cells)


def _named(expr: Expr, name: str, item: Named) -> Named:
    plain = isinstance(expr, Name) and expr.name == name
    return Named(expr, None if plain else name, span=item.span)


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


STEPS: dict[type[Operator], Callable[[Steps, Any], tuple[Operator, Frame]]] = {
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
    MvExpand: Steps.mv_expand,
    Join: Steps.join,
    Union: Steps.union,
}
"""Every step that can be bound; a step that is not here cannot be approved."""
