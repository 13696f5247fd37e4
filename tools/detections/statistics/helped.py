"""Accounts that a help desk set back for somebody else: password and factor in a row, then a sign-in from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import Actors, directory_actors, parts
from .addresses import is_public
from .frame import Frame, Sighting, equals
from .newness import known_device

__all__ = ["reset_accounts_sign_in_from_elsewhere"]

RESET_SECONDS, SIGN_IN_SECONDS = 2 * 60 * 60, 24 * 60 * 60
PASSWORDS = ("reset password (by admin)", "reset user password", "reset password", "change password (by admin)")
FACTORS = ("admin deleted security info", "admin registered security info", "admin updated security info",
           "disable strong authentication", "delete strong authentication method")  # fmt: skip

HELPED = Sighting(
    id="stat-reset-then-sign-in-from-elsewhere",
    title="Password and factor set back by somebody else, then a sign-in from a new address",
    techniques=("T1078.004", "T1556.006"),
    tactics=("initial-access", "persistence"),
    false_positives=("Somebody on a journey who lost telephone and computer",),
)


def reset_accounts_sign_in_from_elsewhere(evidence: Evidence) -> Iterator[Detection]:
    """Report an account whose password and factor another person set back within two hours and that then came in.

    Within a day, from a public address from which it had not signed in before, on a device that the directory does not
    know: so it goes when a caller talks a help desk round. Without an earlier sign-in of the account there is no
    address to be new; an administrator who sets up an account for the first time registers its first factor.
    """
    actors = directory_actors(evidence)
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType", "IPAddress"))
    if actors is None or frame is None:
        return
    users = frame.lower("UserPrincipalName")
    for user, (password, factor) in _set_back(actors).items():
        since = max(actors.frame.times[password] or 0.0, actors.frame.times[factor] or 0.0)
        done = frame.coded("ResultType").rows_where("0".__eq__) & frame.timed
        mine = [i for i in frame.in_order(np.flatnonzero(done)) if users[i] == user]
        known = {frame.text("IPAddress")[i] for i in mine if (frame.times[i] or 0.0) <= since}
        came = [i for i in mine if 0 < (frame.times[i] or 0.0) - since <= SIGN_IN_SECONDS and _strange(frame, i, known)]
        if known and came:
            yield _seen(frame, actors, user, (password, factor), came[0])


def _set_back(actors: Actors) -> dict[str, tuple[int, int]]:
    """Return by account the reset of its password and the change of its factors by another, near each other."""
    frame = actors.frame
    targets = frame.coded("TargetResources").mapped(_user).texts()
    found: dict[str, tuple[int, int]] = {}
    wanted = {*PASSWORDS, *FACTORS}

    def target(row: int) -> str:
        other = targets[row] != actors.who[row] and "@" in actors.who[row]
        return targets[row] if actors.done[row] and actors.operations[row] in wanted and other else ""

    for user, rows in frame.grouped(target).items():
        passwords = [i for i in rows if actors.operations[i] in PASSWORDS]
        factors = [i for i in rows if actors.operations[i] in FACTORS]
        near = [(p, f) for p in passwords for f in factors
                if abs((frame.times[p] or 0.0) - (frame.times[f] or 0.0)) <= RESET_SECONDS]  # fmt: skip
        if near:
            found[user] = near[-1]
    return found


def _user(resources: str) -> str:
    return next((str(each.get("userPrincipalName") or "").lower() for each in parts(resources, "User")), "")


def _strange(frame: Frame, row: int, known: set[str]) -> bool:
    address = frame.text("IPAddress")[row]
    return is_public(address) and address not in known and not known_device(frame.text("DeviceDetail")[row])


def _seen(frame: Frame, actors: Actors, user: str, resets: tuple[int, int], row: int) -> Detection:
    address, audit = frame.text("IPAddress")[row], actors.frame
    statement = (
        f"{actors.who[resets[0]]} reset the password of {user} at {audit.moment(resets[0])} and changed its factors at "
        f"{audit.moment(resets[1])}; at {frame.moment(row)} it signed in from {address}, new to it, on a strange device"
    )
    entities = [Entity(kind="account", value=user), Entity(kind="ip", value=address)]
    claims = [
        frame.shared(f"the sign-in is of {user}", [row], "UserPrincipalName", user),
        frame.counted("its earlier sign-ins from there", equals("UserPrincipalName", user),
                      equals("IPAddress", address), frame.before(row)),
    ]  # fmt: skip
    return HELPED.detection(frame, "medium", statement, [row], entities=entities, claims=claims)
