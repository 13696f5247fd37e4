"""The words of the language that the lexer, the parser and the renderer share."""

from __future__ import annotations

import re

__all__ = [
    "ARITHMETIC",
    "COMPARISONS",
    "JOIN_KINDS",
    "LOOKUP_KINDS",
    "MEMBERSHIPS",
    "OTHER_KINDS",
    "REFUSED_OPERATORS",
    "REFUSED_SOURCES",
    "RESERVED",
    "STRING_OPERATORS",
    "is_plain_name",
]

_WORDS = ("has", "has_cs", "hasprefix", "hassuffix", "contains", "contains_cs", "startswith", "startswith_cs",
          "endswith", "endswith_cs")  # fmt: skip

STRING_OPERATORS = frozenset({"=~", "!~", "matches regex", *_WORDS, *(f"!{word}" for word in _WORDS)})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
MEMBERSHIPS = frozenset({"in", "in~", "!in", "!in~", "has_any", "has_all"})

JOIN_KINDS = frozenset(
    {"innerunique", "inner", "leftouter", "rightouter", "fullouter", "leftanti", "rightanti", "leftsemi", "rightsemi"}
)
OTHER_KINDS = {
    "anti": "leftanti", "leftantisemi": "leftanti", "rightantisemi": "rightanti", "semi": "leftsemi",
}  # fmt: skip
"""Other names of the kinds of join."""
LOOKUP_KINDS = frozenset({"leftouter", "inner"})

REFUSED_SOURCES = {
    "search": "search reads every table",
    "find": "find reads every table",
    "externaldata": "externaldata leaves the workspace",
    "datatable": "datatable brings rows that are no evidence",
    "print": "print reads no table",
    "range": "range reads no table",
    "evaluate": "plugins can leave the workspace",
    "declare": "a query is one expression after its lets",
    "set": "request properties are not for the query to set",
    "alias": "other databases are out of reach",
    "restrict": "the guard sets what a query can see",
    "pattern": "patterns hide what a query reads",
}
"""What can begin a query and never may, and why."""

REFUSED_OPERATORS = {
    "consume": "it only burns resources",
    "evaluate": "plugins can leave the workspace",
    "externaldata": "it leaves the workspace",
    "facet": "it returns several tables",
    "find": "find reads every table",
    "fork": "it returns several tables",
    "getschema": "the tables and columns allowed are listed by `tables`",
    "graph-match": "graphs are not understood here",
    "invoke": "stored functions hide what they read",
    "macro-expand": "it hides what it reads",
    "make-graph": "graphs are not understood here",
    "parse-kv": "it is not understood here; use extract()",
    "partition": "it is not understood here",
    "project-smart": "name the columns with project",
    "reduce": "it is not understood here",
    "scan": "it is not understood here",
    "search": "search reads every column",
}
"""Operators of the language that are turned away, and why; any word not known at all is turned away too."""

RESERVED = frozenset({
    "access", "alias", "and", "as", "asc", "between", "bool", "boolean", "by", "cluster", "consume", "contains",
    "contextual_datatable", "count", "database", "datatable", "date", "datetime", "decimal", "declare",
    "default", "desc", "distinct", "double", "dynamic", "endswith", "evaluate", "extend", "external_data",
    "externaldata", "facet", "false", "filter", "find", "first", "fork", "from", "getschema", "guid", "has",
    "has_all", "has_any", "hint", "in", "int", "invoke", "join", "kind", "last", "let", "like", "limit", "long",
    "lookup", "matches", "materialize", "not", "null", "nulls", "of", "on", "or", "order", "pack", "parse",
    "partition", "pattern", "print", "project", "range", "real", "reduce", "regex", "render", "restrict",
    "sample", "scan", "search", "serialize", "set", "sort", "startswith", "step", "string", "summarize",
    "table", "take", "time", "timespan", "to", "top", "toscalar", "true", "typeof", "union", "view", "where",
    "with",
})  # fmt: skip
"""Words that a name in the text is never mistaken for: such a name is written in brackets."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def is_plain_name(name: str) -> bool:
    """Return whether a name can stand in the text without brackets."""
    return bool(_PLAIN.match(name)) and name not in RESERVED
