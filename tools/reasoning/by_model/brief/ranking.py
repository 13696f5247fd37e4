"""Which groups of rows are worth a line first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .grouping import Grouped

__all__ = ["Candidate", "candidates"]

FOR_ASKED = 60.0
FOR_FEW_ROWS = 20.0
FOR_FEW_HOSTS = 10.0


@dataclass(frozen=True)
class Candidate:
    """A group of a table and what a line of it is worth."""

    table: str
    group: int
    worth: float
    band: int

    @property
    def key(self) -> tuple[str, int]:
        """Table and group."""
        return self.table, self.group


def candidates(tables: Mapping[str, Grouped]) -> list[Candidate]:
    """Return all groups, the worthiest first; equals in the order of their first row in time."""
    found = [(one, first) for table, groups in tables.items() for one, first in _of_table(table, groups)]
    return [one for one, first in sorted(found, key=lambda each: (-each[0].worth, each[1], each[0].table))]


def _of_table(table: str, groups: Grouped) -> list[tuple[Candidate, float]]:
    band = groups.most(groups.standing.band).astype(np.int64)
    few_rows = 1 - np.log(groups.least(groups.alike)) / np.log(len(groups.view.rows) + 1)
    few_hosts = 1 / np.maximum(groups.least(groups.alike_hosts), 1)
    worth = groups.most(groups.standing.weight) + FOR_FEW_ROWS * few_rows + FOR_FEW_HOSTS * few_hosts
    asked = groups.most(groups.standing.asked.astype(np.int64))
    worth = np.round(worth + FOR_ASKED * asked, 3)
    firsts = groups.least(groups.view.seconds)
    made = zip(worth.tolist(), band.tolist(), firsts.tolist(), strict=True)
    return [(Candidate(table, group, one, where), first) for group, (one, where, first) in enumerate(made)]
