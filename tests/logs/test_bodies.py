"""Bodies of responses, read in pieces: what comes out is what the body says, wherever it was cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.tools.logs.azure import bodies
from soc_analyst.tools.logs.azure.bodies import Body, BodyReader
from soc_analyst.tools.logs.azure.results import as_arrow

COLUMNS = (("TimeGenerated", "datetime"), ("s", "string"), ("d", "dynamic"), ("n", "long"))
NASTY = st.text(alphabet='ab],["\\{}:ü\ud83d', max_size=12)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["2026-03-04T09:00:00.1234567Z", None]),
        st.none() | NASTY,
        st.none() | st.lists(st.lists(NASTY, max_size=2), max_size=2),
        st.none() | st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=40,
)


def written(rows: Any, **further: Any) -> bytes:
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS]
    return json.dumps({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}], **further}).encode()


def read(raw: bytes, size: int, **options: Any) -> Body:
    reader = BodyReader(**options)
    for start in range(0, len(raw), size):
        reader.feed(raw[start : start + size])
    return reader.finish()


@given(rows=ROWS, size=st.integers(1, 400), piece=st.integers(1, 600))
def test_a_body_says_the_same_wherever_it_is_cut(rows: list[tuple[Any, ...]], size: int, piece: int) -> None:
    raw = written(rows, statistics={"query": {}}, error={"code": "PartialError"})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bodies, "PIECE", piece)
        body = read(raw, size)
    names, kinds = zip(*COLUMNS, strict=True)
    assert body.rows.to_pylist() == as_arrow(names, kinds, rows).to_pylist()
    assert body.statistics == {"query": {}} and body.error == {"code": "PartialError"}


@pytest.mark.parametrize("between", [",", ",  "])
def test_only_a_piece_is_held(between: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE", 2_000)
    reader, most = BodyReader(), 0
    said = json.loads(written([[None, "],[" * 5, [["a"], ["b"]], n] for n in range(2_000)]))
    raw = json.dumps(said, separators=(between, ":")).encode()
    for start in range(0, len(raw), 100):
        reader.feed(raw[start : start + 100])
        most = max(most, len(reader._held))
    assert most < 2_300
    assert reader.finish().rows["n"].to_pylist() == list(range(2_000))


def test_no_more_rows_are_kept_than_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE", 500)
    rows = [[None, "x", None, n] for n in range(200)]
    assert read(written(rows), 64, most=7).rows["n"].to_pylist() == list(range(7))
    assert read(written(rows), 64, most=500).rows.num_rows == 200


def test_an_empty_result_keeps_its_columns() -> None:
    body = read(written([]), 10)
    assert body.rows.schema.names == [name for name, _ in COLUMNS]
    assert body.rows.schema.types == [pa.timestamp("us", tz="UTC"), pa.string(), pa.string(), pa.int64()]


def test_a_further_table_of_the_same_columns_goes_on_and_another_is_named() -> None:
    said = json.loads(written([[None, "x", None, 1]]))
    again = {**said["tables"][0], "name": "Second", "rows": [[None, "y", None, 2]]}
    other = {"name": "Third", "columns": [{"name": "q", "type": "string"}], "rows": [["z"]]}
    body = read(json.dumps({"tables": [said["tables"][0], again, other]}).encode(), 50)
    assert body.rows["n"].to_pylist() == [1, 2]
    assert body.apart == ("Third",)


@pytest.mark.parametrize("raw", [b"", b"<!doctype html>", b"[]", b'{"tables": [{"name": "T"}]}', written([[1]])[:-9]])
def test_what_is_no_answer_is_an_error(raw: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        read(raw, 5)


def test_times_at_the_ends_of_kusto_s_calendar_and_without_a_zone() -> None:
    texts = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2026-03-04T09:00:00", "2026-03-04", "soon", None]
    table = as_arrow(["t"], ["datetime"], [[text] for text in texts])
    assert table["t"].to_pylist() == [
        datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 4, 9, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC), None, None,
    ]  # fmt: skip


def test_values_that_are_not_as_their_type_says_are_read_one_by_one() -> None:
    kinds = ["long", "real", "bool", "bool", "string", "dynamic", "int"]
    rows = [["7", "Infinity", 1, "True", 5, {"a": [1]}, 2**70], [8, 2**60 + 1, True, False, "\ud800", "x", 1.0]]
    table = as_arrow(list("abcdefg"), kinds, rows)
    first, second = table.to_pylist()
    assert list(first.values()) == [7, float("inf"), True, True, "5", '{"a": [1]}', None]
    assert list(second.values()) == [8, float(2**60 + 1), True, False, "?", "x", 1]
