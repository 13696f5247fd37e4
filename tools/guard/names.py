"""The names that Kusto gives to columns that have none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from soc_analyst.tools.kql.tree import Call, Expr, Index, Literal, Member, Name, Named

from .dialect import dialect

__all__ = ["name_of", "one_by_one"]

_PREFIXED = {
    "make_set": "set",
    "make_list": "list",
    "make_set_if": "set",
    "make_list_if": "list",
    "make_list_with_nulls": "list",
    "make_bag": "bag",
    "make_bag_if": "bag",
}
_OF_ARGUMENT = frozenset(
    {
        "arg_max",
        "arg_min",
        "bin",
        "bin_at",
        "floor",
        "take_any",
        "startofday",
        "startofweek",
        "startofmonth",
        "round",
        "ceiling",
        "abs",
        "format_datetime",
        "todynamic",
        "parse_json",
        "split",
        "tohex",
    }
)
_PASSING = frozenset({"tostring", "tolong", "toint", "toreal", "todouble", "tobool", "todatetime", "totimespan"})
"""Conversions keep the name of what they convert."""


def name_of(item: Named, *, aggregate: bool = False) -> str | None:
    """Return the name of an output column, or None where Kusto would only number it."""
    if item.name is not None:
        return item.name
    return _name(item.expr, aggregate)


def _name(expr: Expr, aggregate: bool) -> str | None:
    if isinstance(expr, Name):
        return expr.name
    if isinstance(expr, Member):
        base = _name(expr.base, False)
        return f"{base}_{expr.name}" if base else None
    if isinstance(expr, Index):
        return _of_element(expr)
    if not isinstance(expr, Call):
        return None
    is_aggregate = aggregate and expr.name in dialect().aggregates
    first = _name(expr.args[0], aggregate and not is_aggregate) if expr.args else None
    if expr.name in _OF_ARGUMENT or expr.name in _PASSING:
        return first
    if expr.name in ("strlen", "gettype"):
        return f"{expr.name.removeprefix('get')}_{first or ''}"
    if expr.name == "percentile" and aggregate and isinstance(expr.args[-1], Literal):
        return f"percentile_{first or ''}_{expr.args[-1].value}".replace(".", "_")
    if is_aggregate:
        return f"{_PREFIXED.get(expr.name, expr.name)}_{first or ''}"
    return None


def _of_element(expr: Index) -> str | None:
    base = expr.base
    if isinstance(base, Call) and base.name == "split" and base.args:
        base = base.args[0]
    name = _name(base, False)
    literal = isinstance(expr.index, Literal) and isinstance(expr.index.value, int) and expr.index.value >= 0
    return f"{name}_{expr.index.value}" if name and literal else None  # type: ignore[attr-defined]


def one_by_one(items: Iterable[Named]) -> Iterator[Named]:
    """Return aggregates of one column each: `percentiles(x, 50, 95)` is `percentile(x, 50)` and `percentile(x, 95)`."""
    for item in items:
        call = item.expr
        if isinstance(call, Call) and call.name == "percentiles" and len(call.args) > 1 and item.name is None:
            column, *ranks = call.args
            for rank in ranks:
                yield Named(Call("percentile", (column, rank), span=call.span), span=item.span)
        else:
            yield item
