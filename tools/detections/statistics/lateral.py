"""Hosts new to an account, several within the hour: its own reach is the baseline."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection, Level
from soc_analyst.tools.evidence import Evidence

from .coded import Indexes, runs
from .frame import Frame, Sighting, busiest, equals

__all__ = ["accounts_reach_new_hosts"]

LOGONS_OF_PAST = 20
DAYS_OF_PAST = 3
HOSTS_FOR_LOW, HOSTS_FOR_MEDIUM = 3, 5
WINDOW_SECONDS = 60 * 60
TIMES_THE_PAST = 3
AT_MOST = 5
MACHINES = frozenset({"system", "anonymous logon", "local service", "network service", "-"})

NEW_HOSTS = Sighting(
    id="stat-new-hosts-of-account",
    title="Account logs on to several hosts new to it",
    techniques=("T1021",),
    tactics=("lateral-movement",),
    false_positives=("An administrator on a new task; a tool whose scope was widened",),
)


def accounts_reach_new_hosts(evidence: Evidence) -> Iterator[Detection]:
    """Report accounts that log on over the network to three hosts new to them within an hour (medium from five).

    The baseline is the account's own: twenty such logons on three days before. It must be three times as many new
    hosts as in any hour after the account's first day, so that a roaming administrator is left alone. At most five.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType"))
    if frame is None:
        return
    accounts, hosts = frame.coded("AccountName").lowered, frame.coded("DeviceName").lowered
    among = frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & hosts.rows_where(bool) & frame.timed
    among &= frame.coded("LogonType").lowered.rows_where(("network", "remoteinteractive", "").__contains__)
    among &= accounts.rows_where(lambda name: name and not name.endswith("$") and name not in MACHINES)
    least = LOGONS_OF_PAST + HOSTS_FOR_LOW
    found = [
        (new, past)
        for rows in runs(accounts.codes, np.flatnonzero(among), frame.seconds, least)
        if (new := _new(frame, rows, hosts.codes)) is not None and (past := _past(frame, rows, new)) is not None
    ]
    for new, past in sorted(found, key=lambda each: (-len(each[0]), frame.moment(int(each[0][0]))))[:AT_MOST]:
        yield _seen(frame, new, past)


def _new(frame: Frame, rows: Indexes, hosts: Indexes) -> Indexes | None:
    """Return the first logons to hosts new to the account in its busiest hour of such after its first day."""
    firsts = rows[np.sort(np.unique(hosts[rows], return_index=True)[1])]
    firsts = firsts[frame.seconds[firsts] > frame.seconds[rows[0]] + 86400]
    if len(firsts) < HOSTS_FOR_LOW:
        return None
    start, end = busiest(frame.seconds[firsts].tolist(), WINDOW_SECONDS)
    others = np.delete(firsts, np.s_[start:end])
    first, last = busiest(frame.seconds[others].tolist(), WINDOW_SECONDS)
    enough = end - start >= max(HOSTS_FOR_LOW, TIMES_THE_PAST * (last - first))
    return firsts[start:end] if enough else None


def _past(frame: Frame, rows: Indexes, new: Indexes) -> Indexes | None:
    past = rows[frame.seconds[rows] < frame.seconds[new[0]]]
    days = len(np.unique(frame.seconds[past] // 86400))
    return past if len(past) >= LOGONS_OF_PAST and days >= DAYS_OF_PAST else None


def _seen(frame: Frame, new: Indexes, past: Indexes) -> Detection:
    first, last = int(new[0]), int(new[-1])
    account, known = frame.text("AccountName")[first], len({frame.lower("DeviceName")[i] for i in past})
    level: Level = "medium" if len(new) >= HOSTS_FOR_MEDIUM else "low"
    statement = (
        f"{account} logged on to {len(new)} hosts new to it between {frame.moment(first)} and {frame.moment(last)}; "
        f"its {len(past)} earlier logons since {frame.moment(int(past[0]))} were to {known} others"
    )
    entities = [Entity(kind="account", value=account)]
    entities += [Entity(kind="host", value=frame.text("DeviceName")[i]) for i in new[:5]]
    return NEW_HOSTS.detection(
        frame, level, statement, new.tolist(), entities=entities, claims=_claims(frame, new, account)
    )


def _claims(frame: Frame, new: Indexes, account: str) -> Iterator[Claim]:
    mine = (equals("AccountName", account), equals("ActionType", "LogonSuccess"))
    yield frame.shared(f"all logons are of {account}", new.tolist(), "AccountName", account)
    yield frame.counted(f"earlier logons of {account}, which are the baseline,", *mine, frame.before(int(new[0])))
    for row in new[:5].tolist():
        host = frame.text("DeviceName")[row]
        yield frame.counted(f"of them to {host}", *mine, equals("DeviceName", host), frame.before(int(new[0])))
