"""A script: the requests that are expected, in order, and what is replied to each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from .asked import Asked
from .replies import Reply

__all__ = ["Script", "ScriptError", "Step"]


class ScriptError(AssertionError):
    """What was asked is not what the script says."""


@dataclass(frozen=True)
class Step:
    """One expected request and the reply to it. What is left empty is not looked at."""

    reply: Reply | Callable[[Asked], Reply]
    answer: str = ""
    """The name of the answer's schema or function, such as `PlanAnswer`."""
    contains: str = ""
    """A text that one of the messages holds."""
    when: Callable[[Asked], bool] | None = None
    times: int | None = 1
    """How often it is expected; None for any number of times, none included."""

    def fits(self, asked: Asked) -> bool:
        """Return whether a request is the expected one."""
        named = not self.answer or self.answer == asked.answer
        return named and self.contains in asked.text and (self.when is None or self.when(asked))

    def __str__(self) -> str:
        wanted = [f"answer {self.answer!r}"] if self.answer else []
        wanted += [f"text {self.contains!r}"] if self.contains else []
        wanted += [f"when {getattr(self.when, '__name__', 'callable')}"] if self.when else []
        return " and ".join(wanted) or "any request"


class Script:
    """Steps that are played once each; `in_order=False` takes the first step that fits, as parallel requests need."""

    def __init__(self, *steps: Step | Reply, in_order: bool = True) -> None:
        self._steps = [step if isinstance(step, Step) else Step(step) for step in steps]
        self._played = [0] * len(self._steps)
        self._in_order = in_order
        self._faults: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Reply:
        """Return the reply to a request; raise ScriptError where the script has none."""
        with self._lock:
            step = self._next(asked)
            if step is None:
                fault = f"unexpected request for {asked.answer or asked.form}: {asked.user[:120]!r}; {self._expected()}"
                self._faults.append(fault)
                raise ScriptError(fault)
        return step.reply(asked) if callable(step.reply) else step.reply

    def finish(self) -> None:
        """Raise ScriptError over requests that were not expected and steps that were never asked for."""
        with self._lock:
            left = [f"step {n + 1} was never asked for: {self._steps[n]}" for n in self._open() if self._owed(n)]
            faults = [*self._faults, *left]
        if faults:
            raise ScriptError("\n".join(faults))

    def _next(self, asked: Asked) -> Step | None:
        for n in self._open():
            if self._steps[n].fits(asked):
                self._played[n] += 1
                return self._steps[n]
            if self._in_order and self._owed(n):
                return None
        return None

    def _open(self) -> list[int]:
        return [n for n, step in enumerate(self._steps) if step.times is None or self._played[n] < step.times]

    def _owed(self, n: int) -> bool:
        return self._steps[n].times is not None

    def _expected(self) -> str:
        still = self._open()
        return f"the script expects {self._steps[still[0]]}" if still else "the script is over"
