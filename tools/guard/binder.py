"""Binds a query: every name to what it is, every default written out, every fault reported.

The bound tree names all its columns itself, so that what a query returns does not depend on how an engine names what
has no name; stars and reorderings are written as the columns they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from soc_analyst.state.queries import Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql.calls import Function, Invocation
from soc_analyst.tools.kql.tree import Expr, Let, Name, Operator, Pipeline, Query, Source, Table
from soc_analyst.tools.kql.walking import walk

from .frames import GIVEN, TIME, UNKNOWN, Frame, Usage
from .functions import defined, invoked
from .growth import report_growth
from .limits import report_excess, report_refused, report_unlisted
from .policy import Policy
from .scope import Scope
from .steps import STEPS, Steps

__all__ = ["Bound", "bind"]


@dataclass(frozen=True)
class Bound:
    """A query whose every name is known, or what is wrong with it."""

    tree: Query
    usage: Usage
    output: Frame
    diagnostics: tuple[Diagnostic, ...] = ()

    def columns_of(self, table: str, policy: Policy) -> tuple[str, ...]:
        """Return the columns of a table that the query needs, in the policy's order, the time always among them."""
        needed = {column for name, column in self.usage.columns if name == table} | {TIME}
        return tuple(column for column in policy.tables[table] if column in needed)

    def given(self, policy: Policy) -> dict[str, tuple[str, ...]]:
        """Return what the view of each table gives beside the table's own columns."""
        named = {table: {column for one, column in self.usage.columns if one == table} for table in self.usage.tables}
        return {
            table: tuple(name for name in GIVEN if name in columns and name not in policy.tables[table])
            for table, columns in named.items()
        }


def bind(
    tree: Query, policy: Policy, schemas: Mapping[str, TableSchema], unread: frozenset[str] = frozenset()
) -> Bound:
    """Bind a query against the allowed columns of the allowed tables; `unread` are names of which nothing is known."""
    nodes = tuple(walk(tree))
    names = {node.name for node in nodes if isinstance(node, Name)}
    given = tuple(name for name in GIVEN if name in names)
    binder = _Binder(Scope(policy, schemas, given=given, unread=unread))
    unlisted = report_unlisted(binder.scope, nodes)
    report_excess(binder.scope, tree, nodes)
    report_refused(binder.scope, nodes)
    if unlisted or any(problem.code.startswith("too-many-") for problem in binder.scope.problems):
        # What is too much is not bound either: a thousand arms take their time.
        return Bound(tree, binder.scope.usage, Frame({}), tuple(binder.scope.problems))
    bound = [binder.let(let) for let in tree.lets]
    lets = tuple(let for let in bound if not isinstance(let.value, Function))
    body, output = binder.pipeline(tree.body)
    scope = binder.scope
    scope.usage.need(output.sources())
    if not scope.usage.tables and not scope.problems:
        scope.report("no-table", "the query reads no table", tree)
    found = Query(lets, body, span=tree.span)
    if scope.calls:
        report_excess(scope, found, tuple(walk(found)))
    report_growth(scope, found)
    problems = sorted(scope.problems, key=lambda problem: problem.start)
    return Bound(found, scope.usage, output, tuple(problems))


class _Binder:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def let(self, let: Let) -> Let:
        """Bind a let and make its name known."""
        free = self.scope.can_bind(let.name, let)
        if isinstance(let.value, Function):
            defined(self.scope, self.pipeline, let)
            if free:
                self.scope.functions[let.name] = let.value
            return let
        if isinstance(let.value, Pipeline):
            pipeline, frame = self.pipeline(let.value)
            if free:
                self.scope.pipelines[let.name] = frame
            return Let(let.name, pipeline, span=let.span)
        assert isinstance(let.value, Expr)
        value, kind = Steps(self.scope, Frame({}), self.pipeline).typist().bound(let.value)
        if free:
            self.scope.values[let.name] = kind
        return Let(let.name, value, span=let.span)

    def pipeline(self, node: Pipeline) -> tuple[Pipeline, Frame]:
        """Bind a pipeline; after a step that cannot be bound, later ones are judged by what is known."""
        beginning, frame = self._started(node.source)
        steps: list[Operator] = list(beginning.steps)
        for step in node.steps:
            bound, frame = STEPS[type(step)](Steps(self.scope, frame, self.pipeline), step)
            steps.extend(bound if isinstance(bound, tuple) else (bound,))
        return Pipeline(beginning.source, tuple(steps), span=node.span), frame

    def _started(self, source: Source | None) -> tuple[Pipeline, Frame]:
        """Return what a pipeline begins with and its columns; a call of the query's own function is written out."""
        if source is None:
            return Pipeline(None), Frame({})
        if source.name in self.scope.tables:
            given = self.scope.tables[source.name]
            return given if self.scope.write_out(given[0], source) else (given[0], UNKNOWN)
        if source.name in self.scope.functions:
            call = source if isinstance(source, Invocation) else Invocation(source.name, span=source.span)
            found = invoked(self.scope, self.pipeline, call, self.scope.functions[source.name])
            return found or (Pipeline(Table(source.name, span=source.span)), UNKNOWN)
        table = Table(source.name, span=source.span)
        return Pipeline(table), self.scope.source(table)
