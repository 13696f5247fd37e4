"""Folders of logs to open, made of real files."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.tools.logs.base import QueryResult, Workspace
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.logs.workspaces import open_workspace

Opener = Callable[..., AbstractAsyncContextManager[Workspace]]
Asker = Callable[..., Awaitable[QueryResult]]
ALL_COLUMNS: Mapping[str, tuple[str, ...]] = {name: tuple(table.columns) for name, table in load_tables().items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder."""
    made = tmp_path / "logs"
    made.mkdir()
    return made


@pytest.fixture
def open_logs(tmp_path: Path) -> Opener:
    """Open a folder under a policy that allows everything, unless told otherwise."""

    def opened(spec, *, columns=ALL_COLUMNS, policy_hash="p1", now=None, data_dir=tmp_path / "data"):
        return open_workspace(str(spec), data_dir=data_dir, columns=columns, policy_hash=policy_hash, now=now)

    return opened


def approved(kql: str, *, row_cap: int = 100, policy_hash: str = "p1") -> ApprovedQuery:
    """Return a query as the guard would hand it on."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return ApprovedQuery(
        id="q1", kql=kql, tables=(), columns={}, start=moment, end=moment, row_cap=row_cap, policy_hash=policy_hash
    )


@pytest.fixture
def ask(open_logs: Opener) -> Asker:
    """Open a folder, ask one question of it, and return the rows."""

    async def asked(spec, kql, *, seconds=30.0, row_cap=100, **options):
        async with open_logs(spec, **options) as workspace:
            return await workspace.run(approved(kql, row_cap=row_cap), timeout=seconds)

    return asked
