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

from soc_analyst import Context
from soc_analyst.graph.desk import open_desk
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import AnyOf, Condition, PlannedQuery, TypedQuery
from soc_analyst.tools.guard import check

END = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = END - timedelta(days=1)
RUNS = 7
QUESTIONS = {
    "rows of a host": (
        (AnyOf(conditions=(Condition(column="DeviceName", op="=~", values=("ws-7",)),)),),
        "lower(DeviceName) = 'ws-7'",
    ),
    "command line contains": (
        (AnyOf(conditions=(Condition(column="ProcessCommandLine", op="contains", values=("-Enc 77 ",)),)),),
        "ProcessCommandLine ilike '%-enc 77 %'",
    ),
    "command line has": (
        (AnyOf(conditions=(Condition(column="ProcessCommandLine", op="has", values=("77",)),)),),
        r"regexp_matches(ProcessCommandLine, '(^|[^0-9A-Za-z])77($|[^0-9A-Za-z])')",
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
            for name, (where, sql) in QUESTIONS.items():
                typed = TypedQuery(table="DeviceProcessEvents", start=DAY, end=END, where=where, limit=1_000)
                planned = PlannedQuery(id="q", purpose=name, typed=typed)
                text = (
                    f"select * from logs where TimeGenerated >= '{DAY}' and TimeGenerated < '{END}' and {sql} "
                    "order by TimeGenerated desc limit 1001"
                )
                ours, hand = [], []
                for _ in range(RUNS + 1):
                    began = time.perf_counter()
                    verdict = check(
                        planned,
                        policy=desk.policy,
                        tables=desk.tables,
                        window=TimeWindow(start=DAY, end=END),
                        row_cap=1_000,
                    )
                    assert verdict.approved is not None, verdict.diagnostics
                    result = await workspace.run(verdict.approved, timeout=120)
                    ours.append(time.perf_counter() - began)
                    began = time.perf_counter()
                    expected = by_hand.sql(text).to_arrow_table()
                    hand.append(time.perf_counter() - began)
                same = result.rows.num_rows == min(expected.num_rows, 1_000)
                mine, theirs = statistics.median(ours[1:]), statistics.median(hand[1:])
                sys.stdout.write(
                    f"  {name:<24} ours {mine * 1000:8.1f} ms  by hand {theirs * 1000:8.1f} ms  {mine / theirs:5.1f}x"
                    f"  {result.rows.num_rows} rows {'as by hand' if same else 'DIFFER from by hand'}\n"
                )


def _fill(path: Path, rows: int) -> None:
    duckdb.sql(
        f"""copy (select timestamptz '{END}' - to_microseconds(range * 100000 % 1209600000000) as TimeGenerated,
            'ws-' || range % 500 as DeviceName, 'tool.exe' as FileName,
            'tool.exe -enc ' || range % 5000 || ' --id ' || range as ProcessCommandLine,
            'user' || range % 300 as AccountName, range as ReportId
        from range({rows})) to '{path}' (format parquet)"""
    )


if __name__ == "__main__":
    sys.exit(main())
