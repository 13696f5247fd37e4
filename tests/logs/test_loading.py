"""Folders of every form, good and bad, as workspaces."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soc_analyst.state.errors import OperatorError

ROWS = [
    {"TimeGenerated": "2026-01-02T03:04:05Z", "UserPrincipalName": "ada@x.com", "DurationMs": 12, "IsRisky": True,
     "Status": {"errorCode": 0}},
    {"TimeGenerated": "2026-01-02T05:04:05+02:00", "UserPrincipalName": "bob@x.com", "DurationMs": "13",
     "IsRisky": "false", "Status": '{"errorCode": 50126}'},
    {"TimeGenerated": "2026-01-02 03:04:06.5", "UserPrincipalName": None, "Status": None},
]  # fmt: skip
CSV = (
    "TimeGenerated,UserPrincipalName,DurationMs,IsRisky,Status\n"
    '2026-01-02T03:04:05Z,ada@x.com,12,true,"{""errorCode"": 0}"\n'
    '2026-01-02T05:04:05+02:00,bob@x.com,13,False,"{""errorCode"": 50126}"\n'
    "2026-01-02 03:04:06.5,,,,\n"
)
TYPED = "SigninLogs | project TimeGenerated, UserPrincipalName, DurationMs, IsRisky, c = toint(Status.errorCode)"


def jsonl(rows):
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def write(folder: Path, name: str, text: str | bytes) -> Path:
    content = text.encode() if isinstance(text, str) else text
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def write_parquet(folder: Path, name: str = "SigninLogs.parquet") -> Path:
    columns = {
        "TimeGenerated": pa.array(
            [datetime(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 3, 4, 6, 500_000)],
            pa.timestamp("ns"),
        ),
        "UserPrincipalName": ["ada@x.com", "bob@x.com", None],
        "DurationMs": pa.array([12, 13, None], pa.int16()),
        "IsRisky": [True, False, None],
        "Status": [{"errorCode": 0}, {"errorCode": 50126}, None],
    }
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


FORMS = {
    "SigninLogs.csv": CSV,
    "SigninLogs.csv.gz": CSV,
    "signinlogs.CSV": "\ufeff" + CSV.replace("\n", "\r\n"),
    "SigninLogs.tsv": CSV.replace(",", "\t").replace('"{""errorCode""', '"{""errorCode""'),
    "SigninLogs.jsonl": jsonl(ROWS),
    "SigninLogs.jsonl.gz": jsonl(ROWS),
    "SigninLogs.ndjson": "\n" + jsonl(ROWS).replace("\n", "\n\n"),
    "SigninLogs.json": json.dumps(ROWS),
    "SigninLogs.part2.json": json.dumps(ROWS, indent=2),
    "SigninLogs (1).json": "\n".join(json.dumps(row, indent=2) for row in ROWS),
}


@pytest.mark.parametrize("name", [*FORMS, "SigninLogs.parquet"])
async def test_every_form_gives_the_same_typed_rows(name, folder, ask):
    if name in FORMS:
        write(folder, name, FORMS[name])
    else:
        write_parquet(folder)
    result = await ask(folder, f"{TYPED} | order by TimeGenerated asc, UserPrincipalName asc")
    first = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    third = datetime(2026, 1, 2, 3, 4, 6, 500_000, tzinfo=UTC)
    assert result.diagnostics == ()
    assert [tuple(row.values()) for row in result.rows.to_pylist()] == [
        (first, "ada@x.com", 12, True, 0),
        (first, "bob@x.com", 13, False, 50126),
        (third, "", None, None, None),
    ]
    assert [str(field.type) for field in result.rows.schema][:4] == [
        "timestamp[us, tz=UTC]", "string", "int64", "bool"
    ]  # fmt: skip


async def test_forms_mix_and_a_table_may_have_several_files(folder, ask):
    write_parquet(folder, "SigninLogs.1.parquet")
    write(folder, "SigninLogs.2.csv", CSV)
    write(folder, "DeviceProcessEvents.jsonl", jsonl([{"TimeGenerated": "2026-01-01", "FileName": "a.exe"}]))
    result = await ask(folder, "union SigninLogs, DeviceProcessEvents | summarize n = count()")
    assert result.rows.to_pylist() == [{"n": 7}]


async def test_the_clock_is_the_second_after_the_newest_event_or_the_one_injected(folder, open_logs):
    write(folder, "SigninLogs.csv", CSV)
    async with open_logs(folder) as logs:
        assert await logs.now() == datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC)
        assert logs.name == "logs"
    async with open_logs(folder, now=datetime(2027, 1, 1, tzinfo=UTC)) as logs:
        assert await logs.now() == datetime(2027, 1, 1, tzinfo=UTC)


async def test_missing_columns_are_null_and_unknown_ones_are_said(folder, open_logs, ask):
    write(folder, "SigninLogs.jsonl", jsonl([{"TimeGenerated": "2026-01-02", "Shoe": 43, "we\"ird'": 1}]))
    async with open_logs(folder) as logs:
        assert any("unknown columns" in note and "Shoe" in note for note in logs.notes)
        assert any("AuditLogs" in note for note in logs.notes)
    result = await ask(folder, "SigninLogs | project DurationMs, UserId, Status, IsRisky, CreatedDateTime")
    assert [tuple(row.values()) for row in result.rows.to_pylist()] == [(None, "", None, None, None)]


async def test_bad_rows_are_counted_and_said(folder, open_logs, ask):
    good = jsonl(ROWS)
    write(folder, "SigninLogs.jsonl", good + '{"TimeGenerated": "2026\nnot json\n[1]\n{"TimeGenerated": "soon"}\n{}\n')
    write(folder, "AuditLogs.csv", "TimeGenerated,Id\n2026-01-02,a\n2026-01-02\n2026-01-02,b,c\ninfinity,d\n,e\n")
    async with open_logs(folder) as logs:
        notes = "\n".join(logs.notes)
    assert "SigninLogs.jsonl: 5 of 8 rows left out (3 cannot be read, 2 have no valid TimeGenerated)" in notes
    assert "AuditLogs.csv: 4 of 5 rows left out (2 cannot be read, 2 have no valid TimeGenerated)" in notes
    assert (await ask(folder, "SigninLogs | count")).rows.to_pylist() == [{"Count": 3}]


async def test_values_that_do_not_fit_are_counted_and_said(folder, open_logs):
    write(folder, "SigninLogs.csv", "TimeGenerated,DurationMs,IsRisky\n2026-01-02,twelve,null\n2026-01-02,,maybe\n")
    async with open_logs(folder) as logs:
        notes = "\n".join(logs.notes)
    assert "SigninLogs.csv: 1 values of DurationMs are no long" in notes
    assert "SigninLogs.csv: 1 values of IsRisky are no bool" in notes


async def test_times_of_defender_and_of_the_portals_are_read(folder, ask):
    write(folder, "DeviceFileEvents.jsonl", jsonl([{"Timestamp": "2026-01-02T03:04:05.1234567Z", "FileName": "x"}]))
    write(folder, "SigninLogs.csv", '"TimeGenerated [UTC]",UserId\n"1/2/2026, 3:04:05.123 PM",u\n')
    files = await ask(folder, "DeviceFileEvents | project TimeGenerated")
    signins = await ask(folder, "SigninLogs | project TimeGenerated, UserId")
    assert files.rows.to_pylist() == [{"TimeGenerated": datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)}]
    assert signins.rows.to_pylist() == [
        {"TimeGenerated": datetime(2026, 1, 2, 15, 4, 5, 123_000, tzinfo=UTC), "UserId": "u"}
    ]


async def test_dynamic_text_that_is_no_json_stays_a_string(folder, ask):
    write(folder, "AuditLogs.jsonl", jsonl([{"TimeGenerated": "2026-01-02", "InitiatedBy": "{broken"}]))
    result = await ask(folder, "AuditLogs | where InitiatedBy contains 'brok' | project s = tostring(InitiatedBy)")
    assert result.rows.to_pylist() == [{"s": "{broken"}]


async def test_other_files_are_let_alone(folder, open_logs):
    write(folder, "SigninLogs.csv", CSV)
    for name in ("truth.json", "cases.jsonl", "README.md", ".SigninLogs.csv"):
        write(folder, name, "not a log")
    write(folder, "SecurityEvent.csv", "a")
    write(folder, "AuditLogs.xlsx", "a")
    async with open_logs(folder) as logs:
        said = [note for note in logs.notes if "ignored" in note]
    assert said == [
        "AuditLogs.xlsx: ignored, no format that can be read", "SecurityEvent.csv: ignored, no table has this name"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["it's [1]", "a*b", "ü n'"])
async def test_odd_folder_names_are_only_names(name, tmp_path, ask):
    folder = tmp_path / name
    folder.mkdir()
    write(folder, "SigninLogs.csv", CSV)
    write(folder, "SigninLogs.x [*].jsonl", jsonl(ROWS))
    write_parquet(folder)
    assert (await ask(folder, "SigninLogs | count")).rows.to_pylist() == [{"Count": 9}]


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


BROKEN = {
    "SigninLogs.parquet": b"TimeGenerated,Id\n2026-01-02,a\n",
    "SigninLogs.csv": b"\x00\xff\xfe\x00" * 50,
    "SigninLogs.csv.gz": None,
    "AuditLogs.json": b'[{"TimeGenerated": "2026-01-02"}, {"TimeGe',
    "AuditLogs.jsonl": b"TimeGenerated,Id\n2026-01-02,a\n",
    "AuditLogs.csv": b"Day,Name\n1,2\n",
    "AzureActivity.csv": b"Caller,Resource\n1,2\n",
    "AzureActivity.jsonl": b'{"TimeGenerated": "tomorrow"}\n',
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_file_is_named_in_one_line_and_nothing_is_left(name, folder, tmp_path, open_logs):
    write(folder, "DeviceLogonEvents.jsonl", jsonl([{"TimeGenerated": "2026-01-01"}]))
    content = BROKEN[name]
    if content is None:
        write(folder, name, CSV * 50)
        cut(folder / name)
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(OperatorError) as error:
        async with open_logs(folder):
            pass
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    left = {path.name for path in (tmp_path / "data" / "workspaces").iterdir()}
    assert left <= {".lock", "digests.json"}


async def test_a_parquet_file_cut_short_is_named(folder, open_logs):
    cut(write_parquet(folder))
    with pytest.raises(OperatorError, match=r"SigninLogs\.parquet: cannot be read as Parquet"):
        async with open_logs(folder):
            pass


async def test_a_parquet_time_of_another_type_is_refused(folder, open_logs):
    pq.write_table(pa.table({"TimeGenerated": [1, 2]}), folder / "SigninLogs.parquet")
    with pytest.raises(OperatorError, match="TimeGenerated is of type BIGINT"):
        async with open_logs(folder):
            pass


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nowhere", "there is no folder"),
        (lambda folder: folder, "holds no log tables"),
        (lambda folder: write(folder, "SigninLogs.csv", CSV), "is a file"),
        (lambda folder: write(folder, "SigninLogs.csv", "TimeGenerated,Id\n").parent, "holds no rows"),
    ],
)
async def test_a_folder_without_logs_is_refused(make, said, folder, open_logs):
    with pytest.raises(OperatorError, match=said):
        async with open_logs(make(folder)):
            pass


async def test_an_unwritable_data_dir_is_said(folder, tmp_path, open_logs):
    write(folder, "SigninLogs.csv", CSV)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OperatorError, match="data-dir"):
        async with open_logs(folder, data_dir=tmp_path / "taken"):
            pass
