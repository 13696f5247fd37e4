"""Sigma's correlation documents, and the counts of its older conditions, to the form that `correlating` evaluates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationRule,
    SigmaCorrelationTimespan,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from .tree import Tree, Unsupported

__all__ = ["correlation_of", "counted"]

COUNT = re.compile(r"\A(?P<base>[^|]+)\|\s*count\(\s*(?P<field>[\w.]*)\s*\)(?:\s*by\s+(?P<by>[\w.]+))?"
                   r"\s*(?P<op>>=|<=|>|<|==|=)\s*(?P<count>\d+)\s*\Z")  # fmt: skip
OPERATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq", "==": "eq"}
ALL_DAY = 86_400
"""Seconds over which a count without a time frame is taken."""


def correlation_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the correlation of a document; raise SigmaError for what is wrong with it."""
    rule = SigmaCorrelationRule.from_dict(dict(document))
    condition = rule.condition
    extended = isinstance(condition, SigmaExtendedCorrelationCondition)
    named = "condition" in document["correlation"]
    references = [one.reference for one in rule.rules or rule.referenced_rules]
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        if rule.type.name == "TEMPORAL_ORDERED":
            raise Unsupported("temporal_ordered correlation with a condition of its own")
        references = condition.get_referenced_rules()
    simple = None if extended or not named else condition
    return {
        "type": rule.type.name.lower(),
        "rules": references,
        "group_by": list(rule.group_by or ()),
        "seconds": rule.timespan.seconds,
        "op": simple.op.name.lower() if simple else "gte",  # type: ignore[union-attr]
        "count": simple.count if simple else None,  # type: ignore[union-attr]
        "field": simple.fieldref if simple else None,  # type: ignore[union-attr]
        "percentile": simple.percentile if simple else None,  # type: ignore[union-attr]
        "aliases": {
            alias.alias: {one.reference: name for one, name in alias.mapping.items()} for alias in rule.aliases
        },
        "generate": rule.generate,
        "of": _tree(condition.parsed) if isinstance(condition, SigmaExtendedCorrelationCondition) else None,
    }


def _tree(node: CorrelationConditionItem | SigmaRuleReference) -> Tree | str:
    if isinstance(node, SigmaRuleReference):
        return node.reference
    children = [_tree(child) for child in node.args]
    if isinstance(node, CorrelationConditionNOT):
        return ["not", children[0]]
    return ["and" if isinstance(node, CorrelationConditionAND) else "or", children]


def counted(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Split a rule whose condition ends in `| count() by field > n`: the rule without it, and the correlation.

    None where the condition is of another form.
    """
    detection = document.get("detection")
    condition = detection.get("condition") if isinstance(detection, Mapping) else None
    found = COUNT.match(condition) if isinstance(condition, str) else None
    if found is None or not isinstance(detection, Mapping):
        return None
    frame = str(document.get("timeframe") or detection.get("timeframe") or "")
    seconds = SigmaCorrelationTimespan(frame).seconds if frame else ALL_DAY
    base = {name: value for name, value in detection.items() if name != "timeframe"}
    correlation: dict[str, Any] = {
        "type": "value_count" if found["field"] else "event_count",
        "rules": [f"{document.get('id')}:rows"],
        "group_by": [found["by"]] if found["by"] else [],
        "seconds": seconds,
        "op": OPERATORS[found["op"]],
        "count": int(found["count"]),
        "field": found["field"] or None,
        "percentile": None,
        "aliases": {},
        "generate": False,
        "of": None,
    }
    return {**document, "detection": {**base, "condition": found["base"].strip()}}, correlation
