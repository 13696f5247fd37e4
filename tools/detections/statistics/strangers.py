"""Accounts that nobody has seen at work, from countries in which nobody of the tenant works."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, Sighting, equals
from .newness import known_device

__all__ = ["idle_accounts_come_from_strange_countries"]

DAYS_OF_PAST, SIGN_INS_OF_PAST, ACCOUNTS_OF_PAST, AT_MOST = 7, 100, 5, 3

STRANGER = Sighting(
    id="stat-idle-account-from-strange-country",
    title="Account not seen before comes from a country where nobody works",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("A new colleague or guest abroad",),
)


def idle_accounts_come_from_strange_countries(evidence: Evidence) -> Iterator[Detection]:
    """Report the first sign-in of an account, by password alone, from a country that no other account came from.

    The baseline is the tenant's: a hundred earlier successes of five accounts over seven days. A device that the
    directory knows, or a second factor, makes it a colleague on a journey. Three at most.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType", "Location"))
    if frame is None:
        return
    done = frame.coded("ResultType").rows_where("0".__eq__) & frame.timed
    rows = frame.in_order(np.flatnonzero(done))
    users = frame.lower("UserPrincipalName")
    countries = frame.coded("Location").mapped(lambda text: text.strip().upper()).texts()
    seen: set[str] = set()
    known: set[str] = set()
    told = 0
    for count, row in enumerate(rows):
        user, country = users[row], countries[row]
        ripe = count >= SIGN_INS_OF_PAST and len(seen) >= ACCOUNTS_OF_PAST
        ripe = ripe and frame.seconds[row] - frame.seconds[rows[0]] >= DAYS_OF_PAST * 86400
        if ripe and country and country not in known and user not in seen and told < AT_MOST and _bare(frame, row):
            told += 1
            yield _seen(frame, row, count)
        seen.add(user)
        known.add(country)


def _bare(frame: Frame, row: int) -> bool:
    one = frame.lower("AuthenticationRequirement")[row] == "singlefactorauthentication"
    return one and frame.lower("UserType")[row] != "guest" and not known_device(frame.text("DeviceDetail")[row])


def _seen(frame: Frame, row: int, past: int) -> Detection:
    user, country = frame.text("UserPrincipalName")[row], frame.text("Location")[row]
    statement = (
        f"{user} signed in at {frame.moment(row)} from {country} by password alone; none of the {past} earlier "
        "sign-ins of the tenant is by it or from there"
    )
    address = frame.text("IPAddress")[row]
    entities = [Entity(kind="account", value=user), *([Entity(kind="ip", value=address)] if address else [])]
    claims = [
        frame.counted(f"earlier sign-ins of {user}", equals("UserPrincipalName", user), frame.before(row)),
        frame.counted(f"earlier sign-ins from {country}", equals("Location", country), frame.before(row)),
    ]
    return STRANGER.detection(frame, "medium", statement, [row], entities=entities, claims=claims)
