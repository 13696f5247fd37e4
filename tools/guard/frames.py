"""What is known at one place of a pipeline: its columns, their types, and which columns of which table they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from soc_analyst.state.tables import TableSchema

__all__ = ["GIVEN", "PORTAL_TIME", "TABLE_NAME", "TIME", "UNKNOWN", "Cell", "Frame", "Kind", "Usage", "frame_of"]

TIME = "TimeGenerated"
PORTAL_TIME = "Timestamp"
"""What the Defender portal calls the time of an event. Hunts written there mean `TimeGenerated` of the same tables."""

_OF_DEFENDER = ("Device", "Alert")
"""How the names of tables begin that both the portal and a workspace have."""

Kind = Literal["string", "long", "int", "real", "bool", "datetime", "timespan", "dynamic", "any"]
"""`any` where the type cannot be known, such as after another fault."""

TABLE_NAME = "Type"
"""The column of every table of a workspace that holds the table's name."""

GIVEN: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    PORTAL_TIME: ("datetime", _OF_DEFENDER),
    TABLE_NAME: ("string", ("",)),
}
"""Columns that views give to queries which name them, made of nothing but the time and the table's name: their types,
and how the names of the tables begin that have them."""

Source = tuple[str, str]
"""A table and one of its columns."""


@dataclass(frozen=True)
class Cell:
    """A column here: its type, and the table columns that must be in the views for it to have this name."""

    kind: Kind
    sources: frozenset[Source] = frozenset()


@dataclass(frozen=True)
class Frame:
    """The columns at one place, in order; names are case-sensitive, and no two differ in case only."""

    cells: Mapping[str, Cell]
    ordered: bool = False
    """Whether rows have neighbours: after sort, top or serialize, until a step that mixes rows."""
    open: bool = False
    """Whether more columns may be here, after what could not be read; such a query is refused already."""

    def __contains__(self, name: str) -> bool:
        return name in self.cells

    def twin(self, name: str) -> str | None:
        """Return a column whose name differs from this one in case only."""
        return next((one for one in self.cells if one != name and one.lower() == name.lower()), None)

    def sources(self) -> frozenset[Source]:
        """Return all table columns that the columns here are."""
        return frozenset().union(*(cell.sources for cell in self.cells.values()))


UNKNOWN = Frame({}, open=True)
"""The columns of what cannot be read."""


@dataclass
class Usage:
    """The table columns a query needs, gathered while it is bound."""

    tables: list[str] = field(default_factory=list)
    columns: set[Source] = field(default_factory=set)

    def table(self, name: str) -> None:
        """Note that a table is read."""
        if name not in self.tables:
            self.tables.append(name)

    def need(self, sources: Iterable[Source]) -> None:
        """Note that these columns are needed."""
        self.columns.update(sources)


def frame_of(schema: TableSchema, allowed: Iterable[str], given: Iterable[str] = ()) -> Frame:
    """Return the columns of a table that policy allows and the table has, in the policy's order.

    `given` are the names in GIVEN that the query speaks of.
    """
    known = schema.columns
    cells = {name: Cell(known[name].type, frozenset({(schema.name, name)})) for name in allowed if name in known}
    for name in given:
        kind, beginnings = GIVEN[name]
        if TIME in cells and schema.name.startswith(beginnings):
            cells.setdefault(name, Cell(kind, frozenset({(schema.name, name)})))
    return Frame(cells)
