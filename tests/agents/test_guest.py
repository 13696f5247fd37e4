"""A good guest: what is called off leaves nothing behind, nothing blocks the loop, nothing of the process changes."""

from __future__ import annotations

import ast
import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from blockbuster import blockbuster_ctx
from filelock import FileLock
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from soc_analyst import Context, Report, ahunt, build_graph, checkpoint_serializer, hunt, investigate_tool, log_tools
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.models.scripted import Delayed, Said, ScriptedServer
from tests.cases.form import CASES, load
from tests.cases.play import context_of, written
from tests.graph.workspace import small

from .hosts import QUESTION

ROOT = Path(__file__).parents[2]


def left_behind(context: Context) -> list[str]:
    """Return what still runs or is open on behalf of a run: tasks, threads, files, locks."""
    gc.collect()
    tasks = [f"task {task.get_name()}" for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    threads = [
        f"thread {one.name}" for one in threading.enumerate() if "watchdog" in one.name or "aiosqlite" in one.name
    ]
    home = str(context.data_dir)
    files = [f"file {one.path}" for one in psutil.Process().open_files() if one.path.startswith(home)]
    locks = []
    for path in Path(home).glob("cases/*/running.lock"):
        with FileLock(path, timeout=0):
            pass
    return [*tasks, *threads, *files, *locks]


async def settled(context: Context) -> list[str]:
    """Return what is left behind once threads that were told to stop had the time to."""
    for _ in range(600):
        if not (left := left_behind(context)):
            return []
        await asyncio.sleep(0.1)
    return left


async def by_ahunt(context: Context, told: Callable[[str], None]) -> None:
    await ahunt(QUESTION, context=context, watch=lambda event: told(event["event"]))


async def by_graph(context: Context, told: Callable[[str], None]) -> None:
    graph = build_graph(checkpointer=InMemorySaver(serde=checkpoint_serializer()))
    config: Any = {"configurable": {"thread_id": "host-1"}}
    async for event in graph.astream({"question": QUESTION}, config, context=context, stream_mode="custom"):
        told(event["event"])


async def called_off(running: Awaitable[None], at: asyncio.Event) -> None:
    task = asyncio.ensure_future(running)
    reached = asyncio.ensure_future(at.wait())
    await asyncio.wait({task, reached}, timeout=300, return_when=asyncio.FIRST_COMPLETED)
    assert reached.done(), task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("run", [by_ahunt, by_graph])
@pytest.mark.parametrize("moment", ["round", "query_started", "detections"])
async def test_what_is_called_off_leaves_nothing_running_and_nothing_open(
    context: Context, run: Callable[[Context, Callable[[str], None]], Awaitable[None]], moment: str
) -> None:
    at = asyncio.Event()
    await called_off(run(context, lambda event: at.set() if event == moment else None), at)
    assert await settled(context) == []


async def test_a_call_of_a_model_that_is_called_off_closes_its_connection(context: Context) -> None:
    at = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_: object) -> Delayed:
        loop.call_soon_threadsafe(at.set)
        return Delayed(600, Said("{}"))

    with ScriptedServer(slow) as server:
        asking = context.model_copy(update={"model": f"scripted@{server.url}"})
        await called_off(by_ahunt(asking, lambda _: None), at)
        port = int(server.root.rpartition(":")[2])
        for _ in range(600):
            ours = [c for c in psutil.Process().net_connections("tcp") if c.raddr and c.raddr.port == port]
            if not ours:
                break
            await asyncio.sleep(0.1)
        assert ours == []
    assert await settled(context) == []


async def test_nothing_blocks_the_loop_of_the_host(context: Context) -> None:
    await ahunt(QUESTION, context=context)
    tools = {tool.name: tool for tool in log_tools(context)}
    with blockbuster_ctx("soc_analyst"):
        report = await ahunt("Anything suspicious on host ws-2 in the last day?", context=context)
        told = await investigate_tool(context).ainvoke({"question": QUESTION})
        rows = await tools["query_logs"].ainvoke({"kql": "DeviceProcessEvents | summarize count()"})
        found = await tools["run_detections"].ainvoke({"tables": ["SigninLogs"]})
    assert report.outcome == "not_found" and told.startswith("confirmed")
    assert "1 row" in rows and "detection" in found


def test_several_loops_in_several_threads_share_a_folder(context: Context) -> None:
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda: reports.append(hunt(QUESTION, context=context))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert [report.outcome for report in reports] == ["confirmed"] * 3
    assert len({report.thread_id for report in reports}) == 3


def test_importing_everything_configures_no_logging_opens_no_socket_and_starts_no_thread() -> None:
    code = (
        "import logging, socket, sys, threading, warnings\n"
        "def no(*_, **__): raise AssertionError('a socket')\n"
        "socket.socket.connect = socket.getaddrinfo = no\n"
        "before = (list(logging.root.handlers), logging.root.level, list(warnings.filters))\n"
        "import soc_analyst\n"
        "for name in soc_analyst.__all__: getattr(soc_analyst, name)\n"
        "soc_analyst.build_graph(), soc_analyst.log_tools(), soc_analyst.investigate_tool()\n"
        "assert (list(logging.root.handlers), logging.root.level) == before[:2]\n"
        "assert threading.enumerate() == [threading.main_thread()], threading.enumerate()\n"
        "assert not [m for m in ('azure.identity', 'openai', 'mcp') if m in sys.modules]\n"
        "assert logging.getLogger('soc_analyst').handlers == []\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


NAMES_OF_OURS = {
    "_after_role_pattern", "_group", "_lowered", "_part", "_re", "_role", "_subject_columns", "_translation", "_words",
    "bundled", "columns_of", "hourly_weights", "load_prompt", "lookup", "standing", "vocabulary",
}  # fmt: skip
"""Functions cached without a bound whose arguments are names that stand in the product's own files."""


def test_what_a_process_keeps_between_runs_is_bounded() -> None:
    unbounded, rebound = set(), []
    for room in ("graph", "tools", "state", "soc_analyst/agents"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Global):
                    rebound.append(path.name)
                if isinstance(node, ast.FunctionDef) and node.args.args:
                    marks = {ast.unparse(mark) for mark in node.decorator_list}
                    if marks & {"cache", "functools.cache", "lru_cache(maxsize=None)"}:
                        unbounded.add(node.name)
    assert (unbounded, rebound) == (NAMES_OF_OURS, [])


async def test_a_node_reads_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = build_graph()
    monkeypatch.setenv("SOC_ANALYST_KEY_FILE", str(tmp_path / "no such key"))
    monkeypatch.setenv("SOC_ANALYST_HOME", str(tmp_path / "elsewhere"))
    context = Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home")
    asked = {"question": "Anything suspicious on host ws-1 in the last day?"}
    state = await graph.ainvoke(asked, context=context)
    assert state["report"].outcome == "confirmed" and not (tmp_path / "elsewhere").exists()
    with pytest.raises(OperatorError, match="no such key"):
        await build_graph().ainvoke(asked, context=context)


@pytest.mark.parametrize("limit", [8, 13])
async def test_a_recursion_limit_of_the_host_ends_with_a_partial_report(limit: int, tmp_path: Path) -> None:
    case = load(CASES / "pivot-address-to-another-host")
    written(case, tmp_path / "logs")
    config: RunnableConfig = {"recursion_limit": limit}
    state = await build_graph().ainvoke({"question": case.question}, config, context=context_of(case, tmp_path))
    assert state["report"].budget_reached == "steps" and state["report"].findings
    assert any("The budget of steps ended" in warning for warning in state["report"].warnings)
