"""Sensitive operations by the dozen, and accounts that live for hours only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .actors import Actors, azure_actors, directory_actors, parts, target
from .frame import Frame, Sighting, widest

__all__ = ["accounts_live_briefly", "devices_are_joined_in_a_row", "operations_burst"]

BURST_SECONDS = 30 * 60
BRIEF_SECONDS = 24 * 60 * 60
JOIN_SECONDS = 60 * 60
DEVICES_TO_REPORT = 5

GUEST = "#ext#"
"""In the name of every account of another organisation; it has no data here."""

CLEANERS = re.compile(
    r"^(microsoft|azure ad) (identity governance|access reviews|groups expiration|lifecycle workflows)"
    r"|^azure ad identity governance|^microsoft azure ad group-based licensing$|^managed service identity$"
)
"""Services of the directory that take away what reviews, terms and leavers no longer need, or renew their own keys."""

BRIEF = Sighting(
    id="stat-brief-account",
    title="Account created and deleted within a day",
    techniques=("T1136.003",),
    tactics=("persistence",),
    false_positives=("Tests of provisioning",),
)

JOINED = Sighting(
    id="stat-devices-joined",
    title="Many devices joined for one user",
    techniques=("T1098.005",),
    tactics=("persistence",),
    false_positives=("Accounts that enrol devices for others",),
)


@dataclass(frozen=True)
class Burst:
    """A kind of operation by the end or a part of its name, and how many within half an hour are too many."""

    sighting: Sighting
    table: str
    pattern: re.Pattern[str]
    at_least: int
    level: Level
    by_people: bool = False
    """Whether it tells nothing where a service does it, as automation stops machines each evening."""
    of_things: bool = False
    """Whether one request may take many things with it, services clear away what passes, and some is made anew."""
    of: str = ""
    """What counts once however often it is done to it: a `resource`, or the `target` of a change; else each row."""
    spares: str = ""
    """Part of the names of targets that do not count."""


def _burst(
    id: str,
    title: str,
    techniques: tuple[str, ...],
    tactic: str,
    table: str,
    pattern: str,
    at_least: int,
    level: Level,
    by_people: bool = False,
    of_things: bool = False,
    of: str = "",
    spares: str = "",
) -> Burst:
    why = ("Planned work of a team or pipeline; compare with change tickets",)
    sighting = Sighting(id, title, techniques, (tactic,), why)
    return Burst(sighting, table, re.compile(pattern), at_least, level, by_people, of_things, of, spares)


BURSTS = (
    _burst("stat-mass-delete-azure", "Many resources deleted by one caller", ("T1485",), "impact",
           "AzureActivity", r"(?<!/deployments)(?<!/roleassignments)/delete(/action)?$", 10, "high",
           of_things=True),
    _burst("stat-roles-taken-away-azure", "Many Azure roles taken away by one person", ("T1531",), "impact",
           "AzureActivity", r"/roleassignments/delete$", 6, "medium", True),
    _burst("stat-stores-emptied-azure", "Many containers, shares or tables deleted by one caller", ("T1485",), "impact",
           "AzureActivity", r"^microsoft\.storage/.*/(containers|shares|tables|queues)/delete$", 4, "medium",
           of_things=True),
    _burst("stat-secrets-read-azure", "Many secrets or keys read by one caller", ("T1555.006",),
           "credential-access", "AzureActivity",
           r"/getsecret/action$|/vaults/(keys|secrets|certificates)/(read|read/action|getsecret/action)$", 5, "high"),
    _burst("stat-keys-listed-azure", "Keys of many services listed by one person", ("T1555.006",),
           "credential-access", "AzureActivity",
           r"/(list\w*(keys?|secrets?|credentials?|connectionstrings?)|sharedkeys|readonlykeys)/action$",
           5, "high", True, of="resource"),
    _burst("stat-roles-assigned-azure", "Many Azure roles assigned by one caller", ("T1098.003",),
           "privilege-escalation", "AzureActivity", r"/roleassignments/write$", 8, "medium"),
    _burst("stat-machines-created-azure", "Many machines created by one caller", ("T1578.002", "T1496"),
           "impact", "AzureActivity",
           r"/(virtualmachines(calesets)?|containergroups|batchaccounts/pools|workspaces/computes)/write$",
           10, "medium"),
    _burst("stat-roles-assigned-directory", "Many directory roles assigned by one initiator", ("T1098.003",),
           "privilege-escalation", "AuditLogs",
           r"^add (eligible |scoped )?member to role(?!.*activation)", 5, "medium"),
    _burst("stat-credentials-added-directory", "Many credentials or consents by one initiator",
           ("T1098",), "persistence", "AuditLogs",
           r"^(add service principal credentials|update application .* certificates|consent to application"
           r"|add app role assignment to service principal|add delegated permission)",
           6, "medium"),
    _burst("stat-mass-delete-directory", "Many directory objects deleted by one initiator", ("T1531",),
           "impact", "AuditLogs", r"^(hard )?delete (?!device)|^remove member from role$|^disable account$", 20,
           "medium", spares=GUEST),
    _burst("stat-mass-delete-devices", "Many devices deleted by one person", ("T1531",), "impact",
           "AuditLogs", r"^delete device$", 40, "medium", True),
    _burst("stat-mass-delete-accounts", "Many accounts deleted by one initiator", ("T1531",), "impact",
           "AuditLogs", r"^(hard )?delete user$|^disable account$", 10, "medium", True,
           spares=GUEST),
    _burst("stat-passwords-reset-directory", "Many passwords reset by one initiator", ("T1531",), "impact",
           "AuditLogs", r"^reset (user )?password", 15, "medium"),
    _burst("stat-recovery-keys-read", "Many recovery keys read by one initiator", ("T1552",),
           "credential-access", "AuditLogs",
           r"^(read bitlocker key|(recover|read|reveal) (device )?local administrator password)",
           5, "high"),
    _burst("stat-machines-stopped-azure", "Many machines stopped by one person", ("T1489",), "impact", "AzureActivity",
           r"/virtualmachine(s|scalesets)(/virtualmachines)?/(deallocate|poweroff|delete)/action$", 8, "medium", True),
    _burst("stat-protections-removed-azure", "Many locks, policies or alarms removed by one caller", ("T1685",),
           "defense-impairment", "AzureActivity",
           r"/(locks|policyassignments|diagnosticsettings|activitylogalerts|metricalerts|scheduledqueryrules|alertrules|"
           r"securityrules|datacollectionrules|datacollectionruleassociations|flowlogs|actiongroups|"
           r"smartdetectoralertrules|immutabilitypolicies)/delete$",
           5, "medium"),
    _burst("stat-factors-changed-by-admin", "Sign-in means of many users changed by one initiator", ("T1556.006",),
           "persistence", "AuditLogs", r"^admin (registered|deleted|updated) security info|^disable strong auth",
           6, "medium"),
    _burst("stat-owners-added-directory", "Many owners added by one initiator", ("T1098",), "persistence",
           "AuditLogs", r"^add owner to (?!group)", 6, "medium"),
    _burst("stat-group-owners-added-directory", "Many owners of groups added by one person", ("T1098",), "persistence",
           "AuditLogs", r"^add owner to group", 6, "medium", True),
    _burst("stat-applications-deleted-directory", "Many applications deleted by one person", ("T1485",), "impact",
           "AuditLogs", r"^(hard )?delete application$|^(remove|hard delete) service principal$", 6, "medium", True,
           of="target"),
    _burst("stat-directory-downloaded", "List after list of the directory downloaded by one person", ("T1087.004",),
           "discovery", "AuditLogs", r"^(download|export) .*finished", 4, "medium", True),
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


def devices_are_joined_in_a_row(evidence: Evidence) -> Iterator[Detection]:
    """Report five devices joined for one user within an hour, unless its past holds the like."""
    actors = directory_actors(evidence)
    if actors is None:
        return
    frame, joins = actors.frame, {"register device", "add registered owner to device", "add device"}
    users = frame.coded("TargetResources").mapped(_owner).texts()
    devices = frame.coded("TargetResources").mapped(_device).texts()

    def owner(row: int) -> str:
        by = actors.who[row] if "@" in actors.who[row] else users[row]
        return by if actors.done[row] and actors.operations[row] in joins and devices[row] else ""

    for who, rows in frame.grouped(owner).items():
        start, end = widest(frame.at(rows), [devices[i] for i in rows], JOIN_SECONDS)
        inside = rows[start:end]
        names = dict.fromkeys(devices[i] for i in inside)
        if len(names) >= DEVICES_TO_REPORT and not actors.usual(rows, start, JOIN_SECONDS, end - start):
            yield _joined(frame, who, inside, list(names))


def _bursts(actors: Actors, burst: Burst) -> Iterator[Detection]:
    for who, rows in actors.doing(burst.pattern).items():
        if (burst.by_people and "@" not in who) or CLEANERS.search(who):
            continue
        rows = [
            row for row in rows if not (burst.of_things and actors.passing(row)) and not _spared(actors, burst, row)
        ]
        acts = actors.acts(rows) if burst.of_things else [_counted(actors, burst, row) for row in rows]
        start, end = widest(actors.frame.at(rows), acts, BURST_SECONDS)
        if len(set(acts[start:end])) < burst.at_least or actors.usual(rows, start, BURST_SECONDS, end - start):
            continue
        if not (burst.of_things and actors.made_anew(who, rows[start:end])):
            yield _burst_seen(actors, burst, who, rows[start:end], len(rows) - (end - start))


def _spared(actors: Actors, burst: Burst, row: int) -> bool:
    return bool(burst.spares) and burst.spares in target(actors.frame.text("TargetResources")[row])


def _counted(actors: Actors, burst: Burst, row: int) -> str:
    """Return what a row counts as."""
    if burst.of == "resource":
        return actors.resource(row) or str(row)
    return (target(actors.frame.text("TargetResources")[row]) if burst.of == "target" else "") or str(row)


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


def _joined(frame: Frame, who: str, rows: list[int], names: list[str]) -> Detection:
    statement = (
        f"{len(names)} devices were joined for {who} between {frame.moment(rows[0])} and {frame.moment(rows[-1])}: "
        f"{', '.join(names[:3])}"
    )
    claims = [frame.ordered("from the first to the last", rows[0], rows[-1])]
    return JOINED.detection(
        frame, "medium", statement, rows, entities=[Entity(kind="account", value=who)], claims=claims
    )


def _device(resources: str) -> str:
    """Return the name of the device among the changed things."""
    return next((str(each.get("displayName") or each.get("id")) for each in parts(resources, "Device")), "")


def _owner(resources: str) -> str:
    """Return the user among the changed things, in lower case."""
    return next((str(each.get("userPrincipalName") or "").lower() for each in parts(resources, "User")), "")


def _brief(frame: Frame, name: str, born: int, gone: int, life: float) -> Detection:
    statement = (
        f"{name} was created at {frame.moment(born)} and deleted at {frame.moment(gone)}, {life / 60:.0f} minutes later"
    )
    claims = [frame.ordered("deleted after its creation", born, gone)]
    return BRIEF.detection(
        frame, "medium", statement, [born, gone], entities=[Entity(kind="account", value=name)], claims=claims
    )
