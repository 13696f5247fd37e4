"""Groups and detections as what a line of a brief says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.describing import describe

from .cells import Cells
from .coding import Indexes
from .grouping import Grouped
from .marks import NAMED_BESIDE, NOTHING, more
from .standing import NEAR
from .times import lapse, short_times

__all__ = ["Line", "Told", "group_line", "names_of", "told_of"]

WEAKER = 2
"""Times that a detection weighs less than the strongest of its group and is not named beside it."""
BEGIN = 40
"""Characters by which a statement is known to repeat the row it is cited with."""
PROGRAM = re.compile(r'\s*(?:"([^"]*)"|(\S+))')
FILE = re.compile(r"[^\\/]*$")


@dataclass(frozen=True)
class Line:
    """What the line of a group says."""

    rows: int
    first: int
    last: int
    """Seconds since 1970."""
    why: str
    detections: tuple[int, ...]
    """Positions of the detections that `why` names, the strongest first."""
    cells: tuple[str, ...]
    cut: int
    """Characters of its values that it does not show."""
    row: int
    """Position of the row that it shows."""


@dataclass(frozen=True)
class Told:
    """What the line of a detection says."""

    level: Level
    technique: str
    """The first of the rule's."""
    rule: str
    seen: str
    """What was seen beyond the row that it hit."""
    cut: int
    """Characters of its values that are not shown."""

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Return what the line says after the handle."""
        return self.level, self.technique, self.rule, self.seen


def names_of(groups: Grouped) -> tuple[str, ...]:
    """Return the columns that a table's lines show."""
    look = groups.view.look
    subjects = tuple(name for names in look.subjects.values() for name in names[:1] if name not in look.keys)
    return (*subjects, *look.keys)


def group_line(groups: Grouped, group: int, cells: Cells, is_told: Callable[[int], bool]) -> Line:
    """Return the line of a group; `is_told` says of the position of a detection whether the brief tells its rule."""
    rows = groups.rows(group)
    shown = groups.telling(rows)
    seconds = groups.view.seconds[rows]
    written = [_cell(groups, name, rows, shown, cells) for name in names_of(groups)]
    texts = _without_repeated_names(groups, [text for text, _ in written])
    why, detections = _why(groups, rows, shown, is_told)
    cut = sum(missing for _, missing in written)
    return Line(len(rows), int(seconds[0]), int(seconds[-1]), why, detections, tuple(texts), cut, shown)


def _cell(groups: Grouped, name: str, rows: Indexes, shown: int, cells: Cells) -> tuple[str, int]:
    column = groups.view.column(name)
    text, missing = cells.value(groups.view.rows.table, name, column.text(shown))
    others = len(np.unique(column.codes[rows])) - 1
    return (f"{text or NOTHING}{more(others)}" if others else text), missing


def _without_repeated_names(groups: Grouped, texts: Sequence[str]) -> list[str]:
    """Put a mark for the name of a file that the path before it ends in, or that the command line runs."""
    kinds = [groups.view.look.keys.get(name) for name in names_of(groups)]
    run = {_program(text) for kind, text in zip(kinds, texts, strict=True) if kind == "command"}
    kept, before = [], ""
    for kind, text in zip(kinds, texts, strict=True):
        is_known = (kind == "name" and text in run) or (kind == "path" and text == FILE.findall(before)[0])
        kept.append(NAMED_BESIDE if text and is_known else text)
        before = text if kind == "path" else ""
    return kept


def _program(command: str) -> str:
    """Return the name of the file that a command line runs."""
    found = PROGRAM.match(command)
    return str(FILE.findall(found[1] or found[2] or "")[0]) if found else ""


def _why(groups: Grouped, rows: Indexes, shown: int, is_told: Callable[[int], bool]) -> tuple[str, tuple[int, ...]]:
    """Say how a group stands to detections, whose handles go where `{}` is, and how many rows elsewhere are alike."""
    standing, elsewhere = groups.standing, int(groups.alike[shown]) - len(rows)
    alike = f"alike {elsewhere}" if elsewhere > 0 else ""
    if fired := groups.fired(rows):
        named = _named([each for each in fired if standing.worth[each] * WEAKER >= standing.worth[fired[0]]], is_told)
        others = f"+{len(fired) - len(named)}" if len(fired) > len(named) else ""
        return f"{{}}{others} {alike}".strip(), named
    if standing.band[shown] == NEAR:
        return f"near {{}}{lapse(int(standing.apart[shown]))} {alike}".strip(), (int(standing.detection[shown]),)
    return alike, ()


def _named(strong: Sequence[int], is_told: Callable[[int], bool]) -> tuple[int, ...]:
    """Return the strongest of these detections, and the next of which the rule is told anyway."""
    return (strong[0], *[each for each in strong[1:] if is_told(each)][:1])


def told_of(detection: Detection, evidence: Evidence, cells: Cells) -> Told:
    """Return what the line of a detection says."""
    title, first = cells.text(detection.rule.title)
    seen, second = cells.text(short_times(_beyond_its_row(detection, evidence)))
    return Told(detection.level, next(iter(detection.techniques), ""), title, seen, first + second)


def _beyond_its_row(detection: Detection, evidence: Evidence) -> str:
    """Return the statement, or nothing where it only describes the row that it is cited with."""
    ref = detection.rows[0] if detection.rows else None
    row = evidence.row(ref) if ref is not None else None
    if ref is None or row is None:
        return detection.statement
    line = describe(ref.table, row).rstrip("…")
    host, colon, rest = line.partition(": ")
    told = (rest if colon and host == row.get("DeviceName") else line)[:BEGIN]
    return "" if told and told in detection.statement else detection.statement
