"""Somebody who does not take no for an answer: a closed account or a held password at application after application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import parts
from .coded import Indexes, Mask, runs, together
from .detours import OLD_CLIENTS
from .frame import Frame, Sighting, busiest, equals, widest
from .newness import known_device
from .results import FACTOR_ASKED, HELD_BY_POLICY, SHUT

__all__ = ["refused_roles_are_asked_again", "refused_sign_ins_go_from_application_to_application"]

APPLICATIONS, WINDOW_SECONDS, DENIALS = 4, 60 * 60, 2

SHUT_ACCOUNT = Sighting(
    id="stat-disabled-account-at-many-applications",
    title="Disabled account tried at application after application",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("Somebody whose account was closed by mistake",),
)
HELD_PASSWORD = Sighting(
    id="stat-right-password-held-at-many-applications",
    title="Right password held back by policy at application after application",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("Somebody on a journey with a device of their own",),
)
FACTOR_MISSING = Sighting(
    id="stat-password-without-factor-at-many-applications",
    title="Right password without its second factor at application after application",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("Somebody who has lost the telephone and tries everything",),
)
ASKED_AGAIN = Sighting(
    id="stat-denied-role-asked-again",
    title="Role asked for again and again although it was denied",
    techniques=("T1078.004",),
    tactics=("privilege-escalation",),
    false_positives=("A request that lacked its ticket",),
)


def refused_sign_ins_go_from_application_to_application(evidence: Evidence) -> Iterator[Detection]:
    """Report one account from one address refused at four applications within an hour, each of them medium.

    Either the account is disabled, or the password was right and a policy of access held it back, or the second factor
    was asked for each time and never given from there. Somebody at a screen alone, on a device that the directory does
    not know: what programs try by themselves is left out.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType", "AppDisplayName"))
    if frame is None:
        return
    by_hand = frame.coded("IsInteractive").lowered.rows_where(lambda value: value not in ("false", "0"))
    strange = frame.coded("DeviceDetail").rows_where(lambda text: not (known_device(text) or _has_id(text)))
    key = together([frame.coded(name).lowered for name in ("UserPrincipalName", "IPAddress")])
    for what, codes in REFUSALS:
        refused = frame.coded("ResultType").rows_where(codes.__contains__) & frame.timed & by_hand & strange
        if what is FACTOR_MISSING:
            refused &= ~_let_in(frame, key)
        for rows in runs(key, np.flatnonzero(refused), frame.seconds, APPLICATIONS):
            own = rows.tolist()
            applications = frame.lower("AppDisplayName")
            start, end = widest(frame.at(own), [applications[i] for i in own], WINDOW_SECONDS)
            names = {applications[i] for i in own[start:end]} - {""}
            if len(names) >= APPLICATIONS:
                yield _refused(frame, what, own[start:end], len(names))


REFUSALS = (
    (SHUT_ACCOUNT, frozenset({SHUT})),
    (HELD_PASSWORD, frozenset(HELD_BY_POLICY)),
    (FACTOR_MISSING, frozenset(FACTOR_ASKED)),
)


def _let_in(frame: Frame, key: Indexes) -> Mask:
    """Return the rows of accounts and addresses that got in somewhere, by other than an old client."""
    done = frame.coded("ResultType").rows_where("0".__eq__)
    done &= ~frame.coded("ClientAppUsed").lowered.rows_where(lambda client: client.startswith(OLD_CLIENTS))
    return np.isin(key, np.unique(key[done]))


def _refused(frame: Frame, what: Sighting, rows: list[int], applications: int) -> Detection:
    user, address, result = (frame.text(name)[rows[0]] for name in ("UserPrincipalName", "IPAddress", "ResultType"))
    statement = (
        f"{user} was refused {len(rows)} times at {applications} applications between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])} from {address}"
    )
    entities = [Entity(kind="account", value=user), *([Entity(kind="ip", value=address)] if address else [])]
    claims = [
        frame.shared(f"all are of {user}", rows, "UserPrincipalName", user),
        frame.counted(f"such refusals of {user}", equals("UserPrincipalName", user), equals("ResultType", result)),
    ]
    return what.detection(frame, "medium", statement, rows, entities=entities, claims=claims)


@lru_cache(maxsize=65536)
def _has_id(details: str) -> bool:
    """Tell whether the device is registered, whatever its state."""
    try:
        device = json.loads(details)
    except (ValueError, RecursionError):
        return False
    return isinstance(device, dict) and bool(device.get("deviceId"))


def refused_roles_are_asked_again(evidence: Evidence) -> Iterator[Detection]:
    """Report an account whose request for a role was denied twice within an hour."""
    frame = Frame.of(evidence, "AuditLogs", ("OperationName", "TargetResources"))
    if frame is None:
        return
    operations = frame.lower("OperationName")
    denied = frame.coded("OperationName").lowered.rows_where(lambda name: "request denied" in name)
    askers = frame.coded("TargetResources").mapped(_asker)
    asked = frame.coded("OperationName").lowered.rows_where(
        lambda name: "request denied" in name or name.startswith("add member to role completed (pim")
    )
    known = askers.rows_where(bool) & frame.timed
    for rows in runs(askers.codes, np.flatnonzero(denied & known), frame.seconds, DENIALS):
        start, end = busiest(frame.at(rows.tolist()), WINDOW_SECONDS)
        if end - start >= DENIALS:
            last = int(rows[end - 1])
            later = frame.seconds - frame.seconds[last]
            code = askers.codes[last]
            after = asked & known & (askers.codes == code) & (later > 0) & (later <= WINDOW_SECONDS)
            given = [i for i in frame.in_order(np.flatnonzero(after)) if "denied" not in operations[i]]
            yield _asked(frame, [*rows[start:end].tolist(), *given], askers.values[code], bool(given))


def _asker(text: str) -> str:
    """Return the person that is to get a role."""
    users = parts(text, "User")
    return str(users[0].get("userPrincipalName") or users[0].get("id") or "").lower() if users else ""


def _asked(frame: Frame, rows: list[int], asker: str, given: bool) -> Detection:
    statement = (
        f"requests of {asker} for a role were denied between {frame.moment(rows[0])} and {frame.moment(rows[-1])}"
    )
    statement += ", then it was given" if given else ""
    claims = [frame.ordered("from the first to the last", rows[0], rows[-1])]
    entities = [Entity(kind="account", value=asker)]
    return ASKED_AGAIN.detection(frame, "medium", statement, rows, entities=entities, claims=claims)
