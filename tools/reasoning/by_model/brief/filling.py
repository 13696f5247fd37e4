"""Filling a brief up to its budget, the worthiest first, and saying what is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from soc_analyst.state.entities import Entity
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.base import CaseFile

from .base import Brief, Count, Group
from .cells import Cells
from .grouping import Grouped, grouped
from .lines import Line, detection_line, group_line, table_head
from .ranking import Candidate, candidates
from .reading import view_of
from .standing import WEIGHT, hits_of, standing_of

__all__ = ["build_brief", "parts"]

LEAST_BUDGET = 150
FOR_DETECTIONS = 0.4
"""Share of the budget that lines of detections may take."""
PATIENCE = 12
"""Lines that do not fit before the brief is taken as full."""


def build_brief(case: CaseFile, *, budget: int, count: Count, pseudonyms: Pseudonyms) -> Brief:
    """Return what a model reads of a case within `budget` tokens, at least 150, as `count` counts them.

    Raises ValueError for a smaller budget.
    """
    return next(parts(case, budget=budget, count=count, pseudonyms=pseudonyms))


def parts(case: CaseFile, *, budget: int, count: Count, pseudonyms: Pseudonyms) -> Iterator[Brief]:
    """Yield briefs of `budget` tokens each that together leave nothing out, the worthiest first.

    Handles go on from part to part. There is one part at least; without evidence it says so.
    """
    if budget < LEAST_BUDGET:
        raise ValueError(f"a brief takes {LEAST_BUDGET} tokens at least, not {budget}")
    waiting = _Waiting.of(case)
    while True:
        yield _Filling(case, waiting, budget, count, Cells(pseudonyms)).brief()
        if not waiting.groups and not waiting.detections:
            return


@dataclass
class _Waiting:
    """What no part has shown yet."""

    tables: dict[str, Grouped]
    groups: list[Candidate]
    detections: list[int]
    handles: list[str]
    """Handles of the detections by position, empty before they are shown."""
    lines: int = 0

    @classmethod
    def of(cls, case: CaseFile) -> _Waiting:
        views = {table: view_of(rows, case.tables.get(table)) for table, rows in case.evidence.items() if len(rows)}
        hits = hits_of(views, case.detections)
        tables = {}
        for table, view in views.items():
            standing = standing_of(view, hits, case.detections, case.reading.entities, case.tables.get(table))
            tables[table] = grouped(view, standing)
        order = sorted(range(len(case.detections)), key=lambda i: -WEIGHT[case.detections[i].level])
        return cls(tables, candidates(tables), order, [""] * len(case.detections))


@dataclass
class _Filling:
    """One brief while it grows."""

    case: CaseFile
    waiting: _Waiting
    budget: int
    count: Count
    cells: Cells
    detections: list[tuple[int, Line]] = field(default_factory=list)
    groups: dict[str, list[tuple[Candidate, Line]]] = field(default_factory=lambda: defaultdict(list))

    def brief(self) -> Brief:
        """Return the brief, and take what it shows off what is waiting."""
        head = self._head()
        room = self.budget - self.count(head) - self.count("\n".join(self._left_out())) - 20
        room = self._fill_detections(room)
        self._fill_groups(room)
        while (made := self._made(head)).tokens > self.budget and self._drop():
            pass
        self._taken()
        return made

    def _fill_detections(self, room: int) -> int:
        most = room * FOR_DETECTIONS
        for position in self.waiting.detections:
            line = detection_line(self.case.detections[position], self.cells)
            cost = self.count(f"D99\t{line.text}\n")
            if cost > most:
                break
            most, room = most - cost, room - cost
            self.detections.append((position, line))
            self.waiting.handles[position] = f"D{position + 1}"
        return room

    def _fill_groups(self, room: int) -> None:
        missed = 0
        for candidate in self.waiting.groups:
            groups = self.waiting.tables[candidate.table]
            line = group_line(groups, candidate.group, self.cells, self.waiting.handles)
            cost = self.count(f"G999\t{line.text}\n")
            if candidate.table not in self.groups:
                cost += self.count(f"{self._title(candidate.table)}\n{table_head(groups)}\n")
            if cost > room:
                missed += 1
                if missed > PATIENCE:
                    return
                continue
            room -= cost
            self.groups[candidate.table].append((candidate, line))

    def _drop(self) -> bool:
        """Take the least worthy line out again."""
        shown = [
            (candidate.worth, table, i) for table, own in self.groups.items() for i, (candidate, _) in enumerate(own)
        ]
        if shown:
            _, table, i = min(shown)
            del self.groups[table][i]
            if not self.groups[table]:
                del self.groups[table]
            return True
        if self.detections:
            position, _ = self.detections.pop()
            self.waiting.handles[position] = ""
            return True
        return False

    def _taken(self) -> None:
        shown = {(candidate.table, candidate.group) for own in self.groups.values() for candidate, _ in own}
        told = {position for position, _ in self.detections}
        self.waiting.lines += len(shown)
        self.waiting.groups = [each for each in self.waiting.groups if (each.table, each.group) not in shown]
        self.waiting.detections = [each for each in self.waiting.detections if each not in told]

    def _made(self, head: str) -> Brief:
        lines, number = [head], self.waiting.lines
        rows, groups = {}, {}
        if self.detections:
            lines.append("## detections\ndetection\tlevel\ttechniques\trule\tseen")
            lines += [f"D{position + 1}\t{line.text}" for position, line in self.detections]
        for table, own in self.groups.items():
            source = self.waiting.tables[table]
            lines += [self._title(table), table_head(source)]
            for candidate, line in sorted(own, key=lambda each: self._first(each[0])):
                number += 1
                lines.append(f"G{number}\t{line.text}")
                indexes = source.rows(candidate.group)
                groups[f"G{number}"] = Group(f"G{number}", table, len(indexes), indexes, source.view.rows)
                rows[f"E{number}"] = source.view.rows.ref(line.row)
        left = self._left_out()
        text = "\n".join([*lines, "## left out", *left])
        detections = {f"D{position + 1}": self.case.detections[position] for position, _ in self.detections}
        return Brief(text, self.count(text), rows, groups, detections, tuple(left))

    def _first(self, candidate: Candidate) -> tuple[int, int]:
        groups = self.waiting.tables[candidate.table]
        return int(groups.view.seconds[groups.rows(candidate.group)[0]]), candidate.group

    def _head(self) -> str:
        window = self.case.reading.window
        asked = ", ".join(f"{each.kind} {self._named(each)}" for each in self.case.reading.entities[:6])
        return f"window {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC, {window.basis}" + (
            f"; asked about {asked}" if asked else ""
        )

    def _named(self, entity: Entity) -> str:
        return self.cells.text(entity.value[:80])[0]

    def _title(self, table: str) -> str:
        groups = self.waiting.tables[table]
        return f"## {table}: {len(groups.view.rows)} rows, {len(groups)} groups"

    def _left_out(self) -> list[str]:
        return list(_left_out(self))


def _left_out(filling: _Filling) -> Iterator[str]:
    for table, groups in filling.waiting.tables.items():
        waiting = [each.group for each in filling.waiting.groups if each.table == table]
        shown = {candidate.group for candidate, _ in filling.groups.get(table, ())}
        left = [group for group in waiting if group not in shown]
        rows = int(groups.counts[left].sum()) if left else 0
        columns = len(groups.view.filled) - len(table_head(groups).split("\t")) + 4
        yield f"{table}: {len(left)} groups of {rows} rows; {columns} filled columns."
    told = {position for position, _ in filling.detections}
    levels = Counter(filling.case.detections[i].level for i in filling.waiting.detections if i not in told)
    if levels:
        yield f"{levels.total()} detections: {', '.join(f'{n} {level}' for level, n in levels.items())}."
    cut = sum(line.cut for own in filling.groups.values() for _, line in own) + sum(
        line.cut for _, line in filling.detections
    )
    if cut:
        yield f"{cut} characters of long values, where […] stands."
