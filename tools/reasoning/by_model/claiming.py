"""A model's claims: built from its forms, evaluated on the stored rows, and weighed by what they say of a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

import pyarrow as pa

from soc_analyst.state.findings import Claim, EvidenceRef
from soc_analyst.state.queries import Condition, Scalar
from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.privacy import fenced
from soc_analyst.tools.proof.claims import check, meets

from .analysis_answer import ClaimForm, FilterForm
from .brief import Brief
from .referee import Referee
from .subjects import things_in

__all__ = ["bears_on", "verified"]

NAMES_A_VALUE = frozenset({"==", "=~", "in", "in~", "contains", "startswith", "endswith"})
IN_TIME = frozenset({"<", "<=", ">", ">="})
WITHOUT_VALUE = frozenset({"isempty", "isnotempty"})
MANY_VALUES = frozenset({"in", "in~"})
SHOWN = 120


def verified(forms: Iterable[ClaimForm], brief: Brief, referee: Referee) -> tuple[Claim, ...]:
    """Return the claims that the rows bear out, in words that code wrote; the others are counted."""
    kept: dict[str, Claim] = {}
    for form in forms:
        if form.kind == "exists":
            continue  # code claims that of every finding
        built = _built(form, brief, referee)
        checked = [check(claim, referee.case.evidence, referee.coverage) for claim in built]
        if not checked or not all(claim.verified for claim in checked):
            referee.dropped["claims that do not hold"] += 1
            continue
        kept.update((claim.statement, claim) for claim in checked)
    return tuple(kept.values())


def bears_on(claim: Claim, cited: Sequence[EvidenceRef], referee: Referee) -> bool:
    """Return whether a claim that holds says something of the cited rows that is not so of any rows.

    A count must name a value that a cited row has and not every row has; an order is one of two cited rows about the
    same thing; the same value stands in two cited rows and not in the whole table.
    """
    if not claim.verified:
        return False
    if claim.kind == "count":
        return _counts_some(claim, cited, referee)
    if claim.kind == "order":
        return set(claim.rows) <= set(cited) and _about_one_thing(claim.rows, referee)
    if claim.kind == "same_entity":
        return len(set(claim.rows) & set(cited)) > 1 and not _everywhere(claim, referee)
    return False


def _built(form: ClaimForm, brief: Brief, referee: Referee) -> tuple[Claim, ...]:
    """Return the claims that a form makes, none where it makes none that could be evaluated."""
    if form.kind in ("count", "absent"):
        return _counting(form, referee)
    refs = referee.cited(form.handles, brief).refs
    if form.kind in ("value", "first", "last"):
        return _of_one_row(form, refs[:1], referee)
    if form.kind == "order":
        firsts = [referee.cited([handle], brief).refs[:1] for handle in form.handles]
        return _in_order([ref for one in firsts for ref in one])
    return _sharing(form, refs, referee)


def _counting(form: ClaimForm, referee: Referee) -> tuple[Claim, ...]:
    rows = referee.case.evidence.get(form.table or "")
    if rows is None or not form.where or (form.kind == "count" and form.count is None):
        return ()
    conditions = _conditions(form, rows, referee)
    if conditions is None:
        return ()
    told = " and ".join(_told(each) for each in conditions)
    if form.kind == "absent" or not form.count:
        return (
            Claim(kind="absent", statement=f"No row of {rows.table} has {told}.", table=rows.table, where=conditions),
        )
    noun = "row of" if form.count == 1 else "rows of"
    verb = "has" if form.count == 1 else "have"
    statement = f"{form.count} {noun} {rows.table} {verb} {told}."
    return (Claim(kind="count", statement=statement, table=rows.table, where=conditions, expected=form.count),)


def _conditions(form: ClaimForm, rows: TableRows, referee: Referee) -> tuple[Condition, ...] | None:
    """Return the tests of a form, None where one of them means nothing."""
    where = tuple(_condition(each, rows, referee) for each in form.where)
    return None if None in where else tuple(each for each in where if each is not None)


def _of_one_row(form: ClaimForm, refs: Sequence[EvidenceRef], referee: Referee) -> tuple[Claim, ...]:
    """Return what is said of one row: a value that it holds, or that it is the first or the last of its like."""
    if not refs or refs[0].time is None or len(set(form.handles)) != 1:
        return ()
    if form.kind == "value":
        value = referee.revealed(form.value or "")
        if not form.column or not value:
            return ()
        told = f"{_at(refs[0])} has “{fenced(value, limit=SHOWN)}” in {form.column}."
        return (Claim(kind="value", statement=told, rows=tuple(refs), column=str(form.column), value=value),)
    rows = referee.case.evidence[refs[0].table]
    conditions = _conditions(form, rows, referee)
    if conditions is None or form.kind not in ("first", "last"):
        return ()
    alike = f" that has {' and '.join(_told(each) for each in conditions)}" if conditions else ""
    told = f"{_at(refs[0])} is the {form.kind} in evidence{alike}."
    return (Claim(kind=form.kind, statement=told, table=rows.table, rows=tuple(refs), where=conditions),)


def _condition(form: FilterForm, rows: TableRows, referee: Referee) -> Condition | None:
    """Return a test whose outcome means something: of a column that is there, with values of its type."""
    if form.column not in rows.rows.column_names or (len(form.values) == 0) != (form.op in WITHOUT_VALUE):
        return None
    if len(form.values) > 1 and form.op not in MANY_VALUES:
        return None
    values = [_value(text, form.op, rows.rows.schema.field(form.column).type, referee) for text in form.values]
    if None in values:
        return None
    return Condition(column=str(form.column), op=form.op, values=tuple(each for each in values if each is not None))


def _value(text: str, op: str, type: pa.DataType, referee: Referee) -> Scalar | None:
    revealed = referee.revealed(text)
    if revealed is None or revealed == "":
        return None
    if pa.types.is_boolean(type):
        return {"true": True, "false": False}.get(revealed.strip().lower()) if op in ("==", "!=") else None
    if pa.types.is_timestamp(type):
        return revealed if op in IN_TIME and _is_time(revealed) else None
    if op in IN_TIME or (pa.types.is_floating(type) and op in ("==", "!=", "in")):
        return _number(revealed)
    return revealed


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e18 else None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _in_order(firsts: Sequence[EvidenceRef]) -> tuple[Claim, ...]:
    pairs = [(left, right) for left, right in pairwise(firsts) if left != right]
    if len(pairs) != len(firsts) - 1 or any(ref.time is None for ref in firsts):
        return ()
    return tuple(
        Claim(
            kind="order",
            statement=f"{_at(left)} is no later than {_at(right)}.",
            rows=(left, right),
        )
        for left, right in pairs
    )


def _at(ref: EvidenceRef) -> str:
    return f"The row of {ref.table} at {ref.time:%Y-%m-%d %H:%M:%S}"


def _sharing(form: ClaimForm, refs: Sequence[EvidenceRef], referee: Referee) -> tuple[Claim, ...]:
    value = referee.revealed(form.value or "")
    if not form.column or not value or not refs:
        return ()
    shown = f"“{fenced(value, limit=SHOWN)}”"
    statement = f"{len(refs)} cited row{'s' if len(refs) > 1 else ''} hold {shown} in {form.column}."
    return (Claim(kind="same_entity", statement=statement, rows=tuple(refs), column=str(form.column), value=value),)


def _told(condition: Condition) -> str:
    values = ", ".join(fenced(str(value), limit=SHOWN) for value in condition.values)
    return f"{condition.column} {condition.op} {values}".strip()


def _counts_some(claim: Claim, cited: Sequence[EvidenceRef], referee: Referee) -> bool:
    rows = referee.case.evidence.get(claim.table)
    if rows is None or not claim.expected or claim.expected >= len(rows):
        return False
    if not any(each.op in NAMES_A_VALUE and each.column != "TimeGenerated" for each in claim.where):
        return False
    own = [row for ref in cited if ref.table == claim.table for row in referee.rows([ref])]
    return any(meets(row, claim.where) for row in own)


def _about_one_thing(refs: Sequence[EvidenceRef], referee: Referee) -> bool:
    first, last = refs[0], refs[-1]
    if first.time is None or first.time == last.time:
        return False
    named = [things_in(row, referee.case.tables.get(ref.table)) for ref in (first, last) for row in referee.rows([ref])]
    return len(named) == 2 and bool(named[0] & named[1])


def _everywhere(claim: Claim, referee: Referee) -> bool:
    """Return whether every row of the table holds the value, so that it says nothing of some of them."""
    rows = referee.case.evidence.get(claim.rows[0].table)
    schema = referee.case.tables.get(claim.rows[0].table)
    column = schema.columns.get(claim.column) if schema is not None else None
    if rows is None or column is None or column.entity is None:
        return True
    return all(value.casefold() == claim.value.casefold() for value in rows.strings(claim.column))
