"""What holds for all tests."""

import os

import pytest
from hypothesis import settings

# Before LangGraph is imported, which reads it once: nothing that a checkpoint holds is made but what is on a list.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

# How long an example takes tells how busy the machine is, not whether the code is right.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the slow tests to the heads of the stretches that workers begin with: short ones then fill up the end."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    if not slow or workers == 1:
        return
    quick = [item for item in items if not item.get_closest_marker("slow")]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        own = slow[worker::workers]
        most = (len(items) * (worker + 1)) // workers
        taken = most - len(dealt) - len(own)
        dealt += [*own, *quick[:taken]]
        quick = quick[taken:]
    items[:] = dealt
