"""Aggregates that give several columns: those of the row with the largest or smallest value, and any row's.

Stars are written out as the columns they stand for. What is computed or renamed becomes a column of its own before the
summary, since an engine may name the columns of these aggregates only after the columns they come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from soc_analyst.tools.kql.tree import Call, Expr, Literal, Name, Named, Star

from .frames import Cell
from .names import name_of

if TYPE_CHECKING:
    from .steps import Steps

__all__ = ["any_of", "row_of"]

ALONE = {"arg_max": "max_", "arg_min": "min_"}
"""What Kusto calls the value looked for when it is computed."""

Cells = dict[str, Cell]


def row_of(steps: Steps, item: Named, cells: Cells, before: list[Named]) -> Named:
    """Bind arg_max or arg_min, adding what it gives to `cells` and what must be computed first to `before`."""
    call = item.expr
    assert isinstance(call, Call)
    if not call.args or isinstance(call.args[0], Star):
        steps.scope.report("refused-arguments", f"{call.name} takes a value, then columns or a star", item)
        return item
    value, *others = call.args
    own = item.name or name_of(Named(value)) or ALONE[call.name]
    wanted = [(value, own), *_named(steps, value, others, cells)]
    if len(item.more) >= len(wanted):
        steps.scope.report("refused-arguments", f"{call.name} gives {len(wanted)} columns to name", item)
    wanted[1:] = [(expr, name) for (expr, _), name in zip(wanted[1:], item.more, strict=False)] + wanted[
        len(item.more) + 1 :
    ]
    if steps.typist().bound(value)[1] == "dynamic":
        steps.scope.report("type-mismatch", f"a dynamic value has no order: {call.name}", value, "convert it first")
    args = [_column(steps, expr, name, cells, before) for expr, name in wanted]
    return Named(Call(call.name, tuple(dict.fromkeys(args)), span=call.span), span=item.span)


def _named(steps: Steps, value: Expr, others: list[Expr], cells: Cells) -> Iterator[tuple[Expr, str]]:
    for other in others:
        if isinstance(other, Star):
            yield from ((Name(name), name) for name in steps.frame.cells if name not in cells and Name(name) != value)
        elif other != value:
            call = isinstance(other, Call) and other.args and isinstance(other.args[0], Name)
            plain = f"{other.name}_{other.args[0].name}" if call else ""  # type: ignore[attr-defined]
            yield other, name_of(Named(other)) or plain or "Column1"


def _column(steps: Steps, expr: Expr, name: str, cells: Cells, before: list[Named]) -> Name:
    """Return the column to name in the aggregate: the one meant, or one that is computed before."""
    bound, kind = steps.typist().bound(expr)
    name = _free(name, cells)
    passed = isinstance(bound, Name) and bound.name in steps.frame
    cell = Cell(kind, steps.frame.cells[bound.name].sources if passed else frozenset())  # type: ignore[attr-defined]
    steps.add(cells, name, cell, expr)
    if not (isinstance(bound, Name) and bound.name == name):
        if name in steps.frame:
            message = f"`{name[:80]}` is a column before the summary already"
            steps.scope.report("duplicate-column", message, expr, "give it another name")
        before.append(Named(bound, name, span=expr.span))
    return Name(name, span=expr.span)


def _free(name: str, cells: Cells) -> str:
    """Return the name, with the number that Kusto gives a second column of that name."""
    if name not in cells:
        return name
    return next(one for number in range(1, 10_000) if (one := f"{name}{number}") not in cells)


def any_of(steps: Steps, item: Named, cells: Cells, before: list[Named], after: list[Name]) -> Named:
    """Bind take_any of several columns or of all, whose values are of one row: of those with the largest of one value.

    That value is a column of its own, put into `before`, and into `after` to be dropped again.
    """
    call = item.expr
    assert isinstance(call, Call)
    taken = {**steps.frame.cells, **cells, **dict.fromkeys((name.name for name in after), Cell("long"))}
    mark = Name(_free("Mark", taken))
    found = row_of(
        steps,
        Named(Call("arg_max", (Literal("long", 0), *call.args), span=call.span), mark.name, span=item.span),
        cells,
        before,
    )
    del cells[mark.name]
    after.append(mark)
    return found
