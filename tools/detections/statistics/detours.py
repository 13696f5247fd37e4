"""Policies and passwords gone around: another kind of client after refusals, a reset by a factor just changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import directory_actors
from .addresses import is_public
from .frame import Frame, Sighting, equals, one_of
from .newness import known_device
from .results import HELD_BY_POLICY

__all__ = ["passwords_are_reset_by_new_factors", "policies_are_gone_around"]

REFUSALS_TO_REPORT = 3
WINDOW_SECONDS = 60 * 60
OLD_CLIENTS = ("imap", "pop", "smtp", "authenticated smtp", "other clients", "mapi", "exchange activesync",
               "exchange web services", "exchange online powershell", "autodiscover")  # fmt: skip
CHANGED = frozenset({"user updated security info", "user changed default security info", "user deleted security info"})
RESET = frozenset({"reset password (self-service)"})

AROUND = Sighting(
    id="stat-policy-gone-around",
    title="Old client let in after access policies refused another",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("A telephone set up by somebody whose computer was refused",),
)
RECOVERED = Sighting(
    id="stat-reset-by-new-factor",
    title="Password reset soon after the factor that proves it was changed",
    techniques=("T1098", "T1556.006"),
    tactics=("persistence", "credential-access"),
    false_positives=("Somebody with a new telephone who forgot the password too",),
)


def policies_are_gone_around(evidence: Evidence) -> Iterator[Detection]:
    """Report an account that policy refused thrice and that an old client from the same address then got into.

    Both within an hour. Old clients know no device and no second factor. One that the account used before is its
    telephone, and a device that the directory knows is no stranger's.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType", "ClientAppUsed"))
    if frame is None:
        return
    refused = frame.coded("ResultType").rows_where(HELD_BY_POLICY.__contains__) & frame.timed
    if refused.sum() < REFUSALS_TO_REPORT:
        return
    users, results = frame.lower("UserPrincipalName"), frame.text("ResultType")
    names = {users[i] for i in np.flatnonzero(refused).tolist()}
    for user, rows in frame.grouped(lambda i: users[i] if users[i] in names else "").items():
        old = [i for i in rows if results[i] == "0" and _is_old(frame, i)]
        tried = [i for i in rows if results[i] in HELD_BY_POLICY and not _is_old(frame, i)]
        if old and (before := _refusals_before(frame, tried, old[0])):
            yield _around(frame, user, before, old[0])


def _is_old(frame: Frame, row: int) -> bool:
    return frame.lower("ClientAppUsed")[row].startswith(OLD_CLIENTS)


def _refusals_before(frame: Frame, refusals: Sequence[int], row: int) -> list[int]:
    """Return the refusals in the hour before, from the same public address, where they are enough."""
    address, time = frame.text("IPAddress")[row], frame.times[row] or 0.0
    if not is_public(address) or known_device(frame.text("DeviceDetail")[row]):
        return []
    near = [i for i in refusals if frame.text("IPAddress")[i] == address
            and 0 <= time - (frame.times[i] or 0.0) <= WINDOW_SECONDS]  # fmt: skip
    return near if len(near) >= REFUSALS_TO_REPORT else []


def _around(frame: Frame, user: str, refusals: list[int], row: int) -> Detection:
    address = frame.text("IPAddress")[row]
    statement = (
        f"{user} was refused {len(refusals)} times by policy since {frame.moment(refusals[0])} from {address}, then "
        f"let in at {frame.moment(row)} by {frame.text('ClientAppUsed')[row]}, which it had not used before"
    )
    claims = [
        frame.counted(f"refusals of {user} from there", equals("UserPrincipalName", user), equals("IPAddress", address),
                      one_of("ResultType", HELD_BY_POLICY)),
        frame.ordered("the sign-in comes after the refusals", refusals[-1], row),
    ]  # fmt: skip
    entities = [Entity(kind="account", value=user), Entity(kind="ip", value=address)]
    return AROUND.detection(frame, "medium", statement, [row, *refusals[::-1]], entities=entities, claims=claims)


def passwords_are_reset_by_new_factors(evidence: Evidence) -> Iterator[Detection]:
    """Report a password reset by self-service within an hour of a change to the factors of the same account.

    A first registration does not count: who joins proves who it is and then sets a password.
    """
    actors = directory_actors(evidence)
    if actors is None:
        return
    frame = actors.frame
    wanted = CHANGED | RESET

    def person(row: int) -> str:
        return (
            actors.who[row] if actors.done[row] and actors.operations[row] in wanted and "@" in actors.who[row] else ""
        )

    for who, rows in frame.grouped(person).items():
        changes = [i for i in rows if actors.operations[i] in CHANGED]
        times = frame.at(changes)
        for reset in (i for i in rows if actors.operations[i] in RESET):
            time = frame.times[reset] or 0.0
            last = bisect_left(times, time) - 1
            if last >= 0 and time - times[last] <= WINDOW_SECONDS:
                yield _recovered(frame, who, changes[last], reset)
                break


def _recovered(frame: Frame, who: str, change: int, reset: int) -> Detection:
    statement = (
        f"{who} did “{frame.text('OperationName')[change]}” at {frame.moment(change)} and reset the password by "
        f"self-service at {frame.moment(reset)}"
    )
    claims = [frame.ordered("the reset comes after the change", change, reset)]
    entities = [Entity(kind="account", value=who)]
    return RECOVERED.detection(frame, "medium", statement, [reset, change], entities=entities, claims=claims)
