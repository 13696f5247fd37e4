"""What the steps of tabular.py do to the columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from soc_analyst.tools.kql.tabular import (
    Expanded,
    Level,
    MakeSeries,
    MvApply,
    MvExpand,
    Parse,
    Piece,
    Sample,
    SampleDistinct,
    Serialize,
    Series,
    TopHitters,
    TopNested,
)
from soc_analyst.tools.kql.tree import (
    Distinct,
    Expr,
    Extend,
    Literal,
    Name,
    Named,
    Node,
    Operator,
    Pipeline,
    Project,
    ProjectNames,
    ProjectRename,
    Sort,
    Summarize,
    Take,
    Top,
    Where,
)
from soc_analyst.tools.kql.walking import walk

from .frames import Cell, Frame, Kind
from .kinds import can_be
from .names import name_of

if TYPE_CHECKING:
    from .steps import Steps

__all__ = ["TABULAR_STEPS"]

MAX_ITEMS = 8
"""Columns that one step expands."""

_WITHIN_APPLY = (
    Distinct,
    Extend,
    MvExpand,
    Parse,
    Project,
    ProjectNames,
    ProjectRename,
    Sort,
    Summarize,
    Take,
    Top,
    Where,
)


def _serialize(steps: Steps, step: Serialize) -> tuple[Operator, Frame]:
    """Hold the order, so that rows have neighbours from here on."""
    ordered = replace(steps.frame, ordered=True)
    items, cells = steps.over(ordered).items(step.items, dict(ordered.cells))
    return Serialize(items, span=step.span), Frame(cells, ordered=True, open=steps.frame.open)


def _parse(steps: Steps, step: Parse) -> tuple[Operator, Frame]:
    """Add what is captured, as text where no type is said."""
    source, kind = steps.typist().bound(step.source)
    if not can_be(kind, "string"):
        steps.scope.report("type-mismatch", f"parse reads text, this is {kind}", step.source, "use tostring()")
    _arranged(steps, step)
    cells, fresh = dict(steps.frame.cells), set[str]()
    for piece in step.pieces:
        if piece.name is not None:
            if piece.name in fresh:
                steps.scope.report("duplicate-column", f"`{piece.name[:80]}` stands twice", piece)
            fresh.add(piece.name)
            _put(steps, cells, piece.name, piece.kind or "string", piece)
        elif piece.text is not None:
            _pattern_text(steps, step, piece)
    return replace(step, source=source), Frame(cells, ordered=steps.frame.ordered, open=steps.frame.open)


def _arranged(steps: Steps, step: Parse) -> None:
    """Report what has no one place in the text: a column without text before it, a star that could begin anywhere."""
    for before, piece in zip((Piece(), *step.pieces), step.pieces, strict=False):
        if piece.name is not None and before.text is None:
            hint = "write text, column, text, column; `*` skips what comes before a text"
            steps.scope.report("bad-pattern", f"`{piece.name[:80]}` must follow a text in quotes", piece, hint)
        if piece.name is None and piece.text is None and before.name and before.kind in (None, "string"):
            hint = f"give `{before.name[:80]}` another type, or put a text between"
            steps.scope.report("bad-pattern", "a star right after a text column could begin anywhere", piece, hint)


def _pattern_text(steps: Steps, step: Parse, piece: Piece) -> None:
    if not piece.text:
        steps.scope.report("empty-value", "an empty text in the pattern of parse finds nothing", piece, "leave it out")
    elif step.how == "regex":
        steps.typist().regex(Literal("string", piece.text, span=piece.span))


def _put(steps: Steps, cells: dict[str, Cell], name: str, kind: Kind, node: Node) -> None:
    """Add a column that no expression names."""
    steps.may_be_named(name, Literal("dynamic", None), node)
    steps.add(cells, name, Cell(kind), node)


def _mv_expand(steps: Steps, step: MvExpand) -> tuple[Operator, Frame]:
    """Make the columns, or new ones, single elements."""
    items, cells = _expansion(steps, step)
    return replace(step, items=items), Frame(cells, ordered=steps.frame.ordered, open=steps.frame.open)


def _expansion(steps: Steps, step: MvExpand | MvApply) -> tuple[tuple[Expanded, ...], dict[str, Cell]]:
    if len(step.items) > MAX_ITEMS:
        steps.scope.report("too-many-values", f"more than {MAX_ITEMS} columns expanded in one step", step)
    cells, fresh = dict(steps.frame.cells), set[str]()
    items = tuple(_expanded(steps, item, cells, fresh) for item in step.items)
    if step.index is not None:
        if step.index in cells:
            steps.scope.report("duplicate-column", f"`{step.index[:80]}` is a column already", step)
        _put(steps, cells, step.index, "long", step)
    # Engines place the columns of an expansion by the columns before it, so all of those are needed.
    steps.scope.usage.need(steps.frame.sources())
    return items, cells


def _expanded(steps: Steps, node: Expanded, cells: dict[str, Cell], fresh: set[str]) -> Expanded:
    expr, kind = steps.typist().bound(node.item.expr)
    if not can_be(kind, "dynamic"):
        hint = "use parse_json() or split() first" if kind == "string" else ""
        steps.scope.report("type-mismatch", f"only a dynamic value can be expanded, this is {kind}", node, hint)
    name = _expanded_name(node.item, cells)
    if name in fresh:
        steps.scope.report("duplicate-column", f"`{name[:80]}` stands twice", node, "give it another name")
    fresh.add(name)
    steps.may_be_named(name, expr, node)
    steps.add(cells, name, Cell(node.to or "dynamic"), node)
    plain = isinstance(expr, Name) and expr.name == name
    return Expanded(Named(expr, None if plain else name, span=node.item.span), node.to, span=node.span)


def _expanded_name(item: Named, taken: dict[str, Cell]) -> str:
    """Return the name of an expanded value: what is computed from one column takes that column's place."""
    if name := name_of(item):
        return name
    read = {node.name for node in walk(item.expr) if isinstance(node, Name)}
    if len(read) == 1:
        return read.pop()
    return next(one for one in (f"Column{number}" for number in range(1, 10_000)) if one not in taken)


def _mv_apply(steps: Steps, step: MvApply) -> tuple[Operator, Frame]:
    """Bind the steps over the elements; what they leave stands beside the columns that are not expanded."""
    items, cells = _expansion(steps, step)
    _apart(steps, step)
    body, inner = _body(steps, step.body, Frame(cells, ordered=True))
    gone = {name_of(item.item) for item in items} | {step.index}
    kept = {name: cell for name, cell in steps.frame.cells.items() if name not in gone}
    for name, cell in inner.cells.items():
        kept.pop(name, None)
        steps.add(kept, name, cell, step)
    return replace(step, items=items, body=body), Frame(kept, open=steps.frame.open)


def _apart(steps: Steps, step: MvApply) -> None:
    """Report what would take the name of a column of the row, which each of its elements still has."""
    own = {name_of(item.item) for item in step.items}
    for item in step.items:
        read = {node.name for node in walk(item.item.expr) if isinstance(node, Name)}
        name = item.item.name or ""
        if name in steps.frame and name not in read:
            _taken(steps, name, item)
    for one in step.body.steps:
        made = [item.name for item in one.items if item.name] if isinstance(one, Extend | Project) else []
        made += [piece.name for piece in one.pieces if piece.name] if isinstance(one, Parse) else []
        for name in made:
            if name in steps.frame and name not in own:
                _taken(steps, name, one)


def _taken(steps: Steps, name: str, node: Node) -> None:
    message = f"`{name[:80]}` is a column outside mv-apply"
    steps.scope.report("duplicate-column", message, node, "give it another name")


def _body(steps: Steps, body: Pipeline, frame: Frame) -> tuple[Pipeline, Frame]:
    bound: list[Operator] = []
    for step in body.steps:
        if not isinstance(step, _WITHIN_APPLY):
            message = f"{type(step).__name__} cannot stand within mv-apply"
            steps.scope.report("refused-operator", message, step, "do it after mv-apply")
            return body, frame
        found, frame = steps.over(frame).bound(step)
        bound.extend(found if isinstance(found, tuple) else (found,))
    return Pipeline(None, tuple(bound), span=body.span), frame


def _make_series(steps: Steps, step: MakeSeries) -> tuple[Operator, Frame]:
    """Leave the groups, then an array for each aggregate, then the axis as an array."""
    by, cells = steps.groups(step.by)
    series = tuple(_series(steps, one, cells) for one in step.series)
    axis, kind = steps.typist().bound(step.axis.expr)
    if kind not in ("datetime", "timespan", "long", "int", "real", "any"):
        steps.scope.report("type-mismatch", f"an axis is a time or a number, this is {kind}", step.axis)
    for bound in (step.low, step.high):
        if bound is not None:
            _along(steps, bound, kind)
    _along(steps, step.step, "timespan" if kind == "datetime" else kind)
    name = steps.name(step.axis, cells)
    steps.add(cells, name, Cell("dynamic"), step.axis)
    plain = isinstance(axis, Name) and axis.name == name
    named = Named(axis, None if plain else name, span=step.axis.span)
    return replace(step, series=series, axis=named, by=by), Frame(cells)


def _along(steps: Steps, node: Expr, wanted: Kind) -> None:
    _, kind = steps.over(Frame({})).typist().bound(node)
    if not can_be(kind, wanted):
        steps.scope.report("type-mismatch", f"{wanted} is wanted along this axis, this is {kind}", node)


def _series(steps: Steps, node: Series, cells: dict[str, Cell]) -> Series:
    item, _ = steps.aggregate(node.item, cells)
    steps.add(cells, item.name or "", Cell("dynamic"), node)
    default = steps.over(Frame({})).typist().bound(node.default)[0] if node.default else None
    return Series(item, default, span=node.span)


def _top_nested(steps: Steps, step: TopNested) -> tuple[Operator, Frame]:
    """Leave a group and its aggregate for each level."""
    cells: dict[str, Cell] = {}
    levels = tuple(_level(steps, level, cells) for level in step.levels)
    return TopNested(levels, span=step.span), Frame(cells)


def _level(steps: Steps, level: Level, cells: dict[str, Cell]) -> Level:
    (group,), grouped = steps.groups((level.group,))
    ((name, cell),) = grouped.items()
    steps.add(cells, name, cell, level)
    own = Named(level.aggregate.expr, level.aggregate.name or f"aggregated_{name}", span=level.aggregate.span)
    aggregate, kind = steps.aggregate(own, cells)
    steps.add(cells, aggregate.name or "", Cell(kind), level)
    others = steps.over(Frame({})).typist().bound(level.others)[0] if level.others else None
    return replace(level, group=group, aggregate=aggregate, others=others)


def _top_hitters(steps: Steps, step: TopHitters) -> tuple[Operator, Frame]:
    """Leave the value and how often it comes, about."""
    (of,), cells = steps.groups((step.of,))
    (name,) = cells
    by = None
    if step.by is not None:
        by, kind = steps.typist().bound(step.by)
        if not can_be(kind, "number"):
            steps.scope.report("type-mismatch", f"top-hitters adds up numbers, this is {kind}", step.by)
    what = f"sum_{name_of(Named(step.by)) or ''}" if step.by else f"count_{name}"
    steps.add(cells, f"approximate_{what}", Cell("long"), step)
    return TopHitters(step.count, of, by, span=step.span), Frame(cells)


def _sample(steps: Steps, step: Sample) -> tuple[Operator, Frame]:
    return step, Frame(steps.frame.cells, open=steps.frame.open)


def _sample_distinct(steps: Steps, step: SampleDistinct) -> tuple[Operator, Frame]:
    (of,), cells = steps.groups((step.of,))
    return SampleDistinct(step.count, of, span=step.span), Frame(cells)


TABULAR_STEPS: dict[type[Operator], Callable[[Steps, Any], tuple[Operator, Frame]]] = {
    Serialize: _serialize,
    Parse: _parse,
    MvExpand: _mv_expand,
    MvApply: _mv_apply,
    MakeSeries: _make_series,
    TopNested: _top_nested,
    TopHitters: _top_hitters,
    Sample: _sample,
    SampleDistinct: _sample_distinct,
}
"""How each is bound."""
