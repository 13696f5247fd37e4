"""What an account changes in the directory or the cloud soon after a sign-in that was not like it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import Actors, azure_actors, directory_actors
from .addresses import is_public
from .coded import Mask
from .frame import Frame, Sighting, equals
from .networks import new_networks
from .newness import known_device

__all__ = ["changes_follow_odd_sign_ins"]

WITHIN_SECONDS, SOON_SECONDS = 12 * 3600, 3600
SIGN_INS_OF_COUNTRY = 5
"""As many others an account, or the tenant, must have elsewhere for a country to be odd."""
RISKY = frozenset({"medium", "high"})
FOREIGN_PROTOCOLS = frozenset({"devicecode", "ropc"})
SCRIPTS = re.compile(
    r"python|axios|go-http|curl/|okhttp|node-fetch|undici|aiohttp|aadinternals|roadtools|powershell/[1-5]"
)
QUIET = re.compile(
    r"^(update stsrefreshtoken|features_|groupsodatav4_|settings_|group_get|user_get|approval|user started|"
    r"self-service password reset flow|validate|accept terms|change user license|get )"
)
AT_MOST = 5

FOLLOWED = Sighting(
    id="stat-change-after-odd-sign-in",
    title="Change soon after a sign-in that is not like the account",
    techniques=("T1078.004",),
    tactics=("initial-access", "persistence"),
    false_positives=("Work from a journey or a new device; ask the person",),
)
FITTING: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (table, re.compile(pattern), technique)
    for table, pattern, technique in (
        ("AuditLogs", r"security info|strong auth|passkey|fido2|windows hello|passwordless|platform cred", "T1556.006"),
        ("AuditLogs", r"register device|to device$|^add device", "T1098.005"),
        ("AuditLogs", r"^consent|permission grant", "T1528"),
        ("AuditLogs", r"application|service principal|app role", "T1098.001"),
        ("AuditLogs", r"^invite|^add user|^bulk (create|invite)", "T1136.003"),
        ("AuditLogs", r"member to role|role (definition|assignment)", "T1098.003"),
        ("AuditLogs", r"conditional access|named location", "T1556.009"),
        ("AuditLogs", r"^download|^export", "T1087.004"),
        ("AuditLogs", r"password|group|owner|update user", "T1098"),
        ("AzureActivity", r"/runcommands?/|/extensions/write$", "T1651"),
        ("AzureActivity", r"/list\w*(keys|secrets|credentials?|strings)/action$|/publishxml/action$", "T1552"),
        ("AzureActivity", r"/roleassignments/write$|/elevateaccess/", "T1098.003"),
        ("AzureActivity", r"/delete$", "T1485"),
    )
)  # fmt: skip

ROOTS = frozenset({"T1556.006", "T1098.005", "T1528", "T1098.001", "T1136.003", "T1098.003", "T1556.009", "T1651"})
"""Ways to keep what was reached: factors, devices, consent, secrets, accounts, roles, policies."""


@dataclass(frozen=True)
class Odd:
    """A sign-in out of the ordinary, and why it is."""

    row: int
    time: float
    address: str
    why: str
    soon: bool = False
    """Whether only what takes root within the hour counts: a network that is new to the account says little alone."""


def changes_follow_odd_sign_ins(evidence: Evidence) -> Iterator[Detection]:
    """Report what an account changed within twelve hours of a success that is risky, scripted or from an odd country.

    Odd is a risk of medium or more, a sign-in by code, by password alone or by a script from a public address, or a
    country in which neither the account nor, where it has no past, the tenant is else at home. A device that the
    directory knows clears all but a high risk. The change must come from the same address where it names one. A network
    new to an account that knew three at most, on a device nobody knows, counts for what takes root within the hour.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType"))
    odd = _odd_sign_ins(frame) if frame else {}
    if frame is None or not odd:
        return
    for actors in (directory_actors(evidence), azure_actors(evidence)):
        if actors is not None:
            yield from _following(frame, odd, actors)


def _following(frame: Frame, odd: dict[str, list[Odd]], actors: Actors) -> Iterator[Detection]:
    told = 0
    for who, rows in actors.frame.grouped(lambda i: actors.who[i] if actors.who[i] in odd else "").items():
        for sign_in in odd[who]:
            after = [row for row in rows if actors.done[row] and _follows(actors, row, sign_in)]
            if after and told < AT_MOST:
                told += 1
                yield _seen(frame, sign_in, actors, who, after)
                break


def _follows(actors: Actors, row: int, sign_in: Odd) -> bool:
    operation = actors.operations[row]
    if sign_in.soon and not _takes_root(actors, row, sign_in):
        return False
    if not 0 <= actors.frame.seconds[row] - sign_in.time <= WITHIN_SECONDS:
        return False
    if actors.frame.rows.table == "AzureActivity":
        return not operation.endswith("/read") and actors.frame.lower("CallerIpAddress")[row] in ("", sign_in.address)
    named = re.search(r'"ipAddress"\s*:\s*"([^"]+)"', actors.frame.text("InitiatedBy")[row])
    return not QUIET.match(operation) and (named is None or named.group(1).lower() == sign_in.address)


def _takes_root(actors: Actors, row: int, sign_in: Odd) -> bool:
    """Tell whether a change within the hour gives its maker a way back."""
    return bool(
        actors.frame.seconds[row] - sign_in.time <= SOON_SECONDS
        and any(
            table == actors.frame.rows.table and pattern.search(actors.operations[row])
            for table, pattern, technique in FITTING
            if technique in ROOTS
        )
    )


def _odd_sign_ins(frame: Frame) -> dict[str, list[Odd]]:
    """Return the odd successes of each account, the first of them first."""
    users = frame.coded("UserPrincipalName").lowered
    among = frame.coded("ResultType").rows_where("0".__eq__) & users.rows_where(bool) & frame.timed
    places, networks = _places(frame, among), new_networks(frame, among)
    found = defaultdict[str, list[Odd]](list)
    for row in frame.in_order(np.flatnonzero(among & (_suspect(frame, among) | networks)).tolist()):
        why = _why(frame, row, places)
        soon = not why and bool(networks[row]) and is_public(frame.text("IPAddress")[row])
        if soon:
            number = frame.text("AutonomousSystemNumber")[row]
            why = f"from the network {number}, new to the account, on a device nobody knows"
        if why:
            time, address = float(frame.seconds[row]), frame.lower("IPAddress")[row]
            found[users.by_row[row]].append(Odd(row, time, address, why, soon))
    return found


def _suspect(frame: Frame, among: Mask) -> Mask:
    """Leave out the rows that cannot be odd: most of a tenant's sign-ins are of its usual country and without risk."""
    countries = frame.coded("Location").lowered
    counts = np.bincount(countries.codes[among], minlength=len(countries.values))
    usual = countries.codes == int(counts.argmax())
    risk = frame.coded("RiskLevelDuringSignIn").lowered.rows_where(RISKY.__contains__)
    protocol = frame.coded("AuthenticationProtocol").lowered.rows_where(FOREIGN_PROTOCOLS.__contains__)
    script = frame.coded("UserAgent").lowered.rows_where(SCRIPTS.search)
    odd: Mask = ~usual | risk | protocol | script
    return odd


@dataclass(frozen=True)
class Places:
    """How often each account, and the tenant, signed in from each country."""

    of_account: dict[str, Counter[str]]
    of_tenant: Counter[str]


def _places(frame: Frame, among: Mask) -> Places:
    users, countries = frame.coded("UserPrincipalName").lowered, frame.coded("Location").lowered
    rows = np.flatnonzero(among)
    pairs, counts = np.unique(users.codes[rows] * len(countries.values) + countries.codes[rows], return_counts=True)
    by_user, tenant = defaultdict[str, Counter[str]](Counter), Counter[str]()
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        user, country = divmod(pair, len(countries.values))
        by_user[users.values[user]][countries.values[country]] += count
        tenant[countries.values[country]] += count
    return Places(by_user, tenant)


def _why(frame: Frame, row: int, places: Places) -> str:
    risk = frame.lower("RiskLevelDuringSignIn")[row]
    if not is_public(frame.text("IPAddress")[row]):
        return ""
    if known_device(frame.text("DeviceDetail")[row]):
        return "rated a high risk" if risk == "high" else ""
    if risk in RISKY:
        return f"rated a {risk} risk"
    protocol, agent = frame.text("AuthenticationProtocol")[row], frame.text("UserAgent")[row]
    if protocol.lower() in FOREIGN_PROTOCOLS:
        return f"by the protocol {protocol}"
    if SCRIPTS.search(agent.lower()):
        return f"by the program {agent[:60]}"
    user, country = frame.lower("UserPrincipalName")[row], frame.lower("Location")[row]
    own = places.of_account[user]
    elsewhere = own if own.total() > SIGN_INS_OF_COUNTRY else places.of_tenant
    odd = country and elsewhere.total() - elsewhere[country] >= SIGN_INS_OF_COUNTRY * max(1, elsewhere[country] - 1)
    return f"from {country.upper()}, where nearly nobody else is" if odd else ""


def _seen(frame: Frame, sign_in: Odd, actors: Actors, who: str, rows: Sequence[int]) -> Detection:
    kinds = list(dict.fromkeys(actors.operations[row] for row in rows))
    statement = (
        f"{who} signed in at {frame.moment(sign_in.row)} from {sign_in.address}, {sign_in.why}, "
        f"and then did {len(rows)} operation(s) until {actors.frame.moment(rows[-1])}: {', '.join(kinds[:3])}"
    )
    entities = [Entity(kind="account", value=who)]
    entities += [Entity(kind="ip", value=sign_in.address)] if sign_in.address else []
    claims = [
        *actors.proof(who, rows),
        frame.counted(
            f"sign-ins of {who} from there",
            equals("UserPrincipalName", who),
            equals("IPAddress", sign_in.address),
        ),
    ]
    made = FOLLOWED.detection(
        actors.frame, "medium", statement, list(rows[:10]), entities=entities, claims=claims,
        techniques=(*_techniques(actors, kinds), *FOLLOWED.techniques),
    )  # fmt: skip
    return made.model_copy(update={"rows": (*frame.rows.refs([sign_in.row]), *made.rows)})


def _techniques(actors: Actors, operations: Sequence[str]) -> tuple[str, ...]:
    """Return the technique of the first operation that has one of its own."""
    table = actors.frame.rows.table
    fitting = (
        technique
        for operation in operations
        for own, pattern, technique in FITTING
        if own == table and pattern.search(operation)
    )
    return tuple(dict.fromkeys(fitting))[:1]
