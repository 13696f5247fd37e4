"""A model's tests of columns made well-formed: what a column's type takes, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import get_args

from soc_analyst.state.queries import AnyOf, Condition, Operator, Scalar
from soc_analyst.state.tables import ColumnType, TableSchema

from .plan_answer import Test

__all__ = ["filters"]

_SEVERAL: dict[str, Operator] = {"==": "in", "!=": "!in", "=~": "in~", "!~": "!in~", "has": "has_any"}
"""What takes several values where one operator takes one."""
_LISTED = frozenset({"has_any", "in", "in~", "!in", "!in~"})
_BARE = frozenset({"isempty", "isnotempty"})
_ORDERED = frozenset({"<", "<=", ">", ">="})
_EXACT: dict[str, Operator] = {
    "==": "==", "=~": "==", "has": "==", "contains": "==", "in": "in", "in~": "in", "has_any": "in",
    "!=": "!=", "!~": "!=", "!has": "!=", "!contains": "!=", "!in": "!in", "!in~": "!in",
}  # fmt: skip
"""What stands for a comparison of text where the column holds none."""
_KNOWN: dict[str, Operator] = {op: op for op in get_args(Operator)}


def filters(groups: Iterable[Iterable[Test]], schema: TableSchema) -> tuple[tuple[AnyOf, ...], tuple[str, ...]]:
    """Return the groups of tests that the table can answer, and what was left out of them.

    A group that had tests and keeps none is left out whole, which lets more rows through and never fewer.
    """
    kept: list[AnyOf] = []
    dropped: list[str] = []
    for group in groups:
        conditions: list[Condition] = []
        for test in group:
            made = tuple(_conditions(test, schema))
            conditions += made
            if not made:
                dropped.append(f"{test.column} {test.op}"[:80])
        if conditions:
            kept.append(AnyOf(conditions=tuple(dict.fromkeys(conditions))))
    return tuple(dict.fromkeys(kept)), tuple(dict.fromkeys(dropped))


def _conditions(test: Test, schema: TableSchema) -> Iterator[Condition]:
    column, op = schema.columns.get(test.column), _KNOWN.get(test.op)
    if column is None or op is None:
        return
    if op in _BARE:
        yield Condition(column=test.column, op=op)
        return
    text = column.type in ("string", "dynamic")
    if (op in _ORDERED) and (text or column.type == "bool"):
        return
    fitting = op if text or op in _ORDERED else _EXACT.get(op)
    values = tuple(dict.fromkeys(v for one in test.values if (v := _value(one, column.type)) is not None))
    if fitting is not None and values:
        yield from _of_values(test.column, fitting, values)


def _of_values(column: str, op: Operator, values: tuple[Scalar, ...]) -> Iterator[Condition]:
    if len(values) == 1 or op in _LISTED:
        yield Condition(column=column, op=op, values=values)
    elif op in _SEVERAL:
        yield Condition(column=column, op=_SEVERAL[op], values=values)
    elif not op.startswith("!"):  # several negated tests of a group would hold for nearly every row
        yield from (Condition(column=column, op=op, values=(value,)) for value in values)


def _value(value: Scalar, kind: ColumnType) -> Scalar | None:
    """Return a value as the column's type takes it, or None."""
    text = str(value).strip()
    if kind in ("string", "dynamic"):
        return text if text.isprintable() and text else None
    if kind == "bool":
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
    if kind == "datetime":
        return _time(text)
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", text):
        return None
    number = float(text)
    return int(number) if number == int(number) else number if kind == "real" else None


def _time(text: str) -> str | None:
    try:
        return text if datetime.fromisoformat(text).year > 1 else None
    except ValueError:
        return None
