"""Rows of which most columns repeat: what they say must not depend on how they lie."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from soc_analyst.state.findings import EvidenceRef
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence, EvidenceStore, TableRows, joining, packing
from soc_analyst.tools.evidence.packing import alike, numbered, packed, plain
from soc_analyst.tools.proof.claims import rows_meeting

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MANY = packing.MANY_ROWS


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return starts(range(MANY))


def starts(numbers: range) -> pa.Table:
    return pa.table(
        {
            "TimeGenerated": pa.array([NOON - timedelta(seconds=n) for n in numbers], pa.timestamp("us", "UTC")),
            "DeviceName": [None if n % 10 == 3 else f"ws-{n % 7}" for n in numbers],
            "ProcessCommandLine": [f"tool --run {n}" for n in numbers],
        }
    )


def test_texts_that_repeat_are_packed_and_lines_that_do_not_stay(rows: pa.Table, tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    read = store.packed_rows(store.put_rows(rows))
    assert [pa.types.is_dictionary(kind) for kind in read.schema.types] == [False, True, False]
    assert read.equals(packed(rows)) and read["DeviceName"].nbytes < rows["DeviceName"].nbytes
    assert {name: plain(read[name]).to_pylist() for name in read.column_names} == rows.to_pydict()


def test_few_rows_lie_as_they_came(rows: pa.Table, tmp_path: Path) -> None:
    few, store = rows.slice(0, 50), EvidenceStore(tmp_path)
    assert packed(few) is few
    assert store.packed_rows(store.put_rows(few)).equals(few)


def test_claims_count_nulls_and_texts_of_packed_columns_as_of_plain_ones(rows: pa.Table) -> None:
    counts = []
    for table in (rows, packed(rows)):
        evidence = Evidence([TableRows("DeviceProcessEvents", table, ("q1",) * len(table), range(len(table)))])
        asked = [("==", ("ws-2",)), ("isempty", ()), ("contains", ("WS",)), ("!=", ("ws-2",))]
        where = [Condition(column="DeviceName", op=op, values=values) for op, values in asked]
        counts.append([rows_meeting((each,), "DeviceProcessEvents", evidence) for each in where])
    assert counts[0] == counts[1] and all(counts[0][:3])


def test_a_part_that_was_not_packed_joins_those_that_were(rows: pa.Table) -> None:
    parts = [("q1", packed(rows)), ("q2", starts(range(MANY - 5, MANY + 5)))]
    found = TableRows.collect("DeviceProcessEvents", parts)
    assert pa.types.is_dictionary(found.rows.schema.field("DeviceName").type)
    assert plain(found.rows["DeviceName"]).to_pylist() == starts(range(MANY + 5))["DeviceName"].to_pylist()
    handles = [(ref.query_id, ref.row) for ref in found.refs((0, MANY - 1, MANY, MANY + 4))]
    assert handles == [("q1", 0), ("q1", MANY - 1), ("q2", 5), ("q2", 9)]
    assert found.index_of("q2", 5) == MANY and found.index_of("q2", 4) is None and found.index_of("q3", 0) is None
    assert found.rows["DeviceName"].num_chunks == 2, "the rows that stay are copied"


def test_a_column_packed_in_a_small_part_alone_is_spelled_out(rows: pa.Table) -> None:
    small = rows.slice(0, 9).set_column(
        2, "ProcessCommandLine", rows["ProcessCommandLine"].slice(0, 9).dictionary_encode()
    )
    first, second = alike([small, rows])
    assert first.schema == second.schema == rows.schema
    assert first.to_pydict() == rows.slice(0, 9).to_pydict()


def test_rows_that_agree_in_numbers_alone_are_not_one(rows: pa.Table) -> None:
    other = rows.set_column(2, "ProcessCommandLine", pa.array([f"other {n}" for n in range(MANY)]))
    assert len(TableRows.collect("DeviceProcessEvents", [("q1", rows), ("q2", other), ("q3", rows)])) == 2 * MANY


def test_many_scattered_repeats_leave_the_rows_that_the_plain_way_leaves(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = rows.take(pa.array([n for n in range(MANY) if n % 3 == 0]))
    parts = [("q1", rows.slice(0, 700)), ("q2", twice), ("q3", rows)]
    lean = TableRows.collect("DeviceProcessEvents", parts)
    monkeypatch.setattr(joining, "MANY_ROWS", 10 * MANY)
    whole = TableRows.collect("DeviceProcessEvents", parts)
    assert list(_handles(lean)) == list(_handles(whole)) and len(lean) == MANY
    assert {name: plain(lean.rows[name]).to_pylist() for name in rows.column_names} == {
        name: plain(whole.rows[name]).to_pylist() for name in rows.column_names
    }


def _handles(rows: TableRows) -> Iterator[EvidenceRef]:
    return iter(rows.refs(range(len(rows))))


@pytest.mark.parametrize(
    ("dictionary", "codes"),
    [
        (["a", "b"], [1, 0, None]),
        (["a", "unused", "b"], [0, 2, 0]),
        (["a", "b", "a"], [0, 1, 2]),
        (["a", None], [0, 1, 0]),
    ],
)
def test_a_dictionary_from_elsewhere_is_read_as_one_of_ours(
    dictionary: list[str | None], codes: list[int | None]
) -> None:
    came = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(dictionary))])
    values, numbers = numbered(came)
    assert [[*values.to_pylist(), None][n] for n in numbers] == came.to_pylist()
    assert len(set(values.to_pylist())) == len(values) == len(set(came.to_pylist()) - {None})
    assert values.to_pylist() == list(dict.fromkeys(v for v in came.to_pylist() if v is not None))


def test_several_chunks_with_dictionaries_of_their_own_are_one_column() -> None:
    came = pa.chunked_array([pa.array(texts).dictionary_encode() for texts in (["a", "b"], ["b", "c"])])
    assert numbered(came)[0].to_pylist() == ["a", "b", "c"]
    assert numbered(came.slice(0, 0))[0].to_pylist() == []
