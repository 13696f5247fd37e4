"""Unions: one table of several, with the columns of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from soc_analyst.tools.kql.tree import Extend, Literal, Name, Named, Pipeline, Project, Union

from .frames import Cell, Frame
from .kinds import comparable, joined

if TYPE_CHECKING:
    from .steps import Steps

__all__ = ["united"]

Arm = tuple[Pipeline, Frame]


def united(steps: Steps, step: Union) -> tuple[Union, Frame]:
    """Put the rows together; a column that only some have is empty in the others."""
    arms = [steps.nested(arm) for arm in step.arms]
    unknown = any(frame.open for frame in (steps.frame, *(frame for _, frame in arms)))
    if (step.inner or step.source) and steps.frame.cells:
        # Elsewhere the parser has made the rows so far an arm of their own.
        message = "a union of the elements of mv-apply takes neither kind=inner nor withsource"
        steps.scope.report("unknown-parameter", message, step, "leave it out")
    if step.source:
        if any(step.source in frame for _, frame in arms):
            message = f"`{step.source[:80]}` is a column of a table already"
            steps.scope.report("duplicate-column", message, step, "give withsource another name")
        arms = [_labelled(step.source, number, arm) for number, arm in enumerate(arms)]
    if step.inner:
        arms = _narrowed(steps, step, arms)
    cells = _cells(steps, step, [frame for frame in (steps.frame, *(frame for _, frame in arms)) if frame.cells])
    steps.no_twins(cells, step)
    return Union(tuple(pipeline for pipeline, _ in arms), span=step.span), Frame(cells, open=unknown)


def _cells(steps: Steps, step: Union, frames: Sequence[Frame]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for frame in frames:
        for name, cell in frame.cells.items():
            known = cells.get(name)
            if known and not comparable(known.kind, cell.kind):
                message = f"`{name}` is {known.kind} in one table and {cell.kind} in another"
                steps.scope.report("type-mismatch", message, step, "convert or drop it with project in one of them")
            kind = joined(known.kind, cell.kind) if known else cell.kind
            cells[name] = Cell(kind, cell.sources | (known.sources if known else frozenset()))
    return cells


def _narrowed(steps: Steps, step: Union, arms: Sequence[Arm]) -> list[Arm]:
    """Keep in each arm the columns that all arms have."""
    common = [name for name in arms[0][1].cells if all(name in frame for _, frame in arms)] if arms else []
    if not common:
        steps.scope.report("no-column", "the tables have no column in common", step)
        return list(arms)
    kept = Project(tuple(Named(Name(name)) for name in common))
    narrowed = []
    for pipeline, frame in arms:
        cells = {name: frame.cells[name] for name in common}
        steps.scope.usage.need(Frame(cells).sources())
        narrowed.append((Pipeline(pipeline.source, (*pipeline.steps, kept), span=pipeline.span), Frame(cells)))
    return narrowed


def _labelled(column: str, number: int, arm: Arm) -> Arm:
    """Say in a column of an arm where its rows are from: a table's name, or as Kusto does, the place of the arm."""
    pipeline, frame = arm
    plain = pipeline.source is not None and not pipeline.steps
    label = pipeline.source.name if plain and pipeline.source else f"union_arg{number}"
    said = Extend((Named(Literal("string", label), column),))
    cells = {column: Cell("string"), **frame.cells}
    return Pipeline(pipeline.source, (*pipeline.steps, said), span=pipeline.span), Frame(cells)
