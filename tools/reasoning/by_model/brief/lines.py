"""Groups and detections as lines of a brief: a handle, then cells that a tab parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from soc_analyst.state.findings import Detection

from .cells import Cells
from .coding import NO_TIME, Indexes
from .grouping import Grouped
from .standing import HIT, NEAR

__all__ = ["Line", "detection_line", "group_line", "moment", "table_head"]

FIXED = ("rows", "first", "last", "why")
STATEMENT = 160


@dataclass(frozen=True)
class Line:
    """A line without its handle, the characters of values that it does not show, and the row that it shows."""

    text: str
    cut: int = 0
    row: int = -1


def moment(second: int) -> str:
    """Write a time without its year."""
    return "-" if second == NO_TIME else f"{datetime.fromtimestamp(second, UTC):%m-%d %H:%M:%S}"


def lapse(seconds: int) -> str:
    """Write a stretch of time in its two greatest units."""
    sign, left = ("-" if seconds < 0 else "+"), abs(seconds)
    for unit, size, part, small in (("d", 86_400, 3_600, "h"), ("h", 3_600, 60, "m"), ("m", 60, 1, "s")):
        if left >= size:
            rest = left % size // part
            return f"{sign}{left // size}{unit}{f'{rest}{small}' if rest else ''}"
    return f"{sign}{left}s"


def table_head(groups: Grouped) -> str:
    """Return the names of the cells of a table's lines."""
    view = groups.view
    subjects = [name for names in view.look.subjects.values() for name in names[:1] if name not in view.look.keys]
    return "\t".join(("group", *FIXED, *subjects, *view.look.keys))


def group_line(groups: Grouped, group: int, cells: Cells, detections: Sequence[str]) -> Line:
    """Return the line of a group; `detections` are their handles by position, empty where none is shown."""
    view, rows = groups.view, groups.rows(group)
    shown = _telling(groups, rows)
    times = view.seconds[rows]
    told = [str(len(rows)), moment(int(times[0])), _last(times), _why(groups, rows, shown, detections)]
    subjects = [name for names in view.look.subjects.values() for name in names[:1] if name not in view.look.keys]
    cut = 0
    for name in (*subjects, *view.look.keys):
        text, missing = _cell(groups, name, rows, shown, cells)
        told.append(text)
        cut += missing
    return Line("\t".join(told), cut, shown)


def _telling(groups: Grouped, rows: Indexes) -> int:
    """Return the row to show: the one that weighs most, then the rarest, then the first."""
    weight, alike = groups.standing.weight[rows], groups.alike[rows]
    return int(rows[np.lexsort((np.arange(len(rows)), alike, -weight))[0]])


def _last(times: Indexes) -> str:
    if times[0] == NO_TIME:
        return "-"
    return lapse(int(times[-1] - times[0])) if times[-1] > times[0] else ""


def _why(groups: Grouped, rows: Indexes, shown: int, detections: Sequence[str]) -> str:
    standing, elsewhere = groups.standing, int(groups.alike[shown]) - len(rows)
    position = int(standing.detection[shown])
    handle = detections[position] if position >= 0 else ""
    told = ""
    if standing.band[shown] == HIT:
        own = dict.fromkeys(detections[each] for each in standing.detection[rows].tolist() if each >= 0)
        told = f"hit {','.join(each for each in own if each)}".strip()
    elif standing.band[shown] == NEAR:
        told = f"near {handle}{lapse(int(standing.apart[shown]))}" if handle else "near a hit"
    return f"{told} alike {elsewhere}" if elsewhere > 0 else told


def _cell(groups: Grouped, name: str, rows: Indexes, shown: int, cells: Cells) -> tuple[str, int]:
    view = groups.view
    column = view.column(name)
    text, missing = cells.value(view.rows.table, name, column.text(shown))
    others = len(np.unique(column.codes[rows])) - 1
    return (f"{text} (+{others})" if others else text), missing


def detection_line(detection: Detection, cells: Cells) -> Line:
    """Return the line of a detection."""
    title, first = cells.text(detection.rule.title)
    statement, second = cells.text(detection.statement)
    techniques = ",".join(detection.techniques[:3])
    return Line("\t".join((detection.level, techniques, title, statement)), first + second)
