"""Ctrl-C: once to stop gently with a partial report, twice to leave at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soc_analyst.state.report import Report

__all__ = ["INTERRUPTED", "Stopping"]

INTERRUPTED = 130
PATIENCE = 5.0
"""Seconds that an abandoned run has to close what it has open, before the process ends without it."""
GENTLY = "soc-analyst: stopping: what runs is finished, then the report of what there is follows; Ctrl-C again leaves\n"
SHOW_CURSOR = "\x1b[?25h"


@dataclass
class Stopping:
    """What Ctrl-C means to a run."""

    stop: threading.Event = field(default_factory=threading.Event)
    """Set by the first Ctrl-C."""
    asking: bool = False
    """Whether a person is being asked: then there is nothing to finish, and the first Ctrl-C leaves."""

    def asked(self, approve: Callable[[Any], object] | None) -> Callable[[Any], object] | None:
        """Return what asks a person, and says so while it does."""
        if approve is None:
            return None

        def asking(plan: Any) -> object:
            self.asking = True
            try:
                return approve(plan)
            finally:
                self.asking = False

        return asking

    def run(self, investigation: Coroutine[Any, Any, Report]) -> Report:
        """Run an investigation to its report. Raises KeyboardInterrupt where it was left."""
        try:
            return asyncio.run(self._watched(investigation))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    async def _watched(self, investigation: Coroutine[Any, Any, Report]) -> Report:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        if threading.current_thread() is threading.main_thread() and sys.platform != "win32":
            loop.add_signal_handler(signal.SIGINT, self._interrupted, task)
        return await investigation

    def _interrupted(self, task: asyncio.Task[Any]) -> None:
        if not self.stop.is_set() and not self.asking:
            self.stop.set()
            sys.stderr.write(GENTLY)
            return
        self.stop.set()
        task.cancel()
        end = threading.Timer(PATIENCE if not self.asking else 0.0, _leave)
        end.daemon = True
        end.start()


def _leave() -> None:
    """End the process without waiting for its threads; what was finished is on disk already."""
    if sys.stderr.isatty():
        sys.stderr.write(SHOW_CURSOR)
    sys.stderr.write("\nsoc-analyst: left; `soc-analyst threads` lists what can be resumed\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
