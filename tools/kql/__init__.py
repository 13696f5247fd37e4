"""KQL text to tree and back, typed queries to trees, and canonical text to the embedded engine's SQL."""

from .engine import EngineRefusal, Sql, to_sql
from .parser import MAX_DEPTH, MAX_TEXT, Parsed, parse
from .render import render
from .stream import MAX_NESTING
from .typed import tree_of

__all__ = [
    "MAX_DEPTH",
    "MAX_NESTING",
    "MAX_TEXT",
    "EngineRefusal",
    "Parsed",
    "Sql",
    "parse",
    "render",
    "to_sql",
    "tree_of",
]
