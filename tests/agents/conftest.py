from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from soc_analyst import Context
from tests.graph.workspace import END, small


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(tmp_path_factory.mktemp("tenant") / "logs")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, warmed: Callable[[Path], Path]) -> Path:
    return warmed(tmp_path_factory.mktemp("home"))


@pytest.fixture
def context(logs: Path, home: Path) -> Context:
    """The small tenant, loaded once for all tests of the folder."""
    return Context(workspace=str(logs), data_dir=home, now=END)
