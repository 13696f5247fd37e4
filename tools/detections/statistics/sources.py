"""Where logons come from: a source new to an administrator, one that bears many accounts, one refused on many hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address
from .coded import Coded, Indexes, Mask, runs
from .flowing import first_of
from .frame import Frame, Sighting, equals, widest

__all__ = [
    "hosts_refuse_one_source",
    "logon_sources",
    "one_source_bears_many_accounts",
    "persons",
    "privileged_logons_come_from_elsewhere",
]

TABLE = "DeviceLogonEvents"
LOGONS_OF_PAST, DAYS_OF_PAST, SOURCES_OF_PAST = 5, 4, 2
HOURS_AWAY = 4
ACCOUNTS_TO_REPORT = 8
HOSTS_TO_REPORT = 8
WINDOW_SECONDS = 60 * 60
DAY = 86_400
MACHINES = frozenset({"system", "anonymous logon", "local service", "network service", "-", ""})
REMOTE = frozenset({"remoteinteractive", "remote interactive (rdp)"})

ELSEWHERE = Sighting(
    id="stat-privileged-logon-elsewhere",
    title="Administrator comes from a source and at an hour new to it",
    techniques=("T1021.001", "T1078"),
    tactics=("lateral-movement",),
    false_positives=("A new workstation of the administrator, first used on call",),
)
BEARING = Sighting(
    id="stat-source-of-many-accounts",
    title="One source logs on with many accounts",
    techniques=("T1078", "T1550.002"),
    tactics=("lateral-movement", "credential-access"),
    false_positives=("Terminal servers, proxies and gateways, which do so every day",),
)
REFUSED = Sighting(
    id="stat-source-refused-on-hosts",
    title="One source refused on many hosts",
    techniques=("T1110",),
    tactics=("credential-access", "lateral-movement"),
    false_positives=("A tool whose password was changed, which is refused every day",),
)


def privileged_logons_come_from_elsewhere(evidence: Evidence) -> Iterator[Detection]:
    """Report an administrator's remote desktop from a source, and at an hour, that its own past does not know.

    The past is the account's own: five such logons on four days from at most two sources. The hour must be four or
    more away from all of them, so that a new station used at work is left alone.
    """
    frame = Frame.of(evidence, TABLE, ("AccountName", "ActionType", "LogonType"))
    if frame is None:
        return
    accounts, origins = frame.coded("AccountName").lowered, logon_sources(frame)
    among = _done(frame) & frame.coded("LogonType").lowered.rows_where(REMOTE.__contains__)
    among &= persons(accounts) & origins.rows_where(bool)
    privileged = frame.coded("IsLocalAdmin").lowered.rows_where(("true", "1").__contains__)
    for rows in runs(accounts.codes, np.flatnonzero(among), frame.seconds, LOGONS_OF_PAST + 1):
        for place in range(LOGONS_OF_PAST, len(rows)):
            row, past = int(rows[place]), rows[:place]
            known = np.unique(origins.codes[past])
            ripe = len(np.unique(frame.seconds[past] // DAY)) >= DAYS_OF_PAST and len(known) <= SOURCES_OF_PAST
            if ripe and privileged[row] and origins.codes[row] not in known and _away(frame, past, row) >= HOURS_AWAY:
                yield _elsewhere(frame, row, past, origins)
                break


def one_source_bears_many_accounts(evidence: Evidence) -> Iterator[Detection]:
    """Report a source that logs on over the network with eight accounts of persons within an hour.

    Only by NTLM, as with passwords or hashes that were taken; a source that bears half as many in another hour is one
    through which people work.
    """
    frame = Frame.of(evidence, TABLE, ("AccountName", "ActionType", "Protocol"))
    if frame is None:
        return
    accounts, origins = frame.coded("AccountName").lowered, logon_sources(frame)
    among = _done(frame) & frame.coded("Protocol").lowered.rows_where("ntlm".__eq__)
    among &= persons(accounts) & origins.rows_where(bool)
    for rows in runs(origins.codes, np.flatnonzero(among), frame.seconds, ACCOUNTS_TO_REPORT):
        inside = _busiest(frame, rows, accounts, ACCOUNTS_TO_REPORT)
        if len(inside) and not _usual(frame, rows, inside, accounts):
            yield _many(frame, inside, BEARING, "logged on with", "accounts", accounts, origins)


def hosts_refuse_one_source(evidence: Evidence) -> Iterator[Detection]:
    """Report a source that eight hosts refuse within an hour, unless it is refused by half as many in another."""
    frame = Frame.of(evidence, TABLE, ("AccountName", "ActionType", "DeviceName"))
    if frame is None:
        return
    hosts, origins = frame.coded("DeviceName").lowered, logon_sources(frame)
    among = frame.coded("ActionType").lowered.rows_where("logonfailed".__eq__) & frame.timed
    among &= persons(frame.coded("AccountName").lowered) & hosts.rows_where(bool) & origins.rows_where(bool)
    for rows in runs(origins.codes, np.flatnonzero(among), frame.seconds, HOSTS_TO_REPORT):
        inside = _busiest(frame, rows, hosts, HOSTS_TO_REPORT)
        if len(inside) and not _usual(frame, rows, inside, hosts):
            yield _many(frame, inside, REFUSED, "was refused by", "hosts", hosts, origins)


def logon_sources(frame: Frame) -> Coded:
    """Return where a logon comes from: its address, else the name of the other machine."""
    local = ("127.0.0.1", "::1", "-", "localhost")
    columns = [
        frame.coded(name).lowered.mapped(lambda v: "" if v in local else v) for name in ("RemoteIP", "RemoteDeviceName")
    ]
    return first_of(columns)


def _done(frame: Frame) -> Mask:
    done: Mask = frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & frame.timed
    return done


def persons(accounts: Coded) -> Mask:
    """Return the rows of accounts that are neither of machines nor of the system."""
    return accounts.rows_where(lambda name: name not in MACHINES and not name.endswith("$"))


def _busiest(frame: Frame, rows: Indexes, values: Coded, at_least: int) -> Indexes:
    """Return the rows of the hour with the most distinct values, none where these are too few."""
    if len(np.unique(values.codes[rows])) < at_least:
        return rows[:0]
    start, end = widest(
        frame.seconds[rows].tolist(), [str(code) for code in values.codes[rows].tolist()], WINDOW_SECONDS
    )
    inside = rows[start:end]
    return inside if len(np.unique(values.codes[inside])) >= at_least else rows[:0]


def _usual(frame: Frame, rows: Indexes, inside: Indexes, values: Coded) -> bool:
    """Tell whether half as many values come together in another hour, half a day away or more."""
    apart = rows[np.abs(frame.seconds[rows] - frame.seconds[inside[0]]) > DAY / 2]
    return len(_busiest(frame, apart, values, (len(np.unique(values.codes[inside])) + 1) // 2)) > 0


def _away(frame: Frame, past: Indexes, row: int) -> int:
    known = (frame.seconds[past] // 3600 % 24).astype(np.int64)
    apart = np.abs(known - int(frame.seconds[row] // 3600 % 24))
    return int(np.minimum(apart, 24 - apart).min())


def _elsewhere(frame: Frame, row: int, past: Indexes, origins: Coded) -> Detection:
    account, host, source = frame.text("AccountName")[row], frame.text("DeviceName")[row], origins.by_row[row]
    statement = (
        f"{account} came to {host} at {frame.moment(row)} from {source}; its {len(past)} earlier remote desktops since "
        f"{frame.moment(int(past[0]))} came from {len(np.unique(origins.codes[past]))} other source(s), at other hours"
    )
    entities = [Entity(kind="account", value=account), Entity(kind="host", value=host), _source(source)]
    claims = [
        frame.counted(f"earlier rows of {account}", equals("AccountName", account), frame.before(row)),
        frame.ordered("the logon comes after the baseline", int(past[-1]), row),
    ]
    return ELSEWHERE.detection(frame, "medium", statement, [row], entities=entities, claims=claims)


def _many(
    frame: Frame, rows: Indexes, sighting: Sighting, did: str, what: str, values: Coded, origins: Coded
) -> Detection:
    source, count = origins.by_row[int(rows[0])], len(np.unique(values.codes[rows]))
    statement = f"{source} {did} {count} {what} between {frame.moment(int(rows[0]))} and {frame.moment(int(rows[-1]))}"
    firsts = rows[np.sort(np.unique(values.codes[rows], return_index=True)[1])].tolist()
    column: Literal["RemoteIP", "RemoteDeviceName"] = "RemoteIP" if is_address(source) else "RemoteDeviceName"
    claims = [frame.shared(f"all come from {source}", firsts, column, frame.text(column)[firsts[0]])]
    kind: Literal["account", "host"] = "account" if what == "accounts" else "host"
    entities = [_source(source), *(Entity(kind=kind, value=values.by_row[i]) for i in firsts[:5])]
    return sighting.detection(frame, "medium", statement, firsts, entities=entities, claims=claims)


def _source(source: str) -> Entity:
    return Entity(kind="ip" if is_address(source) else "host", value=source)
