"""Rules as KQL: for Microsoft Sentinel, or to see what a rule looks for."""

from .rules import kql_of, query_of, table_of
from .sentinel import sentinel_yaml

__all__ = ["kql_of", "query_of", "sentinel_yaml", "table_of"]
