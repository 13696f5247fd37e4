"""Whether a query can be asked in parts of its window, and how their rows become what the whole would have said.

A query goes over the rows one by one up to its first step that mixes them. What is asked of each part ends with that
step; what puts the parts together begins with a step that does the same to their results: the sum of counts, the
largest of the largest, the first of the first. Where there is no such step, as for a join or for dcount, asking in
parts would answer another question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from soc_analyst.state.queries import ApprovedQuery, Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql import parse, render
from soc_analyst.tools.kql.tabular import MvApply, MvExpand, Parse
from soc_analyst.tools.kql.tree import (
    Call,
    Count,
    Distinct,
    Extend,
    Let,
    Name,
    Named,
    Node,
    Operator,
    Pipeline,
    Project,
    ProjectNames,
    ProjectRename,
    Query,
    Sort,
    SortKey,
    Summarize,
    Table,
    Take,
    Top,
    Union,
    Where,
)
from soc_analyst.tools.kql.walking import walk

from .binder import bind
from .bounds import inside
from .check import MAX_RENDERED
from .frames import TIME, Kind
from .policy import Policy

__all__ = ["PARTS", "Parting", "parting_of"]

PARTS = "AllParts"
"""The name under which what puts the parts together finds their rows."""

_BY_ROW = (Where, Extend, Project, ProjectNames, ProjectRename, MvExpand, Parse)
_PLAIN: frozenset[Kind] = frozenset({"string", "long", "int", "real", "bool", "datetime"})
"""Kinds whose values are the same in a result as in the query; a timespan or a dynamic value comes back as text."""
_MEASURED: frozenset[Kind] = frozenset({"long", "int", "real", "datetime"})
_SAME = {"count": "sum", "countif": "sum", "sum": "sum", "sumif": "sum", "min": "min", "minif": "min", "max": "max",
         "maxif": "max"}  # fmt: skip
_OF_A_ROW = frozenset({"arg_max", "arg_min", "take_any"})
"""Aggregates that give what one row holds; where a part has no rows they give nothing, so that groups are needed."""


@dataclass(frozen=True)
class Parting:
    """What is asked of each part, and the query over `PARTS` that puts them together; empty where they follow on."""

    part: str
    merge: str = ""
    cut_is_sound: bool = True
    """Whether the parts may be cut at the row cap: then only the end of the whole is missing."""


@dataclass(frozen=True)
class _Unsound(Exception):
    """Why parts would not say what the whole would."""

    why: str


def parting_of(approved: ApprovedQuery, *, policy: Policy, tables: Mapping[str, TableSchema]) -> Parting | Diagnostic:
    """Return how an approved query is asked in parts, or why it is not."""
    tree = parse(approved.kql, max_text=MAX_RENDERED).tree
    query = None if tree is None else inside(tree, approved.tables)
    try:
        if query is None:
            raise _Unsound("its text is not as the guard writes it")
        starts = {policy.start_of(table, approved.start, approved.end) for table in approved.tables}
        if starts != {approved.start}:
            raise _Unsound("policy shows less than the window of a table in it")
        return _parting(query, policy, tables)
    except _Unsound as unsound:
        message = f"it cannot be asked in parts of its window: {unsound.why}"
        hint = "Narrow the window, or summarize by count, sum, min and max alone."
        return Diagnostic(code="not-in-parts", message=message, hint=hint)


def _parting(query: Query, policy: Policy, tables: Mapping[str, TableSchema]) -> Parting:
    bound = frozenset(tables) | frozenset(let.name for let in query.lets if isinstance(let.value, Pipeline))
    for let in query.lets:
        if isinstance(let.value, Pipeline):
            _require_by_row(let.value, bound)
        else:
            _require_no_table(let.value)
    steps = query.body.steps
    _require_by_row(replace(query.body, steps=()), bound)
    split = next((n for n, step in enumerate(steps) if not _is_by_row(step, bound)), len(steps))
    if split == len(steps):
        return Parting(render(query))
    mixing, rest = steps[split], steps[split + 1 :]
    if not rest and _is_newest_first(mixing, steps[:split]):
        return Parting(render(query))
    part = replace(query, body=replace(query.body, steps=steps[: split + 1]))
    kinds = {name: cell.kind for name, cell in bind(part, policy, tables).output.cells.items()}
    again = _again(mixing, kinds)
    for step in rest:
        _require_computable(step, kinds)
    values = tuple(let for let in query.lets if not isinstance(let.value, Pipeline))
    merge = Query(values, Pipeline(Table(PARTS), (again, *rest)))
    return Parting(render(part), render(merge), isinstance(mixing, Sort) and all(_only_shortens(one) for one in rest))


def _is_newest_first(step: Operator, before: Sequence[Operator]) -> bool:
    """Return whether a step sorts by the time of the rows, newest first, as the parts follow each other anyway."""
    if not isinstance(step, Sort) or len(step.keys) != 1 or step.keys[0] != SortKey(Name(TIME)):
        return False
    named = (item for one in before for item in getattr(one, "items", ()) if isinstance(item, Named))
    return not any(item.name == TIME and item.expr != Name(TIME) for item in named)


def _is_by_row(step: Operator, bound: frozenset[str]) -> bool:
    """Return whether a step makes of each row what it makes of it alone; raise where it reads other rows to do so."""
    if isinstance(step, Union):
        for arm in step.arms:
            _require_by_row(arm, bound)
        return True
    if isinstance(step, MvApply):  # its own steps run over the elements of one row
        return not any(isinstance(found, Table) for found in walk(step))
    _require_no_table(step)
    return isinstance(step, _BY_ROW)


def _require_by_row(pipeline: Pipeline, bound: frozenset[str]) -> None:
    if pipeline.source is not None and not (type(pipeline.source) is Table and pipeline.source.name in bound):
        raise _Unsound("its rows come from something other than a table")
    for step in pipeline.steps:
        if not _is_by_row(step, bound):
            raise _Unsound(f"`{_named(step)}` stands inside a union or a let")


def _require_no_table(node: Node) -> None:
    for found in walk(node):
        if isinstance(found, Pipeline | Table):
            raise _Unsound(f"`{_named(node)}` compares rows with others of the window")


def _again(step: Operator, kinds: Mapping[str, Kind]) -> Operator:
    """Return the step that does to the results of parts what this one does to rows."""
    if isinstance(step, Take):
        return step
    if isinstance(step, Sort | Top):
        _require_computable(step, kinds)
        return step
    if isinstance(step, Distinct):
        return Distinct(tuple(Named(Name(name)) for name in kinds))
    if isinstance(step, Count):
        return Summarize((Named(Call("sum", (Name("Count"),)), "Count"),))
    if isinstance(step, Summarize):
        groups = tuple(Named(Name(_output(item))) for item in step.by)
        return Summarize(tuple(_merged(item, kinds, grouped=bool(groups)) for item in step.aggregates), groups)
    raise _Unsound(f"what `{_named(step)}` makes of parts cannot be put together")


def _merged(item: Named, kinds: Mapping[str, Kind], *, grouped: bool) -> Named:
    call = item.expr
    if not isinstance(call, Call) or call.name not in {*_SAME, *_OF_A_ROW}:
        name = f"`{call.name}`" if isinstance(call, Call) else "what is computed of aggregates"
        raise _Unsound(f"{name} of parts cannot be put together")
    if call.name in _OF_A_ROW:
        if not grouped:
            raise _Unsound(f"`{call.name}` without groups of parts cannot be put together")
        outputs = [Name(item.name)] if item.name else list(call.args)
        if call.name != "take_any":
            _require_kind(outputs[:1], kinds, _MEASURED, call.name)
        return Named(Call(call.name, tuple(outputs)), item.name if len(outputs) == 1 else None)
    column = Name(_output(item))
    _require_kind([column], kinds, _MEASURED, call.name)
    return Named(Call(_SAME[call.name], (column,)), column.name)


def _require_kind(names: Iterable[Node], kinds: Mapping[str, Kind], wanted: frozenset[Kind], what: str) -> None:
    for name in names:
        kind = kinds.get(name.name, "any") if isinstance(name, Name) else "any"
        if kind not in wanted:
            raise _Unsound(f"`{what}` of parts cannot be put together where it gives a {kind}")


def _output(item: Named) -> str:
    if item.name is not None:
        return item.name
    if isinstance(item.expr, Name):
        return item.expr.name
    raise _Unsound("a column has no name")


def _require_computable(step: Operator, kinds: Mapping[str, Kind]) -> None:
    """Raise where a step computes with what a result tells as text, or reads a table."""
    _require_no_table(step)
    if _passes_on(step):
        return
    for found in walk(step):
        if isinstance(found, Name) and kinds.get(found.name, "string") not in _PLAIN:
            raise _Unsound(f"`{_named(step)}` computes with `{found.name}`, which a result tells as text")


def _passes_on(step: Operator) -> bool:
    """Return whether a step keeps, drops or renames columns and computes none."""
    if isinstance(step, Project | ProjectRename):
        return all(isinstance(item.expr, Name) for item in step.items)
    return isinstance(step, ProjectNames)


def _only_shortens(step: Operator) -> bool:
    return isinstance(step, Take) or _passes_on(step)


def _named(node: Node) -> str:
    return type(node).__name__.lower() if not isinstance(node, Let) else "let"
