"""What must hold of a typed query before it becomes a tree."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from soc_analyst.state.queries import Condition, Diagnostic, Scalar, TypedQuery
from soc_analyst.state.tables import ColumnType, TableSchema

from .neighbours import column_like, table_like
from .policy import Policy
from .scope import MOST_LISTED

__all__ = ["RULES", "faults_of"]

MAX_VALUE_LENGTH = 4_000
_NUMBERS = frozenset({"long", "int", "real"})
_ORDERED = frozenset({"<", "<=", ">", ">="})
_SEVERAL = frozenset({"has_any", "in", "in~", "!in", "!in~"})
_NONE = frozenset({"isempty", "isnotempty"})
_ANY_TYPE = frozenset({"==", "!=", "in", "!in", *_NONE})
_LONG = 2**63


def faults_of(query: TypedQuery, policy: Policy, schemas: Mapping[str, TableSchema]) -> list[Diagnostic]:
    """Return everything that is wrong with a typed query."""
    return [fault for rule in RULES for fault in rule(query, policy, schemas)]


def _fault(code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code=code, message=message, hint=hint)


def _columns(query: TypedQuery, policy: Policy, schemas: Mapping[str, TableSchema]) -> dict[str, ColumnType]:
    if query.table not in policy.tables or query.table not in schemas:
        return {}
    known = schemas[query.table].columns
    return {name: known[name].type for name in policy.tables[query.table] if name in known}


def table_is_allowed(query: TypedQuery, policy: Policy, schemas: Mapping[str, TableSchema]) -> list[Diagnostic]:
    """The table must be one of policy that the workspace knows."""
    allowed = [name for name in policy.tables if name in schemas]
    if query.table in allowed:
        return []
    well_known, hint = table_like(query.table, allowed)
    what = "is not allowed by policy" if well_known else "is not a table that can be read"
    return [_fault("unknown-table", f"table: `{query.table[:80]}` {what}", hint)]


def columns_are_allowed(query: TypedQuery, policy: Policy, schemas: Mapping[str, TableSchema]) -> list[Diagnostic]:
    """Each column named must be one that policy allows."""
    allowed = _columns(query, policy, schemas)
    if not allowed:
        return []
    places: dict[str, list[str]] = {}
    for place, name in _named(query):
        places.setdefault(name, []).append(place)
    return [
        _fault(
            "unknown-column",
            f"{', '.join(found[:5])}: {query.table} has no column `{name[:80]}` that can be read",
            column_like(name, allowed) or f"columns are {', '.join([*allowed][:MOST_LISTED])}",
        )
        for name, found in places.items()
        if name not in allowed
    ]


def _named(query: TypedQuery) -> Iterator[tuple[str, str]]:
    """Return each column that a query names with the place where it does, such as `where[0].conditions[1].column`."""
    for at, group in enumerate(query.where):
        for number, condition in enumerate(group.conditions):
            yield f"where[{at}].conditions[{number}].column", condition.column
    for number, name in enumerate(query.columns):
        yield f"columns[{number}]", name
    if query.shape == "values" and query.values_of:
        yield "values_of", query.values_of


def conditions_fit(query: TypedQuery, policy: Policy, schemas: Mapping[str, TableSchema]) -> list[Diagnostic]:
    """Each test must suit the type of its column and have as many values as its operator takes."""
    types = _columns(query, policy, schemas)
    faults: list[Diagnostic] = []
    for at, group in enumerate(query.where):
        if not group.conditions:
            faults.append(_fault("empty-list", f"where[{at}]: a group of conditions is empty: nothing could hold"))
        for number, condition in enumerate(group.conditions):
            if condition.column in types:
                place = f"where[{at}].conditions[{number}]"
                faults += _condition_faults(condition, types[condition.column], place)
    values = sum(len(condition.values) for group in query.where for condition in group.conditions)
    if values > policy.max_values:
        faults.append(_fault("too-many-values", f"{values:,} values; policy allows {policy.max_values:,} in one query"))
    return faults


def _condition_faults(condition: Condition, kind: ColumnType, place: str) -> list[Diagnostic]:
    test = f"{place}: {condition.column} {condition.op}"
    faults = _count_faults(condition, test)
    text = kind in ("string", "dynamic")
    if condition.op in _ORDERED and (text or kind == "bool"):
        faults.append(_fault("type-mismatch", f"{test}: a {kind} has no order", "use == or startswith"))
    if not text and condition.op not in _ANY_TYPE | _ORDERED:
        faults.append(_fault("type-mismatch", f"{test} reads text, the column is {kind}", "use == or in"))
    for value in condition.values:
        faults += _value_faults(value, kind, test)
    return faults


def _count_faults(condition: Condition, test: str) -> list[Diagnostic]:
    count = len(condition.values)
    if condition.op in _NONE:
        return [_fault("too-many-values", f"{test} takes no value")] if count else []
    if count == 0:
        return [_fault("empty-value", f"{test} has no value: there is nothing to look for")]
    if count > 1 and condition.op not in _SEVERAL:
        return [_fault("too-many-values", f"{test} takes one value, not {count}", "use in or has_any")]
    return []


def _value_faults(value: Scalar, kind: ColumnType, test: str) -> list[Diagnostic]:
    shown = repr(value)[:60]
    if isinstance(value, str) and (fault := _text_fault(value, test)):
        return [fault]
    if not _FITS[kind](value):
        return [_fault("type-mismatch", f"{test} {shown}: the column is {kind}", _WANTED.get(kind, ""))]
    return []


def _text_fault(value: str, test: str) -> Diagnostic | None:
    if not value.strip() or all(unicodedata.category(one) in ("Cf", "Zs", "Cc") for one in value):
        return _fault("empty-value", f"{test} with an empty value would match every row", "use isempty or isnotempty")
    if len(value) > MAX_VALUE_LENGTH:
        return _fault(
            "too-long", f"{test}: a value of {len(value):,} characters, at most {MAX_VALUE_LENGTH:,} are taken"
        )
    if any("\ud800" <= one <= "\udfff" for one in value):
        return _fault("bad-character", f"{test}: the value holds half a character (a lone surrogate)")
    return None


def _is_number(value: Scalar) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_LONG <= value < _LONG


def _is_whole(value: Scalar) -> bool:
    return _is_number(value) and float(value) == int(value)


def _is_time(value: Scalar) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).year > 1
    except ValueError:
        return False


_FITS: dict[ColumnType, Callable[[Scalar], bool]] = {
    "string": lambda value: isinstance(value, str),
    "dynamic": lambda value: isinstance(value, str),
    "long": _is_whole,
    "int": _is_whole,
    "real": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "datetime": _is_time,
}

_WANTED: dict[ColumnType, str] = {
    "string": "write the value in quotes",
    "dynamic": "give the text to look for",
    "long": "write the number without quotes",
    "int": "write the number without quotes",
    "real": "write the number without quotes",
    "bool": "write true or false without quotes",
    "datetime": "write an ISO 8601 time such as 2026-03-04T05:06:07Z",
}


def shape_is_whole(query: TypedQuery, _policy: Policy, _schemas: Mapping[str, TableSchema]) -> list[Diagnostic]:
    """A shape must have what it needs."""
    faults: list[Diagnostic] = []
    if query.shape == "values" and not query.values_of:
        faults.append(_fault("no-column", "values_of: the shape `values` needs the column whose values are wanted"))
    if query.limit is not None and query.limit < 1:
        faults.append(_fault("bad-limit", f"limit: a limit of {query.limit} rows asks for nothing", "leave it out"))
    return faults


Rule = Callable[[TypedQuery, Policy, Mapping[str, TableSchema]], list[Diagnostic]]

RULES: tuple[Rule, ...] = (table_is_allowed, columns_are_allowed, conditions_fit, shape_is_whole)
