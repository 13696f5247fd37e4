"""What an approved query is expected to read, and whether policy lets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from soc_analyst.state.base import Value
from soc_analyst.state.costs import GB, Estimate, Volume, size_text, volume_of
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import ApprovedQuery, Diagnostic

from .policy import Policy

__all__ = ["TOO_MUCH", "Weighed", "tier_faults", "weigh"]

TOO_MUCH = frozenset({"scan-too-large", "scan-used-up"})
"""Codes of the diagnostics of a query that would read more than it may."""
MOST_PARTS = 8
"""Parts that a window is told in at most, where the whole of it is too much for one query."""
SHORTEST = timedelta(minutes=1)


class Weighed(Value):
    """An approved query with what it will read, and why it may not run, if it may not."""

    query: ApprovedQuery
    faults: tuple[Diagnostic, ...] = ()
    fits: tuple[TimeWindow, ...] = ()
    """Parts of its window, newest first, that policy would let it read one by one."""


def tier_faults(tables: Iterable[str], policy: Policy, *, may_ask: bool = False) -> list[Diagnostic]:
    """Return a fault for each table that is paid by what a query reads; `may_ask` where a person will be asked."""
    does = "wants a person's yes for" if policy.costly == "ask" else "refuses"
    asked = "" if may_ask or policy.costly == "refuse" else ", and nobody can be asked here"
    message = f"`{{}}` is paid by what a query reads, and policy {does} such queries{asked}"
    hint = "ask another table, or take it out of the policy's expensive_tables"
    return [
        Diagnostic(code="expensive-table", message=message.format(table), hint=hint)
        for table in tables
        if table in policy.expensive_tables
    ]


def weigh(
    query: ApprovedQuery, volumes: Iterable[Volume], policy: Policy, *, spent: int = 0, may_ask: bool = False
) -> Weighed:
    """Return what a query will read, and a fault where that is more than one query or the case may.

    `spent` are the bytes of the case's queries before it. What nobody knows is no fault. Conditions are not taken into
    account, and a table counts once however often a query reads it. With `may_ask` the faults are what a
    person is asked about, tables that are paid by what is read among them.
    """
    known = tuple(volumes)
    dear = tuple(tier_faults(query.tables, policy, may_ask=True)) if may_ask else ()
    estimate = _estimated(query, known, policy, query.start)
    weighed = query.model_copy(update={"estimate": estimate})
    cap, left = round(policy.max_scan_gb * GB), max(0, round(policy.max_case_scan_gb * GB) - spent)
    if estimate is None or estimate.bytes is None or estimate.bytes <= min(cap, left):
        return Weighed(query=weighed, faults=dear)

    def size(start: datetime, end: datetime) -> int:
        part = query.model_copy(update={"start": start, "end": end})
        told = _estimated(part, known, policy, start)
        return (told.bytes or 0) if told is not None else 0

    fits = tuple(_fitting(size, query.start, query.end, cap, left))
    too_much = _fault(query, estimate.bytes, cap, left, policy, fits, asked=_asked(policy, may_ask))
    return Weighed(query=weighed, faults=(*dear, too_much), fits=fits)


def _asked(policy: Policy, may_ask: bool) -> str:
    if policy.costly == "refuse":
        return ""
    return " without a person's yes" if may_ask else " without a person's yes, and nobody can be asked here"


def _estimated(query: ApprovedQuery, volumes: tuple[Volume, ...], policy: Policy, since: datetime) -> Estimate | None:
    parts = []
    for table in query.tables:
        start = policy.start_of(table, since, query.end)
        volume = volume_of(volumes, table, start, query.end)
        if volume is None:
            return None
        parts.append(volume.within(start, query.end))
    return Estimate.together(parts)


def _fitting(
    size: Callable[[datetime, datetime], int], start: datetime, end: datetime, cap: int, left: int
) -> Iterator[TimeWindow]:
    for _ in range(MOST_PARTS):
        begin = _earliest(size, start, end, min(cap, left))
        if end - begin < min(SHORTEST, end - start):
            return
        yield TimeWindow(start=begin, end=end)
        left -= size(begin, end)
        if begin <= start:
            return
        end = begin


def _earliest(size: Callable[[datetime, datetime], int], start: datetime, end: datetime, limit: int) -> datetime:
    """Return where the longest part up to the end begins that holds no more than the limit, in whole minutes."""
    if size(start, end) <= limit:
        return start
    low, high = 0, int((end - start) / SHORTEST)  # minutes before the end: so many fit, so many do not
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if size(end - middle * SHORTEST, end) <= limit else (low, middle)
    return end - low * SHORTEST


def _fault(
    query: ApprovedQuery,
    size: int,
    cap: int,
    left: int,
    policy: Policy,
    fits: tuple[TimeWindow, ...],
    *,
    asked: str,
) -> Diagnostic:
    holds = (
        f"{', '.join(query.tables)} hold{'s' if len(query.tables) == 1 else ''} about {size_text(size)} in the window"
    )
    narrower = (
        f"ask for {fits[0].start:%Y-%m-%dT%H:%M:%SZ} to {fits[0].end:%Y-%m-%dT%H:%M:%SZ}, which fits" if fits else ""
    )
    if size > cap:
        message = f"{holds}; policy lets a query read {size_text(cap)}{asked}"
        return Diagnostic(code="scan-too-large", message=message, hint=narrower or "raise the policy's max_scan_gb")
    allowed = f"policy lets a case read {size_text(policy.max_case_scan_gb * GB)}, of which {size_text(left)} is left"
    hint = narrower or "ask a narrower question, or raise the policy's max_case_scan_gb"
    return Diagnostic(code="scan-used-up", message=f"{holds}; {allowed}{asked}", hint=hint)
