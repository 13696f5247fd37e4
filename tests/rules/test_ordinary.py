"""The ordinary events are rows of known tables, and neither half is read twice or left empty."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from ordinary_rows import Window, windows

from soc_analyst.tools.logs.tables import load_tables


@cache
def every() -> tuple[Window, ...]:
    return tuple(windows())


def test_every_row_has_only_columns_of_its_table() -> None:
    schemas = load_tables()
    unknown = {
        (table, column)
        for window in every()
        for table, rows in window.tables.items()
        for row in rows
        for column in set(row) - set(schemas[table].columns)
    }
    assert unknown == set()


def test_windows_have_names_of_their_own_and_both_halves_are_filled() -> None:
    names = [window.name for window in every()]
    assert len(names) == len(set(names))
    halves = {(window.collection, window.split) for window in every()}
    assert halves == {
        (each, half) for each in ("dense", "everyday", "routine", "changes", "weekdays") for half in ("tuning", "test")
    }
    assert {table for window in every() for table in window.tables} == set(load_tables())
