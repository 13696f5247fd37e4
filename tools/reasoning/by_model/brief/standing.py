"""How rows stand to what is asked and to what fired: hit, near a hit or far from any; about a thing of the question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import EntityKind, Reading
from soc_analyst.state.findings import Detection, Level
from soc_analyst.state.tables import TableSchema

from .coding import NO_TIME, Coded, Indexes
from .looks import SubjectKind
from .reading import TableView
from .subjects import PLAIN_NAME

__all__ = ["FAR", "HIT", "NEAR", "WEIGHT", "Hits", "Standing", "hits_of", "is_about", "standing_of", "weights_of"]

FAR, NEAR, HIT = range(3)
WEIGHT: Mapping[Level, float] = {"critical": 100.0, "high": 80.0, "medium": 50.0, "low": 20.0, "informational": 5.0}
FOR_THEME = 40.0
NEAR_SECONDS = 900
NEAR_SHARE = 0.5
"""What a row on the second of a hit weighs against the hit; half of that at the end of the 15 minutes."""
SUBJECT_KIND: Mapping[EntityKind, SubjectKind] = {"host": "host", "account": "account", "ip": "address"}

Hit = tuple[int, int]
"""Second and position of the detection."""


@dataclass(frozen=True)
class Hits:
    """The rows that fired, by table, and when on whom, by the weight of the detection."""

    rows: Mapping[str, Sequence[tuple[int, int]]]
    """Positions of rows and of the detection that hit them."""
    moments: Mapping[tuple[SubjectKind, str], Mapping[float, Sequence[Hit]]]

    def of_rows(self, table: str) -> Mapping[int, tuple[int, ...]]:
        """Return the detections by the row that they hit."""
        found: dict[int, tuple[int, ...]] = {}
        for row, position in self.rows.get(table, ()):
            found[row] = (*found.get(row, ()), position)
        return found


@dataclass(frozen=True)
class Standing:
    """How each row of a table stands; `detection` is -1 where none is near, `apart` the seconds since its hit."""

    band: Indexes
    """HIT, NEAR or FAR."""
    asked: npt.NDArray[np.bool_]
    """Whether it is about a thing of the question."""
    weight: npt.NDArray[np.float64]
    detection: Indexes
    apart: Indexes
    worth: Sequence[float]
    """What each detection of the case weighs, by position."""


def weights_of(detections: Sequence[Detection], themes: Sequence[str]) -> tuple[float, ...]:
    """Return what each detection weighs: its level, and more where it is about what the question is about."""
    return tuple(WEIGHT[each.level] + (FOR_THEME if is_about(each, themes) else 0.0) for each in detections)


def is_about(detection: Detection, themes: Sequence[str]) -> bool:
    """Return whether a detection is of a technique or tactic that the question is about."""
    own = (*detection.techniques, *detection.tactics)
    return any(one == theme or one.startswith(f"{theme}.") for one in own for theme in themes)


def hits_of(views: Mapping[str, TableView], detections: Sequence[Detection], weights: Sequence[float]) -> Hits:
    """Return where the detections hit; rows that are not in evidence are passed over."""
    rows: dict[str, list[tuple[int, int]]] = defaultdict(list)
    moments: dict[tuple[SubjectKind, str], dict[float, list[Hit]]] = defaultdict(lambda: defaultdict(list))
    for table, refs in _cited(detections).items():
        if table not in views:
            continue
        view = views[table]
        for handle, row in _found(view, refs).items():
            for position in refs[handle]:
                rows[table].append((row, position))
                weight = weights[position]
                for subject in _subjects(view, row):
                    moments[subject][weight].append((int(view.seconds[row]), position))
    return Hits(rows, {subject: {w: sorted(each) for w, each in own.items()} for subject, own in moments.items()})


def _cited(detections: Sequence[Detection]) -> Mapping[str, Mapping[tuple[str, int], list[int]]]:
    cited: dict[str, dict[tuple[str, int], list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, detection in enumerate(detections):
        for ref in dict.fromkeys(detection.rows):
            cited[ref.table][ref.query_id, ref.row].append(position)
    return cited


def _found(view: TableView, refs: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
    """Return the positions of these handles, without a look at every row in Python."""
    wanted = set(refs)
    positions = np.fromiter(view.rows.positions, np.int64, len(view.rows))
    likely = np.flatnonzero(np.isin(positions, np.array([row for _, row in wanted], np.int64)))
    found = {(view.rows.queries[i], view.rows.positions[i]): i for i in likely.tolist()}
    return {handle: found[handle] for handle in sorted(wanted) if handle in found}


def _subjects(view: TableView, row: int) -> Iterable[tuple[SubjectKind, str]]:
    for kind, columns in view.subjects.items():
        for name in dict.fromkeys(column.text(row) for column in columns):
            if name:
                yield kind, name


def standing_of(
    view: TableView, hits: Hits, weights: Sequence[float], reading: Reading, schema: TableSchema | None
) -> Standing:
    """Return how the rows of a table stand."""
    size = len(view.rows)
    nothing = np.zeros(size, np.int64)
    standing = Standing(nothing, _about(view, reading, schema), np.zeros(size), nothing - 1, nothing.copy(), weights)
    for kind, columns in view.subjects.items():
        for column in columns:
            _mark_near(standing, view, kind, column, hits)
    for row, position in sorted(hits.rows.get(view.rows.table, ())):
        weight = weights[position]
        if standing.band[row] != HIT or weight > standing.weight[row]:
            standing.weight[row], standing.detection[row], standing.apart[row] = weight, position, 0
        standing.band[row] = HIT
    return standing


def _mark_near(standing: Standing, view: TableView, kind: SubjectKind, column: Coded, hits: Hits) -> None:
    names = {name: code for code, name in enumerate(column.values.to_pylist()) if (kind, name) in hits.moments}
    if not names:
        return
    likely = np.flatnonzero(np.isin(column.codes, np.array(list(names.values()), np.int64)))
    likely = likely[view.seconds[likely] != NO_TIME]
    for name, code in names.items():
        rows = likely[column.codes[likely] == code]
        for weight, moments in hits.moments[kind, name].items():
            _mark_close(standing, rows, view.seconds[rows], weight, moments)


def _mark_close(standing: Standing, rows: Indexes, seconds: Indexes, weight: float, moments: Sequence[Hit]) -> None:
    """Mark the rows within minutes of one of these moments, where nothing weighs more already."""
    times = np.array([second for second, _ in moments], np.int64)
    after = np.clip(np.searchsorted(times, seconds), 0, len(times) - 1)
    before = np.clip(after - 1, 0, None)
    nearest = np.where(np.abs(seconds - times[before]) <= np.abs(seconds - times[after]), before, after)
    apart = seconds - times[nearest]
    worth = weight * NEAR_SHARE * (1 - np.abs(apart) / NEAR_SECONDS / 2)
    better = (np.abs(apart) <= NEAR_SECONDS) & (worth > standing.weight[rows])
    chosen = rows[better]
    standing.band[chosen], standing.weight[chosen], standing.apart[chosen] = NEAR, worth[better], apart[better]
    standing.detection[chosen] = np.array([position for _, position in moments], np.int64)[nearest[better]]


def _about(view: TableView, reading: Reading, schema: TableSchema | None) -> npt.NDArray[np.bool_]:
    """Return the rows that name a thing of the question in a column for such things."""
    marked = np.zeros(len(view.rows), np.bool_)
    for entity in reading.entities:
        kind = SUBJECT_KIND.get(entity.kind)
        if kind is not None:
            marked |= _named(view, kind, entity.value)
            continue
        for name in schema.columns_of(entity.kind) if schema is not None else ():
            if name in view.filled:
                column = view.column(name)
                held = pc.match_substring(column.values, entity.value, ignore_case=True)
                marked |= _rows_where(column, pc.equal(column.values, entity.value) if entity.kind == "port" else held)
    for word in reading.candidates:
        for kind in view.subjects:
            marked |= _named(view, kind, word)
    return marked


def _named(view: TableView, kind: SubjectKind, name: str) -> npt.NDArray[np.bool_]:
    marked = np.zeros(len(view.rows), np.bool_)
    wanted = PLAIN_NAME[kind](name)
    for column in view.subjects.get(kind, ()) if wanted else ():
        marked |= _rows_where(column, pc.equal(column.values, wanted))
    return marked


def _rows_where(column: Coded, held: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = held.to_numpy(zero_copy_only=False).astype(np.bool_)[column.codes]
    return found
