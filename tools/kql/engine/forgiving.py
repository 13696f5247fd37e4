"""What one bad value does to a query: it makes that value null, as in Kusto, and never fails the whole query.

The engine raises where a product does not fit its type, where text is no base64, and so on. `TRY` gives null for the
row instead. It cannot stand around aggregates, windows, nested queries and what differs from call to call, so it is
put around a computation only where all of it is known to be none of these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

__all__ = ["forgive"]

_RISKY = frozenset({
    "array_concat", "array_slice", "base64_decode_toarray", "base64_decode_tostring", "bin_at", "datetime_add",
    "datetime_diff", "endofday", "endofmonth", "endofweek", "endofyear", "exp", "exp10", "exp2", "format_datetime",
    "make_datetime", "make_timespan", "pow", "replace_regex", "set_difference", "set_has_element", "set_intersect",
    "set_union", "startofday", "startofmonth", "startofweek", "startofyear", "strcat_array", "tohex",
    "unixtime_microseconds_todatetime", "unixtime_milliseconds_todatetime", "unixtime_nanoseconds_todatetime",
    "unixtime_seconds_todatetime", "url_decode",
})  # fmt: skip
"""Functions that the engine's own may raise on."""

_CHANGING = frozenset({"rand", "new_guid", "prev", "next"})
"""Functions that are windows or differ from call to call, besides those whose names begin with `row_`."""

_ARITHMETIC = frozenset("+-*/%")
_WITHOUT = {"==": "FALSE", "!=": "TRUE"}
_COMPARED = frozenset({"<", "<=", ">", ">=", *_WITHOUT})


def forgive(translate: Any, aggregates: Any) -> None:
    """Make the library's translation, loaded for us alone, write risky computations so that they give null."""
    render = translate.render_expr

    def forgiving(node: Any) -> str:
        sql = str(render(node))
        if not _is_risky(node) or "SELECT" in sql or not _is_plain(node, aggregates):
            return sql
        without = _WITHOUT.get(getattr(node, "op", ""))
        return f"coalesce(TRY({sql}), {without})" if without else f"TRY({sql})"

    translate.render_expr = forgiving


def _is_risky(node: Any) -> bool:
    kind = type(node).__name__
    if kind == "FunctionCall":
        return node.name in _RISKY or (node.name in ("bin", "floor") and not _is_above_zero(node.args[-1]))
    if kind == "UnaryOp":
        return bool(node.op == "-")
    if kind != "BinaryOp":
        return False
    return node.op in _ARITHMETIC or (node.op in _COMPARED and any(_is_dynamic(one) for one in (node.left, node.right)))


def _is_above_zero(node: Any) -> bool:
    return type(node).__name__ == "Literal" and str(node.value).lstrip("0.")[:1].isdigit()


def _is_dynamic(node: Any) -> bool:
    return type(node).__name__ == "PathAccess"


def _is_plain(node: Any, aggregates: Any) -> bool:
    """Return whether all of a computation is of rows as they are; operators on given values alone cannot fail late."""
    columns = type(node).__name__ == "FunctionCall"
    for one in _below(node):
        kind = type(one).__name__
        if kind == "FunctionCall" and (one.name in aggregates or one.name in _CHANGING or one.name.startswith("row_")):
            return False
        if kind not in ("FunctionCall", "BinaryOp", "UnaryOp", "Literal", "ColumnRef", "PathAccess", "PathStep"):
            return False
        columns = columns or kind == "ColumnRef"
    return columns


def _below(node: Any) -> Iterator[Any]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        for item in dataclasses.fields(found):
            value = getattr(found, item.name)
            parts = value if isinstance(value, tuple | list) else (value,)
            waiting.extend(part for part in parts if dataclasses.is_dataclass(part))
