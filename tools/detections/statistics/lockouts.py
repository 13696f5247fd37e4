"""Accounts locked in company, or one locked from several countries: somebody guesses, nobody forgot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, Sighting, equals, one_of, widest
from .results import LOCKED

__all__ = ["accounts_are_locked"]

ACCOUNTS_TO_REPORT = 4
COUNTRIES_TO_REPORT = 2
ADDRESSES_TO_REPORT = 3
WINDOW_SECONDS = 60 * 60
AT_MOST = 5

LOCKOUTS = Sighting(
    id="stat-accounts-locked",
    title="Accounts locked by tries from where they never sign in",
    techniques=("T1110",),
    tactics=("credential-access",),
    false_positives=("A change of passwords that devices of several people missed",),
)


def accounts_are_locked(evidence: Evidence) -> Iterator[Detection]:
    """Report four accounts locked within an hour, or one from three addresses of two countries.

    Result 50053 is a lock-out (Microsoft Entra error codes). Left out are locks from an address at which the account
    itself signs in, and from one at which more accounts sign in than are locked: people mistype their own passwords,
    and an office forgets several after a holiday.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType"))
    if frame is None:
        return
    locked = frame.coded("ResultType").rows_where(LOCKED.__eq__) & frame.timed
    if locked.any():
        strange = _strange(frame, frame.in_order(np.flatnonzero(locked).tolist()))
        yield from _together(frame, strange)
        yield from _from_abroad(frame, strange)


def _strange(frame: Frame, rows: Sequence[int]) -> list[int]:
    """Return the locks from addresses that are not at home here."""
    users, addresses = frame.lower("UserPrincipalName"), frame.lower("IPAddress")
    success = np.flatnonzero(frame.coded("ResultType").rows_where("0".__eq__)).tolist()
    home = {(users[i], addresses[i]) for i in success if addresses[i]}
    residents = Counter(address for _, address in home)
    victims = Counter(address for _, address in {(users[i], addresses[i]) for i in rows})
    return [
        i for i in rows
        if users[i] and (users[i], addresses[i]) not in home and residents[addresses[i]] <= victims[addresses[i]]
    ]  # fmt: skip


def _together(frame: Frame, rows: Sequence[int]) -> Iterator[Detection]:
    users = frame.lower("UserPrincipalName")
    start, end = widest(frame.at(rows), [users[i] for i in rows], WINDOW_SECONDS)
    names = list(dict.fromkeys(users[i] for i in rows[start:end]))
    if len(names) >= ACCOUNTS_TO_REPORT:
        yield _seen(frame, names, rows[start:end])


def _from_abroad(frame: Frame, rows: Sequence[int]) -> Iterator[Detection]:
    users, addresses, countries = (frame.lower(name) for name in ("UserPrincipalName", "IPAddress", "Location"))
    by_user = defaultdict[str, list[int]](list)
    for row in rows:
        by_user[users[row]].append(row)
    found = 0
    for user, own in by_user.items():
        start, end = widest(frame.at(own), [addresses[i] for i in own], WINDOW_SECONDS)
        inside = own[start:end]
        places = {countries[i] for i in inside if countries[i]}
        if len({addresses[i] for i in inside}) >= ADDRESSES_TO_REPORT and len(places) >= COUNTRIES_TO_REPORT:
            found += 1
            if found <= AT_MOST:
                yield _seen(frame, [user], inside)


def _seen(frame: Frame, names: Sequence[str], rows: Sequence[int]) -> Detection:
    addresses = list(dict.fromkeys(frame.text("IPAddress")[i] for i in rows if frame.text("IPAddress")[i]))
    statement = (
        f"{len(rows)} tries at {len(names)} locked account(s) between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])} from {len(addresses)} address(es) where they do not sign in: {', '.join(names[:4])}"
    )
    claims = [frame.counted("tries at these locked accounts", one_of("UserPrincipalName", names),
                            equals("ResultType", LOCKED))]  # fmt: skip
    entities = [Entity(kind="account", value=name) for name in names[:5]]
    entities += [Entity(kind="ip", value=address) for address in addresses[:3]]
    return LOCKOUTS.detection(frame, "medium", statement, list(rows), entities=entities, claims=claims)
