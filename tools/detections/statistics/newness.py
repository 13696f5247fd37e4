"""Sign-ins unlike all that an account did before: country, network, device and client new at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection, Level
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .coded import Coded, Indexes, Mask, runs
from .frame import Frame, Sighting, equals

__all__ = ["known_device", "signins_are_unlike_the_past"]

PAST_TO_TRUST = 10
DAYS_OF_PAST = 2
SIDES_FOR_LOW, SIDES_FOR_MEDIUM = 2, 3
PAST_WITHOUT_PLACE, DAYS_WITHOUT_PLACE = 40, 7
"""A new phone at home is news only to those who never had one for long."""

UNLIKE = Sighting(
    id="stat-signin-unlike-past",
    title="Sign-in unlike all earlier ones of the account",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("A new phone or laptop set up on a journey; ask the person",),
)


@dataclass(frozen=True)
class Trait:
    """Something that an account's sign-ins usually share; `read` takes it out of the column's text.

    Traits of one side change together, as country and network do, and count once.
    """

    noun: str
    column: str
    read: Callable[[str], str]
    side: str


def signins_are_unlike_the_past(evidence: Evidence) -> Iterator[Detection]:
    """Report an account's first success that is new on two sides (low) or on three: place, device and program (medium).

    The baseline is at least ten earlier successes of the account over two days, all with other values; a trait that
    they lack is not compared. Without a new place it takes forty over seven days. A legacy protocol, which tells no
    device, from a new place is medium; a device that the directory knows keeps the level low.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType"))
    if frame is None:
        return
    users = frame.coded("UserPrincipalName").lowered
    success = frame.coded("ResultType").rows_where(lambda result: result == "0")
    among = np.flatnonzero(success & users.rows_where(bool) & frame.timed)
    traits = [(trait, frame.coded(trait.column).mapped(trait.read)) for trait in TRAITS]
    for rows in runs(users.codes, among, frame.seconds, PAST_TO_TRUST + 1):
        if found := _first_unlike(frame, rows, traits):
            yield _unlike(frame, int(rows[found[0]]), rows[: found[0]], found[1])


def _first_unlike(frame: Frame, rows: Indexes, traits: Sequence[tuple[Trait, Coded]]) -> tuple[int, list[Trait]] | None:
    """Return the position of the first sign-in with two new traits, and these."""
    new = {trait: _news(values, rows) for trait, values in traits}
    sides = {side: np.logical_or.reduce([n for t, n in new.items() if t.side == side]) for side in SIDES}
    days = np.cumsum(np.diff(frame.seconds[rows] // 86400, prepend=np.nan) != 0)
    past = np.arange(len(rows))
    ripe = (past >= PAST_TO_TRUST) & (days > DAYS_OF_PAST) & sides["place"]
    ripe |= (past >= PAST_WITHOUT_PLACE) & (days > DAYS_WITHOUT_PLACE)
    found = np.flatnonzero(ripe & (np.sum(list(sides.values()), axis=0) >= SIDES_FOR_LOW))
    return (int(found[0]), [trait for trait, each in new.items() if each[found[0]]]) if len(found) else None


def _news(values: Coded, rows: Indexes) -> Mask:
    """Return which rows hold a value for the first time, after at least ten that hold another."""
    codes = values.codes[rows]
    filled = np.fromiter(map(bool, values.values), np.bool_, len(values.values))[codes]
    first = np.zeros(len(rows), np.bool_)
    first[np.unique(codes, return_index=True)[1]] = True
    return first & filled & (np.cumsum(filled) > PAST_TO_TRUST)


def _unlike(frame: Frame, row: int, past: Indexes, new: list[Trait]) -> Detection:
    user, address = frame.text("UserPrincipalName")[row], frame.text("IPAddress")[row]
    # A system that is new says more than that its device is strange.
    new = [t for t in new if t.read is not _standing or all(other.read is not _system for other in new)]
    shown = ", ".join(f"{t.noun} {t.read(frame.text(t.column)[row])}" for t in new)
    known = _registered(frame.text("DeviceDetail")[row])
    sides = {trait.side for trait in new}
    legacy = _plain(frame.text("ClientAppUsed")[row]) in LEGACY
    wide = len(sides) >= SIDES_FOR_MEDIUM or (legacy and sides == {"place", "program"})
    level: Level = "medium" if wide and not known else "low"
    statement = (
        f"{user} signed in at {frame.moment(row)} with {len(new)} traits that none of {len(past)} earlier sign-ins "
        f"since {frame.moment(int(past[0]))} has: {shown}"
    )
    entities = [Entity(kind="account", value=user)] + ([Entity(kind="ip", value=address)] if address else [])
    return UNLIKE.detection(
        frame, level, statement, [row], entities=entities, claims=_claims(frame, row, user, new)
    )  # fmt: skip


def _claims(frame: Frame, row: int, user: str, new: Sequence[Trait]) -> Iterator[Claim]:
    mine = (equals("UserPrincipalName", user), equals("ResultType", "0"), frame.before(row))
    yield frame.counted(f"earlier sign-ins of {user}, which are the baseline,", *mine)
    for trait in new:
        value = trait.read(frame.text(trait.column)[row])
        if trait.read is _standing:
            continue  # Read out of several fields, so that no text of the column says it.
        if trait.read is _plain:
            yield frame.counted(f"of them with {trait.noun} {value}", *mine, equals(trait.column, value))
        else:
            where = Condition(column=trait.column, op="contains", values=(value,))
            yield frame.counted(f"of them that name {value}", *mine, where)


def _plain(text: str) -> str:
    return text.strip().lower()


def known_device(details: str) -> bool:
    """Tell whether the directory knows the device of a sign-in as compliant or joined."""
    device = _device(details)
    trust = str(device.get("trustType") or "").lower()
    return device.get("isCompliant") in (True, "true", "True") or "joined" in trust


def _registered(details: str) -> bool:
    """Tell whether the directory knows the device of a sign-in at all, a person's own telephone too."""
    return known_device(details) or "registered" in str(_device(details).get("trustType") or "").lower()


@lru_cache(maxsize=65536)
def _device(details: str) -> dict[str, object]:
    try:
        device = json.loads(details)
    except (ValueError, RecursionError):
        return {}
    return device if isinstance(device, dict) else {}


def _system(details: str) -> str:
    """Return the operating system, without its version."""
    name = str(_device(details).get("operatingSystem") or "").lower()
    return name.rstrip("0123456789. ")


def _standing(details: str) -> str:
    """Return whether the directory knows the device, and what it runs: a private computer beside that of the house."""
    system = _system(details)
    return f"{'known' if known_device(details) else 'strange'} {system}" if system else ""


def _browser(details: str) -> str:
    """Return the browser, without its version."""
    return str(_device(details).get("browser") or "").lower().rstrip("0123456789. ")


TRAITS = (
    Trait("country", "Location", _plain, "place"),
    Trait("network", "AutonomousSystemNumber", _plain, "place"),
    Trait("system", "DeviceDetail", _system, "device"),
    Trait("standing", "DeviceDetail", _standing, "device"),
    Trait("browser", "DeviceDetail", _browser, "program"),
    Trait("client", "ClientAppUsed", _plain, "program"),
)
LEGACY = frozenset(
    {"authenticated smtp", "imap4", "pop3", "exchange web services", "exchange activesync", "other clients",
     "autodiscover", "mapi over http", "outlook anywhere (rpc over http)", "exchange online powershell"}
)  # fmt: skip
"""Protocols that know no second factor, as `ClientAppUsed` names them."""
SIDES = ("place", "device", "program")
