"""The checker: claims evaluated again on the stored rows, whoever made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.findings import Claim, Detection
from soc_analyst.state.queries import AnyOf, Condition, Coverage, Scalar
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.evidence.packing import numbered

__all__ = ["Again", "check", "meeting_any", "meets", "rows_meeting"]

Row = Mapping[str, Any]
Again = Mapping[str, Mapping[str, Detection]]
"""What rules say when they are run again over the stored rows: by the rule's id and the statement of its claim."""


def check(claim: Claim, evidence: Evidence, coverage: Mapping[str, Coverage], again: Again | None = None) -> Claim:
    """Return the claim with `verified` and `detail` as the rows say; what cannot be evaluated is not verified."""
    if claim.rule:
        verified, detail = _by_rule(claim, again or {})
    else:
        verified, detail = _CHECKS[claim.kind](claim, evidence, coverage)
    return claim.model_copy(update={"verified": verified, "detail": detail})


def rows_meeting(where: tuple[Condition, ...], table: str, evidence: Evidence) -> int:
    """Return how many distinct rows of a table in evidence meet all conditions."""
    rows = evidence.get(table)
    return 0 if rows is None else int(_meeting_all(where, rows).sum())


def _meeting_all(where: tuple[Condition, ...], rows: TableRows) -> npt.NDArray[np.bool_]:
    """Return which rows meet all conditions; none does where a column is missing."""
    met = np.ones(len(rows), np.bool_)
    for condition in where:
        if condition.column not in rows.rows.column_names:
            return np.zeros(len(rows), np.bool_)
        met &= _column_meets(rows.rows[condition.column], condition)
    return met


def meeting_any(test: AnyOf, rows: TableRows) -> list[int]:
    """Return the positions of the rows that meet at least one of the conditions."""
    met = np.zeros(len(rows), np.bool_)
    for condition in test.conditions:
        if condition.column in rows.rows.column_names:
            met |= _column_meets(rows.rows[condition.column], condition)
    return [int(at) for at in np.flatnonzero(met)]


def _column_meets(column: pa.ChunkedArray, condition: Condition) -> npt.NDArray[np.bool_]:
    """Return for each row whether its value meets a condition; each distinct value is tested once."""
    if pa.types.is_nested(column.type):
        return np.array([_meets(value, condition) for value in column.to_pylist()], np.bool_)
    values, codes = _distinct(column)
    outcome = np.array([_meets(value, condition) for value in values], np.bool_)
    met: npt.NDArray[np.bool_] = outcome[codes]
    return met


def _distinct(column: pa.ChunkedArray) -> tuple[list[Scalar | None], npt.NDArray[np.int32]]:
    """Return the distinct values of a column, null among them, and the number of its value by row."""
    if pa.types.is_dictionary(column.type):
        values, codes = numbered(column)
        return [*values.to_pylist(), None], codes
    coded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    return coded.dictionary.to_pylist(), coded.indices.to_numpy()


def meets(row: Row, where: tuple[Condition, ...]) -> bool:
    """Return whether a row meets all conditions; a condition that cannot be evaluated is not met."""
    return all(condition.column in row and _meets(row[condition.column], condition) for condition in where)


def _exists(claim: Claim, evidence: Evidence, _coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    found = sum(evidence.row(ref) is not None for ref in claim.rows)
    return bool(claim.rows) and found == len(claim.rows), f"{found} of {len(claim.rows)} cited rows are stored"


def _by_rule(claim: Claim, again: Again) -> tuple[bool, str]:
    """Hold what a rule says against what it says when it is run again."""
    fired = again.get(claim.rule, {}).get(claim.statement)
    if fired is None:
        return False, f"rule {claim.rule}, run again over the stored rows, does not say so"
    own = next(one for one in fired.claims if one.rule == claim.rule and one.statement == claim.statement)
    if (own.kind, own.expected) != (claim.kind, claim.expected):
        return False, f"rule {claim.rule}, run again, matches {own.expected} rows, {claim.expected} claimed"
    counted = f" and matches {own.expected} rows" if own.expected is not None else ""
    return True, f"rule {claim.rule}, run again over the stored rows, says the same{counted}"


def _count(claim: Claim, evidence: Evidence, _coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    counted = rows_meeting(claim.where, claim.table, evidence)
    return counted == claim.expected, f"{counted} rows counted, {claim.expected} claimed"


def _order(claim: Claim, evidence: Evidence, _coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    rows = [evidence.row(ref) for ref in claim.rows]
    times = [time for row in rows if row is not None and (time := row.get("TimeGenerated")) is not None]
    if len(times) != len(claim.rows) or len(times) < 2:
        return False, "a cited row is missing or has no time"
    return times[0] <= times[-1], f"{times[0]:%Y-%m-%dT%H:%M:%SZ} and {times[-1]:%Y-%m-%dT%H:%M:%SZ}"


def _same_entity(claim: Claim, evidence: Evidence, _coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    rows = [evidence.row(ref) for ref in claim.rows]
    values = {str((row or {}).get(claim.column, "")).casefold() for row in rows}
    return bool(rows) and values == {claim.value.casefold()}, f"{claim.column} holds {len(values)} value(s)"


def _value(claim: Claim, evidence: Evidence, _coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    row = evidence.row(claim.rows[0]) if len(claim.rows) == 1 else None
    if row is None or claim.column not in row:
        return False, f"no one row with {claim.column or 'such a column'} is cited"
    return _holds_exactly(row[claim.column], claim.value), f"{claim.column} of the row is told as stored"


def _holds_exactly(value: Any, claimed: str) -> bool:
    """Return whether a stored value is the one claimed: times and numbers in whatever writing, texts to the letter."""
    if value is None:
        return claimed == ""
    if isinstance(value, datetime):
        return value.timestamp() == _instant(claimed)
    if isinstance(value, bool):
        return str(value).casefold() == claimed.casefold()
    if isinstance(value, int | float):
        return float(value) == _number(claimed)
    return str(value) == claimed


def _first(claim: Claim, evidence: Evidence, _coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    return _outermost(claim, evidence, earliest=True)


def _last(claim: Claim, evidence: Evidence, _coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    return _outermost(claim, evidence, earliest=False)


def _outermost(claim: Claim, evidence: Evidence, *, earliest: bool) -> tuple[bool, str]:
    """Hold a row against the earliest or the latest of all that meet the claim's conditions."""
    rows, row = evidence.get(claim.table), evidence.row(claim.rows[0]) if len(claim.rows) == 1 else None
    if rows is None or row is None or claim.rows[0].table != claim.table or row.get("TimeGenerated") is None:
        return False, f"no one row of {claim.table or 'a table'} with a time is cited"
    if fault := _cannot_tell(claim.where, claim.table, evidence):
        return False, fault
    if not meets(row, claim.where):
        return False, "the row cited does not meet the conditions itself"
    span = pc.min_max(rows.rows["TimeGenerated"].filter(pa.array(_meeting_all(claim.where, rows)))).as_py()
    told = span["min" if earliest else "max"]
    name = "first" if earliest else "last"
    return bool(told == row["TimeGenerated"]), f"the {name} of them is of {told:%Y-%m-%dT%H:%M:%SZ}"


def _absent(claim: Claim, evidence: Evidence, coverage: Mapping[str, Coverage]) -> tuple[bool, str]:
    covered = coverage.get(claim.table)
    if covered is None or not covered.rows_in_window:
        return False, f"{claim.table} had no rows in the window: absence cannot be told"
    if covered.seen_from is not None:
        return False, f"{claim.table} could be seen from {covered.seen_from:%Y-%m-%d %H:%M} on only"
    held = len(evidence[claim.table]) if claim.table in evidence else 0
    if held < covered.rows_in_window:
        return False, f"{held} of {covered.rows_in_window} rows are in evidence: absence from the others cannot be told"
    if fault := _cannot_tell(claim.where, claim.table, evidence) or _beyond(claim.where, covered):
        return False, fault
    counted, late = rows_meeting(claim.where, claim.table, evidence), covered.unsettled_from
    more = f"; rows from {late:%Y-%m-%d %H:%M} on may still come in" if late else ""
    return counted == 0, f"{counted} rows counted among {covered.rows_in_window} in the window{more}"


def _cannot_tell(where: tuple[Condition, ...], table: str, evidence: Evidence) -> str:
    """Return why conditions say nothing about a table, empty where they do: what never holds proves no absence."""
    columns = evidence[table].rows.column_names
    for condition in where:
        if condition.column not in columns:
            return f"{table} has no column {condition.column} in evidence"
        if condition.op not in _TESTS or not (condition.values or condition.op in ("isempty", "isnotempty")):
            return f"{condition.op} cannot be evaluated here"
    return ""


def _beyond(where: tuple[Condition, ...], covered: Coverage) -> str:
    """Return why an absence is claimed of a time that was not looked at: before or after all that was seen."""
    if covered.first is None or covered.last is None:
        return ""
    first, last = covered.first.timestamp(), covered.last.timestamp()
    for condition in where:
        bound = _instant(condition.values[0]) if condition.column == "TimeGenerated" and condition.values else None
        if bound is None:
            continue
        if (condition.op in ("<", "<=") and bound <= first) or (condition.op in (">", ">=") and bound >= last):
            return f"rows were seen from {covered.first:%Y-%m-%d %H:%M} to {covered.last:%Y-%m-%d %H:%M} only"
    return ""


_CHECKS: Mapping[str, Callable[[Claim, Evidence, Mapping[str, Coverage]], tuple[bool, str]]] = {
    "exists": _exists,
    "count": _count,
    "order": _order,
    "same_entity": _same_entity,
    "absent": _absent,
    "value": _value,
    "first": _first,
    "last": _last,
    "detected": lambda _claim, _evidence, _coverage: (False, "it names no rule that could be run again"),
}


def _meets(value: Any, condition: Condition) -> bool:
    test = _TESTS.get(condition.op)
    if test is None or not (condition.values or condition.op in ("isempty", "isnotempty")):
        return False
    if value is None:
        value = ""
    return test(value, condition.values)


def _fold(value: Any) -> str:
    return str(value).casefold()


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _same(value: Any, wanted: Scalar) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return bool(value) is wanted
    if isinstance(wanted, int | float):
        return _number(value) == float(wanted)
    return str(value) == wanted


def _compared(value: Any, wanted: Scalar, holds: Callable[[float, float], bool]) -> bool:
    """Compare numbers, or times where the row holds one: a time that is claimed is ISO 8601."""
    left, right = _number(value), _number(wanted)
    if isinstance(value, datetime):
        left, right = value.timestamp(), _instant(wanted)
    return left is not None and right is not None and holds(left, right)


def _instant(text: Scalar) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_TESTS: Mapping[str, Callable[[Any, tuple[Scalar, ...]], bool]] = {
    "==": lambda value, wanted: _same(value, wanted[0]),
    "!=": lambda value, wanted: not _same(value, wanted[0]),
    "=~": lambda value, wanted: _fold(value) == _fold(wanted[0]),
    "!~": lambda value, wanted: _fold(value) != _fold(wanted[0]),
    "in": lambda value, wanted: any(_same(value, one) for one in wanted),
    "!in": lambda value, wanted: not any(_same(value, one) for one in wanted),
    "in~": lambda value, wanted: _fold(value) in {_fold(one) for one in wanted},
    "!in~": lambda value, wanted: _fold(value) not in {_fold(one) for one in wanted},
    "contains": lambda value, wanted: _fold(wanted[0]) in _fold(value),
    "!contains": lambda value, wanted: _fold(wanted[0]) not in _fold(value),
    "startswith": lambda value, wanted: _fold(value).startswith(_fold(wanted[0])),
    "!startswith": lambda value, wanted: not _fold(value).startswith(_fold(wanted[0])),
    "endswith": lambda value, wanted: _fold(value).endswith(_fold(wanted[0])),
    "!endswith": lambda value, wanted: not _fold(value).endswith(_fold(wanted[0])),
    "<": lambda value, wanted: _compared(value, wanted[0], lambda left, right: left < right),
    "<=": lambda value, wanted: _compared(value, wanted[0], lambda left, right: left <= right),
    ">": lambda value, wanted: _compared(value, wanted[0], lambda left, right: left > right),
    ">=": lambda value, wanted: _compared(value, wanted[0], lambda left, right: left >= right),
    "isempty": lambda value, _wanted: str(value) == "",
    "isnotempty": lambda value, _wanted: str(value) != "",
}
