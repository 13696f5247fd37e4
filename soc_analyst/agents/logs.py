"""The guarded logs as tools of a host's agent: query, tables, columns, detections."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, ConfigDict, Field

from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.desk import open_desk
from soc_analyst.graph.looking.detecting import detected
from soc_analyst.graph.looking.own_kql import queried, require_something_looked_at
from soc_analyst.state.base import UtcTime
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Level

from .calling import tool_of
from .telling import told_columns, told_detections, told_refusal, told_rows, told_tables

__all__ = ["LEVELS", "MOST_ROWS", "Kql", "log_tools", "within"]

MOST_ROWS = 50
"""Rows that an answer shows unless the host says otherwise."""
LONGEST_KQL = 20_000
LEVELS: tuple[Level, ...] = ("informational", "low", "medium", "high", "critical")
QUERY = (
    "Run a read-only KQL query over the organisation's logs. A guard proves it first: only tables that list_tables "
    "names, columns that describe_table names, and the allowed time; what it refuses comes back with reasons, so that "
    "you can mend the query. Rows come back as JSON lines, a limited number: prefer where, project, summarize."
)
TABLES = "List the log tables that can be asked, with what each holds. Call it before the first query."
COLUMNS = "Show the columns of a log table with types and meaning. Call it before you query the table."
DETECTIONS = (
    "Run the built-in detections (Sigma rules and statistics) over whole tables and return what fires, worst first. "
    "Slower than a query: name the tables you need."
)


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Kql(_Arguments):
    """A query."""

    kql: str = Field(
        min_length=1, max_length=LONGEST_KQL, description="The KQL text, such as `SigninLogs | summarize count() by X`."
    )


class Nothing(_Arguments):
    """No arguments."""


class TableName(_Arguments):
    """A table."""

    table: str = Field(min_length=1, max_length=100, description="A name from list_tables.")


class Sweep(_Arguments):
    """What to run detections over."""

    tables: list[str] = Field(default_factory=list, max_length=40, description="Names from list_tables; all if empty.")
    level: Literal["informational", "low", "medium", "high", "critical"] = Field(
        default="medium", description="The lowest level to tell."
    )
    since: UtcTime | None = Field(default=None, description="Start (ISO 8601); the longest that policy allows if none.")
    until: UtcTime | None = Field(default=None, description="End (ISO 8601), exclusive; the newest if none.")


def log_tools(context: Context | None = None, *, most_rows: int = MOST_ROWS) -> list[BaseTool]:
    """Return `query_logs`, `list_tables`, `describe_table` and `run_detections` under this context.

    A query that is refused is a tool error whose text says why. Rows go to the host's model as policy lets them be
    seen: what it must not see, policy must not allow.
    """
    chosen = context or Context()

    async def query_logs(kql: str) -> str:
        came = await queried(kql, chosen)
        if came.result is None:
            raise ToolException(told_refusal(came.faults))
        require_something_looked_at(came)
        return told_rows(came, most=most_rows)

    async def list_tables() -> str:
        async with open_desk(chosen) as whole, whole.workspace() as workspace:
            tables, notes = whole.within(workspace.lacking).tables, workspace.notes
        return told_tables(tables.values(), notes)

    async def describe_table(table: str) -> str:
        async with open_desk(chosen) as whole, whole.workspace() as workspace:
            tables = whole.within(workspace.lacking).tables
        if table not in tables:
            raise ToolException(f"There is no table {table[:80]!r} to be asked; there are {', '.join(tables)}.")
        return told_columns(tables[table])

    async def run_detections(
        tables: list[str], level: Level = "medium", since: datetime | None = None, until: datetime | None = None
    ) -> str:
        found = await detected(within(chosen, since, until), tables)
        return told_detections(
            found, [one for one in found.detections if LEVELS.index(one.level) >= LEVELS.index(level)]
        )

    return [
        tool_of(query_logs, name="query_logs", description=QUERY, arguments=Kql),
        tool_of(list_tables, name="list_tables", description=TABLES, arguments=Nothing),
        tool_of(describe_table, name="describe_table", description=COLUMNS, arguments=TableName),
        tool_of(run_detections, name="run_detections", description=DETECTIONS, arguments=Sweep),
    ]


def within(context: Context, since: datetime | None, until: datetime | None) -> Context:
    """Return the context for a part of its window; raise OperatorError for a time outside of what the host fixed."""
    for given in (since, until):
        early = given is not None and context.since is not None and given < context.since
        late = given is not None and context.until is not None and given > context.until
        if early or late:
            raise OperatorError(
                f"{given:%Y-%m-%dT%H:%MZ} is outside of the time that may be looked at", where="since and until"
            )
    return context.model_copy(update={"since": since or context.since, "until": until or context.until})
