"""The catalogue of log tables, one YAML file a table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

from soc_analyst.state.tables import TableSchema

__all__ = ["allowed_schemas", "load_tables"]


@cache
def load_tables() -> Mapping[str, TableSchema]:
    """Return the known tables by name, their columns in reading order.

    The files were made from Microsoft's Azure Monitor table reference; `columns_of` relies on the order of columns.
    """
    files = (file for file in resources.files(__package__ or __name__).iterdir() if file.name.endswith(".yaml"))
    schemas = (TableSchema.model_validate(yaml.load(file.read_text("utf-8"), _Loader)) for file in files)
    return MappingProxyType({schema.name: schema for schema in sorted(schemas, key=lambda schema: schema.name)})


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def allowed_schemas(
    catalogue: Mapping[str, TableSchema], columns: Mapping[str, tuple[str, ...]]
) -> dict[str, TableSchema]:
    """Return the catalogue's tables with the allowed columns only."""
    return {
        name: schema.model_copy(
            update={"columns": {c: column for c, column in schema.columns.items() if c in columns[name]}}
        )
        for name, schema in catalogue.items()
        if name in columns
    }
