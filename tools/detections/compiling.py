"""Sigma rules to the compact form that the engine evaluates, by pySigma. Loading it costs: only uncached rules need it.

A tree is JSON: ["and", [tree…]], ["or", [tree…]], ["not", tree] or a test. A test is [kind, field, …], where a field of
null means any text of the row:
  ["text", field, how, value, cased]   how: is, has, starts, ends; or like, whose value lists texts, "*" as 0, "?" as 1
  ["regex", field, pattern]            RE2 syntax with its flags inside, found anywhere
  ["number", field, op, number]        op: == < <= > >= !=
  ["part", field, part, number]        part of a time: minute, hour, day, week, month, year
  ["cidr", field, network]
  ["empty", field] ["filled", field]
  ["same", field, other field, how]    how: is, starts, ends
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import re2
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError, SigmaPlaceholderError, SigmaRegularExpressionError
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from .texts import quiet_options
from .tree import Tree, Unsupported

__all__ = ["compile_rule"]

OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "NEQ": "!="}
FLAGS = {"IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s"}
MANY, ONE = 0, 1


class _Quiet(RE2RegexEngine):
    """RE2 that tells of a bad pattern by exception alone; by itself it also writes to stderr."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:  # noqa: ARG002
        # Only the syntax matters here; flags are compiled with the pattern that is evaluated.
        return cast(RegexPattern, re2.compile(pattern, quiet_options()))


POLICY = SigmaPolicy(regex_engine=_Quiet())


def compile_rule(document: Mapping[str, Any]) -> Tree:
    """Return the tree of a rule's conditions, any of which may hold; raise SigmaError or Unsupported."""
    if any("|" in str(condition) for condition in _conditions(document)):
        raise Unsupported("aggregation in the condition")
    try:
        rule = SigmaRule.from_dict({**document, "detection": _spelled(document.get("detection"))}, policy=POLICY)
        parsed = [condition.parsed for condition in rule.detection.parsed_condition]
    except SigmaRegularExpressionError as error:
        raise Unsupported("regular expression that RE2 does not take") from error
    except SigmaPlaceholderError as error:
        raise Unsupported("placeholder") from error
    trees = [_tree(condition) for condition in parsed if condition is not None]
    if not trees:
        raise SigmaError("the condition is empty")
    return trees[0] if len(trees) == 1 else ["or", trees]


def _spelled(detection: Any) -> Any:
    """Return a detection with the modifier utf16le, which pySigma does not know, by its other name."""
    if isinstance(detection, list):
        return [_spelled(each) for each in detection]
    if not isinstance(detection, Mapping):
        return detection
    return {
        name.replace("|utf16le", "|wide") if isinstance(name, str) else name: _spelled(each)
        for name, each in detection.items()
    }


def _conditions(document: Mapping[str, Any]) -> list[Any]:
    detection = document.get("detection")
    condition = detection.get("condition") if isinstance(detection, Mapping) else None
    return condition if isinstance(condition, list) else [condition]


def _tree(condition: object) -> Tree:
    if isinstance(condition, ConditionItem):
        children = [_tree(argument) for argument in condition.args if argument is not None]
        if isinstance(condition, ConditionNOT):
            return ["not", children[0]]
        if len(children) == 1:
            return children[0]
        names = {ConditionAND: "and", ConditionOR: "or"}
        return [names[type(condition)], children]
    if isinstance(condition, ConditionFieldEqualsValueExpression):
        return _test(condition.field, condition.value)
    if isinstance(condition, ConditionValueExpression):
        return _test(None, condition.value)
    raise Unsupported(f"condition of kind {type(condition).__name__}")


def _test(field: str | None, value: SigmaType) -> Tree:
    if isinstance(value, SigmaExpansion):
        return ["or", [_test(field, each) for each in value.values]]
    for kind, make in _TESTS.items():
        if isinstance(value, kind):
            return make(field, value)
    raise Unsupported(f"value of kind {type(value).__name__}")


def _text(field: str | None, value: SigmaString) -> Tree:
    cased = isinstance(value, SigmaCasedString)
    parts = [_part(part, cased) for part in value.s if part != ""]
    if field is None:
        parts = [MANY, *parts, MANY]
    parts = [part for at, part in enumerate(parts) if part != MANY or at == 0 or parts[at - 1] != MANY]
    if not parts:
        return ["empty", field]
    if parts == [MANY]:
        return ["filled", field]
    texts = [part for part in parts if isinstance(part, str)]
    how = _SIMPLE.get(tuple("t" if isinstance(part, str) else part for part in parts))
    return ["text", field, how, texts[0], cased] if how else ["text", field, "like", parts, cased]


_SIMPLE: Mapping[tuple[str | int, ...], str] = {
    ("t",): "is", (MANY, "t", MANY): "has", ("t", MANY): "starts", (MANY, "t"): "ends",
}  # fmt: skip


def _part(part: object, cased: bool) -> str | int:
    if isinstance(part, str):
        return part if cased else part.lower()
    if part is SpecialChars.WILDCARD_MULTI:
        return MANY
    if part is SpecialChars.WILDCARD_SINGLE:
        return ONE
    raise Unsupported("placeholder")


def _regex(field: str | None, value: SigmaRegularExpression) -> Tree:
    # The pattern is a Sigma string whose wildcards are objects: only its text form is the pattern that was written.
    flags = "".join(sorted(FLAGS[flag.name] for flag in value.flags))
    pattern = f"(?{flags}){value.regexp}" if flags else str(value.regexp)
    try:
        re2.compile(pattern, quiet_options())
    except re2.error as error:
        raise Unsupported("regular expression that RE2 does not take") from error
    return ["regex", field, pattern]


def _bool(field: str | None, value: SigmaBool) -> Tree:
    return ["text", field, "is", str(value.boolean).lower(), False]


def _number(field: str | None, value: SigmaNumber) -> Tree:
    return ["number", field, "==", value.number] if field else ["text", None, "has", str(value.number), False]


def _compare(field: str | None, value: SigmaCompareExpression) -> Tree:
    return ["number", _named(field), OPERATORS[value.op.name], value.number.number]


def _time(field: str | None, value: SigmaTimestampPart) -> Tree:
    return ["part", _named(field), value.timestamp_part.name.lower(), value.number]


def _reference(field: str | None, value: SigmaFieldReference) -> Tree:
    both = value.starts_with and value.ends_with
    how = "has" if both else "starts" if value.starts_with else "ends" if value.ends_with else "is"
    return ["same", _named(field), value.field, how]


def _named(field: str | None) -> str:
    if field is None:
        raise Unsupported("comparison without a field")
    return field


_TESTS: Mapping[type[SigmaType], Callable[[str | None, Any], Tree]] = {
    SigmaString: _text,
    SigmaRegularExpression: _regex,
    SigmaTimestampPart: _time,
    SigmaNumber: _number,
    SigmaBool: _bool,
    SigmaNull: lambda field, _: ["empty", _named(field)],
    SigmaExists: lambda field, value: ["filled" if value.exists else "empty", _named(field)],
    SigmaCIDRExpression: lambda field, value: ["cidr", _named(field), str(value.network)],
    SigmaCompareExpression: _compare,
    SigmaFieldReference: _reference,
}
"""The first kind that a value is of; a time part is a number too."""
