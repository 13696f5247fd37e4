"""What tables hold, counted in equal parts of a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import duckdb

from soc_analyst.state.costs import Volume
from soc_analyst.state.tables import TableSchema

from .base import Survey
from .casting import quoted

__all__ = ["PARTS", "added_up", "counted", "spread"]

PARTS = 48
"""Parts that a window is told in: a day by half hours. The state of a case holds them."""
SAMPLED = 1_000
"""Rows of a loaded table whose texts are measured."""
FIXED_BYTES = 8
"""What a time, a number or a truth value takes, whatever it is."""

Piece = tuple[datetime, datetime, float]
"""An amount of something between two moments."""


def spread(pieces: Iterable[Piece], start: datetime, end: datetime) -> tuple[int, ...]:
    """Return what falls into each part of a window, each piece taken as even over its time, in whole numbers.

    The sums are rounded, not the parts: little of much time would else be nothing at all.
    """
    width = (end - start) / PARTS
    amounts = [0.0] * PARTS
    for begun, ended, amount in pieces:
        first = max(0, int((begun - start) / width))
        last = min(PARTS - 1, int((ended - start) / width))
        for at in range(first, last + 1):
            inside = min(ended, start + width * (at + 1)) - max(begun, start + width * at)
            amounts[at] += amount * max(0.0, inside / (ended - begun))
    sums = [round(total) for total in accumulate(amounts, initial=0.0)]
    return tuple(after - before for before, after in pairwise(sums))


def added_up(surveys: Sequence[Survey]) -> Survey:
    """Return what several workspaces hold together; a table of which one says nothing is not told of."""
    by_table: dict[str, list[Volume]] = {}
    for volume in (volume for survey in surveys for volume in survey.volumes):
        by_table.setdefault(volume.table, []).append(volume)
    volumes = [_sum(own) for own in by_table.values() if len(own) == len(surveys)]
    return Survey(tuple(volumes), tuple(dict.fromkeys(note for survey in surveys for note in survey.notes)))


def _sum(volumes: Sequence[Volume]) -> Volume:
    def summed(amounts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(map(sum, zip(*amounts, strict=True))) if all(amounts) else ()

    delays = [one.delay_seconds for one in volumes if one.delay_seconds is not None]
    return volumes[0].model_copy(
        update={
            "sizes": summed([one.sizes for one in volumes]),
            "rows": summed([one.rows for one in volumes]),
            "delay_seconds": max(delays, default=None),
        }
    )


def counted(
    engine: duckdb.DuckDBPyConnection, schemas: Mapping[str, TableSchema], start: datetime, end: datetime
) -> Survey:
    """Count the rows of loaded tables in each part of a window. Blocks.

    Rows are exact. Bytes are those rows times the mean of a sample: the characters of its texts, and eight bytes for
    every other column.
    """
    return Survey(tuple(_counted(engine, schema, start, end) for schema in schemas.values()))


def _counted(engine: duckdb.DuckDBPyConnection, schema: TableSchema, start: datetime, end: datetime) -> Volume:
    window = (_naive(start), _naive(end))
    width = (end - start) / PARTS / timedelta(microseconds=1)
    part = "CAST(floor((epoch_us(TimeGenerated) - epoch_us(?::TIMESTAMP)) / ?) AS INTEGER)"
    inside = f"FROM {quoted(schema.name)} WHERE TimeGenerated >= ? AND TimeGenerated < ?"
    found = engine.execute(f"SELECT {part}, count(*) {inside} GROUP BY 1", [window[0], width, *window]).fetchall()
    by_part = {int(at): int(rows) for at, rows in found}
    rows = tuple(by_part.get(at, 0) for at in range(PARTS))
    sample = f"(SELECT * {inside} LIMIT {SAMPLED})"
    (mean,) = engine.execute(f"SELECT avg({_row_bytes(schema)}) FROM {sample}", list(window)).fetchone() or (None,)
    sizes = tuple(round(count * float(mean or 0)) for count in rows)
    return Volume(table=schema.name, start=start, end=end, sizes=sizes, rows=rows, basis="loaded")


def _row_bytes(schema: TableSchema) -> str:
    texts = [name for name, column in schema.columns.items() if column.type in ("string", "dynamic")]
    parts = [f"coalesce(strlen(CAST({quoted(name)} AS VARCHAR)), 0)" for name in texts]
    return " + ".join([str(FIXED_BYTES * (len(schema.columns) - len(texts))), *parts])


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
