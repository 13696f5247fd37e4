"""Joins, unions and queries within queries give the rows that Kusto documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text, recheck
from soc_analyst.tools.kql import to_sql

COLUMNS = {
    "SigninLogs": ["TimeGenerated", "UserPrincipalName", "IPAddress"],
    "AuditLogs": ["TimeGenerated", "Identity", "Category"],
}
SIGNINS = [("ann", "10.0.0.1"), ("ann", "10.0.0.2"), ("bob", "10.0.0.3"), ("eve", "10.0.0.4")]
AUDITS = [("ann", "Users"), ("ann", "Groups"), ("bob", "Users"), ("zoe", "Roles")]
LEFT = "let L = SigninLogs | project k = UserPrincipalName, v = IPAddress; "
RIGHT = "let R = AuditLogs | project k = Identity, v = Category; "

JOINS = [
    ("inner", [("ann", "10.0.0.1", "ann", "Groups"), ("ann", "10.0.0.1", "ann", "Users"),
               ("ann", "10.0.0.2", "ann", "Groups"), ("ann", "10.0.0.2", "ann", "Users"),
               ("bob", "10.0.0.3", "bob", "Users")]),
    ("leftouter", [("ann", "10.0.0.1", "ann", "Groups"), ("ann", "10.0.0.1", "ann", "Users"),
                   ("ann", "10.0.0.2", "ann", "Groups"), ("ann", "10.0.0.2", "ann", "Users"),
                   ("bob", "10.0.0.3", "bob", "Users"), ("eve", "10.0.0.4", "", "")]),
    ("rightouter", [("", "", "zoe", "Roles"), ("ann", "10.0.0.1", "ann", "Groups"), ("ann", "10.0.0.1", "ann", "Users"),
                    ("ann", "10.0.0.2", "ann", "Groups"), ("ann", "10.0.0.2", "ann", "Users"),
                    ("bob", "10.0.0.3", "bob", "Users")]),
    ("fullouter", [("", "", "zoe", "Roles"), ("ann", "10.0.0.1", "ann", "Groups"), ("ann", "10.0.0.1", "ann", "Users"),
                   ("ann", "10.0.0.2", "ann", "Groups"), ("ann", "10.0.0.2", "ann", "Users"),
                   ("bob", "10.0.0.3", "bob", "Users"), ("eve", "10.0.0.4", "", "")]),
    ("leftanti", [("eve", "10.0.0.4")]),
    ("anti", [("eve", "10.0.0.4")]),
    ("leftantisemi", [("eve", "10.0.0.4")]),
    ("rightanti", [("zoe", "Roles")]),
    ("rightantisemi", [("zoe", "Roles")]),
    ("leftsemi", [("ann", "10.0.0.1"), ("ann", "10.0.0.2"), ("bob", "10.0.0.3")]),
    ("rightsemi", [("ann", "Groups"), ("ann", "Users"), ("bob", "Users")]),
]  # fmt: skip

ROWS = [
    (
        "SigninLogs | where UserPrincipalName == 'ann' | extend a = iff(IPAddress endswith '1', 1, long(null)),"
        " b = iff(IPAddress endswith '2', 2, long(null)) | summarize take_any(a, b) by UserPrincipalName"
        " | project of_two_rows = isnotnull(a) and isnotnull(b)",
        [(False,)],
    ),
    (
        "union withsource=From SigninLogs, AuditLogs | summarize n = count() by From",
        [("AuditLogs", 4), ("SigninLogs", 4)],
    ),
    (
        "SigninLogs | union withsource=From kind=inner AuditLogs | summarize n = count() by From",
        [("AuditLogs", 4), ("SigninLogs", 4)],
    ),
    (
        "SigninLogs | where IPAddress == '10.0.0.1' | union withsource=From (AuditLogs | take 2)"
        " | summarize n = count() by From",
        [("union_arg0", 1), ("union_arg1", 2)],
    ),
    (
        "SigninLogs | join kind=inner AuditLogs on $left.UserPrincipalName == $right.Identity and"
        " $left.TimeGenerated == $right.TimeGenerated | summarize n = count() by UserPrincipalName, Identity1",
        [("ann", "ann", 4), ("bob", "bob", 1)],
    ),
    (
        "SigninLogs | where UserPrincipalName in (AuditLogs | summarize n = count() by Identity | where n > 1)"
        " | project IPAddress",
        [("10.0.0.1",), ("10.0.0.2",)],
    ),
    (
        "let known = AuditLogs | summarize count() by Identity; SigninLogs | where UserPrincipalName !in (known)"
        " | project IPAddress",
        [("10.0.0.4",)],
    ),
    (
        "let known = AuditLogs | summarize make_set(Identity); SigninLogs | where UserPrincipalName !in (known)"
        " | project IPAddress",
        [("10.0.0.4",)],
    ),
    (
        "SigninLogs | where UserPrincipalName in (AuditLogs | summarize who = make_set(Identity), n = count())"
        " | project IPAddress",
        [("10.0.0.1",), ("10.0.0.2",), ("10.0.0.3",)],
    ),
    (
        "SigninLogs | summarize (Highest, Who) = arg_max(IPAddress, UserPrincipalName)",
        [("10.0.0.4", "eve")],
    ),
    (
        "SigninLogs | lookup kind=leftouter (AuditLogs | summarize n = count() by UserPrincipalName = Identity)"
        " on UserPrincipalName | project IPAddress, n",
        [("10.0.0.1", 2), ("10.0.0.2", 2), ("10.0.0.3", 1), ("10.0.0.4", None)],
    ),
    (
        "SigninLogs | extend one = 1 | join kind=inner (AuditLogs | where Identity == 'zoe' | extend one = 1) on one"
        " | project UserPrincipalName, Identity1",
        [("ann", "zoe"), ("ann", "zoe"), ("bob", "zoe"), ("eve", "zoe")],
    ),
]


_SQL = {
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
    "long": "BIGINT",
    "int": "INTEGER",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
}


class Small:
    """Two tables of four rows inside the window."""

    def __init__(self, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow) -> None:
        self.policy, self.tables, self.window = policy, tables, window
        self.con = duckdb.connect()
        self.con.execute("SET TimeZone='UTC'")
        self.columns = {table: list(tables[table].columns) for table in COLUMNS}
        for (table, columns), rows in zip(COLUMNS.items(), (SIGNINS, AUDITS), strict=True):
            types = {name: _SQL.get(column.type, "VARCHAR") for name, column in tables[table].columns.items()}
            definition = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
            self.con.execute(f'CREATE TABLE "{table}" ({definition})')
            into = f'"{table}" ({", ".join(columns)})'
            self.con.executemany(f"INSERT INTO {into} VALUES ('2026-03-04 12:00:00', ?, ?)", rows)

    def run(self, kql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, sorted, once the guard has proved it twice."""
        verdict = check_text(kql, policy=self.policy, tables=self.tables, window=self.window)
        assert verdict.approved is not None, verdict.diagnostics
        assert recheck(verdict.approved, policy=self.policy, tables=self.tables) == ()
        sql = to_sql(verdict.approved.kql, self.columns, self.window.end.replace(tzinfo=None))
        return sorted(self.con.execute(sql.text, sql.parameters).fetchall())


@pytest.fixture
def small(policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow) -> Small:
    return Small(policy, tables, window)


@pytest.mark.parametrize(("kind", "rows"), JOINS)
def test_each_kind_of_join_keeps_its_rows(kind: str, rows: list[tuple[str, ...]], small: Small) -> None:
    blank = " | project k = strcat(k, ''), v = strcat(v, ''), k1 = strcat(k1, ''), v1 = strcat(v1, '')"
    both = len(rows[0]) == 4
    assert small.run(f"{LEFT}{RIGHT}L | join kind={kind} R on k{blank if both else ''}") == rows


def test_without_a_kind_one_row_of_the_left_stands_for_each_key(small: Small) -> None:
    rows = small.run(f"{LEFT}{RIGHT}L | join R on k | project k, v1")
    assert rows == [("ann", "Groups"), ("ann", "Users"), ("bob", "Users")]


@pytest.mark.parametrize(("kql", "rows"), ROWS)
def test_rows(kql: str, rows: list[tuple[Any, ...]], small: Small) -> None:
    assert small.run(kql) == rows


@pytest.mark.parametrize(
    ("code", "kql"),
    [
        ("not-one-column", "SigninLogs | where UserPrincipalName in (AuditLogs | project TimeGenerated, Identity)"),
        ("refused-arguments", "SigninLogs | summarize (a, b, c) = arg_max(IPAddress, UserPrincipalName)"),
        ("syntax", "SigninLogs | extend (a, b) = strcat(IPAddress, UserPrincipalName)"),
        ("unknown-table", "SigninLogs | union withsource=From secrets"),
        ("case-collision", "SigninLogs | union withsource=ipaddress AuditLogs"),
        ("duplicate-column", "SigninLogs | union withsource=TimeGenerated AuditLogs"),
    ],
)
def test_refused(code: str, kql: str, small: Small) -> None:
    verdict = check_text(kql, policy=small.policy, tables=small.tables, window=small.window)
    assert not verdict.allowed
    assert code in {diagnostic.code for diagnostic in verdict.diagnostics}, verdict.diagnostics
