"""What holds for all tests."""

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before LangGraph is imported, which reads it once: nothing that a checkpoint holds is made but what is on a list.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

# How long an example takes tells how busy the machine is, not whether the code is right.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each worker the compiled rules; by itself each would compile them, and each process that a test starts."""
    node.workerinput["rules"] = str(_compiled())


@cache
def _compiled() -> Path:
    """Return where the pack is kept compiled while all tests run."""
    from soc_analyst.tools.detections import load_rules

    folder = Path(tempfile.mkdtemp(prefix="rules-"))
    load_rules(cache_dir=folder)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Read the compiled rules in a worker."""
    given = getattr(config, "workerinput", {}).get("rules")
    if given:
        from soc_analyst.tools.detections import load_rules

        load_rules(cache_dir=Path(given))


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    if _compiled.cache_info().currsize:
        shutil.rmtree(_compiled(), ignore_errors=True)


@pytest.fixture(scope="session")
def warmed(request: pytest.FixtureRequest) -> Callable[[Path], Path]:
    """Put the compiled rules, where there are any, into a data folder that another process will use."""
    given = getattr(request.config, "workerinput", {}).get("rules")

    def warm(home: Path) -> Path:
        if given:
            shutil.copytree(given, home / "rules", dirs_exist_ok=True)
        return home

    return warm


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
