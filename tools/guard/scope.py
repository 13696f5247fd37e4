"""What a query can see: the allowed tables, its own bindings, and the list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from soc_analyst.state.queries import Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql.tree import Name, Node, Pipeline, Span, Table
from soc_analyst.tools.kql.trouble import diagnose, nearest

from .frames import PORTAL_TIME, TIME, Cell, Frame, Kind, Usage, frame_of
from .policy import Policy

__all__ = ["MAX_DIAGNOSTICS", "Scope"]

MAX_DIAGNOSTICS = 20


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
    portal_time: bool = False
    """Whether the query speaks of time as the Defender portal does."""
    problems: list[Diagnostic] = field(default_factory=list)

    def tables(self) -> list[str]:
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
        if table.name not in self.tables():
            self._no_table(table)
            return None
        self.usage.table(table.name)
        return frame_of(self.schemas[table.name], self.policy.tables[table.name], portal_time=self.portal_time)

    def _no_table(self, table: Table) -> None:
        known = [*self.tables(), *self.pipelines]
        hint = nearest(table.name, known) or f"allowed are {', '.join(self.tables())}"
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
        known: Iterable[str] = (*frame.cells, *self.values)
        hint = nearest(name.name, known)
        if name.name == PORTAL_TIME and TIME in frame:
            hint = f"the time of the event is {TIME} here"
        if name.name in self.pipelines or name.name in self.tables():
            hint = "it is a table; write `in (T | project column)`"
        elif any(name.name in schema.columns for schema in self.schemas.values()) and not hint:
            hint = "another table, or an earlier step, has or had it"
        self.report("unknown-column", f"there is no column `{name.name[:80]}` here", name, hint)

    def can_bind(self, name: str, node: Node) -> bool:
        """Return whether `let` may use a name; views and earlier names are never shadowed, in whatever case."""
        taken = {one.lower() for one in (TIME, *self.schemas, *self.policy.tables, *self.pipelines, *self.values)}
        if name.lower() not in taken:
            return True
        self.report("shadowing", f"let `{name[:80]}` would hide something of that name", node, "choose another name")
        return False


Bind = Callable[[Pipeline], tuple[Pipeline, Frame]]
"""Binds a nested pipeline."""
