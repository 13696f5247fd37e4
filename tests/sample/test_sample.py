"""The sample tenant: exact tables, the same bytes, a believable company, incidents that hold together."""

from __future__ import annotations

import hashlib
import json
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.attack.catalog import Technique
from soc_analyst.tools.logs.sample import generate
from soc_analyst.tools.logs.tables import load_tables

ROWS = 12_000
END = datetime(2026, 3, 16, 17, tzinfo=UTC)
SCHEMAS = Path(__file__).parents[3] / "shared" / "schemas" / "log_analytics_tables.json"
ARROW = {
    "string": pa.string(), "dynamic": pa.string(), "long": pa.int64(), "int": pa.int32(), "real": pa.float64(),
    "bool": pa.bool_(), "datetime": pa.timestamp("us", tz="UTC"),
}  # fmt: skip

Row = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sample")
    generate(made, rows=ROWS, seed=3)
    return made


@pytest.fixture(scope="module")
def truth(folder: Path) -> list[Row]:
    entries: list[Row] = json.loads((folder / "truth.json").read_text("utf-8"))["incidents"]
    return entries


def _table(folder: Path, name: str) -> pa.Table:
    return pq.read_table(folder / f"{name}.parquet")


def _ask(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for file in sorted(folder.glob("*.parquet")):
            connection.execute(f"CREATE VIEW {file.stem} AS SELECT * FROM read_parquet('{file}')")
        return connection.execute(sql).fetchall()


def _digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_all_tables_have_exactly_the_catalogues_columns(folder: Path) -> None:
    for name, schema in load_tables().items():
        wanted = [(column, ARROW[kind.type]) for column, kind in schema.columns.items()]
        assert [(field.name, field.type) for field in _table(folder, name).schema] == wanted


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the published schemas are not beside the checkout")
def test_columns_are_those_of_the_published_schemas(folder: Path) -> None:
    for name, columns in json.loads(SCHEMAS.read_text("utf-8")).items():
        assert {field.name: field.type for field in _table(folder, name).schema} == {
            column: ARROW[kind] for column, kind in columns.items()
        }


@pytest.mark.parametrize("rows", [20_001])
def test_rows_are_as_many_as_asked_for(tmp_path: Path, rows: int) -> None:
    generate(tmp_path, rows=rows)
    assert sum(pq.read_metadata(file).num_rows for file in tmp_path.glob("*.parquet")) == rows


def test_too_few_rows_still_hold_every_incident(tmp_path: Path, folder: Path) -> None:
    generate(tmp_path, rows=1, seed=3)
    assert (
        json.loads((tmp_path / "truth.json").read_text())["incidents"]
        == json.loads((folder / "truth.json").read_text())["incidents"]
    )
    assert _table(tmp_path, "AlertEvidence").equals(_table(folder, "AlertEvidence"))


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path, folder: Path) -> None:
    generate(tmp_path / "again", rows=ROWS, seed=3)
    generate(tmp_path / "other", rows=ROWS, seed=4)
    assert _digests(tmp_path / "again") == _digests(folder)
    assert _digests(tmp_path / "other")["SigninLogs.parquet"] != _digests(folder)["SigninLogs.parquet"]


def test_files_are_in_the_order_of_time_and_end_on_the_clock(folder: Path) -> None:
    newest = []
    for name in load_tables():
        times = _table(folder, name)["TimeGenerated"].combine_chunks()
        assert times.null_count == 0
        assert pc.all(pc.less_equal(times[:-1], times[1:])).as_py() is not False
        newest.append(pc.max(times).as_py())
    assert max(newest) == END


def test_several_slices_follow_one_another_without_a_gap_or_a_double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soc_analyst.tools.logs.sample.drawing.ROWS_AT_ONCE", 400)
    generate(tmp_path, rows=ROWS)
    assert sum(pq.read_metadata(file).num_rows for file in tmp_path.glob("*.parquet")) == ROWS
    processes = pq.ParquetFile(tmp_path / "DeviceProcessEvents.parquet")
    assert processes.num_row_groups > 5
    times = processes.read()["TimeGenerated"].combine_chunks()
    assert pc.all(pc.less_equal(times[:-1], times[1:])).as_py()
    assert len(set(processes.read()["ReportId"].to_pylist())) == processes.metadata.num_rows


@pytest.mark.parametrize("table", [name for name in load_tables() if name.startswith("Device")])
def test_report_ids_are_unique_in_a_table(folder: Path, table: str) -> None:
    ids = _table(folder, table)["ReportId"]
    assert ids.null_count == 0
    assert pc.count_distinct(ids).as_py() == len(ids)


def test_dynamic_columns_hold_json(folder: Path) -> None:
    for name, schema in load_tables().items():
        table = _table(folder, name)
        for column in (column for column, kind in schema.columns.items() if kind.type == "dynamic"):
            for text in pc.unique(table[column]).to_pylist():
                assert text is None or isinstance(json.loads(text), dict | list)


def test_a_program_has_one_hash_wherever_it_runs(folder: Path) -> None:
    doubles = _ask(
        folder,
        "SELECT FileName, ProcessVersionInfoCompanyName FROM DeviceProcessEvents GROUP BY ALL"
        " HAVING count(DISTINCT SHA256) > 1",
    )
    assert doubles == []
    lone = _ask(
        folder,
        "SELECT count(*) FROM DeviceFileEvents WHERE FileName = 'odsync.exe'"
        " AND SHA256 NOT IN (SELECT SHA256 FROM DeviceProcessEvents)",
    )
    assert lone == [(0,)]


def test_people_work_by_their_own_clock(folder: Path) -> None:
    busy = _ask(
        folder, "SELECT hour(TimeGenerated), count(*) FROM DeviceProcessEvents WHERE AccountName = 'keiko' GROUP BY 1"
    )
    by_hour = dict(busy)
    assert sum(by_hour.get(hour, 0) for hour in range(11)) > 4 * sum(by_hour.get(hour, 0) for hour in range(12, 22))


def test_keys_are_rows_of_their_tables(folder: Path, truth: list[Row]) -> None:
    known: dict[tuple[str, str], set[Any]] = {}
    for stage in (stage for entry in truth for stage in entry["stages"]):
        (column, value), *_ = stage["key"].items()
        if (stage["table"], column) not in known:
            values = _table(folder, stage["table"])[column].to_pylist()
            known[stage["table"], column] = {
                each.isoformat() if isinstance(each, datetime) else each for each in values
            }
        assert value in known[stage["table"], column]


def test_truth_names_incidents_and_lookalikes(truth: list[Row]) -> None:
    kinds = [entry["kind"] for entry in truth]
    assert kinds.count("incident") >= 8
    assert kinds.count("lookalike") >= kinds.count("incident")
    assert len({entry["id"] for entry in truth}) == len(truth)
    for entry in truth:
        assert entry["questions"]
        assert entry["stages"]
        assert bool(entry["techniques"]) == (entry["kind"] == "incident")


def test_techniques_are_current(truth: list[Row]) -> None:
    catalog = AttackCatalog.bundled()
    for technique in {each for entry in truth for each in entry["techniques"]}:
        assert isinstance(catalog.technique(technique), Technique), technique


def test_children_name_their_parents(folder: Path) -> None:
    same = "c.DeviceName = p.DeviceName AND c.InitiatingProcessId = p.ProcessId"
    born = "c.InitiatingProcessCreationTime = p.ProcessCreationTime"
    shell = "p.FileName = 'powershell.exe' AND p.DeviceName = 'ws-123.contoso.com'"
    chain = _ask(
        folder,
        f"SELECT c.FileName FROM DeviceProcessEvents c JOIN DeviceProcessEvents p ON {same} AND {born} WHERE {shell}",
    )
    assert {name for (name,) in chain} >= {"whoami.exe", "schtasks.exe", "odsync.exe"}


def test_alerts_and_their_evidence_belong_together(folder: Path) -> None:
    assert _ask(folder, "SELECT count(*) FROM AlertEvidence WHERE AlertId NOT IN (SELECT AlertId FROM AlertInfo)") == [
        (0,)
    ]
    assert _ask(folder, "SELECT count(*) FROM AlertInfo WHERE AlertId NOT IN (SELECT AlertId FROM AlertEvidence)") == [
        (0,)
    ]


STANDING = {
    "encoded PowerShell on WS-123 in the last day": (
        "DeviceProcessEvents",
        "DeviceName = 'ws-123.contoso.com' AND ProcessCommandLine ILIKE '%powershell%-enc %'",
        END - timedelta(days=1),
    ),
    "failed sign-ins of alice in the last six hours": (
        "SigninLogs",
        "UserPrincipalName = 'alice@contoso.com' AND ResultType = '50126' AND IPAddress = '198.51.100.213'",
        END - timedelta(hours=6),
    ),
    "MFA fatigue around arisa in two weeks": (
        "SigninLogs",
        "UserPrincipalName = 'arisa@contoso.com' AND ResultType = '500121'",
        END - timedelta(days=14),
    ),
    "consent by arisa in two weeks": (
        "AuditLogs",
        "OperationName = 'Consent to application' AND InitiatedBy LIKE '%arisa@contoso.com%'",
        END - timedelta(days=14),
    ),
    "refused ways out to 4444 from web-01 this weekend": (
        "AzureNetworkAnalytics_CL",
        "VM_s LIKE '%/web-01' AND FlowStatus_s = 'D' AND FlowDirection_s = 'O' AND DestPort_d = 4444"
        " AND TimeGenerated < '2026-03-16'",
        datetime(2026, 3, 14, tzinfo=UTC),
    ),
}


@pytest.mark.parametrize("question", STANDING)
def test_standing_questions_have_rows(folder: Path, question: str) -> None:
    table, condition, since = STANDING[question]
    assert _ask(
        folder, f"SELECT count(*) FROM {table} WHERE {condition} AND TimeGenerated >= '{since.isoformat()}'"
    ) > [(0,)]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    generate(tmp_path / "small", rows=300_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    generate(tmp_path / "large", rows=1_500_000)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300_000, f"{grown} KiB more for five times the rows"
    assert sum(pq.read_metadata(file).num_rows for file in (tmp_path / "large").glob("*.parquet")) == 1_500_000
