"""The investigations that this process drives: each a task whose steps anyone may follow, from the first one on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from soc_analyst.graph.approval.approving import HASH, HumanInterrupt
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.desk import data_of
from soc_analyst.graph.hunting import ahunt, aresume, new_thread_id
from soc_analyst.graph.progress import Event
from soc_analyst.state.errors import ApprovalRequired, OperatorError, SocAnalystError
from soc_analyst.state.report import Report

from .saying import Step, step_of

__all__ = ["Run", "Runs", "Stage"]

Stage = Literal["running", "waiting", "finished", "failed"]
MOST = 4
"""Investigations that run at the same time."""


@dataclass
class Run:
    """One investigation, as far as this process knows it."""

    thread: str
    question: str
    stage: Stage = "running"
    steps: list[Step] = field(default_factory=list)
    plan: HumanInterrupt | None = None
    """What waits for a person's answer."""
    trouble: str = ""
    """Why it failed, in one line."""
    stop: threading.Event = field(default_factory=threading.Event)
    task: asyncio.Task[None] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: Event) -> None:
        """Keep a step of progress."""
        step = step_of(event)
        if step is not None:
            self.steps.append(step)
            self._tell()

    def put_down(self, plan: HumanInterrupt) -> object:
        """Keep a plan that waits for a person, and let the case wait with it."""
        self.plan = plan
        raise ApprovalRequired(plan["description"], plan["action_request"]["args"][HASH], self.thread)

    def end(self, stage: Stage, trouble: str = "") -> None:
        """Note what became of it."""
        self.stage, self.trouble = stage, trouble
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, after: int, patience: float) -> AsyncIterator[tuple[int, Step] | None]:
        """Yield each step after the first `after` ones with its number, None where nothing came for a while."""
        number = after
        while True:
            changed = self._changed
            while number < len(self.steps):
                number += 1
                yield number, self.steps[number - 1]
            if self.stage != "running":
                return
            try:
                await asyncio.wait_for(changed.wait(), patience)
            except TimeoutError:
                yield None


class Runs:
    """What runs and what ran since this process began."""

    def __init__(self, context: Context, checkpoints: str | None = None) -> None:
        self.context, self.checkpoints = context, checkpoints
        self._runs: dict[str, Run] = {}

    def get(self, thread: str) -> Run | None:
        """Return the run of a thread, if this process drove it."""
        return self._runs.get(thread)

    def ask(self, question: str, *, approve: str, thread: str = "") -> Run:
        """Start an investigation, or a further question on a thread."""
        context = Context.model_validate({**self.context.model_dump(), "approve": approve})
        run = self._new(thread or new_thread_id(), question)
        hunting = ahunt(
            question,
            context=context,
            thread_id=run.thread,
            watch=run.take,
            approve=run.put_down,
            stop=run.stop,
            checkpoints=self.checkpoints,
        )
        self._drive(run, hunting)
        return run

    def go_on(self, thread: str, question: str, answer: object = None) -> Run:
        """Go on with a case, with a person's answer to the plan that waits if there is one."""
        steps = before.steps if (before := self._runs.get(thread)) else []
        run = self._new(thread, question, steps)
        answers = [answer] if answer is not None else []

        def approve(plan: HumanInterrupt) -> object:
            return answers.pop() if answers else run.put_down(plan)

        going_on = aresume(
            thread,
            data_dir=data_of(self.context),
            watch=run.take,
            approve=approve,
            stop=run.stop,
            checkpoints=self.checkpoints,
        )
        self._drive(run, going_on)
        return run

    def _new(self, thread: str, question: str, steps: list[Step] | None = None) -> Run:
        known = self._runs.get(thread)
        if known is not None and known.stage == "running":
            raise OperatorError("is at work already; wait for it, or stop it", where=f"thread {thread}")
        if sum(run.stage == "running" for run in self._runs.values()) >= MOST:
            raise OperatorError(f"{MOST} are at work already; wait for one, or stop one", where="investigations")
        run = self._runs[thread] = Run(thread, question, steps=list(steps or []))
        return run

    def _drive(self, run: Run, work: Coroutine[Any, Any, Report]) -> None:
        run.task = asyncio.create_task(_driven(run, work))
        run.task.add_done_callback(partial(_ended, run))

    async def close(self) -> None:
        """Leave what still runs where it is; it can be resumed."""
        tasks = [run.task for run in self._runs.values() if run.task is not None and not run.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _driven(run: Run, work: Coroutine[Any, Any, Report]) -> None:
    try:
        await work
    except ApprovalRequired:
        run.end("waiting")
    except SocAnalystError as error:
        run.end("failed", str(error))
    else:
        run.end("finished")


def _ended(run: Run, task: asyncio.Task[None]) -> None:
    """Say that a run is over whose task ended in a way that nobody foresaw."""
    if run.stage == "running":
        error = None if task.cancelled() else task.exception()
        run.end("failed", f"{type(error).__name__}: {error}" if error else "it was left; it can go on")
