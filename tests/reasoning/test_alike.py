"""Rows that are alike, found in a table that is sorted once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.tools.reasoning.by_rules.ordinary.alike import MOST, RowsAlike, plain_text
from soc_analyst.tools.reasoning.past import LIKE

LIKENESS = LIKE["DeviceProcessEvents"]
NAMES = st.sampled_from(["cmd.exe", "CMD.EXE", "tool.exe", "", None])
LINES = st.sampled_from(["tool /q 1", "tool /q 22", "TOOL /q 3", "C:\\Users\\bob\\x", "C:\\Users\\ann\\x", "", None])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "FileName": NAMES,
            "InitiatingProcessFileName": NAMES,
            "ProcessCommandLine": LINES,
            "DeviceName": st.sampled_from(["a", "b", None]),
        }
    ),
    min_size=1,
    max_size=30,
)


def table(rows: Sequence[dict[str, Any]], *, packed: bool) -> pa.Table:
    names = rows[0]
    columns = {name: pa.chunked_array([pa.array([row[name] for row in rows], pa.string())]) for name in names}
    if packed:
        columns = {name: column.dictionary_encode() for name, column in columns.items()}
    return pa.table({**columns, "TimeGenerated": [datetime(2026, 3, 4, tzinfo=UTC)] * len(rows)})


def like(row: dict[str, Any], other: dict[str, Any]) -> bool:
    same = all(row[name] == other[name] for name in LIKENESS.names)
    return same and plain_text(row["ProcessCommandLine"] or "") == plain_text(other["ProcessCommandLine"] or "")


@given(rows=ROWS, packed=st.booleans())
def test_what_is_alike_is_what_a_comparison_of_each_pair_finds(rows: list[dict[str, Any]], packed: bool) -> None:
    found = RowsAlike(table(rows, packed=packed), LIKENESS)
    for row in rows:
        if row["ProcessCommandLine"] is not None:
            told = [each["DeviceName"] for each in found.to(row)]
            assert told == [other["DeviceName"] for other in rows if like(row, other)]
    assert found.places == len({row["DeviceName"] for row in rows} - {None})


@pytest.mark.parametrize("rows", [1, MOST, MOST + 7])
def test_no_more_rows_are_compared_than_is_said(rows: int) -> None:
    row = {"FileName": "x.exe", "InitiatingProcessFileName": None, "ProcessCommandLine": "x", "DeviceName": "a"}
    assert len(RowsAlike(table([row] * rows, packed=False), LIKENESS).to(row)) == min(rows, MOST)


def test_a_name_that_no_row_holds_is_like_none() -> None:
    row = {"FileName": "x.exe", "InitiatingProcessFileName": None, "ProcessCommandLine": "x", "DeviceName": "a"}
    assert RowsAlike(table([row], packed=True), LIKENESS).to({**row, "FileName": "y.exe"}) == []
