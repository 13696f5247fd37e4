"""Sigma correlation rules: what several matches of other rules come to, by time and by what they share.

A correlation is JSON: {"type", "rules", "group_by", "seconds", "op", "count", "field", "percentile", "aliases",
"generate", "of"}; `of` is a tree of rule references for temporal correlations with a condition of their own:
["and" | "or", trees], ["not", tree] or a reference. Types are those of the Sigma specification, version 2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection, EvidenceRef

from .columns import TableViews
from .grouping import Grouping, tactics_of, techniques_of, told_time
from .ruleset import CompiledRule
from .sliding import Average, Count, Distinct, Measure, Percentile, Sum, best_span, spans
from .texts import Indexes
from .tree import Tree

__all__ = ["Matches", "correlated"]

MAX_CITED = 12
MAX_OF_A_KIND = 3


@dataclass(frozen=True, eq=False)
class Matches:
    """The rows of one table that meet a rule, as the engine found them."""

    rule: CompiledRule
    views: TableViews
    grouping: Grouping
    rows: Indexes


@dataclass(frozen=True, eq=False)
class _Event:
    time: float
    reference: str
    group: tuple[str, ...]
    value: str
    matches: Matches
    row: int


def correlated(rule: CompiledRule, matches: Mapping[str, Matches]) -> Iterator[Detection]:
    """Yield a detection for each group in which a correlation holds; `matches` is by the references of the rule."""
    told = rule.correlation or {}
    events = sorted(_events(told, matches), key=lambda event: event.time)
    groups: dict[tuple[str, ...], list[_Event]] = defaultdict(list)
    for event in events:
        groups[event.group].append(event)
    find = _TEMPORAL.get(told["type"])
    for group in groups.values():
        found = find(told, group) if find else _counted(told, group)
        if found:
            yield _detection(rule, told, found)


def _events(told: Mapping[str, Any], matches: Mapping[str, Matches]) -> Iterator[_Event]:
    fields = told["field"] if isinstance(told["field"], list) else [told["field"]] if told["field"] else []
    for reference, found in matches.items():
        names = [told["aliases"].get(name, {}).get(reference, name) for name in told["group_by"]]
        groups, values = _texts(found, names), _texts(found, fields)
        for at, row in enumerate(found.rows.tolist()):
            group = tuple(column[at].lower() for column in groups)
            time = found.grouping.seconds(row)
            if time is not None and all(group):
                yield _Event(time, reference, group, "\0".join(column[at] for column in values), found, row)


def _texts(found: Matches, names: Sequence[str]) -> list[list[str]]:
    """Return the first text of each matched row for each of these fields, empty where there is none."""
    views = [found.views[name] for name in names]
    return [[""] * len(found.rows) if view is None else view.firsts(found.rows) for view in views]


def _counted(told: Mapping[str, Any], events: Sequence[_Event]) -> Sequence[_Event]:
    """Return the span whose measure meets the condition, the one that meets it most; empty where none does."""
    meets, count = _OPERATORS[told["op"]], told["count"]
    times, values = [event.time for event in events], [event.value for event in events]
    measure = _MEASURES[told["type"]](told)
    found = best_span(times, values, told["seconds"], measure, lambda value: meets(value, count))
    return events[slice(*found)] if found else ()


_MEASURES: Mapping[str, Callable[[Mapping[str, Any]], Measure]] = {
    "event_count": lambda _: Count(),
    "value_count": lambda _: Distinct(),
    "value_sum": lambda _: Sum(),
    "value_avg": lambda _: Average(),
    "value_median": lambda _: Percentile(50, between=True),
    "value_percentile": lambda told: Percentile(int(told["percentile"] or 50)),
}

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": lambda value, count: value < count,
    "lte": lambda value, count: value <= count,
    "gt": lambda value, count: value > count,
    "gte": lambda value, count: value >= count,
    "eq": lambda value, count: value == count,
    "neq": lambda value, count: value != count,
}


def _together(told: Mapping[str, Any], events: Sequence[_Event]) -> Sequence[_Event]:
    """Return the first span in which the rules that must match did, in any order."""
    seen: Counter[str] = Counter()
    entered = 0
    for start, end in spans([event.time for event in events], told["seconds"]):
        seen.update(event.reference for event in events[entered:end])
        entered = end
        if _holds(told, {reference for reference, count in seen.items() if count}):
            return _firsts(events[start:end])
        seen[events[start].reference] -= 1
    return ()


def _in_order(told: Mapping[str, Any], events: Sequence[_Event]) -> Sequence[_Event]:
    """Return the first events that match the rules in their order within the time span."""
    first, *others = told["rules"]
    places: dict[str, list[int]] = defaultdict(list)
    for at, event in enumerate(events):
        places[event.reference].append(at)
    for start in places[first]:
        chain = [start, *_following(start, [places[reference] for reference in others])]
        if len(chain) <= len(others):
            return ()
        if events[chain[-1]].time - events[start].time <= told["seconds"]:
            return [events[at] for at in chain]
    return ()


def _following(start: int, places: Sequence[Sequence[int]]) -> Iterator[int]:
    """Yield the first place of each of these after the one before, as long as there is one."""
    at = start
    for each in places:
        next_one = bisect_right(each, at)
        if next_one == len(each):
            return
        at = each[next_one]
        yield at


def _holds(told: Mapping[str, Any], seen: set[str]) -> bool:
    if told["of"] is not None:
        return _met(told["of"], seen)
    if told["count"] is None:
        return seen >= set(told["rules"])
    return _OPERATORS[told["op"]](len(seen), told["count"])


def _met(tree: Tree | str, seen: set[str]) -> bool:
    if isinstance(tree, str):
        return tree in seen
    if tree[0] == "not":
        return not _met(tree[1], seen)
    return (all if tree[0] == "and" else any)(_met(child, seen) for child in tree[1])


def _firsts(events: Sequence[_Event]) -> Sequence[_Event]:
    """Return the first event of each rule."""
    firsts: dict[str, _Event] = {}
    for event in events:
        firsts.setdefault(event.reference, event)
    return list(firsts.values())


_TEMPORAL = {"temporal": _together, "temporal_ordered": _in_order}


def _detection(rule: CompiledRule, told: Mapping[str, Any], events: Sequence[_Event]) -> Detection:
    cited = _spread(events)
    refs = tuple(ref for event in cited for ref in event.matches.grouping.refs([event.row]))
    statement = _statement(told, events)
    tags = rule.tags or tuple(tag for event in _firsts(events) for tag in event.matches.rule.tags)
    return Detection(
        rule=rule.named,
        description=rule.description,
        statement=statement,
        techniques=techniques_of(tags),
        tactics=tactics_of(tags),
        rows=refs,
        entities=_entities(cited),
        claims=tuple(_claims(statement, told, refs)),
        false_positives=tuple(rule.false_positives),
        tags=tuple(rule.tags),
    )


def _spread(events: Sequence[_Event]) -> Sequence[_Event]:
    """Return at most MAX_CITED events: the first of each rule, the last of all, and the earliest others, in order."""
    chosen = list(dict.fromkeys([*_firsts(events), events[-1], *events]))[:MAX_CITED]
    return sorted(chosen, key=lambda event: event.time)


def _statement(told: Mapping[str, Any], events: Sequence[_Event]) -> str:
    counts = [(reference, len(list(group))) for reference, group in groupby(sorted(e.reference for e in events))]
    titles = {event.reference: event.matches.rule.title for event in events}
    parts = ", ".join(f"{count} of “{titles[reference]}”" for reference, count in counts)
    shared = ", ".join(f"{name} {value}" for name, value in zip(told["group_by"], events[0].group, strict=True))
    order = " in this order" if told["type"] == "temporal_ordered" else ""
    first, last = told_time(events[0].time), told_time(events[-1].time)
    return f"{parts}{order}{f' with {shared}' if shared else ''} (first {first}, last {last})"


def _entities(events: Sequence[_Event]) -> tuple[Entity, ...]:
    found: dict[tuple[str, str], Entity] = {}
    for event in events:
        for entity in event.matches.grouping.entities(event.row):
            found.setdefault((entity.kind, entity.value.lower()), entity)
    counts: dict[str, int] = defaultdict(int)
    kept = []
    for entity in found.values():
        counts[entity.kind] += 1
        if counts[entity.kind] <= MAX_OF_A_KIND:
            kept.append(entity)
    return tuple(kept)


def _claims(statement: str, told: Mapping[str, Any], refs: tuple[EvidenceRef, ...]) -> Iterator[Claim]:
    yield Claim(kind="exists", statement=statement, rows=refs)
    if told["type"] == "temporal_ordered" and len(refs) > 1:
        yield Claim(kind="order", statement="the rows cited are in this order", rows=refs)
