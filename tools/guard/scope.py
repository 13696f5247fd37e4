"""What a query can see: the allowed tables, its own bindings, and the list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from soc_analyst.state.queries import Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql.calls import Function
from soc_analyst.tools.kql.tree import Expr, Name, Node, Pipeline, Span, Table
from soc_analyst.tools.kql.trouble import MAX_DIAGNOSTICS, diagnose
from soc_analyst.tools.kql.walking import walk

from .frames import PORTAL_TIME, TIME, UNKNOWN, Cell, Frame, Kind, Usage, frame_of
from .neighbours import column_like, neighbours, table_like
from .policy import Policy

__all__ = ["Bind", "Scope", "Substitute"]

MAX_WRITTEN = 5_000
"""Nodes that are written at further places than the text has them, as functions and their arguments are: each call
could otherwise multiply what the one within it has multiplied."""
MOST_LISTED = 12
"""Columns that a hint names."""


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
    unread: frozenset[str] = frozenset()
    """Names bound by lets that could not be read: nothing is known of them, so nothing is said of them."""
    given: tuple[str, ...] = ()
    """The columns that views give, of which the query speaks."""
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
        """Note a fault, once; so many are kept that a person may still read them."""
        span = node.span if isinstance(node, Node) else node
        found = diagnose(code, message, span, hint)
        if len(self.problems) < MAX_DIAGNOSTICS and found not in self.problems:
            self.problems.append(found)

    def source(self, table: Table) -> Frame:
        """Return the columns of a source, or report that it cannot be read; then nothing is known of its columns."""
        if table.name in self.pipelines:
            return self.pipelines[table.name]
        if table.name in self.unread:
            return UNKNOWN
        if table.name not in self.allowed():
            self._no_table(table)
            return UNKNOWN
        self.usage.table(table.name)
        return frame_of(self.schemas[table.name], self.policy.tables[table.name], self.given)

    def _no_table(self, table: Table) -> None:
        well_known, hint = table_like(table.name, self.allowed(), self.pipelines)
        message = f"`{table.name[:80]}` is not a table that can be read"
        if well_known or table.name in self.schemas:
            message = f"policy does not allow the table `{table.name[:80]}`"
        if table.name in self.values or table.name in self.substitutes:
            hint = "it is a value, not a table"
        self.report("unknown-table", message, table, hint)

    def column(self, name: Name, frame: Frame) -> Cell | None:
        """Return a column and note that it is needed, or report that there is none."""
        cell = frame.cells.get(name.name)
        if cell is None:
            if frame.open or name.name in self.unread:
                return Cell("any")
            self.no_column(name, frame)
            return None
        self.usage.need(cell.sources)
        return cell

    def no_column(self, name: Name, frame: Frame) -> None:
        """Report an unknown name."""
        message = f"there is no column `{name.name[:80]}` here"
        excluded = self._excluded(name.name)
        if excluded:
            message = f"policy does not allow the column `{name.name[:80]}` of {excluded}"
        self.report("unknown-column", message, name, self._instead(name, frame))

    def _excluded(self, name: str) -> str:
        """Return the table of this query that has a column which policy leaves out, or an empty text."""
        read = (table for table in self.usage.tables if name in self.schemas[table].columns)
        return next((table for table in read if name not in self.policy.tables[table]), "")

    def _instead(self, name: Name, frame: Frame) -> str:
        """Return what to write in place of an unknown column: the surest that is known."""
        read = [table for table in self.usage.tables if name.name in self.policy.tables[table]]
        if name.name == PORTAL_TIME and TIME in frame:
            return f"the time of the event is {TIME} here; did you mean {TIME}?"
        if name.name in self.pipelines or name.name in self.allowed():
            return "it is a table; write `in (T | project column)`"
        if value := neighbours().values.get(name.name.lower()):
            return value
        if read:
            return f"an earlier step dropped it: {_listed(frame.cells)}; keep it there"
        if like := column_like(name.name, (*frame.cells, *self.values, *self.substitutes)):
            return like
        others = [table for table in self.allowed() if name.name in self.policy.tables[table]]
        if others:
            return f"it is a column of {', '.join(others[:4])}"
        return _listed(frame.cells) if frame.cells else "no column can stand here"

    def can_bind(self, name: str, node: Node) -> bool:
        """Return whether `let` may use a name; views and earlier names are never shadowed, in whatever case."""
        bound = (*self.pipelines, *self.values, *self.functions)
        taken = {one.lower() for one in (TIME, *self.schemas, *self.policy.tables, *bound)}
        if name.lower() not in taken:
            return True
        self.report("shadowing", f"let `{name[:80]}` would hide something of that name", node, "choose another name")
        return False


def _listed(columns: Iterable[str]) -> str:
    names = list(columns)
    rest = len(names) - MOST_LISTED
    return f"the columns here are {', '.join(names[:MOST_LISTED])}" + (f" and {rest} more" if rest > 0 else "")


Bind = Callable[[Pipeline], tuple[Pipeline, Frame]]
"""Binds a nested pipeline."""
