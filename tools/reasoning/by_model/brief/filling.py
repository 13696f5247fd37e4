"""Filling a brief up to its budget, the worthiest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.base import CaseFile

from .base import Brief, Count, Group
from .cells import Cells
from .grouping import Grouped, grouped
from .layout import Days, detection_lines, table_lines
from .leaving_out import Left
from .lines import Line, Told, group_line, names_of, told_of
from .ranking import Candidate, candidates
from .reading import view_of
from .standing import HIT, WEIGHT, hits_of, is_about, standing_of, weights_of

__all__ = ["build_brief", "parts"]

LEAST_BUDGET = 200
PATIENCE = 12
"""Lines that do not fit before the brief is taken as full."""
ROUNDS = 4
"""Times that a brief is filled up with the room that its layout saved."""
WORTHWHILE = 60.0
"""What a line is worth that may take more of the first part than FOR_LESSER: less is for the parts after it."""
FOR_LESSER, FOR_UNSEEN = 0.3, 0.5
"""The share of a first part for lines of less worth, and where no rule of weight fired: then only a model can see."""
ENOUGH, ENOUGH_UNSEEN, TELLING = 1_200, 1_800, 110.0
"""Tokens after which only lines of this worth are added, that of a rare hit of a high level, and those that save a
part: a longer brief reads no better."""
TIGHT = 600
"""Tokens below which what is left out is said of all tables together."""
WORTH_A_PART = WEIGHT["medium"]
"""What a detection weighs for which a further part is made: what is told of others is not worth another call."""
LITTLE = 60
"""Tokens of room that are not worth another round."""


def build_brief(case: CaseFile, *, budget: int, count: Count, pseudonyms: Pseudonyms) -> Brief:
    """Return what a model reads of a case within `budget` tokens, at least 200, as `count` counts them.

    `pseudonyms` have learned the names of the case. Raises ValueError for a smaller budget.
    """
    return next(parts(case, budget=budget, count=count, pseudonyms=pseudonyms))


def parts(case: CaseFile, *, budget: int, count: Count, pseudonyms: Pseudonyms) -> Iterator[Brief]:
    """Yield briefs of at most `budget` tokens that together leave no group out, the worthiest groups first.

    Handles go on from part to part. There is one part at least; without evidence it says so.
    """
    if budget < LEAST_BUDGET:
        raise ValueError(f"a brief takes {LEAST_BUDGET} tokens at least, not {budget}")
    waiting = _Waiting.of(case)
    while True:
        before = len(waiting.groups)
        yield _Filling(case, waiting, budget, count, Cells(pseudonyms)).brief()
        if not waiting.groups or len(waiting.groups) == before:
            return


@dataclass
class _Waiting:
    """What no part has shown yet."""

    tables: dict[str, Grouped]
    groups: list[Candidate]
    told: set[int] = field(default_factory=set)
    """Positions of the detections that a part has told of."""
    shown: int = 0
    """Groups that earlier parts have shown."""

    @classmethod
    def of(cls, case: CaseFile) -> _Waiting:
        views = {table: view_of(rows, case.tables.get(table)) for table, rows in case.evidence.items() if len(rows)}
        weights = weights_of(case.detections, case.reading.themes)
        hits = hits_of(views, case.detections, weights)
        tables = {}
        for table, view in views.items():
            standing = standing_of(view, hits, weights, case.reading, case.tables.get(table))
            tables[table] = grouped(view, standing, hits.of_rows(table))
        themes = {i for i, one in enumerate(case.detections) if is_about(one, case.reading.themes)}
        return cls(tables, candidates(tables, [one.rule.id for one in case.detections], themes))


@dataclass
class _Filling:
    """One brief while it grows."""

    case: CaseFile
    waiting: _Waiting
    budget: int
    count: Count
    cells: Cells
    detections: dict[int, Told] = field(default_factory=dict)
    """Lines by position of the detection."""
    groups: dict[tuple[str, int], tuple[Candidate, Line]] = field(default_factory=dict)
    covered: set[int] = field(default_factory=set)
    """Positions of the detections of which a row is in a group that is shown."""

    def brief(self) -> Brief:
        """Return the brief, and take what it shows off what is waiting."""
        made = self._made()
        for _ in range(ROUNDS):
            if self.budget - made.tokens < LITTLE or not self._filled(self.budget - made.tokens):
                break
            made = self._made()
        while made.tokens > self.budget and self._dropped():
            made = self._made()
        self.waiting.shown += len(self.groups)
        self.waiting.told |= self.covered
        self.waiting.groups = [each for each in self.waiting.groups if each.key not in self.groups]
        return made

    def _filled(self, room: int) -> bool:
        """Add lines for so many tokens, and say whether any was added."""
        enough, share = (ENOUGH, FOR_LESSER) if self._is_seen() else (ENOUGH_UNSEEN, FOR_UNSEEN)
        missed, before, tables = 0, len(self.groups), {table for table, _ in self.groups}
        for candidate in self.waiting.groups:
            if candidate.key in self.groups:
                continue
            if candidate.worth < WORTHWHILE and room < self.budget * (1 - share) and not self.waiting.shown:
                break
            if candidate.worth < TELLING and self.budget - room > enough and not self._tells_of_more(candidate):
                continue
            groups = self.waiting.tables[candidate.table]
            line = group_line(groups, candidate.group, self.cells, self._is_told)
            fresh = {each: self._detection(each) for each in line.detections if each not in self.detections}
            opening = "" if candidate.table in tables else "\t".join(("## : 99999 rows", *names_of(groups)))
            cost = self.count("\n".join((opening, *line.cells, line.why, *self._said(fresh.values())))) + 16
            if cost > room:
                missed += 1
                if missed > PATIENCE:
                    break
                continue
            room -= cost
            tables.add(candidate.table)
            self.detections |= fresh
            self.groups[candidate.key] = candidate, line
            self.covered |= self._covered_by(candidate, line)
        return len(self.groups) > before

    def _tells_of_more(self, candidate: Candidate) -> bool:
        """Return whether a group is hit by a detection that would else take a part of its own."""
        if candidate.elsewhere or candidate.band != HIT:
            return False
        fired = self.waiting.tables[candidate.table].fired_in[candidate.group] - self.waiting.told - self.covered
        return any(map(self._is_grave, fired))

    def _detection(self, position: int) -> Told:
        return told_of(self.case.detections[position], self.case.evidence, self.cells)

    def _is_told(self, position: int) -> bool:
        return self.case.detections[position].rule.id in {
            self.case.detections[each].rule.id for each in self.detections
        }

    def _said(self, fresh: Iterable[Told]) -> Iterator[str]:
        """Yield what lines are to be added for these detections."""
        standing = {one.cells for one in self.detections.values()}
        yield from ("\t".join(one.cells) for one in fresh if one.cells not in standing)

    def _dropped(self) -> bool:
        """Take the last line out again."""
        if not self.groups:
            return False
        self.groups.popitem()
        named = {each for _, line in self.groups.values() for each in line.detections}
        self.detections = {each: told for each, told in self.detections.items() if each in named}
        self.covered = set().union(*(self._covered_by(*shown) for shown in self.groups.values()))
        return True

    def _made(self) -> Brief:
        texts = self._head()
        if self.detections:
            texts += ["## detections", *detection_lines(self.detections)]
        rows, groups, days = {}, {}, Days()
        numbers = {key: self.waiting.shown + i for i, key in enumerate(self._in_order(), 1)}
        for table in dict.fromkeys(table for table, _ in numbers):
            source = self.waiting.tables[table]
            own = {number: self.groups[key] for key, number in numbers.items() if key[0] == table}
            told = [(f"G{number}", self._why(line), line) for number, (_, line) in own.items()]
            count = sum(line.rows for _, line in own.values())
            texts.append(f"## {table}: {len(own)} of {len(source)} groups, {count} of {len(source.view.rows)} rows")
            texts += table_lines(names_of(source), told, days)
            for number, (candidate, line) in own.items():
                indexes = source.rows(candidate.group)
                groups[f"G{number}"] = Group(f"G{number}", table, len(indexes), indexes, source.view.rows)
                rows[f"E{number}"] = source.view.rows.ref(line.row)
        left = self._left_out()
        text = "\n".join([*texts, "## left out", *left])
        detections = {f"D{each + 1}": self.case.detections[each] for each in sorted(self.detections)}
        return Brief(text, self.count(text), rows, groups, detections, left, self._worth_a_part())

    def _in_order(self) -> list[tuple[str, int]]:
        """Return the groups to show by table, the table of the worthiest first, and in order of time."""
        tables = list(dict.fromkeys(table for table, _ in self.groups))
        return sorted(self.groups, key=lambda key: (tables.index(key[0]), self.groups[key][1].first, key[1]))

    def _why(self, line: Line) -> str:
        return line.why.format(",".join(f"D{each + 1}" for each in line.detections))

    def _head(self) -> list[str]:
        asked = [f"{each.kind} {self.cells.short(each.value)}" for each in self.case.reading.entities[:4]]
        return [f"asked about {', '.join(asked)}"] if asked else []

    def _covered_by(self, candidate: Candidate, line: Line) -> frozenset[int]:
        """Return the detections that are named on a line or hit a row of its group."""
        return self.waiting.tables[candidate.table].fired_in.get(candidate.group, frozenset()).union(line.detections)

    def _untold(self) -> list[int]:
        told = self.waiting.told | self.covered
        return [i for i in range(len(self.case.detections)) if i not in told]

    def _worth_a_part(self) -> int:
        """Return how many detections of weight are not told of that lead to what the question is about."""
        near = [each for each in self.waiting.groups if not each.elsewhere]
        fired = (self.waiting.tables[each.table].fired_in.get(each.group, frozenset()) for each in near)
        return len(frozenset().union(*fired) & {each for each in self._untold() if self._is_grave(each)})

    def _is_grave(self, position: int) -> bool:
        return WEIGHT[self.case.detections[position].level] >= WORTH_A_PART

    def _is_seen(self) -> bool:
        """Return whether a rule of weight fired on anything."""
        return any(map(self._is_grave, range(len(self.case.detections))))

    def _left_out(self) -> tuple[str, ...]:
        left = [each for each in self.waiting.groups if each.key not in self.groups]
        levels = [self.case.detections[each].level for each in self._untold()]
        cut = sum(line.cut for _, line in self.groups.values()) + sum(one.cut for one in self.detections.values())
        above = {table for table, _ in self.groups}
        return Left(self.waiting.tables, left, above, levels, cut, self.waiting.shown).said(tight=self.budget < TIGHT)
