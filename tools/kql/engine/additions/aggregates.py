"""Aggregates: rows of the library's own kind, with `{0}` and on for the arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["AGGREGATES", "Aggregate"]


class Aggregate(NamedTuple):
    """The SQL of an aggregate, and how many arguments it takes; `longer` is that with one argument more."""

    template: str
    takes: int
    longer: str = ""


_TIME = "strftime(CAST({0} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%f') || '0Z'"
_ELEMENT = (
    f"CASE typeof({{0}}) WHEN 'TIMESTAMP' THEN to_json({_TIME}) "
    "WHEN 'VARCHAR' THEN to_json(coalesce(CAST({0} AS VARCHAR), '')) ELSE to_json({0}) END"
)
_IS_TEXT = "typeof({0}) = 'VARCHAR'"
"""Texts are never null in Kusto: what a join or a union leaves out is the empty text."""

_IS_NULL_IN_JSON = "typeof({0}) = 'JSON' AND coalesce(CAST({0} AS VARCHAR) = 'null', false)"
_PRESENT = f"({_IS_TEXT} OR {{0}} IS NOT NULL) AND NOT ({_IS_NULL_IN_JSON})"
_IS_ARRAY = "typeof({0}) = 'JSON' AND json_type(to_json({0})) = 'ARRAY'"
_SPREAD = f"CASE WHEN {_IS_ARRAY} THEN CAST(to_json({{0}}) AS JSON[]) ELSE [{_ELEMENT}] END"
_MOST = 1_048_576


def _gathered(element: str, condition: str, *, distinct: bool, cap: str) -> str:
    lists = f"list({element}) FILTER (WHERE {condition})"
    values = f"list_distinct(flatten({lists}))" if distinct else lists
    return f"to_json(list_slice(coalesce({values}, []), 1, {cap}))"


def _two(name: str, element: str, *, distinct: bool) -> dict[str, Aggregate]:
    """Return make_set or make_list and its conditional form, each with and without a cap."""

    def row(condition: str, cap: str) -> str:
        return _gathered(element, condition, distinct=distinct, cap=cap)

    given = f"{_PRESENT} AND {{1}}"
    return {
        name: Aggregate(row(_PRESENT, str(_MOST)), 1, row(_PRESENT, "CAST({1} AS BIGINT)")),
        f"{name}_if": Aggregate(row(given, str(_MOST)), 2, row(given, "CAST({2} AS BIGINT)")),
    }


def _bags(condition: str) -> str:
    maps = "list(CASE WHEN json_type(to_json({0})) = 'OBJECT' THEN CAST(to_json({0}) AS MAP(VARCHAR, JSON)) END)"
    present = f"list_filter(coalesce({maps} FILTER (WHERE {condition}), []), lambda _b: _b IS NOT NULL)"
    return f"to_json(list_reduce({present}, lambda _x, _y: map_concat(_x, _y), MAP {{{{}}}}))"


AGGREGATES: Mapping[str, Aggregate] = {
    **_two("make_set", _SPREAD, distinct=True),
    **_two("make_list", _ELEMENT, distinct=False),
    "make_list_with_nulls": Aggregate(f"to_json(coalesce(list({_ELEMENT}), []))", 1),
    "make_bag": Aggregate(_bags("true"), 1, _bags("true")),
    "make_bag_if": Aggregate(_bags("{1}"), 2, _bags("{1}")),
    "minif": Aggregate("min({0}) FILTER (WHERE {1})", 2),
    "maxif": Aggregate("max({0}) FILTER (WHERE {1})", 2),
    "take_anyif": Aggregate("any_value({0}) FILTER (WHERE {1})", 2),
    "count_distinct": Aggregate("count(DISTINCT {0})", 1),
    "count_distinctif": Aggregate("count(DISTINCT {0}) FILTER (WHERE {1})", 2),
    "stdevp": Aggregate("coalesce(stddev_pop({0}), 0.0)", 1),
    "variancep": Aggregate("coalesce(var_pop({0}), 0.0)", 1),
    "binary_all_and": Aggregate("bit_and(CAST({0} AS BIGINT))", 1),
    "binary_all_or": Aggregate("bit_or(CAST({0} AS BIGINT))", 1),
    "binary_all_xor": Aggregate("bit_xor(CAST({0} AS BIGINT))", 1),
}  # fmt: skip
