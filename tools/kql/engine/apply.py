"""mv-apply for the embedded engine: what is done to the elements of each row, done to those of all rows at once.

Every row gets a number before it is expanded, and whatever orders, counts or sums up elements does it by that number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..tabular import MvApply, MvExpand, Parse
from ..tree import (
    Binary,
    Call,
    Distinct,
    Expr,
    Extend,
    Join,
    JoinKey,
    Literal,
    Name,
    Named,
    Operator,
    Pipeline,
    Project,
    ProjectNames,
    Sort,
    SortKey,
    Summarize,
    Table,
    Take,
    Top,
    Where,
)
from ..walking import walk
from .parts import Lacking, Spare, over_fields

__all__ = ["Apply"]

_OF_NOTHING: dict[str, Expr | None] = {
    **dict.fromkeys(("count", "countif", "dcount", "dcountif", "sum", "sumif"), Literal("long", 0)),
    **dict.fromkeys(("make_set", "make_list", "make_set_if", "make_list_if"), Literal("dynamic", "[]")),
    **dict.fromkeys(("min", "max", "take_any"), None),
}
"""Aggregates known here, and what each is where there are no elements; None is null."""

_DROPPING = (Project, Summarize, Distinct)
_KEEPING = (Where, Extend, Parse, Sort, Top, Take, MvExpand)


class Apply:
    """One mv-apply over rows whose number is in `place`."""

    def __init__(self, step: MvApply, spare: Spare) -> None:
        self.step = step
        self.spare = spare
        self.place = Name(spare.name())
        self._order = Name(spare.name())
        self._hidden = [self.place, self._order]
        steps = step.body.steps
        cut = max((at for at, one in enumerate(steps) if isinstance(one, _DROPPING)), default=len(steps))
        self._before, self._after = steps[:cut], steps[cut + 1 :]
        self._drop = steps[cut] if cut < len(steps) else None
        for one in (*self._before, *self._after):
            if not isinstance(one, _KEEPING):
                raise Lacking(f"{type(one).__name__.lower()} amid the steps of mv-apply", one.span)

    @property
    def sums_up(self) -> bool:
        """Whether elements are put together, so that they must be worked on beside the rows."""
        return isinstance(self._drop, Summarize | Distinct)

    def direct(self) -> tuple[Operator, ...]:
        """Return the steps over the numbered rows, where elements stay rows of their own."""
        kept = self._kept(self._drop) if isinstance(self._drop, Project) else ()
        return (*self._elements(), *kept, *self._by_row(self._after), *self._tidied())

    def beside(self, rows: Table) -> tuple[Operator, ...]:
        """Return the steps over the numbered rows, that look up what their elements, read from `rows`, sum up to."""
        drop = self._drop
        summary = drop if isinstance(drop, Summarize) else Summarize((), drop.items)  # type: ignore[union-attr]
        apart, by = _Apart(self.spare), tuple(Named(one.expr, self.spare.name()) for one in summary.by)
        answers = [Named(apart.from_aggregates(one.expr), one.name) for one in summary.aggregates]
        answers += [Named(Name(new.name or ""), _name(old)) for old, new in zip(summary.by, by, strict=True)]
        steps = (*self._elements(), Summarize(apart.aggregates(), (Named(self.place), *by)))
        kind, key = "inner" if by else "leftouter", JoinKey(self.place, self.place)
        looked_up = Join(kind, Pipeline(rows, steps), (key,), lookup=True)
        self._hidden = [self.place, self._order, *(Name(one.name or "") for one in (*apart.aggregates(), *by))]
        gone = [name for name in self._in_place() if name.name not in {one.name for one in answers}]
        return (
            looked_up,
            self._numbered(),
            *_away(gone),
            Extend(tuple(answers)),
            *self._by_row(self._after),
            *self._tidied(),
        )

    def _elements(self) -> tuple[Operator, ...]:
        """Return the expansion and the steps before anything is dropped."""
        step = self.step
        return (MvExpand(step.items, step.index, step.limit), self._numbered(), *self._by_row(self._before))

    def _numbered(self) -> Extend:
        return Extend((Named(Call("zz_place"), self._order.name),))

    def _by_row(self, steps: Sequence[Operator]) -> Iterator[Operator]:
        for step in steps:
            if isinstance(step, Sort):
                yield from self._sorted(step.keys)
            elif isinstance(step, Top):
                yield from self._sorted((step.key,))
                yield from self._first(step.count)
            elif isinstance(step, Take):
                yield from self._first(step.count)
            elif isinstance(step, MvExpand):
                yield from (step, self._numbered())
            else:
                yield step

    def _sorted(self, keys: tuple[SortKey, ...]) -> tuple[Operator, ...]:
        return Sort((SortKey(self.place, ascending=True), *keys)), self._numbered()

    def _first(self, count: int) -> tuple[Operator, ...]:
        number = Name(self.spare.name())
        self._hidden.append(number)
        numbered = Extend((Named(Call("zz_number", (self.place, self._order)), number.name),))
        return numbered, Where(Binary("<=", number, Literal("long", count)))

    def _kept(self, step: Project) -> tuple[Operator, ...]:
        """Return a projection as what it computes, and the leaving out of what the steps before had made."""
        computed = tuple(item for item in step.items if item.name is not None)
        names = {_name(item) for item in step.items}
        made = {_name(one.item) for one in self.step.items} | {self.step.index} | set(self._made())
        gone = [Name(name) for name in sorted(name for name in made if name is not None and name not in names)]
        return (*((Extend(computed),) if computed else ()), *_away(gone))

    def _made(self) -> Iterator[str]:
        for step in self._before:
            if isinstance(step, Extend):
                yield from (_name(item) for item in step.items)
            if isinstance(step, Parse):
                yield from (piece.name for piece in step.pieces if piece.name is not None)

    def _in_place(self) -> list[Name]:
        """Return the columns of the rows that the elements stand in for."""
        names = ((_name(one.item), one.item.expr) for one in self.step.items)
        return [Name(name) for name, expr in names if Name(name) in walk(expr)]

    def _tidied(self) -> tuple[Operator, ...]:
        order = Sort((SortKey(self.place, ascending=True), SortKey(self._order, ascending=True)))
        return (order, *_away(self._hidden))


class _Apart:
    """Aggregates taken out of the expressions around them, which may be computed after a row got none."""

    def __init__(self, spare: Spare) -> None:
        self.spare = spare
        self._names: dict[Expr, str] = {}

    def from_aggregates(self, node: Any) -> Any:
        """Return an expression with the columns of its aggregates in their places."""
        if not isinstance(node, Call) or node.name not in _OF_NOTHING:
            if isinstance(node, Call) and node.name.startswith(("arg_", "avg", "percentile", "stdev", "variance")):
                raise Lacking(f"{node.name}() within mv-apply", node.span)
            return over_fields(node, self.from_aggregates)
        column = Name(self._names.setdefault(node, self.spare.name()))
        nothing = _OF_NOTHING[node.name]
        return Call("coalesce", (column, nothing)) if nothing is not None else column

    def aggregates(self) -> tuple[Named, ...]:
        """Return what was taken out."""
        return tuple(Named(call, name) for call, name in self._names.items())


def _name(item: Named) -> str:
    return item.name or (item.expr.name if isinstance(item.expr, Name) else "")


def _away(names: Sequence[Name]) -> tuple[Operator, ...]:
    return (ProjectNames("away", tuple(names)),) if names else ()
