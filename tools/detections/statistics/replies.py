"""Addresses to which an application sends its tokens, of a company that has had nothing to do with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import DONE_IN_DIRECTORY, initiator, target
from .addresses import is_address, is_private
from .frame import Frame, Sighting, equals

__all__ = ["replies_go_elsewhere"]

OPERATIONS = frozenset({"update application", "update service principal"})
PROPERTIES = frozenset({"appaddress", "replyurls", "redirecturis", "logouturl"})
URL = re.compile(r"\b(https?://[^\s\"'\\,\]}<>]+)", re.IGNORECASE)
OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
HOSTS_OF_DEVELOPERS = re.compile(
    r"(^|\.)(azurewebsites\.(net|us)|azurestaticapps\.net|azurecontainerapps\.io|azure-api\.net|azure\.com|windows\.net"
    r"|microsoft(online)?\.com|office\.com|sharepoint\.com|powerapps\.com|logic-apis-[a-z0-9]+\.azure-apim\.net|"
    r"visualstudio\.com|powerbi\.com|dynamics\.com|jwt\.ms|oauth\.pstmn\.io|force\.com|salesforce\.com)$"
)
"""Where applications of tenants of the platform are hosted or tried out on any working day."""
SECOND_LEVEL = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "gob", "or", "ne", "go"})

ELSEWHERE = Sighting(
    id="stat-reply-address-elsewhere",
    title="Tokens of an application sent to an address of another company",
    techniques=("T1528",),
    tactics=("credential-access", "persistence"),
    false_positives=("The first set-up of an application that a vendor hosts",),
)


def replies_go_elsewhere(evidence: Evidence) -> Iterator[Detection]:
    """Report updates by which an application gets a reply address in a domain that neither it nor the actor had.

    A domain is known where the old addresses, the identifiers of the application or the name of the actor hold it; the
    developer's own machine and the platform's hosting are left alone. Numbers for names of hosts are always told.
    """
    frame = Frame.of(evidence, "AuditLogs", ("OperationName", "TargetResources", "Result"))
    if frame is None:
        return
    done = frame.coded("Result").lowered.rows_where(DONE_IN_DIRECTORY.__contains__)
    changed = frame.coded("OperationName").lowered.rows_where(OPERATIONS.__contains__) & done & frame.timed
    for row in np.flatnonzero(changed).tolist():
        who = initiator(frame.text("InitiatedBy")[row])
        if strange := _strange(frame.text("TargetResources")[row], who.rpartition("@")[2]):
            yield _seen(frame, row, who, strange)


@lru_cache(maxsize=4096)
def _strange(resources: str, home: str) -> tuple[str, ...]:
    """Return the new hosts of reply addresses whose domain is not known."""
    new, known = set[str](), {_domain(home)}
    for name, old_value, new_value in _changes(resources):
        known.update(map(_domain, _hosts(old_value)))
        if name in PROPERTIES:
            new |= _hosts(new_value)
        else:
            known.update(map(_domain, _hosts(new_value)))
    return tuple(sorted(host for host in new if _domain(host) not in known and not _harmless(host)))


def _changes(resources: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, old and new text of each changed property."""
    try:
        every = json.loads(resources)
    except (ValueError, RecursionError):
        return
    for each in every if isinstance(every, list) else [every]:
        changed = each.get("modifiedProperties") if isinstance(each, dict) else None
        for part in changed if isinstance(changed, list) else []:
            if isinstance(part, dict):
                old, new = _text(part.get("oldValue")), _text(part.get("newValue"))
                yield str(part.get("displayName", "")).lower(), old, new


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value or "")


def _hosts(text: str) -> set[str]:
    found = set[str]()
    for url in URL.findall(text):
        try:
            host = urlsplit(url).hostname
        except ValueError:
            continue
        if host:
            found.add(host.lower())
    return found


def _harmless(host: str) -> bool:
    return host in OWN_MACHINE or is_private(host) or bool(HOSTS_OF_DEVELOPERS.search(host))


def _domain(host: str) -> str:
    """Return the part of a name that somebody registers, without a list of all registries."""
    if is_address(host):
        return host
    labels = host.lower().rsplit(".", 3)
    size = 3 if len(labels) > 2 and labels[-2] in SECOND_LEVEL else 2
    return ".".join(labels[-size:])


def _seen(frame: Frame, row: int, who: str, hosts: tuple[str, ...]) -> Detection:
    what, operation = target(frame.text("TargetResources")[row]), frame.text("OperationName")[row]
    statement = (
        f"{who or 'somebody'} let tokens of {what or 'an application'} be sent to {', '.join(hosts[:3])} at "
        f"{frame.moment(row)}, which neither its other addresses nor the name of the actor hold"
    )
    entities = [Entity(kind="account", value=who)] if who else []
    entities += [Entity(kind="domain", value=host) for host in hosts[:3] if not is_address(host)]
    claims = [frame.counted(f"changes named “{operation}”", equals("OperationName", operation))]
    return ELSEWHERE.detection(frame, "medium", statement, [row], entities=entities, claims=claims)
