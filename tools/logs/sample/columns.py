"""The columns of the eleven tables as Arrow types."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from soc_analyst.state.tables import ColumnType
from soc_analyst.tools.logs.tables import load_tables

__all__ = ["TABLES", "columns_of"]

TABLES = (
    "DeviceProcessEvents", "DeviceNetworkEvents", "DeviceLogonEvents", "DeviceFileEvents", "DeviceRegistryEvents",
    "AlertInfo", "AlertEvidence", "SigninLogs", "AuditLogs", "AzureActivity", "AzureNetworkAnalytics_CL",
)  # fmt: skip

_ARROW: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "long": pa.int64(),
    "int": pa.int32(),
    "real": pa.float64(),
    "bool": pa.bool_(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "dynamic": pa.string(),
}


@cache
def columns_of(table: str) -> pa.Schema:
    """Return the columns of a table; dynamic values are JSON text."""
    columns = load_tables()[table].columns
    return pa.schema([(name, _ARROW[column.type]) for name, column in columns.items()])
