"""Groups and detections as lines of a brief: a handle, then cells that a tab parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.describing import describe

from .cells import Cells
from .coding import NO_TIME, Indexes
from .grouping import Grouped
from .standing import NEAR

__all__ = ["DETECTION_HEAD", "Line", "detection_cells", "group_line", "names_of", "table_lines"]

DETECTION_HEAD = "detection\tlevel\ttechniques\trule\tseen"
FIXED = ("group", "rows", "time", "why")
SAME = '"'
"""Stands for the cell above."""
WEAKER = 2
"""Times that a detection weighs less than the strongest of its group and is not named beside it."""
BEGIN = 40
"""Characters by which a statement is known to repeat the row it is cited with."""
MOST_TOLD = 2
"""Detections that are named on the line of one group."""


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


def names_of(groups: Grouped) -> tuple[str, ...]:
    """Return the columns that a table's lines show."""
    look = groups.view.look
    subjects = tuple(name for names in look.subjects.values() for name in names[:1] if name not in look.keys)
    return (*subjects, *look.keys)


def group_line(groups: Grouped, group: int, cells: Cells) -> Line:
    """Return the line of a group."""
    rows = groups.rows(group)
    shown = _telling(groups, rows)
    seconds = groups.view.seconds[rows]
    written = [_cell(groups, name, rows, shown, cells) for name in names_of(groups)]
    texts = _without_repeated_names(groups, [text for text, _ in written])
    why, detections = _why(groups, rows, shown)
    cut = sum(missing for _, missing in written)
    return Line(len(rows), int(seconds[0]), int(seconds[-1]), why, detections, tuple(texts), cut, shown)


def _telling(groups: Grouped, rows: Indexes) -> int:
    """Return the row to show: the one that weighs most, then the rarest, then the first."""
    weight, alike = groups.standing.weight[rows], groups.alike[rows]
    return int(rows[np.lexsort((np.arange(len(rows)), alike, -weight))[0]])


def _cell(groups: Grouped, name: str, rows: Indexes, shown: int, cells: Cells) -> tuple[str, int]:
    column = groups.view.column(name)
    text, missing = cells.value(groups.view.rows.table, name, column.text(shown))
    others = len(np.unique(column.codes[rows])) - 1
    return (f"{text} (+{others})" if others else text), missing


def _without_repeated_names(groups: Grouped, texts: Sequence[str]) -> Iterator[str]:
    """Leave out the name of a file that the path before it ends in."""
    kinds = [groups.view.look.keys.get(name) for name in names_of(groups)]
    before = ""
    for kind, text in zip(kinds, texts, strict=True):
        yield "" if kind == "path" and before and text and before.lower().endswith(text.lower()) else text
        before = text if kind == "path" else ""


def _why(groups: Grouped, rows: Indexes, shown: int) -> tuple[str, tuple[int, ...]]:
    """Say how a group stands to detections, whose handles go where `{}` is, and how many rows elsewhere are alike."""
    standing, elsewhere = groups.standing, int(groups.alike[shown]) - len(rows)
    alike = f"alike {elsewhere}" if elsewhere > 0 else ""
    if fired := groups.fired(rows):
        strong = [each for each in fired if standing.worth[each] * WEAKER >= standing.worth[fired[0]]][:MOST_TOLD]
        more = f" +{len(fired) - len(strong)}" if len(fired) > len(strong) else ""
        return f"hit {{}}{more} {alike}".strip(), tuple(strong)
    if standing.band[shown] == NEAR:
        return f"near {{}}{_lapse(int(standing.apart[shown]))} {alike}".strip(), (int(standing.detection[shown]),)
    return alike, ()


def detection_cells(detection: Detection, evidence: Evidence, cells: Cells) -> tuple[str, int]:
    """Return what the line of a detection says, and how many characters of its values it does not show."""
    title, first = cells.text(detection.rule.title)
    seen, second = cells.text(_beyond_its_row(detection, evidence))
    told = (detection.level, ",".join(detection.techniques[:2]), title, seen)
    return "\t".join(told).rstrip("\t"), first + second


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


def table_lines(names: Sequence[str], lines: Iterable[tuple[str, str, Line]]) -> Iterator[str]:
    """Yield the heading and the lines, each given as handle, why and line, in order of time.

    Columns that nothing is in are left out; what is the same as on the line above is a ditto mark.
    """
    ordered = sorted(lines, key=lambda each: (each[2].first, len(each[0]), each[0]))
    kept = [i for i in range(len(names)) if any(line.cells[i] for _, _, line in ordered)]
    yield "\t".join((*FIXED, *(names[i] for i in kept)))
    above: Line | None = None
    for handle, why, line in ordered:
        cells = (_ditto(line.cells[i], above.cells[i] if above else "") for i in kept)
        yield "\t".join((handle, str(line.rows), _when(line, above), why, *cells))
        above = line


def _ditto(text: str, above: str) -> str:
    """Write a value that looks like the mark so that it does not."""
    return SAME if text and text == above else (f"'{text}'" if text == SAME else text)


def _when(line: Line, above: Line | None) -> str:
    if line.first == NO_TIME:
        return "-"
    start = datetime.fromtimestamp(line.first, UTC)
    day = above is None or above.first == NO_TIME or datetime.fromtimestamp(above.first, UTC).date() != start.date()
    lasting = _lapse(line.last - line.first) if line.last > line.first else ""
    return f"{start:%m-%d %H:%M:%S}{lasting}" if day else f"{start:%H:%M:%S}{lasting}"


def _lapse(seconds: int) -> str:
    """Write a stretch of time in its two greatest units."""
    sign, left = ("-" if seconds < 0 else "+"), abs(seconds)
    for unit, size, part, small in (("d", 86_400, 3_600, "h"), ("h", 3_600, 60, "m"), ("m", 60, 1, "s")):
        if left >= size:
            rest = left % size // part
            return f"{sign}{left // size}{unit}{f'{rest}{small}' if rest else ''}"
    return f"{sign}{left}s"
