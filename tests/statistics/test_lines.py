"""Columns read where they lie say of each row what columns read as numbers say."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.state.queries import Condition
from soc_analyst.tools.detections.statistics.coded import coded
from soc_analyst.tools.detections.statistics.frame import Frame
from soc_analyst.tools.detections.statistics.lines import STRETCH, Lines, hardly_repeats
from soc_analyst.tools.evidence import TableRows

COLUMN = "ProcessCommandLine"
WRITTEN = st.one_of(
    st.none(),
    st.sampled_from(["", "whoami", "WhoAmI", "\u212a", "k", "\u0130d", "i\u0307d", "\u03a3", "\u03c2"]),
    st.text(max_size=8),
)
KINDS = (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()))


def _rows(column: pa.ChunkedArray) -> TableRows:
    return TableRows(
        "DeviceProcessEvents", pa.table({COLUMN: column}), ("q1",) * len(column), tuple(range(len(column)))
    )


@given(st.lists(st.lists(WRITTEN, max_size=6), max_size=4), st.sampled_from(KINDS))
def test_a_column_reads_the_same_by_row_and_by_number(chunks: list[list[str | None]], kind: pa.DataType) -> None:
    rows = _rows(pa.chunked_array([pa.array(each, pa.string()).cast(kind) for each in chunks], kind))
    lines = Lines(rows, COLUMN)
    assert list(lines) == rows.strings(COLUMN)
    assert [lines[n] for n in range(len(lines))] == rows.strings(COLUMN)
    assert lines.lengths.tolist() == [len(text) for text in rows.strings(COLUMN)]
    if not len(rows):
        return
    numbered = coded(rows, COLUMN)
    wanted = {"whoami", "k", "i\u0307d", "\u03c3"}
    assert lines.equal_to(wanted).tolist() == numbered.lowered.rows_where(wanted.__contains__).tolist()
    assert lines.holding("who").tolist() == numbered.rows_where(re.compile("who", re.IGNORECASE).search).tolist()
    only = lines.holding("[a-z]")
    assert lines.mapped(str.upper, only).texts() == [
        text.upper() if held else "" for text, held in zip(rows.strings(COLUMN), only, strict=True)
    ]


@given(st.lists(WRITTEN, min_size=1, max_size=12))
def test_rows_with_the_text_of_chosen_ones_are_numbered_together(texts: list[str | None]) -> None:
    rows = _rows(pa.chunked_array([pa.array(texts, pa.string())]))
    chosen = np.flatnonzero([bool(text) for text in texts])[:3]
    known = {texts[n] for n in chosen}
    alike = Lines(rows, COLUMN).like(chosen)
    assert alike.texts() == [text if text in known else "" for text in texts]
    assert len(alike.values) == len(known) + 1


@pytest.mark.parametrize(("texts", "repeats"), [("line {n}", False), ("line {m}", True)])
def test_claims_count_alike_whether_texts_repeat_or_not(texts: str, repeats: bool) -> None:
    column = [texts.format(n=n, m=n % 100) for n in range(STRETCH + 1)] + ["LINE 7", None]
    rows = _rows(pa.chunked_array([pa.array(column, pa.string())]))
    frame = Frame(rows)
    assert hardly_repeats(rows, COLUMN) is not repeats
    claim = frame.counted("such lines", Condition(column=COLUMN, op="=~", values=("Line 7",)))
    assert claim.expected == sum(text is not None and text.lower() == "line 7" for text in column)
    assert frame.text(COLUMN)[STRETCH + 1] == "LINE 7" and frame.text(COLUMN)[STRETCH + 2] == ""
