"""A desktop opened onwards from a machine that nobody ever came from, to one new to the account."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection
from soc_analyst.state.names import told_computer
from soc_analyst.tools.evidence import Evidence

from .coded import Coded, Indexes, Mask, runs
from .frame import Frame, Sighting, equals
from .origins import origin_machines
from .sources import persons

__all__ = ["desktops_are_opened_onwards_from_new_machines"]

LOGONS_OF_PAST, DAYS_OF_PAST = 10, 3
WINDOW_SECONDS = 60 * 60
DESKTOP = frozenset({"remoteinteractive", "remote interactive (rdp)"})

ONWARDS = Sighting(
    id="stat-first-desktop-onwards",
    title="Desktop opened onwards from a machine that nobody came from before",
    techniques=("T1021.001",),
    tactics=("lateral-movement",),
    false_positives=("A new jump host; an administrator who looks at a neighbour from a server",),
)


def desktops_are_opened_onwards_from_new_machines(evidence: Evidence) -> Iterator[Detection]:
    """Report a remote desktop from a machine that the account reached by one within the hour before: medium.

    A jump host is known by its past, so the baseline is everybody's: nobody's remote desktop came from that machine
    before. The account's own past must be ten on three days, none of them on the machine that is reached.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("AccountName", "DeviceName", "ActionType", "LogonType"))
    if frame is None:
        return
    accounts, hosts = frame.coded("AccountName").lowered, frame.coded("DeviceName").lowered.mapped(told_computer)
    among: Mask = frame.coded("LogonType").lowered.rows_where(DESKTOP.__contains__) & frame.timed
    among &= frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__)
    if np.count_nonzero(among) <= LOGONS_OF_PAST + 1:
        return
    origins = origin_machines(evidence, frame)
    began = np.full(len(origins.values), np.inf)
    np.minimum.at(began, origins.codes[among], frame.seconds[among])
    among &= persons(accounts) & hosts.rows_where(bool)
    fresh = frame.seconds == began[origins.codes]
    for rows in runs(accounts.codes, np.flatnonzero(among), frame.seconds, LOGONS_OF_PAST + 2):
        for place in np.flatnonzero(fresh[rows] & origins.rows_where(bool)[rows]).tolist():
            entry = _entry(frame, rows[:place], int(rows[place]), hosts, origins)
            if entry >= 0 and _is_new(frame, rows[:entry], int(rows[place]), hosts):
                yield _seen(frame, rows[:entry], int(rows[entry]), int(rows[place]), origins)
                break


def _entry(frame: Frame, before: Indexes, row: int, hosts: Coded, origins: Coded) -> int:
    """Return the place of the logon by which the account came to where this one starts, -1 where there is none."""
    way, goal = origins.by_row[row], hosts.by_row[row]
    near = before[frame.seconds[row] - frame.seconds[before] <= WINDOW_SECONDS]
    for back, at in enumerate(near[::-1].tolist(), 1):
        if hosts.by_row[at] == way and origins.by_row[at] not in (way, goal) and way != goal:
            return len(before) - back
    return -1


def _is_new(frame: Frame, past: Indexes, row: int, hosts: Coded) -> bool:
    """Tell whether there is a past to judge by that does not know the machine reached."""
    days = len(np.unique(frame.seconds[past] // 86_400))
    return len(past) >= LOGONS_OF_PAST and days >= DAYS_OF_PAST and not (hosts.codes[past] == hosts.codes[row]).any()


def _seen(frame: Frame, past: Indexes, entry: int, row: int, origins: Coded) -> Detection:
    account, host, way = frame.text("AccountName")[row], frame.text("DeviceName")[row], frame.text("DeviceName")[entry]
    statement = (
        f"{account} opened the desktop of {way} from {origins.by_row[entry] or frame.text('RemoteIP')[entry]} at "
        f"{frame.moment(entry)} and from there that of {host} at {frame.moment(row)}; nobody came from {way} before, "
        f"and the {len(past)} earlier desktops of {account} since {frame.moment(int(past[0]))} were of other machines"
    )
    entities = [Entity(kind="account", value=account), Entity(kind="host", value=way), Entity(kind="host", value=host)]
    claims = list(_claims(frame, entry, row))
    return ONWARDS.detection(frame, "medium", statement, [row, entry], entities=entities, claims=claims)


def _claims(frame: Frame, entry: int, row: int) -> Iterator[Claim]:
    account, desktop = frame.text("AccountName")[row], equals("LogonType", frame.text("LogonType")[row])
    done = equals("ActionType", "LogonSuccess")
    yield frame.shared(f"both are of {account}", [row, entry], "AccountName", account)
    yield frame.ordered("the second desktop comes after the first", entry, row)
    earlier = (equals("AccountName", account), desktop, done, frame.before(entry))
    yield frame.counted(f"earlier desktops of {account}, which are the baseline,", *earlier)
    there = equals("DeviceName", frame.text("DeviceName")[row])
    yield frame.counted(f"of them on {frame.text('DeviceName')[row]}", *earlier, there)
    column = "RemoteDeviceName" if told_computer(frame.text("RemoteDeviceName")[row]) else "RemoteIP"
    came = equals(column, frame.text(column)[row])
    yield frame.counted(
        f"earlier desktops of anybody from {frame.text(column)[row]}", came, desktop, done, frame.before(row)
    )
