"""How lines stand in a brief: a handle, then cells that a tab parts; an empty cell is as the one above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .coding import NO_TIME
from .lines import Line, Told
from .marks import NAMED_BESIDE, NOTHING
from .standing import WEIGHT
from .times import day_of, lapse, moment

__all__ = ["Days", "detection_lines", "table_lines"]

FIXED = ("group", "time", "why")
DETECTION = ("detection", "level", "technique", "rule", "seen")
UNDITTOED = frozenset({NAMED_BESIDE})
"""What is said anew on each line, since it is said of the line."""


class Days:
    """The date of the line before, which stands from table to table."""

    def __init__(self) -> None:
        self._day = ""

    def write(self, line: Line) -> str:
        """Write when the rows of a line are from, and how many they are."""
        told = moment(line.first, self._day)
        self._day = day_of(line.first) or self._day
        lasting = lapse(line.last - line.first) if NO_TIME != line.first < line.last else ""
        return f"{told}{lasting}{f' x{line.rows}' if line.rows > 1 else ''}"


def table_lines(names: Sequence[str], lines: Sequence[tuple[str, str, Line]], days: Days) -> Iterator[str]:
    """Yield the heading and the lines, each given as handle, why and line, in order of time.

    Columns that say nothing are left out.
    """
    ordered = sorted(lines, key=lambda each: (each[2].first, len(each[0]), each[0]))
    rows = [(handle, days.write(line), why, *line.cells) for handle, why, line in ordered]
    yield from _table((*FIXED, *names), rows, len(FIXED))


def detection_lines(told: Mapping[int, Told]) -> Iterator[str]:
    """Yield the heading and a line for each rule, with the handles of its detections, the gravest first."""
    handles: dict[tuple[str, ...], list[str]] = {}
    for position, one in sorted(told.items(), key=lambda each: (-WEIGHT[each[1].level], each[1].technique, each[0])):
        handles.setdefault(one.cells, []).append(f"D{position + 1}")
    yield from _table(DETECTION, [(" ".join(own), *cells) for cells, own in handles.items()], 1)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], fixed: int) -> Iterator[str]:
    """Yield the heading and the rows. What stands in the first `fixed` cells is never as above."""
    kept = [i for i in range(len(names)) if i < fixed or {row[i] for row in rows} - {""} not in (set(), {NAMED_BESIDE})]
    yield "\t".join(names[i] for i in kept)
    above: Sequence[str] = ()
    for row in rows:
        yield "\t".join(row[i] if i < fixed else _cell(row[i], above[i] if above else None) for i in kept).rstrip("\t")
        above = row


def _cell(text: str, above: str | None) -> str:
    return "" if text == above and text not in UNDITTOED else text or NOTHING
