"""Measure the bytes of each checkpoint at 1e3, 1e5 and 5e5 result rows, in the command line's SQLite file.

    python benchmarks/checkpoint_size.py

The alternative in the same run is the uncompressed serializer of LangGraph, as a host's own saver
would write the state.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from soc_analyst import Context, ahunt
from soc_analyst.graph.checkpoints import checkpoint_serializer

END = datetime(2026, 3, 4, 12, tzinfo=UTC)
SIZES = (1_000, 100_000, 500_000)


def main() -> int:
    """Hunt over ever more rows and print the largest step."""
    sys.stdout.write(f"{'rows':>8} {'fetched':>8} {'steps':>6} {'largest step':>13} {'uncompressed':>13}\n")
    for rows in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), rows)
    return 0


def _measure(folder: Path, rows: int) -> None:
    logs, home = folder / "logs", folder / "home"
    logs.mkdir()
    pq.write_table(_processes(rows), logs / "DeviceProcessEvents.parquet")
    policy = folder / "policy.yaml"
    policy.write_text("row_cap: 500000\n")
    context = Context(workspace=str(logs), data_dir=home, policy=policy, max_rows=2_000_000)
    report = asyncio.run(ahunt("Anything suspicious on host ws-1 in the last day?", context=context))
    steps = _steps(home / "checkpoints.sqlite")
    largest, plain = max(step[0] for step in steps), max(step[1] for step in steps)
    sys.stdout.write(f"{rows:>8,} {report.usage.rows:>8,} {len(steps):>6} {largest:>9,} B {plain:>9,} B\n")


def _steps(path: Path) -> list[tuple[int, int]]:
    """Return for each checkpoint the bytes it takes with its writes, and those bytes uncompressed."""
    own, plain = checkpoint_serializer(), JsonPlusSerializer()
    with sqlite3.connect(path) as connection:
        found = connection.execute("select checkpoint_id, type, checkpoint from checkpoints").fetchall()
        writes = connection.execute("select checkpoint_id, type, value from writes").fetchall()
    sizes: dict[str, tuple[int, int]] = {}
    for step, kind, content in [*found, *writes]:
        compressed, uncompressed = sizes.get(step, (0, 0))
        size = len(plain.dumps_typed(own.loads_typed((kind, content)))[1])
        sizes[step] = (compressed + len(content), uncompressed + size)
    return list(sizes.values())


def _processes(rows: int) -> pa.Table:
    encoded = "powershell.exe -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA"
    return pa.table(
        {
            "TimeGenerated": pa.array(
                [END - timedelta(milliseconds=100 * n) for n in range(rows)], pa.timestamp("us", "UTC")
            ),
            "DeviceName": ["ws-1.contoso.com"] * rows,
            "FileName": ["powershell.exe" if n % 50 == 0 else "notepad.exe" for n in range(rows)],
            "ProcessCommandLine": [f"{encoded} {n}" if n % 50 == 0 else f"notepad.exe {n}.txt" for n in range(rows)],
            "AccountName": [f"user{n % 40}" for n in range(rows)],
        }
    )


if __name__ == "__main__":
    sys.exit(main())
