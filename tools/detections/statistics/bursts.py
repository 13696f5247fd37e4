"""Sensitive operations by the dozen, and accounts that live for hours only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .actors import Actors, azure_actors, directory_actors, target
from .frame import Frame, Sighting, busiest

__all__ = ["accounts_live_briefly", "operations_burst"]

BURST_SECONDS = 30 * 60
BRIEF_SECONDS = 24 * 60 * 60

BRIEF = Sighting(
    id="stat-brief-account",
    title="Account created and deleted within a day",
    techniques=("T1136.003",),
    tactics=("persistence",),
    false_positives=("Tests of provisioning",),
)


@dataclass(frozen=True)
class Burst:
    """A kind of operation by the end or a part of its name, and how many within half an hour are too many."""

    sighting: Sighting
    table: str
    pattern: re.Pattern[str]
    at_least: int
    level: Level


def _burst(
    id: str, title: str, techniques: tuple[str, ...], tactic: str, table: str, pattern: str, at_least: int, level: Level
) -> Burst:
    why = ("Planned work of a team or pipeline; compare with change tickets",)
    return Burst(Sighting(id, title, techniques, (tactic,), why), table, re.compile(pattern), at_least, level)


BURSTS = (
    _burst("stat-mass-delete-azure", "Many resources deleted by one caller", ("T1485",), "impact",
           "AzureActivity", r"/delete(/action)?$", 10, "high"),
    _burst("stat-secrets-read-azure", "Many secrets or keys read by one caller", ("T1555.006",),
           "credential-access", "AzureActivity",
           r"/(list\w*keys?|list\w*secrets?|getsecret|listconnectionstrings)/action$"
           r"|/vaults/(keys|secrets|certificates)/(read|read/action|getsecret/action)$",
           5, "high"),
    _burst("stat-roles-assigned-azure", "Many Azure roles assigned by one caller", ("T1098.003",),
           "privilege-escalation", "AzureActivity", r"/roleassignments/write$", 8, "medium"),
    _burst("stat-machines-created-azure", "Many machines created by one caller", ("T1578.002", "T1496"),
           "impact", "AzureActivity", r"/virtualmachines(calesets)?/write$", 10, "medium"),
    _burst("stat-roles-assigned-directory", "Many directory roles assigned by one initiator", ("T1098.003",),
           "privilege-escalation", "AuditLogs",
           r"^add (eligible |scoped )?member to role(?!.*activation)", 5, "medium"),
    _burst("stat-credentials-added-directory", "Many credentials or consents by one initiator",
           ("T1098",), "persistence", "AuditLogs",
           r"^(add service principal credentials|update application .* certificates|consent to application"
           r"|add app role assignment|add delegated permission)",
           6, "medium"),
    _burst("stat-mass-delete-directory", "Many directory objects deleted by one initiator", ("T1531",),
           "impact", "AuditLogs", r"^(hard )?delete |^remove member from role$|^disable account$", 20, "medium"),
    _burst("stat-mass-delete-accounts", "Many accounts deleted by one initiator", ("T1531",), "impact",
           "AuditLogs", r"^(hard )?delete user$", 12, "medium"),
    _burst("stat-passwords-reset-directory", "Many passwords reset by one initiator", ("T1531",), "impact",
           "AuditLogs", r"^reset (user )?password", 15, "medium"),
    _burst("stat-recovery-keys-read", "Many recovery keys read by one initiator", ("T1552",),
           "credential-access", "AuditLogs",
           r"^(read bitlocker key|recover device local administrator password)",
           5, "high"),
)  # fmt: skip


def operations_burst(evidence: Evidence) -> Iterator[Detection]:
    """Report actors with many sensitive operations of a kind within half an hour, unless their past holds the like."""
    tables = {"AzureActivity": azure_actors(evidence), "AuditLogs": directory_actors(evidence)}
    for burst in BURSTS:
        if actors := tables[burst.table]:
            yield from _bursts(actors, burst)


def accounts_live_briefly(evidence: Evidence) -> Iterator[Detection]:
    """Report accounts that were created and deleted again within a day."""
    actors = directory_actors(evidence)
    if actors is None:
        return
    frame, operations = actors.frame, actors.operations
    targets = frame.coded("TargetResources").mapped(target).texts()
    wanted = {"add user", "delete user", "hard delete user"}
    for name, rows in frame.grouped(lambda i: targets[i] if operations[i] in wanted and actors.done[i] else "").items():
        born = next((i for i in rows if operations[i] == "add user"), None)
        gone = next((i for i in rows if operations[i] != "add user"), None)
        if born is not None and gone is not None:
            life = (frame.times[gone] or 0.0) - (frame.times[born] or 0.0)
            if 0 < life <= BRIEF_SECONDS:
                yield _brief(frame, name, born, gone, life)


def _bursts(actors: Actors, burst: Burst) -> Iterator[Detection]:
    for who, rows in actors.doing(burst.pattern).items():
        start, end = busiest(actors.frame.at(rows), BURST_SECONDS)
        if end - start >= burst.at_least and not actors.usual(rows, start, BURST_SECONDS, end - start):
            yield _burst_seen(actors, burst, who, rows[start:end], len(rows) - (end - start))


def _burst_seen(actors: Actors, burst: Burst, who: str, rows: list[int], others: int) -> Detection:
    frame = actors.frame
    kinds = Counter(actors.operations[i] for i in rows)
    shown = ", ".join(f"{name} {count}" for name, count in kinds.most_common(3))
    statement = (
        f"{len(rows)} operations by {who} between {frame.moment(rows[0])} and {frame.moment(rows[-1])} ({shown}); "
        f"{others} of the kind in the rest of the rows"
    )
    return burst.sighting.detection(
        frame, burst.level, statement, rows, entities=actors.entities(who, rows), claims=actors.proof(who, rows)
    )


def _brief(frame: Frame, name: str, born: int, gone: int, life: float) -> Detection:
    statement = (
        f"{name} was created at {frame.moment(born)} and deleted at {frame.moment(gone)}, {life / 60:.0f} minutes later"
    )
    claims = [frame.ordered("deleted after its creation", born, gone)]
    return BRIEF.detection(
        frame, "medium", statement, [born, gone], entities=[Entity(kind="account", value=name)], claims=claims
    )
