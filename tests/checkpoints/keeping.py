"""Keep checkpoints of this version as fixtures, so that every later version can be held to go on from them.

    make checkpoint-fixtures

writes `fixtures/VERSION.zip` once, at a release, and refuses to change what an earlier run kept: one thread that stands
before each node, one that waits for a person, one that is finished; with their cases and evidence.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
import tomllib
from contextlib import closing, suppress
from pathlib import Path

from langchain_core.runnables import RunnableConfig

from soc_analyst import Context, ahunt, build_graph
from soc_analyst.graph.checkpoints import open_checkpoints
from soc_analyst.state.case import CaseInput
from soc_analyst.state.errors import ApprovalRequired
from soc_analyst.tools.records.folder import DataDir

from ..graph.workspace import small

__all__ = ["FIXTURES", "LOGS", "NODES", "QUESTION", "keep", "version"]

FIXTURES = Path(__file__).parent / "fixtures"
LOGS = "logs"
"""The workspace as the cases name it: beside the data folder, so that it is found wherever the fixtures are put."""
QUESTION = "Anything suspicious on host ws-1 in the last day?"
NODES = ("planner", "guardrail", "executor", "analyzer", "reviewer")
NOT_KEPT = ("workspaces", "rules")


def version() -> str:
    """Return the version that the project file names."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    return str(project["project"]["version"])


async def keep(home: Path) -> None:
    """Write the threads below a folder; the working folder holds the workspace."""
    context = Context(workspace=LOGS, data_dir=home)
    for node in NODES:
        await _stopped_before(node, context)
    await ahunt(QUESTION, context=context, thread_id="finished")
    with suppress(ApprovalRequired):
        await ahunt(QUESTION, context=context.model_copy(update={"approve": "always"}), thread_id="waiting")
    _slim(home)


async def _stopped_before(node: str, context: Context) -> None:
    thread = f"before-{node}"
    DataDir(context.data_dir).ready()
    async with open_checkpoints(DataDir(context.data_dir).checkpoints) as saver:
        graph = build_graph(checkpointer=saver)
        config: RunnableConfig = {"configurable": {"thread_id": thread}}
        asked: CaseInput | None = {"question": QUESTION}
        for _ in range(2 if node == "planner" else 1):  # before the second plan: the first one opens the case
            await graph.ainvoke(asked, config, context=context, interrupt_before=[node], durability="sync")
            asked = None


def _slim(home: Path) -> None:
    """Keep of each thread its last checkpoint, and no cache."""
    for name in NOT_KEPT:
        shutil.rmtree(home / name, ignore_errors=True)
    for lock in home.rglob("*.lock"):
        lock.unlink()
    last = "(select max(checkpoint_id) from checkpoints as other where other.thread_id = {0}.thread_id)"
    with closing(sqlite3.connect(home / "checkpoints.sqlite", isolation_level=None)) as connection:
        for table in ("writes", "checkpoints"):
            connection.execute(f"delete from {table} where checkpoint_id < {last.format(table)}")
        connection.execute("pragma journal_mode=delete")
        connection.execute("vacuum")


def main() -> int:
    """Keep the fixtures of this version."""
    target = FIXTURES / f"{version()}.zip"
    if target.exists():
        sys.stderr.write(f"{target} is there already; what a version wrote is never written anew.\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        small(Path(folder) / LOGS)
        os.chdir(folder)
        asyncio.run(keep(Path("home")))
        FIXTURES.mkdir(exist_ok=True)
        shutil.make_archive(str(FIXTURES / version()), "zip", "home")
    sys.stdout.write(f"Kept in {target}; commit it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
