"""Measure what checkpoints cost a hunt: none, memory, SQLite and Postgres, in the same loop over the same workspace.

    python benchmarks/checkpoints.py [--runs N] [--postgres URL]

Without a URL a server of its own is started where Postgres is installed. The time of a step is that which the saver's
own calls take; the ratio is of whole hunts. Every step is waited for (durability "sync"), as the command line does.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from soc_analyst import Context, build_graph
from soc_analyst.graph.checkpoints import open_checkpoints
from soc_analyst.graph.checkpoints.database import database_of
from soc_analyst.graph.desk.opened import kept_open

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.checkpoints import postgres_server
from tests.graph.workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"
KINDS = ("none", "memory", "sqlite", "postgres")


@dataclass
class Cost:
    """What the hunts with one saver took."""

    seconds: list[float] = field(default_factory=list)
    saving: list[float] = field(default_factory=list)
    steps: int = 0
    size: int = 0
    """Bytes that one hunt leaves."""


def main() -> int:
    """Hunt with each saver in turn and print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--postgres", metavar="URL")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _server(given.postgres) as url:
        costs = asyncio.run(_measured(Path(folder), given.runs, url))
    none = statistics.median(costs["none"].seconds)
    sys.stdout.write(f"{'saver':<9} {'hunt':>8} {'ratio':>6} {'a step':>9} {'steps':>6} {'bytes a hunt':>13}\n")
    for name, cost in costs.items():
        hunt, step = statistics.median(cost.seconds), statistics.median(cost.saving) / max(1, cost.steps)
        figures = f"{hunt:>6.2f} s {hunt / none:>5.2f}x {step * 1000:>6.2f} ms {cost.steps:>6} {cost.size:>13,}"
        sys.stdout.write(f"{name:<9} {figures}\n")
    return 0


def _server(given: str | None) -> AbstractContextManager[str]:
    if given is not None or postgres_server.missing():
        sys.stderr.write(f"postgres: {(given and 'as given') or postgres_server.missing()}\n")
        return nullcontext(given or "")
    return postgres_server.running()


async def _measured(folder: Path, runs: int, url: str) -> dict[str, Cost]:
    context = Context(workspace=str(small(folder / "logs")), now=END, data_dir=folder / "home")
    costs = {kind: Cost() for kind in KINDS if kind != "postgres" or url}
    for run in range(runs + 1):
        for kind, cost in costs.items():
            taken = await _hunt(kind, f"{kind}-{run}", context, folder, url)
            if run:  # the first one loads the workspace and the rules
                cost.seconds.append(taken.seconds[0])
                cost.saving.append(taken.saving[0])
                cost.steps, cost.size = taken.steps, taken.size
    return costs


async def _hunt(kind: str, thread: str, context: Context, folder: Path, url: str) -> Cost:
    cost, spent = Cost(), [0.0]
    async with _saver(kind, thread, folder, url) as saver, kept_open():
        if saver is not None:
            for name in ("aput", "aput_writes", "aget_tuple"):
                setattr(saver, name, _timed(getattr(saver, name), spent, cost, counts=name == "aput"))
        graph, config = build_graph(checkpointer=saver), {"configurable": {"thread_id": thread}}
        begun = time.perf_counter()
        how: dict[str, Any] = {"durability": "sync"} if saver is not None else {}
        await graph.ainvoke({"question": QUESTION}, config, context=context, **how)  # type: ignore[call-overload]
        cost.seconds.append(time.perf_counter() - begun)
        cost.saving.append(spent[0])
        cost.size = await _size(kind, saver, thread, folder)
    return cost


def _timed(call: Callable[..., Any], spent: list[float], cost: Cost, *, counts: bool) -> Callable[..., Any]:
    async def timed(*given: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        try:
            return await call(*given, **named)
        finally:
            spent[0] += time.perf_counter() - begun
            cost.steps += counts

    return timed


@asynccontextmanager
async def _saver(kind: str, thread: str, folder: Path, url: str) -> AsyncIterator[BaseCheckpointSaver[str] | None]:
    if kind in ("none", "memory"):
        yield InMemorySaver() if kind == "memory" else None  # type: ignore[misc]
        return
    database = database_of(url) if kind == "postgres" else None
    async with open_checkpoints(folder / f"{thread}.sqlite", thread=thread, database=database) as saver:
        yield saver


def _written(folder: Path, thread: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(f"{thread}.sqlite*"))  # its log of writes too


async def _size(kind: str, saver: Any, thread: str, folder: Path) -> int:
    if kind == "sqlite":
        return await asyncio.to_thread(_written, folder, thread)
    if kind != "postgres":
        return 0
    sizes = (
        "select (select coalesce(sum(pg_column_size(c.*)), 0) from checkpoints c where thread_id = %(t)s)"
        " + (select coalesce(sum(pg_column_size(b.*)), 0) from checkpoint_blobs b where thread_id = %(t)s)"
        " + (select coalesce(sum(pg_column_size(w.*)), 0) from checkpoint_writes w where thread_id = %(t)s) as size"
    )
    row = await (await saver.conn.execute(sizes, {"t": thread})).fetchone()
    return int(row["size"])


if __name__ == "__main__":
    sys.exit(main())
