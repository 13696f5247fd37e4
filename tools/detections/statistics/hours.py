"""Work at hours at which that account never worked before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import azure_actors
from .coded import Coded, Indexes, Mask, Seconds, runs
from .frame import Frame, Sighting, equals

__all__ = ["accounts_come_at_odd_hours"]

EVENTS_OF_PAST = 30
DAYS_OF_PAST = 7
HOURS_AWAY = 4
"""Hours between the event and the nearest at which the account was ever seen."""
HOURS_OF_WORK = 14
"""An account seen at more hours of the day than this keeps none."""
AT_MOST = 5

ODD = Sighting(
    id="stat-odd-hours",
    title="Account at work at an hour new to it",
    techniques=("T1078",),
    tactics=("initial-access",),
    false_positives=("On-call work, travel to another time zone, a changed shift",),
)


@dataclass(frozen=True)
class Presence:
    """The rows of a table at which somebody was at work, and who."""

    frame: Frame
    column: str
    who: Coded
    among: Mask


def accounts_come_at_odd_hours(evidence: Evidence) -> Iterator[Detection]:
    """Report (low) accounts seen four hours or more away from every hour of the day at which they were seen before.

    The baseline is the account's own: at least thirty events on seven days, within at most fourteen hours of the day
    (UTC). At most five of a table are told, those farthest from their hours first.
    """
    for presence in _presences(evidence):
        found = [odd for rows in _accounts(presence) if (odd := _odd(presence.frame.seconds, rows))]
        for _, at, rows in sorted(found, key=lambda odd: (-odd[0], presence.frame.times[odd[2][odd[1]]]))[:AT_MOST]:
            yield _seen(presence, rows, at)


def _presences(evidence: Evidence) -> Iterator[Presence]:
    for table, who, column, wanted in (
        ("SigninLogs", "UserPrincipalName", "ResultType", ("0",)),
        ("DeviceLogonEvents", "AccountName", "LogonType", ("interactive", "remoteinteractive")),
    ):
        if frame := Frame.of(evidence, table, (who, column)):
            wants = frame.coded(column).lowered.rows_where(frozenset(wanted).__contains__)
            done = frame.coded("ActionType").lowered.rows_where(lambda action: action in ("", "logonsuccess"))
            yield Presence(frame, who, frame.coded(who).lowered, wants & done)
    if actors := azure_actors(evidence):
        callers = actors.frame.coded("Caller").lowered
        yield Presence(actors.frame, "Caller", callers, callers.rows_where(lambda caller: "@" in caller))


def _accounts(presence: Presence) -> Iterator[Indexes]:
    named = presence.who.rows_where(lambda name: name and not name.endswith("$"))
    among = np.flatnonzero(presence.among & named & presence.frame.timed)
    return runs(presence.who.codes, among, presence.frame.seconds, EVENTS_OF_PAST + 1)


def _odd(seconds: Seconds, rows: Indexes) -> tuple[int, int, Indexes] | None:
    """Return how many hours away the oddest event is, and its position, if it comes after a past to judge by."""
    hours, days = (seconds[rows] // 3600 % 24).astype(np.int64), seconds[rows] // 86400
    firsts = np.sort(np.unique(hours, return_index=True)[1])
    days_so_far = np.cumsum(np.diff(days, prepend=-1.0) != 0)
    best: tuple[int, int, Indexes] | None = None
    for place, at in enumerate(firsts[: HOURS_OF_WORK + 1].tolist()):
        if at < EVENTS_OF_PAST or days_so_far[at - 1] < DAYS_OF_PAST:
            continue
        known = hours[firsts[:place]]
        apart = np.abs(known - hours[at])
        away = int(np.minimum(apart, 24 - apart).min())
        if away >= HOURS_AWAY and (best is None or away > best[0]):
            best = (away, int(at), rows)
    return best


def _seen(presence: Presence, rows: Indexes, at: int) -> Detection:
    frame, row = presence.frame, int(rows[at])
    name, known = frame.text(presence.column)[row], sorted({int(t // 3600 % 24) for t in frame.seconds[rows[:at]]})
    statement = (
        f"{name} was at work at {frame.moment(row)}; its {at} earlier events since {frame.moment(int(rows[0]))} all "
        f"fall into {len(known)} other hours of the day (UTC): {_spans(known)}"
    )
    claims = [
        frame.shared(f"the event is of {name}", [row], presence.column, name),
        frame.ordered("the event comes after the baseline", int(rows[at - 1]), row),
        frame.counted(f"earlier rows of {name}", equals(presence.column, name), frame.before(row)),
    ]
    return ODD.detection(frame, "low", statement, [row], entities=[Entity(kind="account", value=name)], claims=claims)


def _spans(hours: list[int]) -> str:
    """Return hours of the day as spans, such as 7-9, 13."""
    spans: list[list[int]] = []
    for hour in hours:
        if spans and spans[-1][-1] == hour - 1:
            spans[-1].append(hour)
        else:
            spans.append([hour])
    return ", ".join(f"{span[0]}-{span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans)
