"""A loaded folder: locked down, bounded, shared, and honest about what went wrong."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.logs import embedded
from soc_analyst.tools.logs.results import as_kusto_types
from soc_analyst.tools.logs.tables import load_tables

from .conftest import ALL_COLUMNS, approved

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"


@pytest.fixture
def logs(folder: Path) -> Path:
    """A folder with twenty sign-ins and two processes."""
    signins = [{"TimeGenerated": f"2026-01-02T03:04:{i:02d}Z", "UserId": f"u{i}"} for i in range(20)]
    (folder / "SigninLogs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in signins))
    (folder / "DeviceProcessEvents.csv").write_text("TimeGenerated,FileName\n2026-01-01,a.exe\n2026-01-02,\n")
    return folder


def databases(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "data" / "workspaces").glob("*.duckdb")}


@pytest.mark.parametrize(
    ("wanted", "cap", "kept", "truncated", "status"),
    [(21, 20, 20, False, "ok"), (20, 19, 19, True, "ok"), (6, 5, 5, True, "ok"), (100, 5, 5, True, "ok")],
)
async def test_one_row_beyond_the_cap_tells_that_there_are_more(wanted, cap, kept, truncated, status, logs, ask):
    result = await ask(logs, f"SigninLogs | take {wanted}", row_cap=cap)
    assert (result.rows.num_rows, result.truncated, result.status) == (kept, truncated, status)


async def test_nothing_found_is_empty_and_keeps_its_columns(logs, ask):
    result = await ask(logs, "SigninLogs | where UserId == 'nobody' | project TimeGenerated, UserId")
    assert (result.status, result.rows.num_rows, result.rows.column_names) == ("empty", 0, ["TimeGenerated", "UserId"])


async def test_strings_are_never_null(logs, ask):
    result = await ask(logs, "DeviceProcessEvents | where FileName == '' | summarize n = count(), d = dcount(FileName)")
    assert result.rows.to_pylist() == [{"n": 1, "d": 1}]


async def test_ago_counts_back_from_the_clock(logs, ask):
    assert (await ask(logs, "DeviceProcessEvents | where TimeGenerated > ago(1d) | count")).rows.to_pylist() == [
        {"Count": 1}
    ]
    later = datetime(2027, 1, 1, tzinfo=UTC)
    result = await ask(logs, "DeviceProcessEvents | where TimeGenerated > ago(1d) | count", now=later)
    assert result.rows.to_pylist() == [{"Count": 0}]


async def test_columns_that_policy_does_not_allow_are_not_there(logs, ask, open_logs):
    columns = {"SigninLogs": ("TimeGenerated", "UserId")}
    everything = await ask(logs, "SigninLogs | take 1", columns=columns)
    assert everything.rows.column_names == ["TimeGenerated", "UserId"]
    for kql in ("SigninLogs | project IPAddress", "DeviceProcessEvents | count"):
        assert (await ask(logs, kql, columns=columns)).status == "failed"
    async with open_logs(logs, columns=columns) as workspace:
        assert tuple(workspace.tables) == ("SigninLogs",)
        assert any("does not allow DeviceProcessEvents" in note for note in workspace.notes)


@pytest.mark.parametrize(
    "kql",
    [
        "['{folder}/SigninLogs.jsonl'] | take 5",
        "SigninLogs | where UserId in ((['{folder}/SigninLogs.jsonl'] | project UserId))",
        "['https://127.0.0.1:9/x.parquet'] | take 5",
        "['workspace.notes']",
        "sqlite_master | take 5",
        "database('information_schema').tables",
        "union *",
        "signinlogs | count",
        "let x = sqlite_master | take 1; x",
        "let sqlite_master = sqlite_master | take 1; sqlite_master",
        "SigninLogs | union sqlite_master",
        "SigninLogs | where UserId in ((sqlite_master | project name))",
        ".show tables",
        ".drop table SigninLogs",
        "externaldata(a:string)['{folder}/SigninLogs.jsonl']",
        "SigninLogs | take 1; SigninLogs | take 1",
        "SigninLogs | where",
        "Signinlogs | where UserId = ",
        "",
        "\0",
        "SigninLogs | where " + "(" * 3000 + "1" + ")" * 3000,
    ],
)
async def test_what_reaches_outside_fails_with_a_reason(kql, logs, ask):
    result = await ask(logs, kql.replace("{folder}", str(logs)))
    assert (result.status, result.rows.num_rows) == ("failed", 0)
    assert result.diagnostics[0].code
    assert result.diagnostics[0].message
    assert "\n" not in result.diagnostics[0].message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '{folder}/SigninLogs.jsonl'",
        "SELECT * FROM read_text('{folder}/SigninLogs.jsonl')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM 'https://127.0.0.1:9/x.parquet'",
        "ATTACH '{folder}/other.duckdb'",
        "COPY SigninLogs TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_paths = ['/']",
        "SET TimeZone = 'Europe/Berlin'",
        "RESET memory_limit",
        "SELECT * FROM ALL_COLUMNS",
        "CREATE TABLE x AS SELECT 1",
        "DELETE FROM SigninLogs",
        "PRAGMA temp_directory='{folder}'",
    ],
)
async def test_the_engine_itself_is_locked_whatever_text_it_gets(sql, logs, tmp_path, open_logs):
    async with open_logs(logs):
        (database,) = databases(tmp_path)
        engine = embedded._locked_down(tmp_path / "data" / "workspaces" / database)
        before = set(logs.iterdir())
        with pytest.raises(duckdb.Error):
            engine.execute(sql.replace("{folder}", str(logs)))
        engine.close()
        assert set(logs.iterdir()) == before


SLOW = "SigninLogs | extend k = 1 " + "".join(
    f"| join kind=inner (SigninLogs | extend k = 1 | project k, u{i} = UserId) on k " for i in range(7)
)


async def test_a_slow_query_is_interrupted_and_the_workspace_goes_on(logs, open_logs):
    async with open_logs(logs) as workspace:
        slow = approved(SLOW + "| summarize n = countif(strcat(u0, u1, u2, u3, u4, u5, u6) contains 'zz')")
        result = await workspace.run(slow, timeout=0.3)
        assert (result.status, result.diagnostics[0].code) == ("failed", "timeout")
        assert "\n" not in result.diagnostics[0].message
        assert (await workspace.run(approved("SigninLogs | count"), timeout=30)).rows.to_pylist() == [{"Count": 20}]


async def test_a_cancelled_query_lets_go(logs, open_logs):
    async with open_logs(logs) as workspace:
        slow = approved(SLOW + "| summarize n = countif(strcat(u0, u1, u2, u3, u4, u5, u6) contains 'zz')")
        running = asyncio.create_task(workspace.run(slow, timeout=600))
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await workspace.run(approved("SigninLogs | count"), timeout=30)).status == "ok"


async def test_a_query_that_needs_too_much_memory_fails_with_a_reason(logs, open_logs, monkeypatch):
    monkeypatch.setattr(embedded, "MEMORY", "40MB")
    async with open_logs(logs) as workspace:
        heavy = approved(SLOW + "| summarize s = make_list(strcat(u0, u1, u2, u3, u4, u5, u6))")
        result = await workspace.run(heavy, timeout=60)
        assert (result.status, result.diagnostics[0].code) == ("failed", "memory")


async def test_queries_run_side_by_side_without_blocking_the_loop(logs, open_logs):
    async with open_logs(logs) as workspace:
        results = await asyncio.gather(
            *(workspace.run(approved(f"SigninLogs | take {i}"), timeout=60) for i in range(1, 9))
        )
    assert [result.rows.num_rows for result in results] == list(range(1, 9))


async def test_a_query_approved_under_another_policy_is_refused(logs, open_logs):
    async with open_logs(logs) as workspace:
        result = await workspace.run(approved("SigninLogs | count", policy_hash="other"), timeout=30)
    assert (result.status, result.diagnostics[0].code) == ("failed", "other-policy")


async def test_loaded_once_and_again_when_content_or_policy_changes(logs, tmp_path, open_logs):
    async def load(policy: str = "p1") -> int:
        async with open_logs(logs, policy_hash=policy):
            return len(databases(tmp_path))

    assert [await load(), await load()] == [1, 1]
    (made,) = (tmp_path / "data" / "workspaces").glob("*.duckdb")
    stamp = made.stat().st_mtime_ns
    (logs / "DeviceProcessEvents.csv").touch()
    assert (await load(), made.stat().st_mtime_ns) == (1, stamp)
    assert await load("p2") == 2
    (logs / "DeviceProcessEvents.csv").write_text("TimeGenerated,FileName\n2026-01-01,a.exe\n2026-01-03,\n")
    assert await load() == 3
    (logs / "DeviceProcessEvents.csv").rename(logs / "DeviceFileEvents.csv")
    assert await load() == 4


async def test_a_damaged_cache_is_made_again(logs, tmp_path, open_logs, ask):
    async with open_logs(logs):
        (database,) = databases(tmp_path)
    (tmp_path / "data" / "workspaces" / database).write_bytes(b"not a database" * 1000)
    (tmp_path / "data" / "workspaces" / "digests.json").write_text('{"half')
    assert (await ask(logs, "SigninLogs | count")).rows.to_pylist() == [{"Count": 20}]


async def test_one_process_may_open_it_several_times(logs, open_logs):
    async with open_logs(logs) as one, open_logs(logs) as two:
        await one.aclose()
        assert (await two.run(approved("SigninLogs | count"), timeout=30)).rows.to_pylist() == [{"Count": 20}]


ASK_FROM_OUTSIDE = """
import asyncio, sys
from pathlib import Path
from tests.logs.conftest import ALL_COLUMNS, approved
from soc_analyst.tools.logs.workspaces import open_workspace

async def ask():
    place = dict(data_dir=Path(sys.argv[2]), columns=ALL_COLUMNS, policy_hash="p1", now=None)
    async with open_workspace(sys.argv[1], **place) as logs:
        result = await logs.run(approved("SigninLogs | count"), timeout=60)
        sys.stdout.write(str(result.rows.to_pylist()))

asyncio.run(ask())
"""


async def test_other_processes_can_use_it_at_the_same_time(logs, tmp_path, open_logs):
    command = [sys.executable, "-c", ASK_FROM_OUTSIDE, str(logs), str(tmp_path / "data")]
    root = Path(__file__).parents[2]

    def outside() -> str:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout

    # Both load at once; one of them builds and the other waits for it.
    said = await asyncio.gather(*(asyncio.to_thread(outside) for _ in range(2)))
    async with open_logs(logs) as workspace:
        said.append(await asyncio.to_thread(outside))
        assert (await workspace.run(approved("SigninLogs | count"), timeout=30)).status == "ok"
    assert set(said) == {"[{'Count': 20}]"}
    assert len(databases(tmp_path)) == 1


async def test_lists_bags_and_spans_come_as_text(logs, ask):
    result = await ask(
        logs,
        "SigninLogs | summarize s = make_set(UserId), b = take_any(bag_pack('a', 1)), n = sum(DurationMs),"
        " d = max(TimeGenerated) - min(TimeGenerated)",
    )
    (row,) = result.rows.to_pylist()
    assert sorted(json.loads(row["s"])) == sorted(f"u{i}" for i in range(20))
    assert json.loads(row["b"]) == {"a": 1}
    assert row["d"] == "00:00:19"
    assert str(result.rows.schema.field("n").type) == "int64"


def test_types_of_the_engine_become_kusto_types():
    found = duckdb.sql(
        "SELECT 170141183460469231731687303715884105727::HUGEINT big, 1.25::DECIMAL(9, 2) d, NULL n,"
        " DATE '2026-01-02' t, INTERVAL '-26 hours' i, TIMESTAMP_NS '2026-01-02 03:04:05.123456789' ns"
    ).to_arrow_table()
    (row,) = as_kusto_types(found).to_pylist()
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert row["big"] == pytest.approx(1.7e38, rel=0.01)
    assert (row["d"], row["n"], row["t"], row["i"]) == (1.25, None, moment, "-1.02:00:00")
    assert row["ns"] == moment.replace(hour=3, minute=4, second=5, microsecond=123_456)


@pytest.fixture(scope="module")
def long_open(tmp_path_factory):
    """A workspace that stays open over many examples."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "SigninLogs.csv").write_text("TimeGenerated,UserId\n2026-01-02,a\n")
    tables = {"SigninLogs": load_tables()["SigninLogs"]}
    opened = embedded.EmbeddedWorkspace.open(folder, home=folder / "home", tables=tables, policy_hash="p1")
    workspace = asyncio.run(opened)
    yield workspace
    asyncio.run(workspace.aclose())


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_makes_it_raise(text, long_open):
    result = asyncio.run(long_open.run(approved(f"SigninLogs | where UserId has {text}"), timeout=30))
    assert result.status in ("ok", "empty", "failed")
    assert (result.status == "failed") == bool(result.diagnostics)


@pytest.mark.skipif(not RECORDED.exists(), reason="no recordings here")
async def test_a_recorded_folder_is_a_workspace(open_logs):
    async with open_logs(RECORDED) as workspace:
        for table in ALL_COLUMNS:
            path = RECORDED / f"{table}.parquet"
            rows = pq.read_metadata(path).num_rows if path.exists() else 0
            result = await workspace.run(approved(f"{table} | count"), timeout=60)
            assert result.rows.to_pylist() == [{"Count": rows}]
        assert not any("left out" in note for note in workspace.notes)
