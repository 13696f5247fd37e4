"""What a log table looks like."""

from __future__ import annotations

from typing import Literal

from .base import Value
from .entities import EntityKind, Topic

__all__ = ["Column", "ColumnType", "TableSchema"]

ColumnType = Literal["string", "long", "int", "real", "bool", "datetime", "dynamic"]


class Column(Value):
    """A column by its KQL type; `entity` says what kind of thing its values name, if they name one."""

    type: ColumnType
    description: str = ""
    entity: EntityKind | None = None
    personal: bool = False
    """Whether the values are personal data."""


class TableSchema(Value):
    """A log table, its columns in order, and the topics it can answer. Times are in `TimeGenerated`."""

    name: str
    description: str
    topics: tuple[Topic, ...]
    arrives_within_minutes: float = 30
    """How long a row takes to a live workspace at most, as a rule; an allowance for where that is not measured."""
    identity: tuple[str, ...] = ()
    """Columns that, with the time, single out a row that fills them all; none where only the whole row does."""
    columns: dict[str, Column]

    def columns_of(self, kind: EntityKind) -> tuple[str, ...]:
        """Return the columns whose values name this kind of thing, the most direct first."""
        return tuple(name for name, column in self.columns.items() if column.entity == kind)
