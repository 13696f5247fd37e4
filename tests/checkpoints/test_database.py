"""How checkpoints are named: sqlite or a database, and a password in it goes into no message."""

from __future__ import annotations

import pytest

from soc_analyst.graph.checkpoints.database import database_of
from soc_analyst.settings import Settings
from soc_analyst.state.errors import OperatorError


@pytest.mark.parametrize("given", [None, "", "sqlite", " sqlite "])
def test_sqlite_is_the_default(given: str | None) -> None:
    assert database_of(given) is None


@pytest.mark.parametrize(
    ("given", "shown", "has_password"),
    [
        ("postgresql://db/soc", "postgresql://db/soc", False),
        ("postgres://ann@db:5433/soc?sslmode=require", "postgresql://db:5433/soc", False),
        ("postgresql://ann:hush@db/soc", "postgresql://db/soc", True),
        ("postgresql://ann@db/soc?password=hush", "postgresql://db/soc", True),
    ],
)
def test_a_database_is_shown_without_its_secrets(given: str, shown: str, has_password: bool) -> None:
    database = database_of(given)
    assert database is not None
    assert (database.shown, database.has_password) == (shown, has_password)
    assert "hush" not in repr(database)


@pytest.mark.parametrize(
    "given", ["postgresql://ann:hu/sh@db/soc", "postgresql://ann:hush[@db/soc", "mysql://ann:hush@db/x", "hush"]
)
def test_what_is_no_database_is_said_without_quoting_it(given: str) -> None:
    with pytest.raises(OperatorError, match="--checkpoints") as said:
        database_of(given)
    assert "hu" not in str(said.value).replace("hunt", "")


def test_a_password_of_the_database_is_a_secret() -> None:
    url = "postgresql://ann:hu%26sh@db/soc"
    assert Settings.checkpoints({"SOC_ANALYST_CHECKPOINTS": url}) == url
    assert {"hu%26sh", "hu&sh"} <= Settings.secrets({"SOC_ANALYST_CHECKPOINTS": url})
    assert Settings.checkpoints({}) is None
