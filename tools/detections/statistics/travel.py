"""Sign-ins of one account from places too far apart, or from a country new to it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

import yaml

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, Sighting, equals
from .newness import known_device

__all__ = ["accounts_travel_impossibly", "countries_are_new"]

EARTH_KM = 6371.0
FASTEST_KMH = 1000.0
NEAR_KM = 500.0
"""Geolocation of addresses is wrong by hundreds of kilometres."""
NEAR_AT_HOME_KM = 1500.0
"""Carriers and providers place an address anywhere in their country."""
ACCOUNTS_OF_EXIT = 3
COUNTRY_KM = 700.0
"""How far from its middle the people of a country may be, where nothing else is known."""
PAST_TO_TRUST = 10
AT_ONCE_SECONDS = 60 * 60
REGISTERING = frozenset({"device registration service", "microsoft intune enrollment"})
AT_MOST = 10

TRAVEL = Sighting(
    id="stat-impossible-travel",
    title="Sign-ins too far apart for the time between them",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("VPN exits, mobile carriers and cloud desktops",),
)
COUNTRY = Sighting(
    id="stat-new-country",
    title="Sign-in from a country new to the account",
    techniques=("T1078.004",),
    tactics=("initial-access",),
    false_positives=("A journey; ask the person",),
)


@dataclass(frozen=True)
class Place:
    """Where a sign-in came from, and how many kilometres it may be from there."""

    middle: tuple[float, float]
    slack: float = 0.0


def accounts_travel_impossibly(evidence: Evidence) -> Iterator[Detection]:
    """Report successful sign-ins from two addresses that imply over 1,000 km/h across more than 500 km.

    The first pair of each account is reported; low where each comes from a device that the directory knows or from an
    address of ten sign-ins of the account, or both lie in one country less than 1,500 km apart. A place seen at least
    ten times before on both sides is an exit the account lives with, and is left alone. Where the log tells the
    country alone, the least distance between the people of both counts, and exits that three accounts share are left
    alone.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType"))
    if frame is None:
        return
    users, addresses = frame.lower("UserPrincipalName"), frame.text("IPAddress")
    exits = _exits(frame)
    for user, rows in _successes(frame).items():
        places = {i: place for i in rows if (place := _place(frame, i))}
        seen = Counter(addresses[i] for i in places)
        for earlier, later in zip(places, list(places)[1:], strict=False):
            usual = min(seen[addresses[earlier]], seen[addresses[later]]) >= PAST_TO_TRUST
            if addresses[earlier] == addresses[later] or usual:
                continue
            if places[later].slack and {addresses[earlier], addresses[later]} <= exits:
                continue
            if found := _leap(frame, users[rows[0]] or user, (earlier, later), places, seen):
                yield found
                break


def countries_are_new(evidence: Evidence) -> Iterator[Detection]:
    """Report an account's first success from a country after at least ten from others; ten accounts at most.

    Low, but medium where the account was at work from a device of the house in another country within the hour, and
    this one is no such device: two people hold its sessions. So where a strange device signs in there to be registered.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType", "Location"))
    if frame is None:
        return
    countries = frame.coded("Location").mapped(lambda text: text.strip().upper()).texts()
    accounts = _successes(frame).items()
    found = [(user, *each) for user, rows in accounts for each in _new_countries(countries, rows)]
    for user, i, country, known in sorted(found, key=lambda each: frame.times[each[1]] or 0.0)[:AT_MOST]:
        mine = [other for other in _successes(frame)[user] if countries[other] != country]
        yield _new_country(frame, user, i, (country, _also_at_home(frame, i, mine)), known)


def _new_countries(countries: list[str], rows: list[int]) -> Iterator[tuple[int, str, Counter[str]]]:
    """Yield the rows from a country that the account's earlier ones lack, with how often each earlier one was seen."""
    known: Counter[str] = Counter()
    for i in rows:
        country = countries[i]
        if country and country not in known:
            alike = sum(count for name, count in known.items() if (len(name) == 2) == (len(country) == 2))
            if alike >= PAST_TO_TRUST:
                yield i, country, known.copy()
        if country:
            known[country] += 1


def _successes(frame: Frame) -> dict[str, list[int]]:
    users, results = frame.lower("UserPrincipalName"), frame.text("ResultType")
    return frame.grouped(lambda i: users[i] if results[i] == "0" else "")


def _leap(
    frame: Frame, user: str, pair: tuple[int, int], places: dict[int, Place], seen: Mapping[str, int]
) -> Detection | None:
    earlier, later = pair
    hours = ((frame.times[later] or 0.0) - (frame.times[earlier] or 0.0)) / 3600
    here, there = places[earlier], places[later]
    distance = max(0.0, kilometres(here.middle, there.middle) - here.slack - there.slack)
    if distance < NEAR_KM or distance <= FASTEST_KMH * hours:
        return None
    addresses = [frame.text("IPAddress")[i] for i in pair]
    statement = (
        f"{user} signed in from {addresses[0]} at {frame.moment(earlier)} and from {addresses[1]} at "
        f"{frame.moment(later)}: {distance:.0f} km in {hours * 60:.0f} minutes, over {FASTEST_KMH:.0f} km/h"
    )
    entities = [Entity(kind="account", value=user), *(Entity(kind="ip", value=a) for a in addresses[::-1] if a)]
    claims = [
        frame.shared(f"both sign-ins are of {user}", [earlier, later], "UserPrincipalName", user),
        frame.ordered("in this order", earlier, later),
    ]
    countries = [frame.lower("Location")[i].strip() for i in pair]
    at_home = countries[0] == countries[1] != "" and distance < NEAR_AT_HOME_KM
    theirs = all(
        known_device(frame.text("DeviceDetail")[i]) or seen[frame.text("IPAddress")[i]] >= PAST_TO_TRUST for i in pair
    )
    level: Level = "low" if at_home or theirs else "medium"
    return TRAVEL.detection(frame, level, statement, [later, earlier], entities=entities, claims=claims)


def _also_at_home(frame: Frame, index: int, others: list[int]) -> bool:
    """Tell whether one of the account's other sign-ins, near in time, is from a device of the house and this is not."""
    device, times = frame.text("DeviceDetail"), frame.times
    near = [i for i in others if abs((times[i] or 0.0) - (times[index] or 0.0)) <= AT_ONCE_SECONDS]
    registers = frame.lower("ResourceDisplayName")[index] in REGISTERING
    return not known_device(device[index]) and (registers or any(known_device(device[i]) for i in near))


def _new_country(
    frame: Frame, user: str, index: int, place: tuple[str, bool], known: Counter[str]
) -> Detection:  # fmt: skip
    country, at_home = place
    past = ", ".join(f"{name} {count}" for name, count in known.most_common(3))
    statement = f"{user} signed in from {country} at {frame.moment(index)}; before that: {past}"
    entities = [Entity(kind="account", value=user)]
    entities += [Entity(kind="ip", value=address) for address in [frame.text("IPAddress")[index]] if address]
    mine = (equals("UserPrincipalName", user), equals("ResultType", "0"), frame.before(index))
    claims = [
        frame.shared(f"the sign-in is of {user}", [index], "UserPrincipalName", user),
        frame.counted(f"earlier sign-ins of {user}, which are the baseline,", *mine),
        frame.counted(f"of them from {country}", *mine, equals("Location", country)),
    ]
    level: Level = "medium" if at_home else "low"
    statement += (
        "; a device of the house was at work for it elsewhere, or a strange one is registered" if at_home else ""
    )
    return COUNTRY.detection(frame, level, statement, [index], entities=entities, claims=claims)


def _exits(frame: Frame) -> frozenset[str]:
    """Return the addresses that several accounts sign in from."""
    users, addresses = frame.lower("UserPrincipalName"), frame.text("IPAddress")
    pairs = {(addresses[i], users[i]) for rows in _successes(frame).values() for i in rows}
    return frozenset(name for name, count in Counter(each for each, _ in pairs).items() if count >= ACCOUNTS_OF_EXIT)


def _place(frame: Frame, row: int) -> Place | None:
    exact = _coordinates(frame.text("LocationDetails")[row])
    return Place(exact) if exact else _of_country(frame.text("Location")[row])


@lru_cache(maxsize=512)
def _of_country(code: str) -> Place | None:
    found = _countries().get(code.strip().upper())
    return Place((found[0], found[1]), found[2] if len(found) > 2 else COUNTRY_KM) if found else None


@cache
def _countries() -> Mapping[str, Sequence[float]]:
    text = Path(__file__).with_name("countries.yaml").read_text("utf-8")
    read: Mapping[str, Sequence[float]] = yaml.safe_load(text)
    return read


@lru_cache(maxsize=65536)
def _coordinates(details: str) -> tuple[float, float] | None:
    try:
        place = json.loads(details)["geoCoordinates"]
        return float(place["latitude"]), float(place["longitude"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the great-circle distance between two places in degrees of latitude and longitude."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, place)) for place in (here, there))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))
