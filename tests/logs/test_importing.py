"""`workspace import`: files become typed tables, once."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.logs.importing import import_files

SIGNIN = {"TimeGenerated": "2026-01-02T03:04:05Z", "UserId": "u1", "DurationMs": "7", "Status": {"errorCode": 0}}


def jsonl(path: Path, *rows: dict) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def stored(folder: Path, name: str) -> list[dict]:
    return pq.read_table(folder / name).to_pylist()


def test_a_file_becomes_a_typed_table(tmp_path):
    source = jsonl(tmp_path / "signinlogs.jsonl", SIGNIN, {**SIGNIN, "Shoe": 43}, {"TimeGenerated": "soon"})
    summary = import_files(tmp_path / "ws", [source])
    (table,) = summary.tables
    assert (table.table, table.file, table.added, table.already_there) == ("SigninLogs", "SigninLogs.parquet", 2, 0)
    assert any("1 of 3 rows left out" in line for line in summary.lines())
    assert any("Shoe" in line for line in summary.lines())
    row = stored(tmp_path / "ws", "SigninLogs.parquet")[0]
    assert row["TimeGenerated"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (row["DurationMs"], json.loads(row["Status"]), row["IPAddress"]) == (7, {"errorCode": 0}, "")


def test_identical_rows_of_one_file_are_kept_and_those_already_there_are_not(tmp_path):
    source = jsonl(tmp_path / "SigninLogs.jsonl", SIGNIN, SIGNIN)
    folder = tmp_path / "ws"
    import_files(folder, [source])
    before = (folder / "SigninLogs.parquet").read_bytes()
    (again,) = import_files(folder, [source]).tables
    assert (again.added, again.already_there, again.file) == (0, 2, "")
    jsonl(source, SIGNIN, SIGNIN, {**SIGNIN, "UserId": "u2"})
    (more,) = import_files(folder, [source]).tables
    assert (more.added, more.already_there, more.file) == (1, 2, "SigninLogs.2.parquet")
    assert (folder / "SigninLogs.parquet").read_bytes() == before
    assert [row["UserId"] for row in stored(folder, "SigninLogs.2.parquet")] == ["u2"]


def test_the_type_column_tells_the_table(tmp_path):
    source = tmp_path / "export.csv"
    source.write_text("TimeGenerated,Type,Caller\n2026-01-02,AzureActivity,ada\n")
    (table,) = import_files(tmp_path / "ws", [source]).tables
    assert table.table == "AzureActivity"
    assert stored(tmp_path / "ws", "AzureActivity.parquet")[0]["Caller"] == "ada"


async def test_what_was_imported_can_be_asked(tmp_path, ask):
    source = jsonl(tmp_path / "SigninLogs.jsonl", SIGNIN)
    import_files(tmp_path / "ws", [source])
    result = await ask(tmp_path / "ws", "SigninLogs | where Status.errorCode == 0 | project UserId, DurationMs")
    assert result.rows.to_pylist() == [{"UserId": "u1", "DurationMs": 7}]


def test_parts_with_names_that_do_not_sort_go_to_one_table(tmp_path):
    files = [jsonl(tmp_path / f"SigninLogs ({i}).jsonl", {**SIGNIN, "UserId": f"u{i}"}) for i in range(3)]
    (table,) = import_files(tmp_path / "ws", files).tables
    assert table.added == 3


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("export.csv", "TimeGenerated,Type\n2026-01-02,AzureActivity\n2026-01-02,AuditLogs\n", "tells no table"),
        ("export.csv", "TimeGenerated\n2026-01-02\n", "tells no table"),
        ("export.xlsx", "x", "no format that can be read"),
        ("AuditLogs.parquet", "x", "cannot be read as Parquet"),
        ("AuditLogs.csv", "TimeGenerated\nnever\n", "none of its 1 rows"),
    ],
)
def test_when_one_file_is_bad_nothing_is_written(name, content, said, tmp_path):
    good = jsonl(tmp_path / "SigninLogs.jsonl", SIGNIN)
    bad = tmp_path / name
    bad.write_text(content)
    with pytest.raises(OperatorError, match=said) as error:
        import_files(tmp_path / "ws", [good, bad])
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert list((tmp_path / "ws").iterdir()) == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OperatorError, match="no such file"):
        import_files(tmp_path / "ws", [tmp_path / "AuditLogs.csv"])
