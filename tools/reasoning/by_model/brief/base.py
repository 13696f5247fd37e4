"""What a brief is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from soc_analyst.state.findings import Detection, EvidenceRef
from soc_analyst.tools.evidence import TableRows

from .coding import Indexes

__all__ = ["Brief", "Count", "Group"]

Count = Callable[[str], int]
"""Tokens of a text, by the encoding of the model that will read it."""


@dataclass(frozen=True)
class Group:
    """Rows of one table that are alike but for what varies, in order of time."""

    handle: str
    table: str
    count: int
    indexes: Indexes = field(repr=False, compare=False)
    """Positions of its rows among the rows of the table."""
    source: TableRows = field(repr=False, compare=False)

    @cached_property
    def refs(self) -> tuple[EvidenceRef, ...]:
        """Handles of all its rows."""
        return self.source.refs(self.indexes.tolist())

    def some(self, most: int) -> tuple[EvidenceRef, ...]:
        """Return the handles of its first rows."""
        return self.source.refs(self.indexes[:most].tolist())


@dataclass(frozen=True)
class Brief:
    """What a model reads of a case. `E7` is the row that line G7 shows of the group `G7`."""

    text: str
    tokens: int
    """Tokens of `text`, counted."""
    rows: Mapping[str, EvidenceRef]
    groups: Mapping[str, Group]
    detections: Mapping[str, Detection]
    left_out: tuple[str, ...]
    """What is not shown, by number, in whole sentences; the text ends in the same."""
    untold: int = 0
    """Detections of weight on what is asked about of which no row is in a group of this part or one before it."""
