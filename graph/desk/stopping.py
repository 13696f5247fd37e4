"""A run that is asked to stop: what runs is finished, nothing new begins, and the report of what there is comes out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["asked_to_stop", "stoppable"]

_asked: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


@contextmanager
def stoppable(stop: threading.Event | None) -> Iterator[None]:
    """Let whoever holds the event stop what begins within, from any thread."""
    before = _asked.set(stop)
    try:
        yield
    finally:
        _asked.reset(before)


def asked_to_stop() -> bool:
    """Return whether the run was asked to stop."""
    stop = _asked.get()
    return stop is not None and stop.is_set()
