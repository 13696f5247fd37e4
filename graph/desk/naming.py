"""The id of a case: the host's thread, and where a host calls the graph from a node of its own, one for each call."""

from __future__ import annotations

import hashlib
import uuid

from langchain_core.runnables import RunnableConfig

from soc_analyst.tools.records.folder import THREAD

__all__ = ["case_id"]

LONGEST_KEPT = 100


def case_id(config: RunnableConfig) -> str:
    """Return the id of a new case, the same one whenever the run is resumed.

    A subgraph shares the thread of its parent, which may call it again and again, also side by side: what LangGraph
    calls the place of the call tells these apart. An id that can be no folder's name is replaced by its digest.
    """
    given = config.get("configurable", {})
    thread = str(given.get("thread_id") or uuid.uuid4().hex)
    if not THREAD.fullmatch(thread):
        thread = f"thread-{_digest(thread)}"
    outer, _, _ = str(given.get("checkpoint_ns") or "").rpartition("|")
    return f"{thread[:LONGEST_KEPT]}-{_digest(outer)}" if outer else thread


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
