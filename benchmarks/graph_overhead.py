"""Time a round of our graph against a round of an empty LangGraph graph with five nodes, both with SQLite checkpoints.

    python benchmarks/graph_overhead.py [--runs N]

Our round runs on a workspace of one small table, so that nearly all of it is the graph, the guard and the records.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from soc_analyst import Context, ahunt
from soc_analyst.graph.checkpoints import open_checkpoints

NODES = ("planner", "guardrail", "executor", "analyzer", "reviewer")
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Empty(TypedDict):
    """A state with one number."""

    at: int


def main() -> int:
    """Run both and print medians and the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        ours, empty = asyncio.run(_measure(Path(folder), runs))
    sys.stdout.write(f"empty graph: median {empty * 1000:7.1f} ms\n")
    sys.stdout.write(f"our graph:   median {ours * 1000:7.1f} ms a round, {ours / empty:.1f}x\n")
    return 0


async def _measure(folder: Path, runs: int) -> tuple[float, float]:
    logs = folder / "logs"
    logs.mkdir()
    rows = [{"TimeGenerated": (NOW - timedelta(minutes=n)).isoformat(), "DeviceName": "ws-1"} for n in range(50)]
    (logs / "DeviceProcessEvents.jsonl").write_text("\n".join(map(json.dumps, rows)))
    context = Context(workspace=str(logs), data_dir=folder / "home")
    ours, empty = [], []
    for _ in range(runs + 1):
        began = time.perf_counter()
        report = await ahunt("Anything suspicious on host ws-1 in the last day?", context=context)
        ours.append((time.perf_counter() - began) / report.rounds)
        began = time.perf_counter()
        await _empty(folder / "empty.sqlite")
        empty.append(time.perf_counter() - began)
    return statistics.median(ours[1:]), statistics.median(empty[1:])


async def _empty(path: Path) -> None:
    async def step(state: Empty) -> dict[str, Any]:
        return {"at": state["at"] + 1}

    graph = StateGraph(Empty)
    for name in NODES:
        graph.add_node(name, step)
    for left, right in zip((START, *NODES), (*NODES, END), strict=True):
        graph.add_edge(left, right)
    async with open_checkpoints(path) as saver:
        config: Any = {"configurable": {"thread_id": str(time.perf_counter_ns())}}
        await graph.compile(checkpointer=saver).ainvoke({"at": 0}, config, durability="sync")


if __name__ == "__main__":
    sys.exit(main())
