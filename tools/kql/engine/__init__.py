"""Canonical text to SQL for the embedded engine."""

from .sql import EngineRefusal, Sql, to_sql

__all__ = ["EngineRefusal", "Sql", "to_sql"]
