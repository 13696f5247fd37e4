"""Time queries on the embedded workspace against hand-written DuckDB SQL over the same rows.

    python benchmarks/embedded_query.py [--rows 1000000 --rows 10000000]

Both sides return the same rows, which the script checks. Ours includes the guard, the translation of
KQL and the rows as Arrow.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from soc_analyst import Context
from soc_analyst.graph.desk.desk import open_desk
from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.guard import check_text

END = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = END - timedelta(days=14)
RUNS = 7
LATEST = "order by TimeGenerated desc limit 1001"
TERM = "(^|[^0-9A-Za-z]){}($|[^0-9A-Za-z])"
QUESTIONS = {
    "rows of a host": (
        "where DeviceName =~ 'ws-7' | top 1000 by TimeGenerated",
        f"select * from logs where WINDOW and lower(DeviceName) = 'ws-7' {LATEST}",
    ),
    "contains": (
        "where ProcessCommandLine contains '-Enc 77 ' | count",
        "select count(*) from logs where WINDOW and ProcessCommandLine ilike '%-enc 77 %'",
    ),
    "has, against a term by hand": (
        "where ProcessCommandLine has 'mimi77' | count",
        f"select count(*) from logs where WINDOW and regexp_matches(ProcessCommandLine, '(?i){TERM.format('mimi77')}')",
    ),
    "has, against ilike": (
        "where ProcessCommandLine has 'mimi77' | count",
        "select count(*) from logs where WINDOW and ProcessCommandLine ilike '% mimi77 %'",
    ),
    "has_any, aggregates by hour": (
        "where ProcessCommandLine has_any ('mimi1', 'mimi22', 'mimi333') "
        "| summarize Rows = count(), Hosts = dcount(DeviceName) by bin(TimeGenerated, 1h)",
        "select time_bucket(interval 1 hour, TimeGenerated), count(*), approx_count_distinct(DeviceName) from logs "
        "where WINDOW and (ProcessCommandLine ilike '% mimi1 %' or ProcessCommandLine ilike '% mimi22 %' "
        "or ProcessCommandLine ilike '% mimi333 %') group by 1",
    ),
    "aggregates by host": (
        "summarize Rows = count(), Last = max(TimeGenerated), Accounts = dcount(AccountName) by DeviceName",
        "select DeviceName, count(*), max(TimeGenerated), approx_count_distinct(AccountName) "
        "from logs where WINDOW group by 1",
    ),
    "latest row of each host": (
        "summarize arg_max(TimeGenerated, ProcessCommandLine) by DeviceName",
        "select DeviceName, max(TimeGenerated), arg_max(ProcessCommandLine, TimeGenerated) "
        "from logs where WINDOW group by 1",
    ),
    "join": (
        "where ReportId % 7 == 0 | join kind=inner (DeviceProcessEvents | where ReportId % 11 == 0 "
        "| summarize Seen = count() by DeviceName) on DeviceName "
        "| summarize sum(Seen) by AccountName | top 10 by AccountName",
        "select AccountName, sum(Seen) from logs join (select DeviceName, count(*) as Seen from logs where WINDOW and "
        "ReportId % 11 = 0 group by 1) using (DeviceName) where WINDOW and ReportId % 7 = 0 "
        "group by 1 order by 1 desc limit 10",
    ),
    "dynamic path": (
        "where tostring(AdditionalFields.kind.name) == 'k77' | count",
        "select count(*) from logs where WINDOW and AdditionalFields->>'$.kind.name' = 'k77'",
    ),
}


def main() -> int:
    """Fill a workspace for each size and print medians and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, action="append")
    for rows in parser.parse_args().rows or [1_000_000, 10_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_measure(Path(folder), rows))
    return 0


async def _measure(folder: Path, rows: int) -> None:
    logs = folder / "logs"
    logs.mkdir()
    _fill(logs / "DeviceProcessEvents.parquet", rows)
    by_hand = duckdb.connect(str(folder / "hand.duckdb"))
    by_hand.execute("set TimeZone = 'UTC'; set threads = 2")
    by_hand.execute(f"create table logs as from '{logs / 'DeviceProcessEvents.parquet'}'")
    context = Context(workspace=str(logs), data_dir=folder / "home")
    async with open_desk(context) as desk:
        began = time.perf_counter()
        async with desk.workspace() as workspace:
            sys.stdout.write(f"{rows:,} rows, loaded once in {time.perf_counter() - began:.1f} s\n")
            for name, (kql, sql) in QUESTIONS.items():
                text = sql.replace("WINDOW", f"TimeGenerated >= '{DAY}' and TimeGenerated < '{END}'")
                ours, hand = [], []
                for _ in range(RUNS + 1):
                    began = time.perf_counter()
                    verdict = check_text(
                        f"DeviceProcessEvents | {kql}",
                        policy=desk.policy,
                        tables=desk.tables,
                        window=TimeWindow(start=DAY, end=END),
                    )
                    assert verdict.approved is not None, verdict.diagnostics
                    result = await workspace.run(verdict.approved, timeout=120)
                    ours.append(time.perf_counter() - began)
                    assert result.status == "ok", result.diagnostics
                    began = time.perf_counter()
                    expected = by_hand.sql(text).to_arrow_table()
                    hand.append(time.perf_counter() - began)
                same = result.rows.num_rows == min(expected.num_rows, 1_000) and _same(result.rows, expected)
                mine, theirs = statistics.median(ours[1:]), statistics.median(hand[1:])
                sys.stdout.write(
                    f"  {name:<28} ours {mine * 1000:8.1f} ms  by hand {theirs * 1000:8.1f} ms  {mine / theirs:5.1f}x"
                    f"  {result.rows.num_rows} rows {'as by hand' if same else 'DIFFER from by hand'}\n"
                )


def _same(ours: pa.Table, hand: pa.Table) -> bool:
    """Compare what is one number; longer answers are compared by their rows."""
    return ours.num_rows != 1 or ours.column(0).to_pylist() == hand.column(0).to_pylist()


def _fill(path: Path, rows: int) -> None:
    duckdb.sql(
        f"""copy (select timestamptz '{END}' - to_microseconds(range * 100000 % 1209600000000) as TimeGenerated,
            'ws-' || range % 500 as DeviceName, 'tool.exe' as FileName,
            'tool.exe -enc ' || range % 5000 || ' mimi' || range % 9000 || ' --id ' || range as ProcessCommandLine,
            'user' || range % 300 as AccountName, range as ReportId,
            '{{"kind": {{"name": "k' || range % 1000 || '"}}, "n": ' || range || '}}' as AdditionalFields
        from range({rows})) to '{path}' (format parquet)"""
    )


if __name__ == "__main__":
    sys.exit(main())
