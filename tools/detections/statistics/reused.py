"""One local account on several machines: only a shared password, or its hash, opens them all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.state.names import computer_name
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address
from .coded import Indexes, Mask, joined, runs, together
from .frame import Frame, Sighting, equals, widest
from .sources import logon_sources, persons

__all__ = ["SERVICE", "local_accounts_open_several_hosts", "of_local_accounts"]

HOSTS_FOR_MEDIUM, HOSTS_FOR_HIGH, HOSTS_TRIED, HOSTS_OF_ANYBODY = 3, 5, 5, 8
WINDOW_SECONDS, APART_SECONDS, DAY = 60 * 60, 12 * 60 * 60, 86_400
DAYS_OF_HABIT = 2
"""Other days with half as many hosts from which on it is the routine of that source."""
UNSAID = frozenset({"", "-", ".", "workgroup"})
BUILT_IN = frozenset({
    "administrator", "administrateur", "administrador", "amministratore", "järjestelmänvalvoja", "rendszergazda",
})  # fmt: skip
GUESTS = frozenset({"guest", "gast", "invité", "invitado", "ospite", "defaultaccount", "wdagutilityaccount"})
SERVICE = re.compile(r"svc|service|scan|backup|deploy|ansible|agent|monitor|_sa$|^sa[-_]")

REUSED = Sighting(
    id="stat-local-account-on-hosts",
    title="One local account opens several machines from one source",
    techniques=("T1550.002", "T1078.003"),
    tactics=("lateral-movement",),
    false_positives=("An administrator of machines without a domain, which share a local password",),
)


def local_accounts_open_several_hosts(evidence: Evidence) -> Iterator[Detection]:
    """Report a local account that one source uses by NTLM on three hosts within an hour: medium, high from five.

    Local is an account of the very machine that is reached, or its built-in administrator where no domain is told. One
    host that lets it in among five that were tried is enough for medium; refusals alone are a scanner's. Low where it
    has no rights of an administrator on any of fewer than eight. The baseline is the same account from the same source:
    half as many hosts within an hour on one other day make it medium at most, on two it is a routine and not told.
    Accounts named as of a service are left to the count of any account.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType"))
    if frame is None:
        return
    actions, origins = frame.coded("ActionType").lowered, logon_sources(frame)
    opened = actions.rows_where("logonsuccess".__eq__)
    among = of_local_accounts(frame) & (opened | actions.rows_where("logonfailed".__eq__))
    key = together([frame.coded("AccountName").lowered, origins])
    for rows in runs(key, np.flatnonzero(among), frame.seconds, HOSTS_FOR_MEDIUM):
        inside = _let_in(frame, rows, opened)
        if len(inside) and (days := _other_days(frame, rows, inside, opened)) < DAYS_OF_HABIT:
            yield _seen(frame, inside, opened, days, origins.by_row[int(inside[0])])


def of_local_accounts(frame: Frame) -> Mask:
    """Return the network logons by NTLM, of known source, of accounts that only the machine reached knows.

    Guests and accounts named as of a service are left out.
    """
    names = frame.coded("AccountName").lowered
    kept: Mask = frame.coded("LogonType").lowered.rows_where("network".__eq__)
    kept &= frame.coded("Protocol").lowered.rows_where(lambda text: "ntlm" in text)
    kept &= logon_sources(frame).rows_where(bool) & frame.timed
    kept &= persons(names) & names.rows_where(lambda name: name not in GUESTS and not SERVICE.search(name))
    if not kept.any():
        return kept
    domains = frame.coded("AccountDomain").lowered
    own: Mask = joined(frame.coded("DeviceName").lowered, domains).rows_where(_of_the_machine)
    built_in = names.rows_where(BUILT_IN.__contains__)
    built_in |= frame.coded("AccountSid").lowered.rows_where(lambda sid: sid.endswith("-500"))
    local: Mask = kept & (own | (built_in & domains.rows_where(UNSAID.__contains__)))
    return local


def _of_the_machine(names: str) -> bool:
    host, _, domain = names.partition("\0")
    return bool(domain) and computer_name(host) == computer_name(domain)


def _let_in(frame: Frame, rows: Indexes, opened: Mask) -> Indexes:
    """Return the rows of the hour with the most hosts opened, or most tried with one of them opened; else none."""
    inside = _busiest(frame, rows[opened[rows]])
    if _hosts(frame, inside) >= HOSTS_FOR_MEDIUM:
        return inside
    tried = _busiest(frame, rows)
    return tried if opened[tried].any() and _hosts(frame, tried) >= HOSTS_TRIED else rows[:0]


def _busiest(frame: Frame, rows: Indexes) -> Indexes:
    """Return the rows of the hour with the most hosts, to its end though no more hosts come."""
    hosts = frame.lower("DeviceName")
    start, _ = widest(frame.seconds[rows].tolist(), [hosts[i] for i in rows.tolist()], WINDOW_SECONDS)
    times = frame.seconds[rows[start:]]
    return rows[start:][times <= times[:1] + WINDOW_SECONDS]


def _hosts(frame: Frame, rows: Indexes) -> int:
    return len(np.unique(frame.coded("DeviceName").lowered.codes[rows]))


def _other_days(frame: Frame, rows: Indexes, inside: Indexes, opened: Mask) -> int:
    """Return on how many other days half as many hosts were opened, or tried where that was told, within an hour."""
    hosts = _hosts(frame, inside[opened[inside]])
    if hosts >= HOSTS_FOR_MEDIUM:
        rows = rows[opened[rows]]
    else:
        hosts = _hosts(frame, inside)
    apart = rows[np.abs(frame.seconds[rows] - frame.seconds[inside[0]]) > APART_SECONDS]
    days = (frame.seconds[apart] - frame.seconds[inside[0]] + APART_SECONDS) // DAY
    return sum(_hosts(frame, _busiest(frame, apart[days == day])) >= (hosts + 1) // 2 for day in np.unique(days))


def _seen(frame: Frame, rows: Indexes, opened: Mask, days: int, source: str) -> Detection:
    first, entered = int(rows[0]), rows[opened[rows]]
    account, names = frame.text("AccountName")[first], frame.text("DeviceName")
    count, tried = _hosts(frame, entered), _hosts(frame, rows)
    of_tried = f" of {tried}" if tried > count else ""
    statement = (
        f"the local account {account} opened {count}{of_tried} hosts by NTLM from {source} "
        f"between {frame.moment(first)} and {frame.moment(int(rows[-1]))}"
    ) + ("; it did the like on another day" if days else "; on no other day of the evidence did it the like")
    cited = list({names[i].lower(): i for i in [*rows[::-1].tolist(), *entered[::-1].tolist()]}.values())
    cited.sort(key=lambda i: (not opened[i], frame.seconds[i]))
    column: Literal["RemoteIP", "RemoteDeviceName"] = "RemoteIP" if is_address(source) else "RemoteDeviceName"
    origin = frame.text(column)[first]
    mine = (equals("AccountName", account), equals(column, origin), equals("ActionType", "LogonSuccess"))
    claims = [
        frame.shared(f"all logons are of {account}", cited, "AccountName", account),
        frame.shared(f"all come from {source}", cited, column, origin),
        frame.counted(f"logons of {account} from there that succeeded", *mine),
        frame.counted("of them earlier, which are the baseline,", *mine, frame.before(first)),
    ]
    entities = [
        Entity(kind="account", value=account),
        Entity(kind="ip" if is_address(source) else "host", value=source),
    ]
    entities += [Entity(kind="host", value=names[i]) for i in cited[:5]]
    level = _level(frame, entered, count, days)
    return REUSED.detection(frame, level, statement, cited, entities=entities, claims=claims)


def _level(frame: Frame, entered: Indexes, count: int, days: int) -> Level:
    local = frame.lower("IsLocalAdmin")
    if count < HOSTS_OF_ANYBODY and all(local[i] in ("false", "0") for i in entered.tolist()):
        return "low"
    return "high" if count >= HOSTS_FOR_HIGH and not days else "medium"
