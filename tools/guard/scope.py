"""What a query can see: the allowed tables, its own bindings, and the list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from soc_analyst.state.queries import Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql.calls import Function
from soc_analyst.tools.kql.tree import Expr, Name, Node, Pipeline, Span, Table, walk
from soc_analyst.tools.kql.trouble import diagnose, nearest

from .frames import PORTAL_TIME, TIME, Cell, Frame, Kind, Usage, frame_of
from .policy import Policy

__all__ = ["MAX_DIAGNOSTICS", "Bind", "Scope", "Substitute"]

MAX_DIAGNOSTICS = 20
MAX_WRITTEN = 5_000
"""Nodes that are written at further places than the text has them, as functions and their arguments are: each call
could otherwise multiply what the one within it has multiplied."""


class Substitute(NamedTuple):
    """What a name within a function stands for: a bound expression, its type, and the names it holds itself."""

    expr: Expr
    kind: Kind
    names: frozenset[str] = frozenset()


@dataclass
class Scope:
    """Everything known outside the pipeline at hand."""

    policy: Policy
    schemas: Mapping[str, TableSchema]
    usage: Usage = field(default_factory=Usage)
    values: dict[str, Kind] = field(default_factory=dict)
    """Scalar lets."""
    pipelines: dict[str, Frame] = field(default_factory=dict)
    """Tabular lets."""
    functions: dict[str, Function] = field(default_factory=dict)
    """The query's own functions."""
    substitutes: dict[str, Substitute] = field(default_factory=dict)
    """Parameters and bindings of the function at hand."""
    tables: dict[str, tuple[Pipeline, Frame]] = field(default_factory=dict)
    """Tables that the function at hand was given, and its own."""
    calls: int = 0
    depth: int = 0
    written: int = 0
    portal_time: bool = False
    """Whether the query speaks of time as the Defender portal does."""
    problems: list[Diagnostic] = field(default_factory=list)

    @contextmanager
    def within(
        self, substitutes: Mapping[str, Substitute], tables: Mapping[str, tuple[Pipeline, Frame]]
    ) -> Iterator[None]:
        """See what a function sees: what it was given, and the lets of the query, but nothing of its caller's."""
        before = self.substitutes, self.tables, self.depth
        self.substitutes, self.tables, self.depth = dict(substitutes), dict(tables), self.depth + 1
        try:
            yield
        finally:
            self.substitutes, self.tables, self.depth = before

    def substitute(self, name: Name, frame: Frame) -> tuple[Expr, Kind]:
        """Return what a name within a function stands for; report where a column would take one of its names."""
        found = self.substitutes[name.name]
        if frame.cells and any(one not in self.values or one in frame for one in found.names):
            message = f"what `{name.name[:80]}` is given holds a column, or a name that is a column here"
            self.report("refused-argument", message, name, "give a plain value")
        if not self.write_out(found.expr, name):
            return name, "any"
        return found.expr, found.kind

    def write_out(self, what: Node, node: Node) -> bool:
        """Count what is written at one more place than the text has it, or report that it comes to too much."""
        if self.written <= MAX_WRITTEN:
            self.written += sum(1 for _ in walk(what))
        if self.written <= MAX_WRITTEN:
            return True
        self.report("too-complex", f"written out, this comes to more than {MAX_WRITTEN:,} parts", node, "simplify it")
        return False

    def allowed(self) -> list[str]:
        """Return the tables that policy allows and the workspace knows."""
        return [name for name in self.policy.tables if name in self.schemas]

    def report(self, code: str, message: str, node: Node | Span, hint: str = "") -> None:
        """Note a fault; the first twenty are kept."""
        span = node.span if isinstance(node, Node) else node
        found = diagnose(code, message, span, hint)
        if len(self.problems) < MAX_DIAGNOSTICS and found not in self.problems:
            self.problems.append(found)

    def source(self, table: Table) -> Frame | None:
        """Return the columns of a source, or report that it cannot be read."""
        if table.name in self.pipelines:
            return self.pipelines[table.name]
        if table.name not in self.allowed():
            self._no_table(table)
            return None
        self.usage.table(table.name)
        return frame_of(self.schemas[table.name], self.policy.tables[table.name], portal_time=self.portal_time)

    def _no_table(self, table: Table) -> None:
        known = [*self.allowed(), *self.pipelines]
        hint = nearest(table.name, known) or f"allowed are {', '.join(self.allowed())}"
        self.report("unknown-table", f"`{table.name[:80]}` is not a table that can be read", table, hint)

    def column(self, name: Name, frame: Frame) -> Cell | None:
        """Return a column and note that it is needed, or report that there is none."""
        cell = frame.cells.get(name.name)
        if cell is None:
            self.no_column(name, frame)
            return None
        self.usage.need(cell.sources)
        return cell

    def no_column(self, name: Name, frame: Frame) -> None:
        """Report an unknown name."""
        known: Iterable[str] = (*frame.cells, *self.values, *self.substitutes)
        hint = nearest(name.name, known)
        if name.name == PORTAL_TIME and TIME in frame:
            hint = f"the time of the event is {TIME} here"
        if name.name in self.pipelines or name.name in self.allowed():
            hint = "it is a table; write `in (T | project column)`"
        elif any(name.name in schema.columns for schema in self.schemas.values()) and not hint:
            hint = "another table, or an earlier step, has or had it"
        self.report("unknown-column", f"there is no column `{name.name[:80]}` here", name, hint)

    def can_bind(self, name: str, node: Node) -> bool:
        """Return whether `let` may use a name; views and earlier names are never shadowed, in whatever case."""
        bound = (*self.pipelines, *self.values, *self.functions)
        taken = {one.lower() for one in (TIME, *self.schemas, *self.policy.tables, *bound)}
        if name.lower() not in taken:
            return True
        self.report("shadowing", f"let `{name[:80]}` would hide something of that name", node, "choose another name")
        return False


Bind = Callable[[Pipeline], tuple[Pipeline, Frame]]
"""Binds a nested pipeline."""
