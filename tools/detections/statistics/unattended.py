"""Services and tasks under the account of a person who only ever sat at a screen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .coded import Indexes, runs
from .frame import Frame, Sighting, equals, one_of, widest
from .reused import SERVICE
from .sources import persons

__all__ = ["persons_run_on_many_hosts", "persons_run_unattended"]

LOGONS_OF_PAST, DAYS_OF_PAST = 5, 3
SITTING = frozenset({
    "interactive", "remoteinteractive", "remote interactive (rdp)", "cachedinteractive", "cachedremoteinteractive",
    "unlock",
})  # fmt: skip
UNATTENDED = frozenset({"service", "batch"})
NOBODY = frozenset({
    "nt authority", "nt service", "iis apppool", "nt virtual machine", "window manager", "font driver host",
})  # fmt: skip

HOSTS_TO_REPORT, SPREAD_SECONDS, APART_SECONDS = 5, 10 * 60, 12 * 60 * 60

PUSHED = Sighting(
    id="stat-person-runs-on-many-hosts",
    title="Services or tasks start under a person's account on host after host",
    techniques=("T1569.002",),
    tactics=("execution", "lateral-movement"),
    false_positives=("An administrator who rolls a task out under the own account",),
)
ALONE = Sighting(
    id="stat-person-runs-unattended",
    title="Service or task runs for the first time under an account that only sat at screens",
    techniques=("T1543.003",),
    tactics=("persistence", "lateral-movement"),
    false_positives=("An administrator who lets a service or task run under the own account",),
)


def persons_run_on_many_hosts(evidence: Evidence) -> Iterator[Detection]:
    """Report a person's account that services or tasks start with on five hosts within ten minutes: medium.

    So it goes where a program is pushed to host after host; services of the house run under accounts of their own. Half
    as many half a day apart are a routine.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType", "LogonType"))
    if frame is None:
        return
    accounts, hosts = frame.coded("AccountName").lowered, frame.coded("DeviceName").lowered
    among = frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & frame.timed
    among &= frame.coded("LogonType").lowered.rows_where(UNATTENDED.__contains__) & hosts.rows_where(bool)
    among &= persons(accounts) & accounts.rows_where(lambda name: not SERVICE.search(name))
    among &= ~frame.coded("AccountDomain").lowered.rows_where(NOBODY.__contains__)
    for rows in runs(accounts.codes, np.flatnonzero(among), frame.seconds, HOSTS_TO_REPORT):
        own = rows.tolist()
        start, end = widest(frame.at(own), [hosts.by_row[i] for i in own], SPREAD_SECONDS)
        inside = list({hosts.by_row[i]: i for i in own[start:end]}.values())
        others = [i for i in own if abs(frame.seconds[i] - frame.seconds[inside[0]]) > APART_SECONDS]
        again = len({hosts.by_row[i] for i in others})
        if len(inside) >= HOSTS_TO_REPORT and 2 * again < len(inside):
            yield _pushed(frame, inside)


def _pushed(frame: Frame, rows: list[int]) -> Detection:
    account, kind = frame.text("AccountName")[rows[0]], frame.lower("LogonType")[rows[0]]
    statement = (
        f"{account} signed in by {kind} to {len(rows)} hosts between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])}"
    )
    entities = [Entity(kind="account", value=account)]
    entities += [Entity(kind="host", value=frame.text("DeviceName")[i]) for i in rows[:5]]
    claims = [frame.shared(f"all logons are of {account}", rows, "AccountName", account)]
    techniques = ("T1569.002",) if kind == "service" else ("T1053.005",)
    return PUSHED.detection(frame, "medium", statement, rows, entities=entities, claims=claims, techniques=techniques)


def persons_run_unattended(evidence: Evidence) -> Iterator[Detection]:
    """Report a person's first service logon, or first batch logon on a host where it never sat: medium.

    The baseline is the account's own: five logons at a screen on three days before, and none by service or batch
    anywhere. A task at the own desk is ordinary; one elsewhere was made from afar.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType", "LogonType"))
    if frame is None:
        return
    accounts, kinds = frame.coded("AccountName").lowered, frame.coded("LogonType").lowered
    sitting, alone = kinds.rows_where(SITTING.__contains__), kinds.rows_where(UNATTENDED.__contains__)
    among = frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & frame.timed & (sitting | alone)
    among &= persons(accounts) & accounts.rows_where(lambda name: not SERVICE.search(name))
    among &= ~frame.coded("AccountDomain").lowered.rows_where(NOBODY.__contains__)
    for rows in runs(accounts.codes, np.flatnonzero(among), frame.seconds, LOGONS_OF_PAST + 1):
        place = int(np.argmax(alone[rows]))
        past, row = rows[:place], int(rows[place])
        ripe = place >= LOGONS_OF_PAST and len(np.unique(frame.seconds[past] // 86_400)) >= DAYS_OF_PAST
        if ripe and (kinds.by_row[row] == "service" or not _sat(frame, past, row)):
            yield _seen(frame, row, past)


def _sat(frame: Frame, past: Indexes, row: int) -> bool:
    hosts = frame.coded("DeviceName").lowered.codes
    return bool((hosts[past] == hosts[row]).any())


def _seen(frame: Frame, row: int, past: Indexes) -> Detection:
    account, host, kind = (frame.text(name)[row] for name in ("AccountName", "DeviceName", "LogonType"))
    statement = (
        f"{account} signed in to {host} by {kind.lower()} at {frame.moment(row)}; its {len(past)} earlier logons since "
        f"{frame.moment(int(past[0]))} were all at screens, {'some' if _sat(frame, past, row) else 'none'} there"
    )
    mine = (equals("AccountName", account), equals("ActionType", "LogonSuccess"), frame.before(row))
    claims = [
        frame.counted(f"earlier logons of {account} at screens", *mine, one_of("LogonType", SITTING)),
        frame.counted("earlier ones by service or batch", *mine, one_of("LogonType", UNATTENDED)),
        frame.ordered("the logon comes after the baseline", int(past[-1]), row),
    ]
    entities = [Entity(kind="account", value=account), Entity(kind="host", value=host)]
    techniques = ("T1543.003",) if kind.lower() == "service" else ("T1053.005",)
    return ALONE.detection(frame, "medium", statement, [row], entities=entities, claims=claims, techniques=techniques)
