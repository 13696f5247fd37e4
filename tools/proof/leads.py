"""What the findings point at and nobody has looked into."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Finding
from soc_analyst.state.names import bare_name, short_name
from soc_analyst.tools.evidence import Evidence

from .indicators import is_public

__all__ = ["carried_by", "is_anybody", "named_once", "pointed_at", "same_thing"]

MOST_ACCOUNTS = 2
"""A finding that names more accounts names targets: who acted is its address, and who was let in."""
FOLLOWED: frozenset[EntityKind] = frozenset({"host", "account", "ip"})
"""Kinds that are followed. A hash is left out: most are of the system's own tools."""
CALLER = re.compile(r'"ipAddress"\s*:\s*"([0-9A-Fa-f.:]{3,45})"')
"""Where AuditLogs says from which address a change was made."""
EVERYBODY = re.compile(
    r"^(system|local service|network service|anonymous logon|dwm-\d+|umfd-\d+|-|n/a|root|unknown"
    r"|window manager|font driver host|nt authority|guest|.*\$)$",
    re.IGNORECASE,
)


def pointed_at(finding: Finding, evidence: Evidence) -> tuple[Entity, ...]:
    """Return what a finding above Low points at: hosts, accounts and public addresses that are no one's in particular.

    Only what a rule found is followed: a model's word, which the text of a row may have put there, asks no query.
    """
    if finding.confidence == "Low" or not finding.detections:
        return ()
    named = dict.fromkeys((*finding.entities, *_addresses(finding, evidence)))
    worth = [entity for entity in named if _worth_it(entity)]
    if sum(entity.kind == "account" for entity in finding.entities) <= MOST_ACCOUNTS:
        return tuple(worth)
    inside = {bare_name(name, "account") for name in _let_in(finding, evidence)}
    return tuple(one for one in worth if one.kind != "account" or short_name(one) in inside)


def _addresses(finding: Finding, evidence: Evidence) -> Iterator[Entity]:
    """Return the addresses among its indicators, and those from which the directory was changed."""
    rows = (evidence.row(ref) or {} for ref in finding.evidence)
    callers = (found[1] for row in rows if (found := CALLER.search(str(row.get("InitiatedBy") or ""))))
    for text in (*finding.indicators_of_compromise, *callers):
        if is_public(text):
            yield Entity(kind="ip", value=text)


def _let_in(finding: Finding, evidence: Evidence) -> Iterator[str]:
    """Return the accounts that were let in among those that were tried."""
    for ref in finding.evidence:
        row = evidence.row(ref) or {}
        if row.get("ResultType") == "0" or row.get("ActionType") == "LogonSuccess":
            yield str(row.get("UserPrincipalName") or row.get("AccountName") or "")


def same_thing(left: Entity, right: Entity) -> bool:
    """Return whether two names are of one thing: a host's with domain or group and bare, an account and its UPN."""
    if left.kind != right.kind:
        return False
    if left.kind in ("host", "account"):
        groups = {name.rpartition("/")[0].casefold() for name in (left.value, right.value)} - {""}
        return len(groups) < 2 and short_name(left) == short_name(right)
    return short_name(left) == short_name(right)


def named_once(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Return each thing once, by the first of its names."""
    kept: list[Entity] = []
    for entity in entities:
        if not any(same_thing(entity, other) for other in kept):
            kept.append(entity)
    return tuple(kept)


def carried_by(findings: Iterable[Finding]) -> tuple[Entity, ...]:
    """Return what an intrusion carries from host to host: accounts, addresses outside, domains and URLs it names.

    A hash is left out, as among leads: most are of the system's own tools.
    """
    named = (entity for finding in findings if finding.confidence != "Low" for entity in finding.entities)
    return tuple(dict.fromkeys(one for one in named if _is_carried(one)))


def _is_carried(entity: Entity) -> bool:
    if entity.kind == "ip":
        return is_public(entity.value)
    return entity.kind in ("account", "domain", "url") and not is_anybody(entity.value)


def is_anybody(name: str) -> bool:
    """Return whether a name is one that every machine knows: no one in particular."""
    return EVERYBODY.match(name) is not None


def _worth_it(entity: Entity) -> bool:
    if entity.kind not in FOLLOWED or is_anybody(entity.value):
        return False
    if entity.kind == "account" and " " in entity.value:
        return False  # a display name stands beside the account it belongs to
    return entity.kind != "ip" or is_public(entity.value)
