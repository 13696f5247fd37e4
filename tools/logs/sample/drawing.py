"""Drawing the rows of a table: many at once, by column, from prototypes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from .calendar import HOURS, START, hourly_weights, micros
from .columns import columns_of
from .stock import Planted, Prototype, scrambled

__all__ = ["ROWS_AT_ONCE", "TableDraw", "shares"]

ROWS_AT_ONCE = 100_000
"""Rows that are held in memory at a time, on average."""

_HOUR = 3_600_000_000
_UTC = pa.timestamp("us", tz="UTC")


def shares(total: int, weights: list[int]) -> list[int]:
    """Split a total by weights into whole numbers that add up to it."""
    whole, below, parts = sum(weights), 0, []
    for weight in weights:
        parts.append(total * (below + weight) // whole - total * below // whole)
        below += weight
    return parts


@dataclass(frozen=True)
class _Group:
    """The prototypes of one rhythm: their places in the stock, as often as their weight, and how many are due."""

    deck: pa.Array
    weights: tuple[int, ...]
    rows: int

    def due(self, first: int, last: int) -> int:
        """Return the rows due in the hours [first, last)."""
        whole, before, after = sum(self.weights), sum(self.weights[:first]), sum(self.weights[:last])
        return self.rows * after // whole - self.rows * before // whole


@dataclass
class _Dice:
    """Random numbers of one slice; the same key gives the same numbers."""

    key: str
    _rolls: int = field(default=0)

    def _seed(self) -> int:
        self._rolls += 1
        return random.Random(f"{self.key}/{self._rolls}").getrandbits(31)

    def below(self, limit: int, rows: int) -> pa.Array:
        """Return whole numbers in [0, limit)."""
        return pc.cast(pc.floor(pc.multiply(pc.random(rows, initializer=self._seed()), float(limit))), pa.int64())

    def guids(self, rows: int) -> pa.Array:
        """Return random GUIDs."""
        digits = random.Random(self._seed()).randbytes(16 * rows).hex().encode()
        offsets = pa.array(range(0, 32 * rows + 1, 32), pa.int32())
        text = pa.StringArray.from_buffers(rows, offsets.buffers()[1], pa.py_buffer(digits))
        cuts = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
        return pc.binary_join_element_wise(*(pc.utf8_slice_codeunits(text, a, b) for a, b in cuts), "-")


@dataclass(frozen=True)
class _Slice:
    """Events of a stretch of time: when each was, and its number in the table."""

    times: pa.Array
    numbers: pa.Array
    dice: _Dice

    @property
    def rows(self) -> int:
        return len(self.times)

    def at(self) -> pa.Array:
        return pc.cast(self.times, _UTC)

    def amount(self, least: int, most: int) -> pa.Array:
        """Return amounts of which the small ones are the most frequent."""
        roll = pc.divide(pc.cast(self.dice.below(1_000_000, self.rows), pa.float64()), 1e6)
        return pc.floor(pc.add(pc.multiply(pc.power(roll, 4.0), float(most - least)), float(least)))

    def report_ids(self) -> pa.Array:
        product = pc.add(pc.multiply(self.numbers, scrambled(1) - scrambled(0)), scrambled(0))
        return pc.bit_wise_and(product, (1 << 44) - 1)


Draw = Callable[[_Slice], pa.Array]

_DRAWS: dict[str, Draw] = {
    "TimeGenerated": _Slice.at,
    "ReportId": _Slice.report_ids,
    "ProcessId": lambda events: pc.multiply(pc.add(events.dice.below(5000, events.rows), 300), 4),
    "ProcessCreationTime": _Slice.at,
    "LogonId": lambda events: pc.add(events.dice.below(90_000_000, events.rows), 100_000),
    "LocalPort": lambda events: pc.cast(pc.add(events.dice.below(15_000, events.rows), 50_000), pa.int32()),
    "Id": lambda events: events.dice.guids(events.rows),
    "CorrelationId": lambda events: events.dice.guids(events.rows),
    "OriginalRequestId": lambda events: events.dice.guids(events.rows),
    "OperationId": lambda events: events.dice.guids(events.rows),
    "EventDataId": lambda events: events.dice.guids(events.rows),
    "UniqueTokenIdentifier": lambda events: events.dice.guids(events.rows),
    "CreatedDateTime": _Slice.at,
    "ActivityDateTime": _Slice.at,
    "EventSubmissionTimestamp": _Slice.at,
    "FlowStartTime_t": _Slice.at,
    "FlowEndTime_t": _Slice.at,
    "FlowIntervalStartTime_t": _Slice.at,
    "FlowIntervalEndTime_t": _Slice.at,
    "TimeProcessed_t": _Slice.at,
    "InboundBytes_d": lambda events: events.amount(400, 900_000),
    "OutboundBytes_d": lambda events: events.amount(400, 300_000),
    "InboundPackets_d": lambda events: events.amount(2, 900),
    "OutboundPackets_d": lambda events: events.amount(2, 400),
}
"""What is drawn for each event where its prototype leaves it open."""

_DRAWN_WHERE = {
    "ProcessId": "FileName",
    "LocalPort": "RemotePort",
    "LogonId": "LogonType",
}
"""Columns that stay empty where this other one is empty."""


class TableDraw:
    """Draws the rows of one table, slice by slice in the order of time."""

    def __init__(self, table: str, prototypes: list[Prototype], planted: list[Planted], rows: int, seed: int) -> None:
        """Prepare to draw `rows` rows besides the planted ones."""
        self.schema = columns_of(table)
        self.name, self.rows, self._seed = table, rows, seed
        self._planted = pa.array([micros(each.time) for each in planted], pa.int64())
        self._first_planted = len(prototypes)
        self._groups = _group(prototypes, rows)
        self._stock = _stock([each.row for each in prototypes] + [each.row for each in planted], self.schema)

    def slices(self) -> Iterator[pa.Table]:
        """Yield the table in pieces of about ROWS_AT_ONCE rows, each sorted by time and later than the one before."""
        count = min(HOURS, self.rows // ROWS_AT_ONCE + 1)
        number = len(self._planted)
        for index in range(count):
            dice = _Dice(f"{self._seed}/{self.name}/{index}")
            places, times = self._events(HOURS * index // count, HOURS * (index + 1) // count, dice)
            numbers = pa.array(range(number, number + len(times)), pa.int64())
            number += len(times)
            yield self._filled(places, _Slice(times, numbers, dice))

    def _events(self, first: int, last: int, dice: _Dice) -> tuple[pa.Array, pa.Array]:
        places, times = [], []
        for group in self._groups:
            due = group.due(first, last)
            hours = pa.array([hour for hour in range(first, last) for _ in range(group.weights[hour])], pa.int64())
            if due:
                places.append(group.deck.take(dice.below(len(group.deck), due)))
                hour = pc.multiply(hours.take(dice.below(len(hours), due)), _HOUR)
                times.append(pc.add(pc.add(hour, dice.below(_HOUR, due)), micros(START)))
        here = self._planted_between(first, last)
        places.append(pc.add(here, self._first_planted))
        times.append(self._planted.take(here))
        when = pa.concat_arrays(times)
        order = pc.array_sort_indices(when)
        return pa.concat_arrays(places).take(order), when.take(order)

    def _planted_between(self, first: int, last: int) -> pa.Array:
        start, end = micros(START) + first * _HOUR, micros(START) + last * _HOUR + (last == HOURS)
        inside = pc.and_(pc.greater_equal(self._planted, start), pc.less(self._planted, end))
        return pc.cast(pc.indices_nonzero(inside), pa.int64())

    def _filled(self, places: pa.Array, events: _Slice) -> pa.Table:
        columns = {name: _column(name, self._stock, places, events) for name in self.schema.names}
        return pa.table(columns)


def _column(name: str, stock: pa.Table, places: pa.Array, events: _Slice) -> pa.Array:
    column = stock[name].chunk(0)
    if pa.types.is_null(column.type):
        return pa.nulls(len(places), column.type)
    taken = column.take(places)
    draw = _DRAWS.get(name)
    if draw is None or not taken.null_count:
        return taken
    condition = _DRAWN_WHERE.get(name)
    if condition is None or condition not in stock.column_names:
        return pc.coalesce(taken, draw(events))
    open_here = stock[condition].chunk(0).take(places).is_valid()
    return pc.coalesce(taken, pc.if_else(open_here, draw(events), pa.scalar(None, taken.type)))


def _group(prototypes: list[Prototype], rows: int) -> list[_Group]:
    rhythms = sorted({each.rhythm for each in prototypes})
    decks = {
        rhythm: [place for place, each in enumerate(prototypes) if each.rhythm == rhythm for _ in range(each.weight)]
        for rhythm in rhythms
    }
    # A rhythm's rows follow the weights of its prototypes.
    due = shares(rows, [len(decks[rhythm]) for rhythm in rhythms]) if rhythms else []
    return [
        _Group(pa.array(decks[rhythm], pa.int64()), hourly_weights(rhythm), part)
        for rhythm, part in zip(rhythms, due, strict=True)
    ]


def _stock(rows: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    """Return the rows by column; texts as dictionaries unless they are drawn, so that taking them is taking numbers."""
    columns = {}
    for field_ in schema:
        values = pa.array([row.get(field_.name) for row in rows], field_.type)
        if pa.types.is_string(field_.type) and field_.name not in _DRAWS:
            values = values.dictionary_encode()
        columns[field_.name] = values
    return pa.table(columns)
