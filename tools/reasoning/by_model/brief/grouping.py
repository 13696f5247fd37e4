"""Rows of one table by template: exact counts, however many rows there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .coding import Coded, Indexes, counted_within, dense, together
from .looks import Kind
from .masking import MOST_ALIKE, RUNGS
from .reading import TableView
from .standing import Standing

__all__ = ["Grouped", "grouped"]


@dataclass(frozen=True)
class Grouped:
    """The groups of one table; the rows of group g are `order[starts[g]:starts[g] + counts[g]]`."""

    view: TableView
    standing: Standing
    order: Indexes
    starts: Indexes
    counts: Indexes
    hits: Mapping[int, tuple[int, ...]]
    """Positions of the detections that hit a row, the strongest first."""
    alike: Indexes
    """By row: rows of the table that are of the same finest template, wherever they stand."""
    alike_hosts: Indexes
    """By row: machines, or accounts where the table names no machine, that show it."""

    def __len__(self) -> int:
        return len(self.counts)

    def rows(self, group: int) -> Indexes:
        """Return the positions of a group's rows in order of time."""
        own = self.order[self.starts[group] : self.starts[group] + self.counts[group]]
        return own[np.argsort(self.view.seconds[own], kind="stable")]

    def fired(self, rows: Indexes) -> tuple[int, ...]:
        """Return the positions of the detections that hit one of these rows, the strongest first."""
        if not self.hits:
            return ()
        found = {each for row in rows.tolist() for each in self.hits.get(row, ())}
        return tuple(sorted(found, key=self._strongest))

    @cached_property
    def fired_in(self) -> Mapping[int, frozenset[int]]:
        """Positions of the detections that hit a row of a group, by group."""
        group_of = np.empty(len(self.order), np.int64)
        group_of[self.order] = np.repeat(np.arange(len(self.counts)), self.counts)
        found: dict[int, set[int]] = {}
        for row, detections in self.hits.items():
            found.setdefault(int(group_of[row]), set()).update(detections)
        return {group: frozenset(detections) for group, detections in found.items()}

    def telling(self, rows: Indexes) -> int:
        """Return which of the rows to show: the one that weighs most, then the rarest, then the first."""
        weight, alike = self.standing.weight[rows], self.alike[rows]
        return int(rows[np.lexsort((np.arange(len(rows)), alike, -weight))[0]])

    def leading(self, group: int, row: int) -> int:
        """Return the position of the detection that a group, shown by this row, is first of all about; -1 for none."""
        fired = self.fired_in.get(group, ())
        return min(fired, key=self._strongest) if fired else int(self.standing.detection[row])

    def _strongest(self, position: int) -> tuple[float, int]:
        return -self.standing.worth[position], position

    def most(self, values: npt.NDArray[np.float64] | Indexes) -> npt.NDArray[np.float64]:
        """Return the greatest of the rows' values, by group."""
        found: npt.NDArray[np.float64] = np.maximum.reduceat(values[self.order], self.starts).astype(np.float64)
        return found

    def least(self, values: npt.NDArray[np.float64] | Indexes) -> npt.NDArray[np.float64]:
        """Return the least of the rows' values, by group."""
        found: npt.NDArray[np.float64] = np.minimum.reduceat(values[self.order], self.starts).astype(np.float64)
        return found


def grouped(view: TableView, standing: Standing, hits: Mapping[int, tuple[int, ...]]) -> Grouped:
    """Group the rows of a table, which are one at least."""
    plain = {name: _masked(column, view.look.keys[name], 0) for name, column in view.keys.items()}
    fine = together([column.codes for column in plain.values()]) if plain else np.zeros(len(view.rows), np.int64)
    groups = _settled(view, standing.band * 2 + standing.asked, plain)
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    return Grouped(view, standing, order, starts, counts, hits, np.bincount(fine)[fine], _spread(view, fine))


def _masked(column: Coded, kind: Kind, rung: int) -> Coded:
    return Coded.of(RUNGS[kind][rung](column.values), column.codes)


def _settled(view: TableView, place: Indexes, plain: Mapping[str, Coded]) -> Indexes:
    """Return the group of each row. Where otherwise equal rows differ too much in a column, it is taken more generally.

    Columns are settled one after the other, so that the number of groups is bounded whatever the rows hold.
    """
    fine = together([dense(place), *(column.codes for column in plain.values())])
    _, firsts = np.unique(fine, return_index=True)
    context = dense(place[firsts])
    for name, column in plain.items():
        kind, own = view.look.keys[name], column.codes[firsts]
        for rung in range(1, len(RUNGS[kind])):
            crowded = counted_within(context, own)[context] > MOST_ALIKE[kind]
            if not crowded.any():
                break
            wider = _masked(view.keys[name], kind, rung).codes[firsts] + int(own.max()) + 1
            own = dense(np.where(crowded, wider, own))
        context = together([context, own])
    return dense(context[fine])


def _spread(view: TableView, fine: Indexes) -> Indexes:
    """Return how many machines show the template of each row; accounts where no machine is named."""
    for kind in ("host", "account", "address"):
        columns = view.subjects.get(kind, ())
        if columns:
            return counted_within(fine, columns[0].codes)[fine]
    return np.bincount(fine)[fine]
