"""Who, where and what the findings saw together, laid out in three columns."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Finding
from soc_analyst.state.report import Report

from .events import WEIGHT
from .wording import defanged_indicator

__all__ = ["COLUMNS", "Edge", "Graph", "Node", "graph_of"]

COLUMNS = ("Who", "Where", "What")
NODES = 14
"""In a column; the entities of the surest and of most findings."""
EDGES = 120
ROW = 30
"""Height of a node's row in units of the drawing, which are CSS pixels."""
SIDES = ((0, 26), (37, 63), (74, 100))
"""Where each column begins and ends, in per cent of the width."""
NOT_DRAWN = ("hash", "port")
"""Kinds that the table names and the drawing leaves out: nobody reads them there."""
INSIDE = tuple(ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
Key = tuple[str, str]
SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Node:
    """An entity, and the numbers of the findings that saw it."""

    kind: str
    value: str
    column: int
    findings: tuple[int, ...]
    confidence: str
    indicator: bool
    row: int = 0

    @property
    def shown(self) -> str:
        """Return its value as people read it: what lies outside, or is an indicator, is no link anywhere."""
        outside = self.indicator or (self.column == 2 and self.kind in ("ip", "domain", "url"))
        return defanged_indicator(self.value) if outside else self.value

    @property
    def key(self) -> Key:
        """Return what it is, without regard to case."""
        return self.kind, self.value.casefold()


@dataclass(frozen=True, slots=True)
class Edge:
    """Two nodes that findings saw together, drawn as a curve; `source` and `target` number the nodes on the page."""

    source: str
    target: str
    confidence: str
    findings: int
    path: str
    label: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The drawing, and all entities for those who read the table."""

    columns: tuple[tuple[Node, ...], ...]
    edges: tuple[Edge, ...]
    height: int
    entities: tuple[Node, ...]
    left_out: int
    edges_left_out: int


@dataclass(slots=True)
class _Seen:
    """An entity while its findings are collected."""

    entity: Entity
    numbers: list[int] = field(default_factory=list)
    weight: int = 0
    indicator: bool = False


def graph_of(report: Report) -> Graph:
    """Return the entities of the findings and what joins them, the same for the same report."""
    entities = _ranked(report.findings)
    columns = [[node for node in entities if node.column == column][:NODES] for column in range(len(COLUMNS))]
    drawn = {node.key: node for column in columns for node in column}
    joined = _joined(report.findings, drawn)
    kept = sorted(joined, key=lambda pair: (-joined[pair][0], -joined[pair][1], pair))[:EDGES]
    placed = _placed(columns, kept)
    edges = tuple(_edge(placed[a], placed[b], *joined[a, b]) for a, b in reversed(kept))
    in_order = tuple(
        tuple(sorted((placed[node.key] for node in column), key=lambda node: node.row)) for column in columns
    )
    height = ROW * max((len(column) for column in columns), default=0)
    return Graph(in_order, edges, height, entities, len(entities) - len(drawn), len(joined) - len(kept))


def _ranked(findings: Sequence[Finding]) -> tuple[Node, ...]:
    """Return each entity once: those of the surest findings first, indicators before others, then the most seen."""
    seen: dict[Key, _Seen] = {}
    for number, finding in enumerate(findings, 1):
        indicators = {value.casefold() for value in finding.indicators_of_compromise}
        for entity in _told_once(finding.entities):
            one = seen.setdefault(_key(entity), _Seen(entity))
            one.weight = max(one.weight, WEIGHT[finding.confidence])
            one.indicator |= entity.value.casefold() in indicators
            if one.numbers[-1:] != [number]:
                one.numbers.append(number)
    ranked = sorted(
        seen.items(), key=lambda item: (-item[1].weight, not item[1].indicator, -len(item[1].numbers), item[0])
    )
    return tuple(_node(one) for _, one in ranked)


def _told_once(entities: Iterable[Entity]) -> Iterator[Entity]:
    """Yield the entities but for files that a process or a longer path already names."""
    every = list(entities)
    named = {entity.value.casefold() for entity in every if entity.kind == "process"}
    paths = [entity.value.casefold() for entity in every if entity.kind == "file" and "\\" in entity.value]
    ends = {path.rpartition("\\")[2] for path in paths}
    for entity in every:
        value = entity.value.casefold()
        last = value.rpartition("\\")[2]
        if entity.kind != "file" or (last not in named and ("\\" in value or value not in ends)):
            yield entity


def _node(one: _Seen) -> Node:
    surest = next(name for name, weight in WEIGHT.items() if weight == one.weight)
    column = _column(one.entity)
    return Node(one.entity.kind, one.entity.value, column, tuple(one.numbers), surest, one.indicator)


def _column(entity: Entity) -> int:
    """Return which column an entity stands in, -1 for one that is not drawn."""
    if entity.kind in NOT_DRAWN:
        return -1
    if entity.kind == "account":
        return 0
    return 1 if entity.kind in ("host", "resource") or (entity.kind == "ip" and _is_inside(entity.value)) else 2


def _is_inside(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return any(address in net for net in INSIDE if net.version == address.version)


def _key(entity: Entity) -> Key:
    return entity.kind, entity.value.casefold()


def _joined(findings: Sequence[Finding], drawn: dict[Key, Node]) -> dict[tuple[Key, Key], tuple[int, int]]:
    """Return the pairs that findings saw together, each with its surest finding's weight and their number."""
    joined: dict[tuple[Key, Key], tuple[int, int]] = {}
    for finding in findings:
        keys = dict.fromkeys(_key(entity) for entity in finding.entities if _key(entity) in drawn)
        who, where, what = ([key for key in keys if drawn[key].column == column] for column in range(3))
        pairs = [*product(who, where), *product(where, what)] if where else list(product(who, what))
        for pair in pairs:
            weight, count = joined.get(pair, (0, 0))
            joined[pair] = (max(weight, WEIGHT[finding.confidence]), count + 1)
    return joined


def _placed(columns: Sequence[Sequence[Node]], edges: Sequence[tuple[Key, Key]]) -> dict[Key, Node]:
    """Return the nodes with their rows: each column in the order of the middle of its neighbours, a few times over."""
    rows = {node.key: float(row) for column in columns for row, node in enumerate(column)}
    near: dict[Key, list[Key]] = {}
    for a, b in edges:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            middle = {node.key: _middle(node.key, near, rows) for node in column}
            for row, node in enumerate(sorted(column, key=lambda node: (middle[node.key], node.key))):
                rows[node.key] = float(row)
    return {node.key: replace(node, row=int(rows[node.key])) for column in columns for node in column}


def _middle(key: Key, near: dict[Key, list[Key]], rows: dict[Key, float]) -> float:
    others = near.get(key, [])
    return sum(rows[other] for other in others) / len(others) if others else rows[key]


def _edge(source: Node, target: Node, weight: int, count: int) -> Edge:
    x1, x2 = SIDES[source.column][1], SIDES[target.column][0]
    y1, y2 = (ROW * node.row + ROW / 2 for node in (source, target))
    bend = (x2 - x1) / 2
    path = f"M{x1} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2} {y2:g}"
    surest = next(name for name, each in WEIGHT.items() if each == weight)
    label = f"{source.value} and {target.value}: {count} finding{'s' if count > 1 else ''}"
    return Edge(_id(source), _id(target), surest, min(count, 4), path, label)


def _id(node: Node) -> str:
    return f"{node.column}-{node.row}"
