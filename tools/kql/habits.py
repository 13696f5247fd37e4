"""What people write who come from another language, and the form it has in KQL. Nothing here is ever accepted: it only
lets reading go on as if the right form stood there, so that all other faults are found too, and it makes the hint."""

from __future__ import annotations

__all__ = ["EXPRESSION_HABITS", "FIRST_WORDS", "KIND_HABITS", "NEGATED", "OPERATOR_HABITS", "SIGN_HABITS", "STEP_WORDS"]

SIGN_HABITS = {
    "&&": "and", "&": "and", "||": "or", "===": "==", "\u2260": "!=", "\u2264": "<=", "\u2265": ">=", "!": "not",
}  # fmt: skip
"""Signs that are none, the longer before the shorter."""

OPERATOR_HABITS = {
    "having": "where", "whre": "where", "select": "project", "table": "project", "fields": "project",
    "columns": "project", "eval": "extend", "addcolumn": "extend", "stats": "summarize", "summarise": "summarize",
    "aggregate": "summarize", "group": "summarize", "groupby": "summarize", "eventstats": "summarize",
    "dedup": "distinct", "unique": "distinct", "uniq": "distinct", "head": "take", "first": "take", "fetch": "take",
    "rename": "project-rename", "drop": "project-away", "remove": "project-away", "orderby": "sort",
    "sortby": "sort", "append": "union", "unionall": "union", "unnest": "mv-expand", "explode": "mv-expand",
}  # fmt: skip
"""Operators of SQL, Splunk and others."""

EXPRESSION_HABITS = {
    "like": "contains", "ilike": "contains", "likecs": "contains_cs", "notlike": "!contains",
    "notcontains": "!contains", "containscs": "contains_cs", "notcontainscs": "!contains_cs", "in_cs": "in",
    "includes": "contains", "begins": "startswith", "beginswith": "startswith", "rlike": "matches regex",
    "regexp": "matches regex", "regex": "matches regex", "equals": "==", "eq": "==", "ne": "!=", "neq": "!=",
    "gt": ">", "gte": ">=", "ge": ">=", "lt": "<", "lte": "<=", "le": "<=",
}  # fmt: skip
"""Words that compare elsewhere."""

KIND_HABITS = {
    "outer": "fullouter", "full": "fullouter", "left": "leftouter", "right": "rightouter", "exists": "leftsemi",
    "except": "leftanti", "not": "leftanti",
}  # fmt: skip
"""Kinds of join elsewhere."""

NEGATED = frozenset({"in", "has", "contains", "startswith", "endswith", "between", "like"})
"""Words before which others write `not`."""

STEP_WORDS = frozenset({
    "where", "filter", "project", "extend", "summarize", "sort", "order", "top", "take", "distinct", "join", "union",
    "lookup",
})  # fmt: skip
"""Operators before which a pipe is easily forgotten."""

FIRST_WORDS = frozenset({"select", "with", "insert", "update", "delete", "drop", "show", "describe"})
"""How a query of SQL begins."""
