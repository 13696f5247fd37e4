"""Calls of a query's own functions: each becomes the body with the arguments in place of the parameters.

So the canonical text has no functions. An argument is bound where the call stands and the body where no column of the
caller can be seen, so that neither takes the other's names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from soc_analyst.tools.kql.calls import Function, Invocation, Parameter
from soc_analyst.tools.kql.tree import Call, Expr, Let, Literal, Name, Node, Pipeline
from soc_analyst.tools.kql.walking import walk

from .dialect import dialect
from .expressions import Typist
from .frames import Cell, Frame, Kind, Usage
from .kinds import can_be
from .scope import Bind, Scope, Substitute

__all__ = ["called", "defined", "invoked"]

NO_ROWS = Frame({})


def defined(scope: Scope, bind: Bind, let: Let) -> None:
    """Judge a function by itself, with parameters of which only the types are known; what it reads is not used yet."""
    function = let.value
    assert isinstance(function, Function)
    if let.name in {*dialect().functions, *dialect().aggregates}:
        scope.report("shadowing", f"let `{let.name}` would hide the function of that name", let, "choose another name")
    names = [parameter.name.lower() for parameter in function.parameters]
    if len(set(names)) < len(names):
        scope.report("duplicate-column", f"`{let.name[:80]}` has two parameters of one name", let)
    if any(parameter.kind == "table" and parameter.columns is None for parameter in function.parameters):
        return
    used, scope.usage = scope.usage, Usage()
    values = {p.name: Substitute(Literal(p.kind, None), p.kind) for p in function.parameters if p.kind != "table"}
    tables = {p.name: (Pipeline(None), _declared(p)) for p in function.parameters if p.kind == "table"}
    with scope.within(values, tables):
        _body(scope, bind, function)
    scope.usage = used


def _declared(parameter: Parameter) -> Frame:
    return Frame({name: Cell(kind) for name, kind in parameter.columns or ()})


def called(typist: Typist, bind: Bind, node: Call, function: Function) -> tuple[Expr, Kind]:
    """Return what a call of a scalar function stands for."""
    scope = typist.scope
    if isinstance(function.body, Pipeline):
        scope.report("wrong-arguments", f"{node.name[:40]}() gives a table; it cannot stand here", node)
        return node, "any"
    with _entered(scope, typist.bound, bind, node, function, node.args) as allowed:
        found = _body(scope, bind, function) if allowed else (node, "any")
    assert not isinstance(found[0], Pipeline)
    return found  # type: ignore[return-value]


def invoked(scope: Scope, bind: Bind, node: Invocation, function: Function) -> tuple[Pipeline, Frame] | None:
    """Return the rows that a call of a tabular function stands for, or None where it cannot be."""
    if not isinstance(function.body, Pipeline):
        scope.report("wrong-arguments", f"{node.name[:40]}() gives a value; a table is wanted here", node)
        return None
    with _entered(scope, Typist(scope, NO_ROWS, bind).bound, bind, node, function, node.args) as allowed:
        found = _body(scope, bind, function) if allowed else None
    assert found is None or isinstance(found[0], Pipeline)
    return found  # type: ignore[return-value]


@contextmanager
def _entered(
    scope: Scope,
    bound: Callable[[Expr], tuple[Expr, Kind]],
    bind: Bind,
    node: Call | Invocation,
    function: Function,
    args: tuple[Expr | Pipeline, ...],
) -> Iterator[bool]:
    """Make the arguments stand for the parameters; give whether the call can be written out."""
    scope.calls += 1
    calls, depth = scope.policy.max_calls, scope.policy.max_call_depth
    if scope.calls > calls or scope.depth >= depth:
        scope.report("too-complex", f"more than {calls} calls, or {depth} within each other", node, "use fewer")
        yield False
        return
    if not all(scope.write_out(part, node) for part in (function.body, *(let.value for let in function.lets))):
        yield False
        return
    values, tables = _arguments(scope, bound, bind, node, function, args)
    complete = len(values) + len(tables) == len(function.parameters)
    with scope.within(values, tables):
        yield complete


def _arguments(
    scope: Scope,
    bound: Callable[[Expr], tuple[Expr, Kind]],
    bind: Bind,
    node: Call | Invocation,
    function: Function,
    args: tuple[Expr | Pipeline, ...],
) -> tuple[dict[str, Substitute], dict[str, tuple[Pipeline, Frame]]]:
    values: dict[str, Substitute] = {}
    tables: dict[str, tuple[Pipeline, Frame]] = {}
    given = [*args, *(p.default for p in function.parameters[len(args) :] if p.default is not None)]
    if len(given) != len(function.parameters):
        takes = ", ".join(f"{p.name}:{p.kind}" for p in function.parameters)
        scope.report("wrong-arguments", f"{node.name[:40]}() takes ({takes[:120]}), not {len(args)} arguments", node)
        return values, tables
    for parameter, arg in zip(function.parameters, given, strict=True):
        if isinstance(arg, Pipeline):
            tables[parameter.name] = _table(scope, bind, parameter, arg)
        else:
            values[parameter.name] = _value(scope, bound, parameter, arg)
    return values, tables


def _table(scope: Scope, bind: Bind, parameter: Parameter, arg: Pipeline) -> tuple[Pipeline, Frame]:
    pipeline, frame = bind(arg)
    for name, kind in parameter.columns or ():
        cell = frame.cells.get(name)
        if cell is None or not can_be(cell.kind, kind):
            message = f"the table for `{parameter.name[:40]}` has no column {name[:40]}:{kind}"
            scope.report("unknown-column", message, arg)
    if parameter.columns is None:
        return pipeline, frame
    # A function sees the columns that it declares; the others pass through it unseen, and here they stop.
    kept = {name: frame.cells[name] for name, _ in parameter.columns if name in frame.cells}
    return pipeline, Frame({**frame.cells, **kept})


def _value(scope: Scope, bound: Callable[[Expr], tuple[Expr, Kind]], parameter: Parameter, arg: Expr) -> Substitute:
    expr, kind = bound(arg)
    if not can_be(kind, parameter.kind):
        message = f"`{parameter.name[:40]}` is {parameter.kind}, this is {kind}"
        scope.report("type-mismatch", message, arg, f"use to{parameter.kind}()")
    return Substitute(expr, kind, _names(expr))


def _names(expr: Node) -> frozenset[str]:
    return frozenset(node.name for node in walk(expr) if isinstance(node, Name))


def _body(scope: Scope, bind: Bind, function: Function) -> tuple[Expr | Pipeline, Kind | Frame]:
    for let in function.lets:
        _local(scope, bind, let)
    if isinstance(function.body, Pipeline):
        return bind(function.body)
    return Typist(scope, NO_ROWS, bind).bound(function.body)


def _local(scope: Scope, bind: Bind, let: Let) -> None:
    """Make a binding within a function known there; it is written out wherever it is used."""
    scope.can_bind(let.name, let)
    if isinstance(let.value, Pipeline):
        scope.tables[let.name] = bind(let.value)
        return
    assert isinstance(let.value, Expr)
    expr, kind = Typist(scope, NO_ROWS, bind).bound(let.value)
    scope.substitutes[let.name] = Substitute(expr, kind, _names(expr))
