"""Hours in which something does far more of a kind than in all its own past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Claim, Detection
from soc_analyst.tools.evidence import Evidence

from .actors import DONE
from .coded import Indexes, runs
from .frame import Frame, Sighting, equals, one_of
from .results import NOT_LET_IN

__all__ = ["activity_surges"]

HOUR = 3600
HOURS_OF_PAST = 48
ACTIVE_HOURS_OF_PAST = 6
TIMES_THE_LARGEST = 4.0
HOURS_APART, SHARE_LATER = 12, 0.5
"""Half as much again another day is a routine that the rows show from its first run on."""
AT_MOST = 3


@dataclass(frozen=True)
class Activity:
    """What is counted: rows of a table by an entity, whose other column holds one of the values."""

    sighting: Sighting
    table: str
    entity: str
    kind: EntityKind
    column: str
    values: frozenset[str]
    at_least: int
    noun: str


def _activity(
    id: str, title: str, techniques: tuple[str, ...], tactic: str, table: str, entity: str, kind: EntityKind,
    column: str, values: frozenset[str], at_least: int, noun: str,
) -> Activity:  # fmt: skip
    why = ("Migrations, roll-outs and audits, which change tickets name",)
    sighting = Sighting(id, title, techniques, (tactic,), why)
    return Activity(sighting, table, entity, kind, column, values, at_least, noun)


FAILURES = frozenset({*NOT_LET_IN, "50074", "50076", "53003", "500121"})
"""Refusals at the password, at the second factor and by conditional access."""
ACTIVITIES = (
    _activity("stat-surge-signin-failures", "Far more failed sign-ins of an account than ever", ("T1110",),
              "credential-access", "SigninLogs", "UserPrincipalName", "account", "ResultType", FAILURES, 8,
              "failed sign-ins"),
    _activity("stat-surge-logon-failures", "Far more failed logons on a host than ever", ("T1110",),
              "credential-access", "DeviceLogonEvents", "DeviceName", "host", "ActionType",
              frozenset({"logonfailed"}), 20, "failed logons"),
    _activity("stat-surge-azure", "Far more Azure operations by a caller than ever", ("T1078.004",),
              "discovery", "AzureActivity", "Caller", "account", "ActivityStatusValue", DONE, 30, "operations"),
    _activity("stat-surge-azure-failures", "Far more refused Azure operations of a caller than ever",
              ("T1078.004",), "discovery", "AzureActivity", "Caller", "account", "ActivityStatusValue",
              frozenset({"failure", "failed"}), 10, "refused operations"),
    _activity("stat-surge-file-changes", "Far more files renamed or deleted on a host than ever", ("T1485", "T1486"),
              "impact", "DeviceFileEvents", "DeviceName", "host", "ActionType",
              frozenset({"filerenamed", "filedeleted"}), 100, "files renamed or deleted"),
    _activity("stat-surge-refused-connections", "Far more refused connections of a host than ever",
              ("T1046",), "discovery", "DeviceNetworkEvents", "DeviceName", "host", "ActionType",
              frozenset({"connectionfailed"}), 60, "failed connections"),
)  # fmt: skip


def activity_surges(evidence: Evidence) -> Iterator[Detection]:
    """Report (low) entities with four times as much of a kind in an hour as in any of their earlier hours.

    The baseline is the entity's own: its rows of the table reach back at least 48 hours and fill at least six of them.
    What comes back on a later day is a routine and left alone. At most three entities of a kind are told, those that
    rose most first.
    """
    for activity in ACTIVITIES:
        frame = Frame.of(evidence, activity.table, (activity.entity, activity.column))
        if frame is not None:
            found = sorted(_surges(frame, activity), key=lambda each: (-each.times, frame.moment(int(each.rows[0]))))
            yield from (_seen(frame, activity, surge) for surge in found[:AT_MOST])


@dataclass(frozen=True)
class Surge:
    """The rows of the hour, and how many the earlier hours had, from the entity's first row of the table on."""

    rows: Indexes
    earlier: list[int]

    @property
    def times(self) -> float:
        """How many times the largest earlier hour this one is."""
        return len(self.rows) / max(1, *self.earlier)


def _surges(frame: Frame, activity: Activity) -> Iterator[Surge]:
    entities = frame.coded(activity.entity).lowered
    counted = frame.coded(activity.column).lowered.rows_where(activity.values.__contains__)
    named = np.flatnonzero(entities.rows_where(bool) & frame.timed)
    enough = np.bincount(entities.codes[counted & frame.timed], minlength=len(entities.values)) >= activity.at_least
    for rows in runs(entities.codes, named[enough[entities.codes[named]]], frame.seconds, activity.at_least):
        hours = (frame.seconds[rows] // HOUR - frame.seconds[rows[0]] // HOUR).astype(np.int64)
        counts = np.bincount(hours[counted[rows]], minlength=int(hours[-1]) + 1)
        worst = int(np.argmax(counts))
        busy = len(np.unique(hours[hours < worst - 1]))
        # The hour before belongs to the same event where it runs over the full hour.
        earlier = counts[: max(0, worst - 1)]
        if counts[worst] < activity.at_least or worst - 1 < HOURS_OF_PAST or busy < ACTIVE_HOURS_OF_PAST:
            continue
        later = counts[worst + HOURS_APART :].max(initial=0)
        if counts[worst] >= TIMES_THE_LARGEST * max(1, earlier.max()) and later < SHARE_LATER * counts[worst]:
            yield Surge(rows[(hours == worst) & counted[rows]], earlier.tolist())


def _seen(frame: Frame, activity: Activity, surge: Surge) -> Detection:
    first, last = int(surge.rows[0]), int(surge.rows[-1])
    name, past = frame.text(activity.entity)[first], [count for count in surge.earlier if count]
    statement = (
        f"{len(surge.rows)} {activity.noun} of {name} between {frame.moment(first)} and {frame.moment(last)}; in "
        f"{len(surge.earlier)} earlier hours at most {max(surge.earlier)} an hour, "
        + (f"{median(past):.0f} in the middle one of {len(past)} with any" if past else "none at all")
    )
    return activity.sighting.detection(
        frame, "low", statement, surge.rows.tolist(), entities=[Entity(kind=activity.kind, value=name)],
        claims=_claims(frame, activity, surge, name),
    )  # fmt: skip


def _claims(frame: Frame, activity: Activity, surge: Surge, name: str) -> Iterator[Claim]:
    mine = (equals(activity.entity, name), one_of(activity.column, activity.values))
    yield frame.counted(f"{activity.noun} of {name} at all", *mine)
    yield frame.counted(f"{activity.noun} of {name} before the hour", *mine, frame.before(int(surge.rows[0])))
    yield frame.ordered("from the first to the last of the hour", int(surge.rows[0]), int(surge.rows[-1]))
