"""The results of one query's parts, put together by the embedded engine as the query would have done it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from soc_analyst.tools.kql import to_sql

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

    Raise EngineRefusal or duckdb.Error where the engine cannot. Blocks.
    """
    given = [part for part in parts if part.num_columns]
    rows = pa.concat_tables(given, promote_options="permissive") if given else pa.table({})
    if not kql or not rows.num_columns:
        return rows
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
