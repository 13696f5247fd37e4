"""What a brief does not show, by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from soc_analyst.state.findings import Level

from .grouping import Grouped
from .lines import names_of
from .ranking import Candidate

__all__ = ["Left"]


@dataclass(frozen=True)
class Left:
    """What stands in no part so far."""

    tables: Mapping[str, Grouped]
    groups: Sequence[Candidate]
    detections: Sequence[Level]
    cut: int
    """Characters of values that this part shows in part."""
    earlier: int
    """Groups that earlier parts show."""

    def said(self, *, tight: bool) -> tuple[str, ...]:
        """Return a sentence for each kind of thing; one for all tables together where room is `tight`."""
        told = [self._said_of_all() if tight else self._said_of_each()]
        if not self.tables:
            told = ["There are no rows."]
        if self.earlier:
            told.append(f"{self.earlier} groups stand in earlier parts.")
        if self.detections:
            levels = ", ".join(f"{n} {level}" for level, n in Counter(self.detections).items())
            told.append(f"{len(self.detections)} detections: {levels}.")
        if self.cut:
            told.append(f"{self.cut} characters of long values, where ~ or “…(+n characters)…” stands.")
        return tuple(told)

    def _said_of_each(self) -> str:
        told = []
        for table, groups in self.tables.items():
            own = [int(groups.counts[each.group]) for each in self.groups if each.table == table]
            told.append(f"{table} {len(own)}/{sum(own)}/{_unshown(groups)}")
        return f"groups/rows/filled columns: {', '.join(told)}."

    def _said_of_all(self) -> str:
        rows = sum(int(self.tables[each.table].counts[each.group]) for each in self.groups)
        columns = sum(map(_unshown, self.tables.values()))
        return f"{len(self.groups)} groups of {rows} rows in {len(self.tables)} tables; {columns} filled columns."


def _unshown(groups: Grouped) -> int:
    return len(set(groups.view.filled) - {*names_of(groups), "TimeGenerated"})
