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
MOST_OF_FINDING = 60
"""Entities of a finding that are joined with each other."""
BULGE = 7
"""How far a line between two of one column swings out, in per cent of the width."""


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


@dataclass(frozen=True, slots=True)
class _Joined:
    """What is known of a pair: its surest finding's weight, how many findings saw it, and what the one did."""

    weight: int
    findings: int
    label: str = ""


@dataclass(slots=True)
class _Seen:
    """An entity while its findings are collected."""

    entity: Entity
    numbers: list[int] = field(default_factory=list)
    weight: int = 0
    indicator: bool = False


def graph_of(report: Report) -> Graph:
    """Return the entities of the findings and what joins them, the same for the same report."""
    pairs = _pairs_of_incidents(report) or _pairs_of_findings(report.findings)
    entities = _ranked(report.findings, {key for pair in pairs for key in pair})
    columns = [[node for node in entities if node.column == column][:NODES] for column in range(len(COLUMNS))]
    drawn = {node.key: node for column in columns for node in column}
    joined = {pair: told for pair, told in pairs.items() if pair[0] in drawn and pair[1] in drawn}
    kept = sorted(joined, key=lambda pair: (-joined[pair].weight, -joined[pair].findings, pair))[:EDGES]
    placed = _placed(columns, kept)
    edges = tuple(_edge(*_left_to_right(placed[a], placed[b]), joined[a, b]) for a, b in reversed(kept))
    in_order = tuple(
        tuple(sorted((placed[node.key] for node in column), key=lambda node: node.row)) for column in columns
    )
    height = ROW * max((len(column) for column in columns), default=0)
    return Graph(in_order, edges, height, entities, len(entities) - len(drawn), len(joined) - len(kept))


def _ranked(findings: Sequence[Finding], joined: set[Key]) -> tuple[Node, ...]:
    """Return each entity once: of the surest findings first, what is joined and indicators before others, most seen."""
    seen: dict[Key, _Seen] = {}
    for number, finding in enumerate(findings, 1):
        indicators = {value.casefold() for value in finding.indicators_of_compromise}
        for entity in _told_once(finding.entities):
            one = seen.setdefault(_key(entity), _Seen(entity))
            one.weight = max(one.weight, WEIGHT[finding.confidence])
            one.indicator |= entity.value.casefold() in indicators
            if one.numbers[-1:] != [number]:
                one.numbers.append(number)

    def rank(item: tuple[Key, _Seen]) -> tuple[int, bool, bool, int, Key]:
        key, one = item
        return -one.weight, key not in joined, not one.indicator, -len(one.numbers), key

    ranked = sorted(seen.items(), key=rank)
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


def _pairs_of_incidents(report: Report) -> dict[tuple[Key, Key], _Joined]:
    """Return what the incidents tell that one thing did with another; none where there is no incident."""
    weights = {finding.id: WEIGHT[finding.confidence] for finding in report.findings}
    pairs: dict[tuple[Key, Key], _Joined] = {}
    for edge in (edge for incident in report.incidents for edge in incident.edges):
        pair = _key(edge.source), _key(edge.target)
        known = pairs.get(pair, _Joined(0, 0))
        weight = max((weights.get(id, 1) for id in edge.findings), default=1)
        said = known.label if edge.label in known.label else "; ".join(filter(None, (known.label, edge.label)))
        pairs[pair] = _Joined(max(known.weight, weight), known.findings + len(edge.findings), said)
    return pairs


def _pairs_of_findings(findings: Sequence[Finding]) -> dict[tuple[Key, Key], _Joined]:
    """Return the pairs that findings saw together."""
    pairs: dict[tuple[Key, Key], _Joined] = {}
    for finding in findings:
        columns = {_key(entity): _column(entity) for entity in finding.entities[:MOST_OF_FINDING]}
        who, where, what = ([key for key in columns if columns[key] == column] for column in range(3))
        for pair in [*product(who, where), *product(where, what)] if where else list(product(who, what)):
            known = pairs.get(pair, _Joined(0, 0))
            weight = max(known.weight, WEIGHT[finding.confidence])
            pairs[pair] = _Joined(weight, known.findings + 1, "seen together with")
    return pairs


def _left_to_right(a: Node, b: Node) -> tuple[Node, Node, bool]:
    """Return two nodes by column, and whether that turned them round."""
    return (b, a, True) if b.column < a.column else (a, b, False)


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


def _edge(left: Node, right: Node, turned: bool, joined: _Joined) -> Edge:
    y1, y2 = (ROW * node.row + ROW / 2 for node in (left, right))
    x1, x2 = SIDES[left.column][1], SIDES[right.column][0]
    if left.column == right.column:
        x2 = x1 if left.column < len(SIDES) - 1 else SIDES[left.column][0]
        x1 = x2
        bend = BULGE if left.column < len(SIDES) - 1 else -BULGE
        path = f"M{x1} {y1:g}C{x1 + bend} {y1:g} {x2 + bend} {y2:g} {x2} {y2:g}"
    else:
        middle = (x1 + x2) / 2
        path = f"M{x1} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2} {y2:g}"
    surest = next(name for name, each in WEIGHT.items() if each == joined.weight)
    source, target = (right, left) if turned else (left, right)
    seen = f"{joined.findings} finding{'s' if joined.findings != 1 else ''}"
    label = f"{source.shown} {joined.label} {target.shown}: {seen}"
    return Edge(_id(left), _id(right), surest, max(1, min(joined.findings, 4)), path, label)


def _id(node: Node) -> str:
    return f"{node.column}-{node.row}"
