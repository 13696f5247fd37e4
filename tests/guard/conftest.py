"""A workspace that would tell: rows outside the window and hidden columns all hold one canary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import duckdb
import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.state.tables import ColumnType, TableSchema
from soc_analyst.tools.guard import Policy, load_policy
from soc_analyst.tools.kql import to_sql
from soc_analyst.tools.logs.tables import load_tables

CANARY = "c4n4ry"
START, END = datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
_SQL: dict[ColumnType, str] = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "int": "INTEGER",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}
_SEEN = {
    "FileName": "powershell.exe",
    "ProcessCommandLine": "powershell.exe -enc seen",
    "InitiatingProcessFileName": "winword.exe",
    "ResultType": "50126",
    "UserPrincipalName": "alice@contoso.com",
    "LocationDetails": {"city": "Oslo"},
    "DeviceDetail": {"browser": "Edge"},
}
"""What the rows inside the window hold; other columns hold `seen` and their name."""


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy()


@pytest.fixture(scope="session")
def tables() -> Mapping[str, TableSchema]:
    return load_tables()


@pytest.fixture(scope="session")
def window() -> TimeWindow:
    return TimeWindow(start=START, end=END)


class Workspace:
    """The eleven tables with one row inside the window and rows just outside it, all of whose texts are canaries."""

    def __init__(self, policy: Policy, tables: Mapping[str, TableSchema]) -> None:
        self.con = duckdb.connect()
        self.columns = {name: list(schema.columns) for name, schema in tables.items()}
        self.con.execute("SET TimeZone='UTC'")
        self.con.execute("CREATE TABLE secrets AS SELECT 'c4n4ry' AS value")
        for name, schema in tables.items():
            columns = ", ".join(f'"{column}" {_SQL[kind.type]}' for column, kind in schema.columns.items())
            self.con.execute(f'CREATE TABLE "{name}" ({columns})')
            for moment, inside in (
                ("2026-03-03 00:00:00", True),
                ("2026-03-04 12:00:00", True),
                ("2026-03-04 23:59:59.999999", True),
                ("2026-03-02 23:59:59.999999", False),
                ("2026-03-05 00:00:00", False),
            ):
                values = [self._value(schema, column, moment, inside, policy) for column in schema.columns]
                places = ", ".join("?" * len(values))
                self.con.execute(f'INSERT INTO "{name}" VALUES ({places})', values)

    @staticmethod
    def _value(schema: TableSchema, column: str, moment: str, inside: bool, policy: Policy) -> object:
        kind = schema.columns[column].type
        seen = inside and column in policy.tables[schema.name]
        text = _SEEN.get(column, f"seen {column}") if seen else CANARY
        if column == "TimeGenerated":
            return moment
        bag = text if isinstance(text, dict) else {"a": [text]}
        by_kind = {"string": text, "dynamic": json.dumps(bag), "datetime": moment, "bool": True}
        return by_kind.get(kind, 7 if seen else 66613)

    def run(self, approved: ApprovedQuery) -> list[tuple[object, ...]]:
        """Run an approved query and return its rows."""
        sql = to_sql(approved.kql, self.columns, END.replace(tzinfo=None))
        return self.con.execute(sql.text, sql.parameters).fetchall()


@pytest.fixture(scope="session")
def workspace(policy: Policy, tables: Mapping[str, TableSchema]) -> Iterator[Workspace]:
    workspace = Workspace(policy, tables)
    yield workspace
    workspace.con.close()
