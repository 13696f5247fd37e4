"""What a brief does not show, by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from soc_analyst.state.findings import Level

from .grouping import Grouped
from .lines import names_of
from .marks import PART, left_out
from .ranking import Candidate

__all__ = ["Left"]


@dataclass(frozen=True)
class Left:
    """What stands in no part so far."""

    tables: Mapping[str, Grouped]
    groups: Sequence[Candidate]
    above: Collection[str]
    """Tables of which this part shows groups."""
    detections: Sequence[Level]
    cut: int
    """Characters of values that this part shows in part."""
    earlier: int
    """Groups that earlier parts show."""

    def said(self, *, tight: bool) -> tuple[str, ...]:
        """Return a sentence for each kind of thing; one for all tables together where room is `tight`."""
        told = [self._said_of_all() if tight else self._said_of_each()] if self.tables else ["There are no rows."]
        if self.earlier:
            told.append(f"{self.earlier} groups stand in earlier parts.")
        if self.detections:
            levels = ", ".join(f"{n} {level}" for level, n in Counter(self.detections).items())
            told.append(f"Detections: {levels}.")
        if self.cut:
            told.append(f"{self.cut} characters of long values, where {PART} or {left_out('n')} stands.")
        return tuple(told)

    def _said_of_each(self) -> str:
        """Return groups and rows of each table that is not shown; the headings tell those of the others."""
        tables = [table for table in self.tables if table not in self.above]
        told = [f"{table} {groups}/{rows}" for table in tables for groups, rows in [self._of([table])] if groups]
        groups, rows = self._of(self.above)
        return f"Groups/rows: {'; '.join([f'{groups}/{rows} of the tables above', *told])}. {self._columns()}."

    def _said_of_all(self) -> str:
        groups, rows = self._of(self.tables)
        return f"{groups} groups of {rows} rows in {len(self.tables)} tables; {self._columns()}."

    def _of(self, tables: Collection[str]) -> tuple[int, int]:
        own = [int(self.tables[each.table].counts[each.group]) for each in self.groups if each.table in tables]
        return len(own), sum(own)

    def _columns(self) -> str:
        return f"{sum(map(_unshown, self.tables.values()))} filled columns"


def _unshown(groups: Grouped) -> int:
    return len(set(groups.view.filled) - {*names_of(groups), "TimeGenerated"})
