"""Roles, consents and credentials granted by somebody who does not usually do so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from soc_analyst.state.findings import Claim, Detection, Level
from soc_analyst.tools.evidence import Evidence

from .actors import Actors, azure_actors, directory_actors
from .frame import Frame, Sighting

__all__ = ["grants_are_unusual"]

OPERATIONS_OF_PAST = 10
DAYS_OF_PAST = 3
HOURS_AWAY = 3
SESSION_SECONDS = 12 * 60 * 60
"""What the actor did so shortly before belongs to the same session and is no baseline."""
AT_MOST = 5
DAY = 86400

UNUSUAL = Sighting(
    id="stat-unusual-grant",
    title="Role, consent or credential granted by somebody who never did",
    techniques=("T1098.003",),
    tactics=("persistence", "privilege-escalation"),
    false_positives=("A new duty of the actor; compare with change tickets",),
)
GRANTS = {
    "AuditLogs": re.compile(
        r"^(add (eligible |scoped )?member to role(?!.*activation)|consent to application|add app role assignment"
        r"|add delegated permission grant|add owner to (application|service principal)"
        r"|add service principal credentials|update application .* certificates|add oauth2permissiongrant)"
    ),
    "AzureActivity": re.compile(r"/roleassignments/write$|/elevateaccess/action$|/roledefinitions/write$"),
}


def grants_are_unusual(evidence: Evidence) -> Iterator[Detection]:
    """Report (low) an actor's first grant of a role, consent or credential after a past without any.

    The baseline is the actor's own until twelve hours before: ten operations on three days, none of them a grant.
    Medium where the grant also comes from an address new to the actor and three hours or more away from all its hours
    of the day: neither its work nor its place nor its time.
    """
    for actors in (azure_actors(evidence), directory_actors(evidence)):
        if actors is not None:
            yield from _unusual(actors)


def _unusual(actors: Actors) -> Iterator[Detection]:
    frame, granting = actors.frame, GRANTS[actors.frame.rows.table]
    grants = [done and bool(granting.search(name)) for done, name in zip(actors.done, actors.operations, strict=True)]
    found: list[tuple[list[int], list[int]]] = []
    for rows in frame.grouped(lambda i: actors.who[i] if actors.done[i] else "").values():
        same = [row for row in rows if grants[row]]
        past = [row for row in rows if same and frame.seconds[row] < frame.seconds[same[0]] - SESSION_SECONDS]
        if len(past) >= OPERATIONS_OF_PAST and _days(frame, past) >= DAYS_OF_PAST:
            found.append((past, same))
    for past, same in sorted(found, key=lambda each: frame.times[each[1][0]] or 0.0)[:AT_MOST]:
        others = {actors.who[i] for i, grant in enumerate(grants) if grant and actors.who[i] != actors.who[same[0]]}
        yield _seen(actors, past, same, sum(grants) - len(same), len(others))


def _days(frame: Frame, rows: list[int]) -> int:
    return len({int(time // DAY) for time in frame.at(rows)})


def _seen(actors: Actors, past: list[int], grants: list[int], by_others: int, others: int) -> Detection:
    frame, first = actors.frame, grants[0]
    who, address = actors.who[first], _address(frame, first)
    new = bool(address) and address not in {_address(frame, row) for row in past}
    away = _hours_away(frame, past, first)
    level: Level = "medium" if new and away >= HOURS_AWAY else "low"
    statement = (
        f"{who} did “{actors.operations[first]}” at {frame.moment(first)}, the first of {len(grants)} grant(s) after "
        f"{len(past)} other operations on {_days(frame, past)} days; {others} other(s) granted {by_others} time(s)"
        + (f"; from {address}, which is new to it" if new else "")
        + (f"; {away} hours from any hour of the day it worked at" if away >= HOURS_AWAY else "")
    )
    return UNUSUAL.detection(
        frame, level, statement, grants, entities=actors.entities(who, grants), claims=_claims(actors, past, grants)
    )


def _claims(actors: Actors, past: list[int], grants: list[int]) -> Iterator[Claim]:
    yield from actors.proof(actors.who[grants[0]], grants)
    yield actors.frame.ordered("the grant comes after the baseline", past[-1], grants[0])


def _address(frame: Frame, row: int) -> str:
    if frame.rows.table == "AzureActivity":
        return frame.lower("CallerIpAddress")[row]
    found = re.search(r'"ipAddress"\s*:\s*"([^"]+)"', frame.text("InitiatedBy")[row])
    return found.group(1).lower() if found else ""


def _hours_away(frame: Frame, past: list[int], row: int) -> int:
    known = np.unique((frame.seconds[past] // 3600 % 24).astype(np.int64))
    apart = np.abs(known - int(frame.seconds[row] // 3600 % 24))
    return int(np.minimum(apart, 24 - apart).min())
