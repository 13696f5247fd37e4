"""One attack told once: findings joined by who and what is in them, and kept apart where nothing joins them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, pairwise

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Finding
from soc_analyst.state.incidents import Edge, Incident
from soc_analyst.state.names import bare_name, short_name
from soc_analyst.tools.attack import KILL_CHAIN, AttackCatalog
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.indicators import is_public
from soc_analyst.tools.proof.leads import MOST_ACCOUNTS, is_anybody, same_thing

from .homes import homes_of

__all__ = ["incidents_of"]

APART = timedelta(days=1)
"""Findings further apart than this do not belong together by one shared thing alone."""
JOINING: tuple[EntityKind, ...] = ("host", "account", "ip", "domain", "url")
"""What two findings must share. Files, processes and hashes are left out: most are of the system's own tools."""
ALERTS = frozenset({"AlertInfo", "AlertEvidence"})
NAMED_BY_ALERTS: dict[str, EntityKind] = {
    "DeviceName": "host",
    "AccountName": "account",
    "AccountUpn": "account",
    "RemoteIP": "ip",
}
SHARED_BY = 3
"""Accounts that sign in from an address of many people, such as an office's; it joins nothing."""
RANK = {"High": 0, "Medium": 1, "Low": 2}
SHOWN: tuple[EntityKind, ...] = ("account", "host", "ip", "domain", "url", "resource", "hash", "file", "process")
MOST_ENTITIES, MOST_EDGES = 40, 60
SIGNED_IN = frozenset({"SigninLogs", "DeviceLogonEvents"})
LABELS: dict[tuple[EntityKind, EntityKind], tuple[str, str]] = {
    ("account", "ip"): ("signed in from", "acted from"),
    ("account", "host"): ("logged on to", "acted on"),
    ("host", "ip"): ("was reached from", "talked to"),
    ("host", "domain"): ("talked to", "talked to"),
    ("host", "url"): ("talked to", "talked to"),
    ("account", "resource"): ("signed in to", "changed"),
}
"""What is said of two kinds of things, in rows of sign-ins and in others."""


def incidents_of(findings: Sequence[Finding], evidence: Evidence) -> tuple[Incident, ...]:
    """Return the incidents that serious findings make, the surest and earliest first. Blocks."""
    serious = [finding for finding in findings if finding.confidence != "Low"]
    groups = _joined(serious, _Shared(_crowded(evidence), _alerted(evidence), homes_of(evidence)), evidence)
    made = [_incident(sorted(group, key=lambda one: (one.time, one.id))) for group in groups]
    return tuple(sorted(made, key=lambda one: (RANK[one.confidence], one.start, one.id)))


@dataclass(frozen=True)
class _Shared:
    """What the rows say of names: addresses of many people, whom each alert is about, and whose an address is."""

    crowded: frozenset[str]
    alerted: Mapping[str, tuple[Entity, ...]]
    homes: Mapping[str, str]


def _joined(findings: Sequence[Finding], shared: _Shared, evidence: Evidence) -> list[list[Finding]]:
    """Return the findings in groups: each shares a thing with another of its group within a day."""
    parent = list(range(len(findings)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, finding in enumerate(findings):
        for name in {*_names(finding.entities, shared), *_names_of_alerts(finding, shared, evidence)}:
            holders[name].append(at)
    for own in holders.values():
        in_time = sorted(own, key=lambda at: _span(findings[at]))
        reach = datetime.min.replace(tzinfo=findings[own[0]].time.tzinfo)
        for left, right in pairwise(in_time):
            reach = max(reach, _span(findings[left])[1])
            if _span(findings[right])[0] - reach <= APART:
                parent[root(right)] = root(left)
    groups: dict[int, list[Finding]] = defaultdict(list)
    for at, finding in enumerate(findings):
        groups[root(at)].append(finding)
    return list(groups.values())


def _names(entities: Sequence[Entity], shared: _Shared) -> Iterator[tuple[str, str]]:
    """Yield what joins a finding to others; one that names many accounts names targets, which join nothing."""
    many = sum(entity.kind == "account" for entity in entities) > MOST_ACCOUNTS
    for entity in entities:
        if entity.kind not in JOINING or is_anybody(entity.value) or (many and entity.kind == "account"):
            continue
        if entity.kind == "ip" and entity.value in shared.homes:
            yield "host", bare_name(shared.homes[entity.value], "host")
        if entity.kind == "ip" and (not is_public(entity.value) or entity.value in shared.crowded):
            continue
        yield entity.kind, short_name(entity)


def _names_of_alerts(finding: Finding, shared: _Shared, evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the alerts that a finding cites, and whom they are about: the row of an alert names nobody itself."""
    rows = (evidence.row(ref) for ref in finding.evidence if ref.table in ALERTS)
    for alert in dict.fromkeys(str(row.get("AlertId") or "") for row in rows if row is not None):
        if alert:
            yield "alert", alert
            yield from _names(shared.alerted.get(alert, ()), shared)


def _alerted(evidence: Evidence) -> Mapping[str, tuple[Entity, ...]]:
    """Return whom each alert is about, by its evidence."""
    rows = evidence.get("AlertEvidence")
    if rows is None:
        return {}
    told: dict[str, dict[Entity, None]] = defaultdict(dict)
    for column, kind in NAMED_BY_ALERTS.items():
        for alert, value in zip(rows.strings("AlertId"), rows.strings(column), strict=True):
            if alert and value:
                told[alert][Entity(kind=kind, value=value)] = None
    return {alert: tuple(entities) for alert, entities in told.items()}


def _crowded(evidence: Evidence) -> frozenset[str]:
    """Return the addresses from which many people sign in."""
    rows = evidence.get("SigninLogs")
    if rows is None:
        return frozenset()
    who: dict[str, set[str]] = defaultdict(set)
    columns = (rows.strings("IPAddress"), rows.strings("UserPrincipalName"), rows.strings("ResultType"))
    for address, account, result in zip(*columns, strict=True):
        if result == "0" and account:
            who[address].add(account.casefold())
    return frozenset(address for address, accounts in who.items() if len(accounts) >= SHARED_BY)


def _span(finding: Finding) -> tuple[datetime, datetime]:
    """Return when it began, which weak signals beside it do not change, and the last that it cites."""
    return finding.time, max([finding.time, *(ref.time for ref in finding.evidence if ref.time is not None)])


def _incident(findings: Sequence[Finding]) -> Incident:
    told = "\n".join(sorted(finding.id for finding in findings))
    surest = min(findings, key=lambda one: (RANK[one.confidence], one.time, one.id))
    more = len(findings) - 1
    spans = [_span(finding) for finding in findings]
    return Incident(
        id=f"i-{hashlib.sha256(told.encode()).hexdigest()[:16]}",
        title=f"{surest.title}{f', and {more} more findings' if more > 1 else ', and 1 more finding' if more else ''}",
        confidence=surest.confidence,
        start=min(start for start, _ in spans),
        end=max(end for _, end in spans),
        tactics=_tactics(findings),
        findings=tuple(finding.id for finding in findings),
        entities=_entities(findings),
        edges=_edges(findings),
    )


def _tactics(findings: Sequence[Finding]) -> tuple[str, ...]:
    catalog = AttackCatalog.bundled()
    names = {catalog.tactic_name(short): place for place, short in enumerate(KILL_CHAIN)}
    held = dict.fromkeys(finding.mitre.tactic for finding in findings if finding.mitre.tactic)
    return tuple(sorted(held, key=lambda name: names.get(name, len(names))))


def _entities(findings: Iterable[Finding]) -> tuple[Entity, ...]:
    kept: list[Entity] = []
    for entity in (entity for finding in findings for entity in finding.entities):
        if not any(same_thing(entity, other) for other in kept):
            kept.append(entity)
    order = {kind: place for place, kind in enumerate(SHOWN)}
    return tuple(sorted(kept, key=lambda one: order.get(one.kind, len(order)))[:MOST_ENTITIES])


def _edges(findings: Iterable[Finding]) -> tuple[Edge, ...]:
    """Return what was seen together, each pair once, with the findings that saw it."""
    seen: dict[tuple[str, ...], tuple[Entity, Entity, str, list[str]]] = {}
    for finding in findings:
        signed_in = bool(finding.evidence) and finding.evidence[0].table in SIGNED_IN
        for left, right in combinations(finding.entities, 2):
            for source, target in ((left, right), (right, left)):
                labels = LABELS.get((source.kind, target.kind))
                if labels is None:
                    continue
                label = labels[0 if signed_in else 1]
                key = (source.kind, short_name(source), target.kind, short_name(target), label)
                seen.setdefault(key, (source, target, label, []))[3].append(finding.id)
    told = list(seen.values())[:MOST_EDGES]
    return tuple(
        Edge(source=source, target=target, label=label, findings=tuple(dict.fromkeys(ids)))
        for source, target, label, ids in told
    )
