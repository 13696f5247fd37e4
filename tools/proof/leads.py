"""What the findings point at and nobody has looked into."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Finding
from soc_analyst.state.plans import Lead

from .indicators import is_public

__all__ = ["MAX_DEPTH", "carried_by", "is_anybody", "leads_from", "same_thing"]

MAX_DEPTH = 2
"""Steps away from the question that are followed."""
MOST = 4
MOST_ACCOUNTS = 2
"""A finding that names more accounts names targets: who acted is its address."""
WORTH: dict[EntityKind, int] = {"host": 0, "account": 1, "ip": 2}
"""Kinds followed, the most telling first. A hash is left out: most are of the system's own tools."""
EVERYBODY = re.compile(
    r"^(system|local service|network service|anonymous logon|dwm-\d+|umfd-\d+|-|n/a|root|unknown"
    r"|window manager|font driver host|nt authority|guest|.*\$)$",
    re.IGNORECASE,
)


def leads_from(findings: Iterable[Finding], pursued: Sequence[Entity], *, depth: int) -> tuple[Lead, ...]:
    """Return up to four leads of findings above Low, hosts first; none beyond the depth that is followed.

    Only what a rule found is followed: a model's word, which the text of a row may have put there, asks no query.
    """
    if depth > MAX_DEPTH:
        return ()
    leads: list[Lead] = []
    for finding in findings:
        if finding.confidence == "Low" or not finding.detections:
            continue
        many = sum(entity.kind == "account" for entity in finding.entities) > MOST_ACCOUNTS
        for entity in finding.entities:
            if many and entity.kind == "account":
                continue
            known = (*pursued, *(lead.entity for lead in leads))
            if _worth_it(entity) and not any(same_thing(entity, other) for other in known):
                leads.append(_lead(entity, finding, depth))
    return tuple(sorted(leads, key=lambda lead: (WORTH[lead.entity.kind], lead.time))[:MOST])


def same_thing(left: Entity, right: Entity) -> bool:
    """Return whether two names are of one thing: a short host name and its full one, an account and its UPN."""
    if left.kind != right.kind:
        return False
    if left.kind in ("host", "account"):
        return _short(left.value) == _short(right.value)
    return left.value.casefold() == right.value.casefold()


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


def _short(name: str) -> str:
    return re.split(r"[.@]", name.rsplit("\\", 1)[-1].casefold(), maxsplit=1)[0]


def _lead(entity: Entity, finding: Finding, depth: int) -> Lead:
    reason = f"{entity.kind} {entity.value} stands in “{finding.title}”"
    return Lead(entity=entity, reason=reason, finding_id=finding.id, time=finding.time, depth=depth)


def _worth_it(entity: Entity) -> bool:
    if entity.kind not in WORTH or is_anybody(entity.value):
        return False
    if entity.kind == "account" and " " in entity.value:
        return False  # a display name stands beside the account it belongs to
    return entity.kind != "ip" or is_public(entity.value)
