from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.state.findings import EvidenceRef
from soc_analyst.tools.evidence import Evidence, EvidenceStore, TableRows
from soc_analyst.tools.evidence.describing import LONGEST, describe
from soc_analyst.tools.evidence.rows import row_json, taken

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def logs(*names: str) -> pa.Table:
    return pa.table(
        {
            "TimeGenerated": pa.array([NOON] * len(names), pa.timestamp("us", "UTC")),
            "AccountName": pa.array(list(names)),
        }
    )


def test_a_row_returned_twice_stands_once_under_its_first_handle() -> None:
    rows = TableRows.collect("T", [("q1", logs("a", "b")), ("q2", logs("b", "c"))])
    assert rows.strings("AccountName") == ["a", "b", "c"]
    assert [(ref.query_id, ref.row) for ref in rows.refs(range(3))] == [("q1", 0), ("q1", 1), ("q2", 1)]
    assert rows.ref(0).time == NOON


def test_results_with_other_columns_are_joined_by_name() -> None:
    wider = logs("a").append_column("RemoteIP", pa.array(["192.0.2.1"]))
    rows = TableRows.collect("T", [("q1", logs("b")), ("q2", wider)])
    assert rows.strings("RemoteIP") == ["", "192.0.2.1"]
    assert rows.strings("NoSuchColumn") == ["", ""]


def test_a_column_that_a_query_made_anew_in_another_type_is_left_out() -> None:
    counted = pa.table({"AccountName": pa.array([7]), "n": pa.array([3]), "_query": pa.array(["q9"])})
    rows = TableRows.collect("T", [("q1", logs("a")), ("q2", counted)])
    assert rows.strings("AccountName") == ["a", ""]
    assert rows.strings("n") == ["", "3"]
    assert [ref.query_id for ref in rows.refs(range(2))] == ["q1", "q2"]


def test_a_row_is_told_alike_whatever_order_its_columns_came_in() -> None:
    came = {"n": [1], "ReportId": [7], "FileName": ["a.exe"], "TimeGenerated": [NOON], "DeviceName": ["ws-1"]}
    one = pa.table({name: pa.array(values) for name, values in came.items()})
    other = one.select(["TimeGenerated", "n", "DeviceName", "FileName", "ReportId"])
    lines = {row_json(TableRows.collect("DeviceProcessEvents", [("q1", rows)]).row(0)) for rows in (one, other)}
    assert lines == {
        '{"TimeGenerated": "2026-03-04T12:00:00Z", "DeviceName": "ws-1", "FileName": "a.exe", "ReportId": 7, "n": 1}'
    }


def test_a_handle_finds_its_row_and_a_made_up_one_finds_none() -> None:
    evidence = Evidence([TableRows.collect("T", [("q1", logs("a"))])])
    assert evidence.row(EvidenceRef(query_id="q1", table="T", row=0)) == {"TimeGenerated": NOON, "AccountName": "a"}
    for made_up in (("q9", "T", 0), ("q1", "T", 7), ("q1", "Other", 0)):
        query, table, row = made_up
        assert evidence.row(EvidenceRef(query_id=query, table=table, row=row)) is None


def test_a_log_line_holds_the_fields_that_are_filled() -> None:
    assert (
        row_json({"TimeGenerated": NOON, "A": "", "B": None, "C": 0})
        == '{"TimeGenerated": "2026-03-04T12:00:00Z", "C": 0}'
    )


def test_a_row_is_the_callers_own_however_often_it_is_read() -> None:
    rows = TableRows.collect("SigninLogs", [("q1", logs("a", "b"))])
    first = rows.row(1)
    assert first == {"TimeGenerated": NOON, "AccountName": "b"}
    first["AccountName"] = "changed"
    assert rows.row(1) == {"TimeGenerated": NOON, "AccountName": "b"}
    assert rows.row(0)["AccountName"] == "a"


def test_the_store_is_addressed_by_content(tmp_path: pytest.TempPathFactory) -> None:
    store = EvidenceStore(tmp_path)  # type: ignore[arg-type]
    first, second = store.put_rows(logs("a", "b")), store.put_rows(logs("a", "b"))
    assert first == second
    assert store.rows(first).equals(logs("a", "b"))
    assert store.put_rows(logs("c")) != first
    assert store.text(store.put_text("let T = …")) == "let T = …"


@given(st.dictionaries(st.sampled_from(["ProcessCommandLine", "FileName", "DeviceName"]), st.text()))
def test_a_described_row_is_one_short_printable_line(row: dict[str, str]) -> None:
    line = describe("DeviceProcessEvents", row)
    assert line.isprintable()
    assert len(line) <= LONGEST


@given(st.data(), st.lists(st.lists(st.none() | st.text("ab"), max_size=3), min_size=1, max_size=4))
def test_values_are_taken_from_whatever_chunk_holds_them(data: st.DataObject, chunks: list[list[str | None]]) -> None:
    values = [value for chunk in chunks for value in chunk]
    wanted = data.draw(st.lists(st.integers(0, len(values) - 1))) if values else []
    column = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks])
    assert taken(column, wanted) == [values[row] for row in wanted]


def test_distinct_combinations_are_told_as_text_in_order_of_rows() -> None:
    came = pa.table(
        {"IP": ["b", None, "b", "", "a"], "Port": [1, 2, 1, 2, None], "Tags": [["x"], None, ["x"], None, []]}
    )
    rows = TableRows.collect("T", [("q1", came)])
    assert rows.distinct("IP", "Port", "Gone") == [("b", "1", ""), ("", "2", ""), ("a", "", "")]
    assert rows.distinct("Gone") == [("",)]
    assert rows.distinct("Tags", "IP") == [("['x']", "b"), ("", ""), ("[]", "a")]
