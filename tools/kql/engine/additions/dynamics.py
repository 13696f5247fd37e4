"""Arrays, sets and bags."""

from __future__ import annotations

from collections.abc import Mapping

from .forms import Form, fixed, json_list, once, quote, whole

__all__ = ["DYNAMICS"]

MOST_VALUES = 1_048_576
"""Values that Kusto makes of a `range` at most."""

_FIRST = "list_filter({0}, lambda _x, _n: list_position({0}, _x) = _n)"


def _ordered(values: str) -> str:
    """Return the distinct values of a list in the order they come in."""
    return once(values, _FIRST.format("_l"), "_l")


def union(*sets: str) -> str:
    """Return what any of the sets holds."""
    return f"to_json({_ordered(_joined([json_list(one) for one in sets]))})"


def _joined(lists: list[str]) -> str:
    return f"flatten([{', '.join(lists)}])"


def intersect(first: str, *others: str) -> str:
    """Return what all of the sets hold."""
    tests = " AND ".join(f"list_contains({json_list(one)}, _x)" for one in others) or "true"
    return f"to_json(list_filter({_ordered(json_list(first))}, lambda _x: {tests}))"


def difference(first: str, *others: str) -> str:
    """Return what the first set holds and no other does."""
    tests = " AND ".join(f"NOT list_contains({json_list(one)}, _x)" for one in others) or "true"
    return f"to_json(list_filter({_ordered(json_list(first))}, lambda _x: {tests}))"


def set_equals(left: str, right: str) -> str:
    """Return whether two sets hold the same."""
    one, other = (f"list_sort(list_distinct({json_list(side)})::VARCHAR[])" for side in (left, right))
    return f"({one} = {other})"


def _bag(sql: str) -> str:
    return f"(CASE WHEN json_type(to_json({sql})) = 'OBJECT' THEN TRY_CAST(to_json({sql}) AS MAP(VARCHAR, JSON)) END)"


def bag_keys(bag: str) -> str:
    """Return the names of a bag's properties; null for what is no bag."""
    return once(f"to_json({bag})", "CASE WHEN json_type(_v) = 'OBJECT' THEN to_json(json_keys(_v)) END")


def bag_has_key(bag: str, key: str) -> str:
    """Return whether a bag has a property, or one on a path such as `$.a.b`."""
    return once(
        f"struct_pack(b := to_json({bag}), k := {key})",
        "CASE WHEN json_type(_v.b) <> 'OBJECT' THEN false "
        "WHEN starts_with(_v.k, '$') THEN coalesce(json_exists(_v.b, _v.k), false) "
        "ELSE list_contains(json_keys(_v.b), _v.k) END",
    )


def bag_merge(*bags: str) -> str:
    """Return the properties of all the bags; the first that has one gives its value."""
    whole_bags = f"list_filter([{', '.join(_bag(one) for one in bags)}], lambda _b: _b IS NOT NULL)"
    # A later bag only adds what the bags before it lack.
    merged = "list_reduce(_l, lambda _x, _y: map_concat(_x, map_from_entries(list_filter(map_entries(_y), "
    merged += "lambda _e: NOT map_contains(_x, _e.key)))))"
    return once(whole_bags, f"CASE WHEN len(_l) > 0 THEN to_json({merged}) END", "_l")


def bag_remove_keys(bag: str, keys: str) -> str:
    """Return a bag without some properties."""
    kept = f"list_filter(map_entries(_b), lambda _e: NOT list_contains(TRY_CAST(to_json({keys}) AS VARCHAR[]), _e.key))"
    return once(_bag(bag), f"CASE WHEN _b IS NOT NULL THEN to_json(map_from_entries({kept})) END", "_b")


def bag_set_key(bag: str, key: str, value: str) -> str:
    """Return a bag with a property set."""
    added = f"map_from_entries([struct_pack(key := {key}, value := CAST(to_json({value}) AS JSON))])"
    return once(_bag(bag), f"CASE WHEN _b IS NOT NULL THEN to_json(map_concat(_b, {added})) END", "_b")


def repeat(value: str, times: str) -> str:
    """Return an array of a value so many times."""
    return f"to_json(list_transform(range(least(greatest({whole(times)}, 0), {MOST_VALUES})), lambda _n: {value}))"


def number_range(start: str, stop: str, step: str = "1") -> str:
    """Return an array of whole numbers, both ends included."""
    counted = f"(CASE WHEN (_v.b - _v.a) // NULLIF(_v.s, 0) < {MOST_VALUES} THEN _v.b END)"
    series = f"to_json(generate_series(_v.a, {counted}, NULLIF(_v.s, 0)))"
    return once(f"struct_pack(a := {whole(start)}, b := {whole(stop)}, s := {whole(step)})", series)


def is_null(value: str) -> str:
    """Return whether a value is null, a null within a dynamic value included."""
    return f"({value} IS NULL OR (typeof({value}) = 'JSON' AND CAST({value} AS VARCHAR) = 'null'))"


def array_of(sql: str, body: str) -> str:
    """Return an array made from the list `_l` of the elements of another; null for what is no array."""
    return once(json_list(sql), f"CASE WHEN _l IS NOT NULL THEN to_json({body}) END", "_l")


def rotate(array: str, count: str) -> str:
    """Return an array turned to the left."""
    places = f"(({whole(count)} % len(_l)) + len(_l)) % len(_l)"
    return array_of(array, f"CASE WHEN len(_l) = 0 THEN _l ELSE list_concat(_l[{places} + 1:], _l[1:{places}]) END")


def strings_replaced(text: str, searched: str, replacements: str) -> str:
    """Replace the first texts of a list by those of another, one after the other."""
    pairs = f"list_zip(TRY_CAST(to_json({searched}) AS VARCHAR[]), TRY_CAST(to_json({replacements}) AS VARCHAR[]))"
    start = f"list_prepend(struct_pack(t := {text}, r := {quote('')}), list_transform({pairs}, "
    start += "lambda _p: struct_pack(t := _p[1], r := _p[2])))"
    return f"list_reduce({start}, lambda _x, _y: struct_pack(t := replace(_x.t, _y.t, _y.r), r := '')).t"


DYNAMICS: Mapping[str, Form] = {
    "set_union": Form(union),
    "set_intersect": Form(intersect),
    "set_difference": Form(difference),
    "set_equals": fixed(set_equals, 2),
    "bag_keys": fixed(bag_keys, 1),
    "bag_has_key": fixed(bag_has_key, 2),
    "bag_merge": Form(bag_merge),
    "bag_remove_keys": fixed(bag_remove_keys, 2),
    "bag_set_key": fixed(bag_set_key, 3),
    "repeat": fixed(repeat, 2),
    "range": fixed(number_range, 2, 3),
    "isnull": fixed(is_null, 1),
    "isnotnull": fixed(lambda value: f"(NOT {is_null(value)})", 1),
    "array_rotate_left": fixed(rotate, 2),
    "array_rotate_right": fixed(lambda array, count: rotate(array, f"-({count})"), 2),
    "replace_strings": fixed(strings_replaced, 3),
}  # fmt: skip
