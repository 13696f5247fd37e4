"""One investigation from a question to its report, with checkpoints on disk."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot

from soc_analyst.settings import Settings
from soc_analyst.state.case import CaseInput, CaseOutput, CaseState
from soc_analyst.state.errors import ApprovalRequired, OperatorError
from soc_analyst.state.report import STOP, Report
from soc_analyst.tools.records.folder import DataDir

from .approval.approving import HASH, HumanInterrupt, decided
from .bridging import outside_loop
from .build import build_graph
from .checkpoints import open_checkpoints
from .checkpoints.database import Database, database_of
from .checkpoints.disk import stopped_by_disk
from .context import Context
from .desk.desk import data_of
from .desk.holding import alone
from .desk.opened import kept_open
from .desk.stopping import stoppable
from .progress import Event

__all__ = ["Approver", "Watcher", "ahunt", "aresume", "hunt", "new_thread_id"]

Watcher = Callable[[Event], None]
Approver = Callable[[HumanInterrupt], object]
"""Gives a person's answer to a plan, as `approving.decided` reads it."""


def hunt(
    question: str, *, context: Context | None = None, thread_id: str | None = None, checkpoints: str | None = None
) -> Report:
    """Investigate a question and return the report; also where an event loop is already running."""
    return outside_loop(lambda: ahunt(question, context=context, thread_id=thread_id, checkpoints=checkpoints))


async def ahunt(
    question: str,
    *,
    context: Context | None = None,
    thread_id: str | None = None,
    watch: Watcher | None = None,
    approve: Approver | None = None,
    stop: threading.Event | None = None,
    checkpoints: str | None = None,
) -> Report:
    """Investigate a question; `thread_id` names a new case or an existing one to follow up.

    `checkpoints` is `sqlite` (below the data folder) or postgresql://HOST/DATABASE; SOC_ANALYST_CHECKPOINTS where it is
    left out, else SQLite.

    `watch` is called with each step of progress, `approve` with each plan that a person must say yes to, off the event
    loop. Once `stop` is set, from any thread, nothing new begins, and the report of what there is comes out with
    `budget_reached` as `stop`. Raises ApprovalRequired where there is such a plan and no `approve`.
    """
    chosen = context or Context()
    thread = thread_id or new_thread_id()
    database = database_of(Settings.checkpoints() if checkpoints is None else checkpoints)
    async with _held(thread, chosen, database) as saver:
        with stoppable(stop):
            return await _run(saver, {"question": question}, thread, chosen, watch, approve)


async def aresume(
    thread_id: str,
    *,
    data_dir: DataDir,
    watch: Watcher | None = None,
    approve: Approver | None = None,
    stop: threading.Event | None = None,
    checkpoints: str | None = None,
) -> Report:
    """Go on with an interrupted case from its last checkpoint, under the options it was started with.

    A case that was stopped goes on from where it was before that; what it has asked since is not asked again.
    """
    database = database_of(Settings.checkpoints() if checkpoints is None else checkpoints)
    seal = data_dir.seal or await asyncio.to_thread(Settings.seal)
    folder = replace(data_dir, seal=seal).folder(thread_id)
    header = await asyncio.to_thread(folder.header)
    if header is None:
        raise OperatorError(
            f"no such case in {data_dir.root}; `soc-analyst threads` lists them", where=f"thread {thread_id}"
        )
    context = Context.model_validate({**header.options, "data_dir": data_dir.root})
    async with _held(thread_id, context, database) as saver:
        with stoppable(stop):
            return await _run(saver, None, thread_id, context, watch, approve, restart=header.question)


def new_thread_id() -> str:
    """Return an id for a new case."""
    return f"case-{uuid.uuid4().hex[:12]}"


async def _run(
    saver: BaseCheckpointSaver[str],
    asked: CaseInput | None,
    thread: str,
    context: Context,
    watch: Watcher | None,
    approve: Approver | None,
    *,
    restart: str = "",
) -> Report:
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    async with kept_open():
        graph = build_graph(checkpointer=saver)
        if asked is None:
            snapshot = await graph.aget_state(config)
            # What is left to do are tasks: `next` leaves out one whose writes are kept and whose checkpoint is not.
            if not snapshot.tasks and "report" in snapshot.values:
                report = Report.model_validate(snapshot.values["report"])
                before = await _before_the_stop(graph, config) if report.was_stopped else None
                if before is None:
                    return report
                config, snapshot = before.config, before
            asked = None if snapshot.tasks else {"question": restart}
        going: CaseInput | Command[None] | None = asked
        while True:
            async for event in graph.astream(going, config, context=context, stream_mode="custom", durability="sync"):
                if watch is not None:
                    watch(cast(Event, event))
            config = {"configurable": {"thread_id": thread}}  # from here on the newest checkpoint
            finished = await graph.aget_state(config)
            if not finished.interrupts:
                break
            going = Command(resume=await _answered(finished.interrupts[0].value, thread, approve))
    return Report.model_validate(finished.values["report"])


async def _before_the_stop(
    graph: CompiledStateGraph[CaseState, Context, CaseInput, CaseOutput], config: RunnableConfig
) -> StateSnapshot | None:
    """Return the last checkpoint of the case on which its stop had no effect yet, None where there is none."""
    async for snapshot in graph.aget_state_history(config):
        if snapshot.tasks and snapshot.values.get("budget_reached") != STOP:
            return snapshot
    return None


async def _answered(plan: HumanInterrupt, thread: str, approve: Approver | None) -> object:
    """Return a person's answer to a plan; the case stays as it is where nobody can be asked, or it is none."""
    if approve is None:
        raise ApprovalRequired(plan["description"], plan["action_request"]["args"][HASH], thread)
    answer = await asyncio.to_thread(approve, plan)
    decided(answer, plan)
    return answer


@asynccontextmanager
async def _held(thread: str, context: Context, database: Database | None) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open the checkpoints of a thread with a second run kept off it: of this data folder, and of the database."""
    data = await asyncio.to_thread(data_of, context)
    async with alone(thread, data):
        with stopped_by_disk(thread):
            async with open_checkpoints(data.checkpoints, thread=thread, database=database, seal=data.seal) as saver:
                yield saver
