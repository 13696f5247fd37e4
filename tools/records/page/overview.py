"""Findings over time as one page: by day, tactic, host and account, then each finding with when it was seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta

from soc_analyst.state.findings import Confidence
from soc_analyst.tools.records.logged import LoggedFinding, Wanted
from soc_analyst.tools.records.recurring import Recurring, folded

from .rendering import environment

__all__ = ["Bar", "Column", "Overview", "as_overview", "overview_of"]

LEVELS: tuple[Confidence, ...] = ("High", "Medium", "Low")
MOST_COLUMNS = 62
MOST_BARS = 20
MOST_ROWS = 1_000
TALL = 150
"""Height of the highest column in units of the drawing, which are CSS pixels."""
LABELS = 8
STEPS = (1, 7, 28, 91, 364)
"""Days in a column."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one confidence has of a column or bar: where it begins and how long it is."""

    confidence: Confidence
    count: int
    start: str
    length: str


@dataclass(frozen=True, slots=True)
class Split:
    """An amount, split by confidence."""

    parts: tuple[Part, ...]
    total: int

    def of(self, confidence: Confidence) -> int:
        """Return what one confidence has of it."""
        return sum(part.count for part in self.parts if part.confidence == confidence)

    @property
    def told(self) -> str:
        """Return it in words, the surest first."""
        return ", ".join(f"{self.of(level):,} {level}" for level in LEVELS if self.of(level))


@dataclass(frozen=True, slots=True)
class Column(Split):
    """The events of a stretch of days."""

    label: str
    x: str
    width: str
    middle: str
    ticked: bool
    minor: bool


@dataclass(frozen=True, slots=True)
class Bar(Split):
    """The findings of a tactic, a host or an account."""

    name: str
    last: datetime


Named = tuple[tuple[Bar, ...], int]
"""The bars that are shown, and how many names there are."""


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page shows."""

    findings: tuple[Recurring, ...]
    left_out: int
    logged: int
    cases: int
    counts: tuple[tuple[Confidence, int], ...]
    first: datetime | None
    last: datetime | None
    filters: tuple[tuple[str, str], ...]
    skipped: int
    unit: str
    columns: tuple[Column, ...]
    highest: int
    tactics: Named
    hosts: Named
    accounts: Named


def as_overview(findings: Sequence[LoggedFinding], wanted: Wanted, *, skipped: int = 0) -> str:
    """Return the page; `skipped` lines of the log could not be read."""
    return environment().get_template("overview.html.j2").render(page=overview_of(findings, wanted, skipped=skipped))


def overview_of(findings: Sequence[LoggedFinding], wanted: Wanted, *, skipped: int = 0) -> Overview:
    """Return what the page shows: each event counts once, however often it was looked into."""
    found = folded(findings)
    unit, columns = _columns(_events(found))
    levels = Counter(one.confidence for one in found)
    return Overview(
        findings=found[:MOST_ROWS],
        left_out=max(0, len(found) - MOST_ROWS),
        logged=len(findings),
        cases=len({one.thread_id for one in findings}),
        counts=tuple((level, levels[level]) for level in LEVELS),
        first=min((one.first for one in found), default=None),
        last=max((one.last for one in found), default=None),
        filters=tuple(_filters(wanted)),
        skipped=skipped,
        unit=unit,
        columns=columns,
        highest=max((column.total for column in columns), default=0),
        tactics=_bars(found, lambda one: (one.latest.mitre.tactic,) if one.latest.mitre.tactic else ()),
        hosts=_bars(found, lambda one: one.named("host")),
        accounts=_bars(found, lambda one: one.named("account")),
    )


def _filters(wanted: Wanted) -> Iterator[tuple[str, str]]:
    for each in fields(wanted):
        value = getattr(wanted, each.name)
        if value:
            yield each.name, f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)


def _events(found: Iterable[Recurring]) -> list[tuple[date, Confidence]]:
    """Return the day of each event, with the confidence of its finding."""
    return [
        (time.astimezone(UTC).date(), one.confidence)
        for one in found
        for time in {entry.id: entry.time for entry in one.entries}.values()
    ]


def _columns(events: Sequence[tuple[date, Confidence]]) -> tuple[str, tuple[Column, ...]]:
    """Return the columns over all days from the first to the last, days together where there are many."""
    if not events:
        return "day", ()
    first, last = min(events)[0], max(events)[0]
    days = (last - first).days + 1
    step = next((step for step in STEPS if days / step <= MOST_COLUMNS), max(STEPS[-1], -(-days // MOST_COLUMNS)))
    counts = Counter(((day - first).days // step, level) for day, level in events)
    amount = (days - 1) // step + 1
    totals = [sum(counts[at, level] for level in LEVELS) for at in range(amount)]
    every = max(1, -(-amount // LABELS))
    wide = 100 / max(amount, 7)
    columns = []
    for at, total in enumerate(totals):
        day = first + timedelta(days=at * step)
        label = f"{day:%d %b %Y}" if step == 1 else f"{day:%d %b %Y} to {day + timedelta(days=step - 1):%d %b %Y}"
        parts = _parts([(level, counts[at, level]) for level in reversed(LEVELS)], max(totals), TALL, "{:.1f}")
        columns.append(
            Column(
                parts, total, label, f"{at * wide + wide * 0.1:.3f}%", f"{wide * 0.8:.3f}%",
                f"{(at + 0.5) * wide:.3f}%", at % every == 0, at % (2 * every) != 0,
            )
        )  # fmt: skip
    return {1: "day", 7: "week"}.get(step, f"{step} days"), tuple(columns)


def _bars(found: Iterable[Recurring], names: Callable[[Recurring], Iterable[str]]) -> Named:
    """Return a bar a name, of what has most and surest findings first."""
    found = tuple(found)
    spelled = _spelled(name for one in found for name in names(one))
    by_name: dict[str, list[Recurring]] = {}
    for one in found:
        for name in dict.fromkeys(spelled[each.casefold()] for each in names(one)):
            by_name.setdefault(name, []).append(one)

    def rank(name: str) -> tuple[int, ...]:
        own = Counter(one.confidence for one in by_name[name])
        return (*(own[level] for level in LEVELS),)

    kept = sorted(sorted(by_name), key=rank, reverse=True)[:MOST_BARS]
    longest = max((len(by_name[name]) for name in kept), default=0)
    bars = tuple(
        Bar(_parts(list(zip(LEVELS, rank(name), strict=True)), longest, 100, "{:.2f}%"), len(by_name[name]), name, last)
        for name in kept
        for last in (max(one.last for one in by_name[name]),)
    )
    return bars, len(by_name)


def _spelled(names: Iterable[str]) -> dict[str, str]:
    """Return how each name is written: a short one as the only long one that begins with it and its domain."""
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(name.casefold(), name)
    longer: dict[str, set[str]] = {}
    for name in spelled:
        longer.setdefault(re.split(r"[.@]", name, maxsplit=1)[0], set()).add(name)
    return {
        name: spelled[min(rest)] if len(rest := longer.get(name, set()) - {name}) == 1 else own
        for name, own in spelled.items()
    }


def _parts(counts: Sequence[tuple[Confidence, int]], highest: int, room: float, form: str) -> tuple[Part, ...]:
    """Return the parts one after another, at the scale of the highest of all."""
    parts, start = [], 0.0
    for level, count in counts:
        length = room * count / highest if highest else 0.0
        if count:
            parts.append(Part(level, count, form.format(start), form.format(length)))
        start += length
    return tuple(parts)
