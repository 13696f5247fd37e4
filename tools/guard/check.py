"""The one door: a planned query becomes an approved one here or nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from soc_analyst.state.base import Value
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery, Diagnostic, PlannedQuery, Shape, TypedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql import parse, render, tree_of
from soc_analyst.tools.kql.parser import Parsed, covered
from soc_analyst.tools.kql.tree import Count, Pipeline, Query, Summarize
from soc_analyst.tools.kql.trouble import MAX_DIAGNOSTICS

from .binder import Bound, bind
from .bounds import Bounds, bounded, inside
from .cost import tier_faults
from .policy import Policy
from .typed import faults_of

__all__ = ["TextVerdict", "Verdict", "check", "check_text", "recheck"]

MAX_RENDERED = 262_144
"""Code points of canonical text that are read again: the given text, its views and its written-out stars."""

Tables = Mapping[str, TableSchema]


class Verdict(Value):
    """An approved query, or why there is none; with an approved one, what it cannot see that was asked for."""

    approved: ApprovedQuery | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


class TextVerdict(Value):
    """What the guard says of a KQL text; as JSON it is what `check-query --json` prints."""

    allowed: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    rendered: str | None = None
    tables: tuple[str, ...] = ()
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    approved: ApprovedQuery | None = Field(default=None, exclude=True)


def check(
    planned: PlannedQuery,
    *,
    policy: Policy,
    tables: Tables,
    window: TimeWindow,
    row_cap: int | None = None,
    may_ask: bool = False,
) -> Verdict:
    """Return the approved form of a planned query, or everything that is wrong with it.

    A typed query sees its own window as far as it lies in `window`; KQL text sees `window`, whatever it says of time
    itself. `row_cap` is a wish below the policy's. With `may_ask` a person will be asked about what policy wants a
    person's yes for: such a query is approved here, and must not run before.
    """
    if (planned.typed is None) == (planned.kql is None):
        return _refused([_fault("not-one-query", "a planned query is typed or KQL text, and one of them")])
    try:
        if planned.typed is not None:
            verdict = _check_typed(planned.id, planned.typed, policy, tables, window, row_cap)
        else:
            verdict = _check_kql(planned.id, planned.kql or "", policy, tables, window, row_cap)
    except RecursionError:
        return _refused([_TOO_DEEP])
    return _proved(verdict, policy, tables, may_ask)


def _proved(verdict: Verdict, policy: Policy, tables: Tables, may_ask: bool) -> Verdict:
    """Approve nothing that could not be proved again from its text, and nothing that only a person can allow."""
    if verdict.approved is None:
        return verdict
    if not may_ask and (expensive := tier_faults(verdict.approved.tables, policy)):
        return _refused(expensive)
    unproved = recheck(verdict.approved, policy=policy, tables=tables, may_ask=may_ask)
    if not unproved:
        return verdict
    return _refused([_fault("too-complex", f"the query cannot be proved: {unproved[0].message}", "simplify it")])


def check_text(kql: str, *, policy: Policy, tables: Tables, window: TimeWindow) -> TextVerdict:
    """Return what the guard says of an analyst's own KQL."""
    planned = PlannedQuery(id="query", purpose="an analyst's own query", kql=kql)
    verdict = check(planned, policy=policy, tables=tables, window=window)
    approved = verdict.approved
    if approved is None:
        return TextVerdict(allowed=False, diagnostics=verdict.diagnostics)
    return TextVerdict(
        allowed=True, diagnostics=verdict.diagnostics, rendered=approved.kql, tables=approved.tables,
        columns=approved.columns, approved=approved,
    )  # fmt: skip


def _check_typed(
    id_: str, query: TypedQuery, policy: Policy, tables: Tables, window: TimeWindow, row_cap: int | None
) -> Verdict:
    start, end = max(query.start, window.start), min(query.end, window.end)
    faults = [*faults_of(query, policy, tables), *_own_window_faults(query, window, policy)]
    if faults:
        return _refused(faults)
    types = {name: column.type for name, column in tables[query.table].columns.items()}
    bound = bind(tree_of(query, types), policy, tables)
    return _approved(id_, bound, policy, (start, end), (row_cap, query.limit), query.shape)


def _check_kql(id_: str, kql: str, policy: Policy, tables: Tables, window: TimeWindow, row_cap: int | None) -> Verdict:
    faults = _window_faults(window.start, window.end, policy)
    parsed = parse(kql, max_text=policy.max_text, max_nesting=policy.max_nesting)
    if parsed.tree is None:
        return _refused([*_all_faults(parsed, policy, tables), *faults])
    bound = bind(parsed.tree, policy, tables)
    if faults:
        return _refused([*bound.diagnostics, *faults])
    return _approved(id_, bound, policy, (window.start, window.end), (row_cap,), "free")


def _all_faults(parsed: Parsed, policy: Policy, tables: Tables) -> list[Diagnostic]:
    """Return the faults of a text by place: those of reading, and those of what could be read all the same."""
    judged = bind(parsed.begun, policy, tables, parsed.unread).diagnostics if parsed.begun else ()
    further = [one for one in judged if one.code not in _OF_THE_WHOLE and not _is_said(one, parsed)]
    return sorted([*parsed.diagnostics, *further], key=lambda one: one.start)[:MAX_DIAGNOSTICS]


def _is_said(fault: Diagnostic, parsed: Parsed) -> bool:
    """Return whether reading has said it: a fault that begins at the place, or a character within the name."""
    name = [one for one in parsed.diagnostics if one.code == "bad-character" and fault.code.startswith("unknown-")]
    return covered(fault, parsed.diagnostics) or any(covered(one, [fault]) for one in name)


_OF_THE_WHOLE = frozenset({"no-table", "not-aggregate"})
"""What only a text that was read whole can be blamed for."""


def _approved(
    id_: str,
    bound: Bound,
    policy: Policy,
    window: tuple[datetime, datetime],
    wishes: tuple[int | None, ...],
    shape: Shape | Literal["free"],
) -> Verdict:
    if bound.diagnostics:
        return _refused(list(bound.diagnostics))
    if policy.costly == "refuse" and (expensive := tier_faults(bound.usage.tables, policy)):
        return _refused(expensive)
    columns = {table: bound.columns_of(table, policy) for table in bound.usage.tables}
    cap = max(1, min([policy.row_cap_of(columns), *(wish for wish in wishes if wish is not None)]))
    text = render(bounded(bound.tree, _bounds(bound, policy, window, cap)))
    approved = ApprovedQuery(
        id=id_, kql=text, tables=tuple(columns), columns=columns, start=window[0], end=window[1], row_cap=cap,
        shape=shape, policy_hash=policy.hash,
    )  # fmt: skip
    return Verdict(approved=approved, diagnostics=_cut_windows(columns, policy, window))


def _bounds(bound: Bound, policy: Policy, window: tuple[datetime, datetime], cap: int) -> Bounds:
    columns = {table: bound.columns_of(table, policy) for table in bound.usage.tables}
    starts = {table: policy.start_of(table, *window) for table in columns}
    return Bounds(*window, cap, columns, starts, bound.given(policy))


def _cut_windows(tables: Iterable[str], policy: Policy, window: tuple[datetime, datetime]) -> tuple[Diagnostic, ...]:
    """Say of which tables less is seen than was asked for; such a query is approved all the same."""
    starts = {table: policy.start_of(table, *window) for table in tables}
    return tuple(
        _fault(
            "window-cut",
            f"{table} is seen from {start:%Y-%m-%dT%H:%M:%SZ} on: policy allows {policy.days_of(table):g} days of it",
            "what happened before it cannot be told",
        )
        for table, start in starts.items()
        if start > window[0]
    )


def recheck(
    approved: ApprovedQuery, *, policy: Policy, tables: Tables, may_ask: bool = False
) -> tuple[Diagnostic, ...]:
    """Prove an approved query again from its text alone; return what does not hold.

    The query inside the bounded form is bound anew and bounded with what the approval says: unless the very same text
    comes out, window, cap, columns or query were changed after the approval.
    """
    faults = list(_window_faults(approved.start, approved.end, policy))
    if not (may_ask and policy.costly == "ask"):
        faults += tier_faults(approved.tables, policy)
    if approved.policy_hash != policy.hash:
        faults.append(_fault("stale-policy", "approved under another policy", "plan it again"))
    most = policy.row_cap_of(approved.tables)
    if not 1 <= approved.row_cap <= most:
        faults.append(_fault("row-cap", f"a cap of {approved.row_cap:,} rows; policy allows {most:,}"))
    try:
        return (*faults, *_text_faults(approved, policy, tables))
    except RecursionError:
        return (*faults, _TOO_DEEP)


def _text_faults(approved: ApprovedQuery, policy: Policy, tables: Tables) -> list[Diagnostic]:
    parsed = parse(approved.kql, max_text=MAX_RENDERED)
    if parsed.tree is None:
        return list(parsed.diagnostics)
    inner = inside(parsed.tree, approved.tables)
    if inner is None:
        return [_fault("not-bounded", "the text has not the form that the guard gives", "plan it again")]
    bound = bind(inner, policy, tables)
    if bound.diagnostics:
        return list(bound.diagnostics)
    bounds = _bounds(bound, policy, (approved.start, approved.end), approved.row_cap)
    same = bounds.columns == approved.columns and tuple(bounds.columns) == approved.tables
    if not same or render(bounded(bound.tree, bounds)) != approved.kql:
        return [_fault("tampered", "the text is not what the guard approved", "plan it again")]
    if approved.shape != "free" and not _has_shape(inner, approved.shape, tables):
        return [_fault("tampered", f"the text has not the shape `{approved.shape}`", "plan it again")]
    return []


def _has_shape(query: Query, shape: Shape, tables: Tables) -> bool:
    """Return whether a text returns what its shape says; only `rows` returns rows as they are in the table."""
    aggregates = [step for step in query.body.steps if isinstance(step, Summarize | Count)]
    if shape == "rows":
        return not aggregates and _only_keeps(query.body, tables)
    return len(aggregates) == 1 and isinstance(aggregates[0], Summarize) and not query.lets


def _only_keeps(pipeline: Pipeline, tables: Tables) -> bool:
    return (
        pipeline.source is not None
        and pipeline.source.name in tables
        and all(type(step).__name__ in ("Where", "Project", "Sort") for step in pipeline.steps)
        and all(item.name is None for step in pipeline.steps for item in getattr(step, "items", ()))
    )


def _own_window_faults(query: TypedQuery, window: TimeWindow, policy: Policy) -> list[Diagnostic]:
    """Judge the part of a typed query's window that lies in the case's; the rest is cut off."""
    start, end = max(query.start, window.start), min(query.end, window.end)
    if query.start < query.end and window.start < window.end and start >= end:
        allowed = f"{window.start:%Y-%m-%dT%H:%M:%SZ} to {window.end:%Y-%m-%dT%H:%M:%SZ}"
        return [
            _fault("outside-window", "the query's time lies outside the window of the case", f"stay within {allowed}")
        ]
    if query.start >= query.end:
        return _window_faults(query.start, query.end, policy)
    return _window_faults(start, end, policy)


def _window_faults(start: datetime, end: datetime, policy: Policy) -> list[Diagnostic]:
    if start >= end:
        what = "is empty" if start == end else "ends before it starts"
        return [_fault("empty-window", f"the window {start:%Y-%m-%dT%H:%M:%SZ} to {end:%Y-%m-%dT%H:%M:%SZ} {what}")]
    if end - start > timedelta(days=policy.max_window_days):
        days = (end - start) / timedelta(days=1)
        message = (
            f"the window of {days:,.0f} days is longer than the {policy.max_window_days:g} days that policy allows"
        )
        return [_fault("window-too-long", message, "ask for a shorter time")]
    return []


def _refused(faults: list[Diagnostic]) -> Verdict:
    return Verdict(diagnostics=tuple(dict.fromkeys(faults)))


def _fault(code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code=code, message=message, hint=hint)


_TOO_DEEP = _fault("too-deep", "the query is nested too deeply", "flatten the query")
