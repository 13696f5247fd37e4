"""What Kusto converts by itself, or by an argument, written out so that every engine does the same."""

from __future__ import annotations

import json
from collections.abc import Sequence

from soc_analyst.tools.kql.tree import Binary, Call, Expr, Literal, Name

from .frames import Kind

__all__ = ["alike", "as_text", "constant", "converted", "quotient"]

_NUMBERS = frozenset({"long", "int", "real"})
_IN_JSON = frozenset({"string", "long", "bool"})
"""Types whose values JSON writes exactly."""
_WRITTEN = frozenset({*_NUMBERS, "bool"})
"""Types whose values Kusto compares with text by equality, and with no other operator."""
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def alike(left: Expr, left_kind: Kind, right: Expr, right_kind: Kind) -> tuple[Expr, Expr] | None:
    """Return both sides of an equality in one type, or None where Kusto has no such comparison.

    A literal takes the type of the other side (`ResultType == 0` asks for "0"); of two columns the number becomes text.
    """
    if isinstance(right, Literal):
        found = _as(right, left_kind)
        return None if found is None else (left, found)
    if isinstance(left, Literal):
        found = _as(left, right_kind)
        return None if found is None else (found, right)
    if left_kind == "string" and right_kind in _WRITTEN:
        return left, Call("tostring", (right,), span=right.span)
    if right_kind == "string" and left_kind in _WRITTEN:
        return Call("tostring", (left,), span=left.span), right
    return None


def as_text(node: Expr) -> Expr:
    """Return a number literal as the text it is looked for in `has_any` and `has_all`; all else as it is."""
    return (_as(node, "string") or node) if isinstance(node, Literal) and node.kind in _NUMBERS else node


def _as(literal: Literal, kind: Kind) -> Literal | None:
    """Return a literal's value in another type, or None where it has none there."""
    value = literal.value
    if value is None or literal.kind not in {"string", *_WRITTEN}:
        return None
    if kind == "string":
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return Literal("string", text, span=literal.span)
    if kind == "bool":
        truth = _TRUTH.get(str(value).lower())
        return None if truth is None else Literal("bool", truth, span=literal.span)
    return _number(literal) if kind in _NUMBERS and isinstance(value, str) else None


def _number(literal: Literal) -> Literal | None:
    text = str(literal.value)
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        return None
    return Literal("long", int(text), span=literal.span)


def converted(node: Call) -> Call | None:
    """Return a call that is written otherwise now, in its new form; None for any other call.

    `extract(…, typeof(long))` is a conversion, and `replace(regex, rewrite, source)` has another order of arguments.
    """
    if node.name == "replace" and len(node.args) == 3:
        regex, rewrite, source = node.args
        return Call("replace_regex", (source, regex, rewrite), span=node.span)
    last = node.args[-1] if node.args else None
    if not (isinstance(last, Call) and last.name == "typeof" and len(last.args) == 1):
        return None
    if node.name not in ("extract", "extract_json", "extractjson") or not isinstance(last.args[0], Name):
        return None
    kind = {"double": "real", "date": "datetime", "time": "timespan"}.get(last.args[0].name, last.args[0].name)
    return Call(f"to{kind}", (Call(node.name, node.args[:-1], span=node.span),), span=node.span)


def quotient(node: Binary) -> Expr:
    """Return a time span divided by a number as every engine knows it: a span where both are plain, else a product."""
    left, right = node.left, node.right
    if isinstance(left, Literal) and isinstance(right, Literal) and isinstance(right.value, int) and right.value:
        ticks = abs(int(left.value or 0)) // abs(right.value)
        return Literal("timespan", ticks if (int(left.value or 0) < 0) == (right.value < 0) else -ticks, span=node.span)
    return Binary("*", left, Binary("/", Literal("real", 1.0), right, span=right.span), span=node.span)


def constant(name: str, args: Sequence[Expr]) -> Literal | None:
    """Return a call whose answer stands in its arguments as that answer, which engines then read once.

    So `pack_array("a", "b")` is `dynamic(["a", "b"])`; None for any other call.
    """
    if name != "pack_array" or not all(isinstance(arg, Literal) and arg.kind in _IN_JSON for arg in args):
        return None
    values = [arg.value for arg in args if isinstance(arg, Literal)]
    return Literal("dynamic", json.dumps(values, ensure_ascii=False, separators=(",", ":")))
