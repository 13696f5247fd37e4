"""The results of one query's parts, put together by the embedded engine as the query would have done it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.kql import to_sql

from .base import WORKSPACE
from .results import as_kusto_types

__all__ = ["merged"]

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": "2GB",
    "threads": "2",
    "temp_directory": "",
}


def merged(parts: Sequence[pa.Table], kql: str, *, name: str, now: datetime) -> pa.Table:
    """Return what a KQL text over the table `name` makes of the rows of all parts; all of them where it is empty.

    The rows of several workspaces are put together by workspace, and name theirs, as those of a query that was not
    parted. Raise EngineRefusal or duckdb.Error where the engine cannot. Blocks.
    """
    given = [part for part in parts if part.num_columns]
    rows = pa.concat_tables(given, promote_options="permissive") if given else pa.table({})
    if not kql or not rows.num_columns:
        return rows
    if WORKSPACE not in rows.column_names:
        return _of_one(rows, kql, name, now)
    return pa.concat_tables(
        _named(_of_one(own.drop_columns([WORKSPACE]), kql, name, now), one)
        for one in pc.unique(rows[WORKSPACE]).to_pylist()
        if (own := rows.filter(pc.equal(rows[WORKSPACE], one))).num_rows
    )


def _named(rows: pa.Table, workspace: str) -> pa.Table:
    return rows.append_column(WORKSPACE, pa.array([workspace] * rows.num_rows, pa.string()))


def _of_one(rows: pa.Table, kql: str, name: str, now: datetime) -> pa.Table:
    sql = to_sql(kql, {name: rows.column_names}, now)
    with duckdb.connect(":memory:", config=CONFIG) as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.register(name, _without_zones(rows))
        return as_kusto_types(engine.sql(sql.text, params=dict(sql.parameters)).to_arrow_table())


def _without_zones(rows: pa.Table) -> pa.Table:
    """Return the rows with times as the translation of KQL expects them: UTC, and no zone."""
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
