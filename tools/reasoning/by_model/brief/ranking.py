"""Which groups of rows are worth a line first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .grouping import Grouped
from .relating import Names, leads_to, names_in, one_of
from .standing import FAR, HIT

__all__ = ["Candidate", "candidates"]

FOR_ASKED = 60.0
FOR_FEW_ROWS = 20.0
FOR_FEW_HOSTS = 10.0
AGAIN, AGAIN_AT_MOST = 8.0, 60.0
"""What each further group is worth less that one rule picked out of a table, and all it loses so."""
ELSEWHERE = 30.0
"""What a hit is worth less that leads nowhere to those that the question is about."""
MOST_READ = 60
"""Groups of hits that are asked about whose names are followed."""


@dataclass(frozen=True)
class Candidate:
    """A group of a table and what a line of it is worth."""

    table: str
    group: int
    worth: float
    band: int
    asked: bool
    first: float
    """Second of its first row."""
    elsewhere: bool = False
    """Whether it leads nowhere to the hits that the question is about."""

    @property
    def key(self) -> tuple[str, int]:
        """Table and group."""
        return self.table, self.group

    @property
    def place(self) -> tuple[float, float, str]:
        """The worthiest first; equals in the order of their first row in time."""
        return -self.worth, self.first, self.table


def candidates(tables: Mapping[str, Grouped], rules: Sequence[str], themes: Container[int]) -> list[Candidate]:
    """Return all groups, the worthiest first.

    `rules` names the rule of each detection, `themes` are the positions of those that are about what is asked about.
    """
    found = [one for table, groups in tables.items() for one in _of_table(table, groups)]
    marked = {one.key: _Marked.of(one, tables[one.table]) for one in found if one.band != FAR}
    names = _names(sorted(found, key=lambda one: one.place), marked, themes)
    lowered = [_lowered(one) if _is_elsewhere(one, marked, names) else one for one in found]
    again: Counter[tuple[str, int, str]] = Counter()
    fresh = []
    for one in sorted(lowered, key=lambda one: one.place):
        if one.key in marked:
            seen = one.table, one.band, rules[marked[one.key].detection]
            fresh.append(replace(one, worth=one.worth - min(AGAIN * again[seen], AGAIN_AT_MOST)))
            again[seen] += 1
        else:
            fresh.append(one)
    return sorted(fresh, key=lambda one: one.place)


@dataclass(frozen=True)
class _Marked:
    """The row that shows a group which fired, or stands near one that did, and the detection it is about."""

    groups: Grouped
    row: int
    detection: int

    @classmethod
    def of(cls, one: Candidate, groups: Grouped) -> _Marked:
        row = groups.telling(groups.rows(one.group))
        return cls(groups, row, groups.leading(one.group, row))


def _names(
    found: Sequence[Candidate], marked: Mapping[tuple[str, int], _Marked], themes: Container[int]
) -> Names | None:
    """Return the names to follow: of hits on what is asked about, else of hits by what is asked about."""
    hits = [(one, marked[one.key]) for one in found if one.band == HIT]
    own = [each for one, each in hits if one.asked] or [each for _, each in hits if each.detection in themes]
    names = names_in((each.groups, each.row) for each in own[:MOST_READ])
    return one_of(names) if names else None


def _lowered(one: Candidate) -> Candidate:
    return replace(one, worth=one.worth - ELSEWHERE, elsewhere=True)


def _is_elsewhere(one: Candidate, marked: Mapping[tuple[str, int], _Marked], names: Names | None) -> bool:
    if one.asked or names is None or one.key not in marked:
        return False
    return not leads_to(marked[one.key].groups, marked[one.key].row, names)


def _of_table(table: str, groups: Grouped) -> list[Candidate]:
    band = groups.most(groups.standing.band).astype(np.int64)
    few_rows = 1 - np.log(groups.least(groups.alike)) / np.log(len(groups.view.rows) + 1)
    few_hosts = 1 / np.maximum(groups.least(groups.alike_hosts), 1)
    worth = groups.most(groups.standing.weight) + FOR_FEW_ROWS * few_rows + FOR_FEW_HOSTS * few_hosts
    asked = groups.most(groups.standing.asked.astype(np.int64)) > 0
    worth = np.round(worth + FOR_ASKED * asked, 3)
    firsts = groups.least(groups.view.seconds)
    columns = (each.tolist() for each in (worth, band, asked, firsts))
    return [Candidate(table, group, *each) for group, each in enumerate(zip(*columns, strict=True))]
