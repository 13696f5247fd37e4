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
    "FALSE", "False", "TRUE", "True", "__contextual_datatable", "__crossCluster", "__crossDB", "__executeAndCache",
    "__id", "__isFuzzy", "__noWithSource", "__packedColumn", "__projectAway", "__sourceColumnIndex", "access",
    "accumulate", "alias", "and", "anomalychart", "areachart", "as", "asc", "bagexpansion", "barchart", "between",
    "bin_legacy", "bool", "boolean", "by", "byte", "cachingpolicy", "callout", "cancel", "card", "char", "cluster",
    "columnchart", "consume", "contains", "contains_cs", "containscs", "contextual_datatable", "count", "cycles",
    "database", "dataexport", "datascope", "datatable", "date", "datetime", "decimal", "declare", "decodeblocks",
    "default", "desc", "distinct", "double", "dynamic", "earliest", "encodingpolicy", "endswith", "endswith_cs",
    "evaluate", "expandoutput", "extend", "extent_tags_retention", "external_data", "externaldata", "facet",
    "false", "filter", "find", "first", "flags", "float", "force_remote", "fork", "from", "getschema", "guid",
    "harddelete", "hardretention", "has", "has_all", "has_any", "has_cs", "hasprefix", "hasprefix_cs", "hassuffix",
    "hassuffix_cs", "hint", "hotcache", "in", "int", "int16", "int32", "int64", "int8", "invoke", "isfuzzy", "join",
    "journal", "kind", "ladderchart", "last", "latest", "let", "like", "likecs", "limit", "linechart", "long",
    "lookup", "matches", "materialize", "mdm", "missing", "nooptimization", "not", "notcontains", "notcontainscs",
    "notlike", "notlikecs", "null", "nulls", "of", "on", "or", "order", "others", "pack", "parse", "partition",
    "pathformat", "pattern", "piechart", "pivotchart", "print", "project", "queries", "query_results", "range",
    "real", "reduce", "regex", "relaxed", "render", "restrict", "restricted_view_access", "row_level_security",
    "rowstore", "rowstore_references", "rowstore_sealinfo", "rowstorepolicy", "rowstores", "sample", "scan",
    "scatterchart", "seal", "seals", "search", "serialize", "set", "shards", "simple", "softdelete",
    "softretention", "sort", "sql", "stackedareachart", "startswith", "startswith_cs", "statistics", "step",
    "storedqueryresultcontainers", "string", "summarize", "table", "tablepurge", "take", "time", "timechart",
    "timeline", "timepivot", "timespan", "title", "to", "top", "toscalar", "totable", "treemap", "true", "typeof",
    "uint", "uint16", "uint32", "uint64", "uint8", "ulong", "union", "uniqueid", "unrestrictedviewers", "verbose",
    "view", "viewers", "views", "where", "with", "with_itemindex", "with_match_id", "with_source", "with_step_name",
    "withsource", "writeaheadlog",
})  # fmt: skip
"""Words that the language, or an older form of it, may read otherwise: as a name, each is written in brackets."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def is_plain_name(name: str) -> bool:
    """Return whether a name can stand in the text without brackets."""
    return bool(_PLAIN.match(name)) and name not in RESERVED
