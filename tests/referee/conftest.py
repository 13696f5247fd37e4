"""The referee, for as long as the tests run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, load_policy
from soc_analyst.tools.logs.tables import load_tables

from .official import Referee, fetch


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy()


@pytest.fixture(scope="session")
def tables() -> Mapping[str, TableSchema]:
    return load_tables()


@pytest.fixture(scope="session")
def window() -> TimeWindow:
    return TimeWindow(start=datetime(2026, 3, 3, tzinfo=UTC), end=datetime(2026, 3, 5, tzinfo=UTC))


@pytest.fixture(scope="session")
def referee(policy: Policy, tables: Mapping[str, TableSchema]) -> Iterator[Referee]:
    """The official parser, which knows the allowed columns of the allowed tables and nothing else."""
    if shutil.which("node") is None:
        pytest.skip("node is missing: the official KQL parser cannot be asked")
    fetch()
    schema = {name: {column: tables[name].columns[column].type for column in policy.tables[name]} for name in tables}
    referee = Referee(schema)
    yield referee
    referee.close()
