"""The story as a plot: events on lanes of table and entity over time, in all and episode by episode."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from soc_analyst.state.report import Report
from soc_analyst.tools.amounts import counted

from .axis import Axis, axis_over
from .events import WEIGHT, Event, events_of
from .wording import moment

__all__ = ["Episode", "Lane", "Mark", "Plot", "Story", "Told", "story_of"]

LANES = 40
"""Of a plot, over all its tables; what has no lane of its own shares one."""
MOST_EPISODES = 12
SHORTEST_GAP = timedelta(hours=2)
LISTED = 500
"""Events that are listed in words, over all episodes."""
BIN = 1.0
"""Per cent of the width within which events of a lane are one mark."""
OTHERS = "others"
CROWD = 60
"""Events from which on it is drawn how many there are at a time."""
HEAP_HEIGHT = 36


@dataclass(frozen=True, slots=True)
class Mark:
    """Events of a lane that lie too close to be told apart."""

    x: str
    size: int
    confidence: str
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One entity's events in one table."""

    name: str
    events: int
    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Heap:
    """How many events of all lanes lie in a small stretch of the axis, at the scale of the highest."""

    x: str
    y: str
    height: str
    confidence: str
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Lanes by table over one axis."""

    axis: Axis
    heaps: tuple[Heap, ...]
    """Where most of it happened; none where so few events are plotted that the lanes tell it."""
    tables: tuple[tuple[str, tuple[Lane, ...]], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Told:
    """Events that follow each other and would be told in the same words."""

    event: Event
    text: str
    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of the story between two silences."""

    number: int
    start: datetime
    end: datetime
    events: int
    confidence: str
    plot: Plot
    told: tuple[Told, ...]
    left_out: int
    """Events that are not told in words."""


@dataclass(frozen=True, slots=True)
class Story:
    """All events over the window, then its episodes at a scale of their own."""

    events: int
    timeless: int
    plot: Plot | None
    episodes: tuple[Episode, ...]
    spans: tuple[tuple[str, str, int], ...]
    """Where each episode lies in the plot of all: place, width and number."""


def story_of(report: Report) -> Story:
    """Return the plot of all cited events, and its episodes."""
    events, timeless = events_of(report)
    if not events:
        return Story(0, timeless, None, (), ())
    axis = axis_over(min(report.window.start, events[0].time), max(report.window.end, events[-1].time))
    episodes = tuple(_episodes(_parted(events)))
    spans = tuple(_span(axis, episode) for episode in episodes)
    return Story(len(events), timeless, _plot(events, axis), episodes, spans)


def _parted(events: Sequence[Event]) -> list[list[Event]]:
    """Part the events at their longest silences."""
    gaps = sorted(
        ((later.time - event.time, at) for at, (event, later) in enumerate(itertools.pairwise(events), 1)),
        reverse=True,
    )
    shortest = max(SHORTEST_GAP, (events[-1].time - events[0].time) / 40)
    cuts = sorted(at for gap, at in gaps[: MOST_EPISODES - 1] if gap > shortest)
    return [list(events[a:b]) for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]


def _episodes(parts: Sequence[Sequence[Event]]) -> Iterator[Episode]:
    left = LISTED
    for number, part in enumerate(parts, 1):
        start, end = part[0].time, part[-1].time
        surest = max((event.confidence for event in part), key=WEIGHT.__getitem__)
        listed = part[:left]
        left -= len(listed)
        plot, told = _plot(part, axis_over(start, end)), tuple(_in_words(listed))
        yield Episode(number, start, end, len(part), surest, plot, told, len(part) - len(listed))


def _in_words(events: Sequence[Event]) -> Iterator[Told]:
    """Yield what happened, line by line; repetitions in a row are one line with their number."""
    for _, same in groupby(events, key=lambda event: (event.table, event.entity, event.finding, event.text)):
        first, *others = same
        yield Told(first, first.text, 1 + len(others), others[-1].time if others else first.time)


def _span(axis: Axis, episode: Episode) -> tuple[str, str, int]:
    start, end = axis.place(episode.start), axis.place(episode.end)
    return f"{max(0.0, start - 0.6):.2f}%", f"{end - start + 1.2:.2f}%", episode.number


def _plot(events: Sequence[Event], axis: Axis) -> Plot:
    by_table: dict[str, list[Event]] = {}
    for event in events:
        by_table.setdefault(event.table, []).append(event)
    room = _room([len({event.entity.casefold() for event in found}) for found in by_table.values()])
    tables = tuple((table, tuple(_lanes(by_table[table], axis, room))) for table in sorted(by_table))
    label = f"{counted(len(events), 'event')} of {counted(len(by_table), 'table')} over time"
    return Plot(axis, tuple(_heaps(events, axis)) if len(events) >= CROWD else (), tables, label)


def _heaps(events: Sequence[Event], axis: Axis) -> Iterator[Heap]:
    """Yield the events by stretches of the axis, split by confidence, the surest at the bottom."""
    bins: dict[int, list[Event]] = {}
    for event in events:
        bins.setdefault(int(axis.place(event.time) / BIN), []).append(event)
    scale = HEAP_HEIGHT / max(map(len, bins.values()))
    for at, found in sorted(bins.items()):
        label = f"{_between(found)} · {counted(len(found), 'event')}"
        bottom = float(HEAP_HEIGHT)
        for confidence in sorted(WEIGHT, key=lambda name: -WEIGHT[name]):
            height = scale * sum(event.confidence == confidence for event in found)
            bottom -= height
            if height:
                yield Heap(f"{at * BIN:.2f}%", f"{bottom:.2f}", f"{height:.2f}", confidence, label)


def _room(entities: Sequence[int]) -> int:
    """Return how many lanes a table may have, the most with which all of them keep within a plot."""
    wanted = range(2, max(entities, default=2) + 1)
    return max((room for room in wanted if sum(min(own, room) for own in entities) <= LANES), default=2)


def _lanes(events: Sequence[Event], axis: Axis, room: int) -> Iterator[Lane]:
    """Yield a lane for each entity, the most serious and busiest first, and one for all others."""
    by_entity: dict[str, list[Event]] = {}
    spelled: dict[str, str] = {}
    for event in events:
        name = spelled.setdefault(event.entity.casefold(), event.entity)
        by_entity.setdefault(name, []).append(event)
    ranked = sorted(by_entity, key=lambda name: (-_weight(by_entity[name]), -len(by_entity[name]), name))
    kept = ranked if len(ranked) <= room else ranked[: room - 1]
    yield from (_lane(name or "(not named)", by_entity[name], axis) for name in kept)
    rest = ranked[len(kept) :]
    if rest:
        shared = sorted((event for name in rest for event in by_entity[name]), key=lambda event: event.time)
        yield _lane(f"{len(rest):,} {OTHERS}", shared, axis)


def _weight(events: Sequence[Event]) -> int:
    return max(WEIGHT[event.confidence] for event in events)


def _lane(name: str, events: Sequence[Event], axis: Axis) -> Lane:
    bins: dict[int, list[Event]] = {}
    for event in events:
        bins.setdefault(int(axis.place(event.time) / BIN), []).append(event)
    marks = sorted((_mark(found, axis) for found in bins.values()), key=lambda mark: WEIGHT[mark.confidence])
    label = f"{name}: {counted(len(events), 'event')}, {_between(events)}"
    return Lane(name, len(events), label, tuple(marks))


def _mark(events: Sequence[Event], axis: Axis) -> Mark:
    surest = max(events, key=lambda event: WEIGHT[event.confidence])
    places = [axis.place(event.time) for event in events]
    titles = Counter(event.title for event in events if event.title)
    told = "; ".join(title for title, _ in titles.most_common(3)) or surest.text
    more = f"; and {len(titles) - 3} more findings" if len(titles) > 3 else ""
    size = 1 + (len(events) > 2) + (len(events) > 9)
    label = f"{_between(events)} · {counted(len(events), 'event')} · {told}{more}"
    return Mark(f"{sum(places) / len(places):.2f}%", size, surest.confidence, label)


def _between(events: Sequence[Event]) -> str:
    first, last = moment(events[0].time), moment(events[-1].time)
    return first if first == last else f"{first} to {last}"
