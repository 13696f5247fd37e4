"""Accounts of machines in strange hands: used against the machine itself, to copy the directory, or passed on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.state.names import computer_name
from soc_analyst.tools.evidence import Evidence

from .addresses import is_private
from .coded import Mask, runs
from .frame import Frame, Sighting, equals

__all__ = [
    "accounts_are_named_like_servers",
    "directories_copy_from_workstations",
    "machine_accounts_are_borrowed",
    "of_the_directory",
]

WINDOW_SECONDS, EMPTY_LOGONS, MOST_NAMES, ENDPOINT_MAPPER = 10 * 60, 3, 3, 135
ACCOUNTS_OF_A_SERVER = 5
CONTROLLER = re.compile(r"(^|[^a-z])([rapb]|ad)?dc([^a-z]|$)|dc-?\d{1,3}$")
EMPTY = frozenset({"anonymous logon", "anonymous"})

AGAINST_ITSELF = Sighting(
    id="stat-machine-account-against-itself",
    title="Account of a machine used on the machine itself from another",
    techniques=("T1078.002",),
    tactics=("privilege-escalation", "lateral-movement"),
    false_positives=("A machine that was given another name a moment ago",),
)
EMPTIED = Sighting(
    id="stat-secure-channel-emptied",
    title="Logons of nobody, then the machine's own account from the same address",
    techniques=("T1210", "T1068"),
    tactics=("lateral-movement", "privilege-escalation"),
    false_positives=("Agreed tests by the security team",),
)
COPIED = Sighting(
    id="stat-controller-account-from-elsewhere",
    title="Account of one domain controller used on another from a machine that is neither",
    techniques=("T1003.006", "T1078.002"),
    tactics=("credential-access",),
    false_positives=("Controllers known by an alias",),
)
FEIGNED = Sighting(
    id="stat-directory-copied-from-a-workstation",
    title="Domain controller fetches from a machine that is none",
    techniques=("T1207",),
    tactics=("stealth", "defense-impairment"),
    false_positives=("A controller whose name does not tell that it is one",),
)
UNSIGNED = Sighting(
    id="stat-name-of-a-server-without-its-sign",
    title="Account named like a server, without the sign of a machine",
    techniques=("T1068", "T1078.002"),
    tactics=("privilege-escalation",),
    false_positives=("A person's or service's account that was named after its server",),
)
PASSED_ON = Sighting(
    id="stat-machine-account-passed-on",
    title="Machine's account and another machine's name come from one address",
    techniques=("T1557.001", "T1187"),
    tactics=("credential-access",),
    false_positives=("Machines behind one translated address",),
)


def machine_accounts_are_borrowed(evidence: Evidence) -> Iterator[Detection]:
    """Report accounts of machines that come by NTLM from where the machine is not.

    The account of the very machine that is reached, by another machine's name: medium; high where three logons of
    nobody from that address went before within ten minutes. The account of a domain controller on another one, from a
    machine of another name: high. A machine's account and a person under another machine's name from one private
    address within ten minutes, where no more than three names come from: medium.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType", "Protocol"))
    if frame is None:
        return
    ntlm = frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & frame.timed
    ntlm &= frame.coded("Protocol").lowered.rows_where(lambda text: "ntlm" in text)
    accounts = frame.coded("AccountName").lowered
    machines = ntlm & accounts.rows_where(lambda name: name.endswith("$") and len(name) > 1)
    for rows in runs(accounts.codes, np.flatnonzero(machines), frame.seconds):
        yield from _against_itself(frame, rows.tolist(), accounts.rows_where(EMPTY.__contains__) & frame.timed)
        yield from _on_a_controller(frame, rows.tolist())
    yield from _passed_on(frame, ntlm, machines)


def accounts_are_named_like_servers(evidence: Evidence) -> Iterator[Detection]:
    """Report a network logon to a server by an account that bears the server's, or a controller's, name without its $.

    A server is a host that five accounts reach over the network. A machine account renamed to a controller gets
    tickets in its name.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType", "LogonType"))
    if frame is None:
        return
    came = frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & frame.timed
    came &= frame.coded("LogonType").lowered.rows_where("network".__eq__)
    hosts, accounts = frame.coded("DeviceName").lowered, frame.coded("AccountName").lowered
    visits: dict[str, set[int]] = {}
    for row in np.flatnonzero(came).tolist():
        visits.setdefault(computer_name(hosts.by_row[row]), set()).add(int(accounts.codes[row]))
    servers = {name for name, who in visits.items() if name and len(who) >= ACCOUNTS_OF_A_SERVER}
    named = came & accounts.rows_where(lambda name: bool(name) and name[-1] != "$" and name in servers)
    for rows in runs(accounts.codes, np.flatnonzero(named), frame.seconds):
        row = int(rows[0])
        account, host = frame.text("AccountName")[row], frame.text("DeviceName")[row]
        statement = f"{account}, named like a server but without the $ of a machine, signed in to {host}"
        entities = [Entity(kind="account", value=account), Entity(kind="host", value=host)]
        claims = [frame.counted(f"logons of {account}", equals("AccountName", account))]
        yield UNSIGNED.detection(frame, "medium", statement, rows.tolist(), entities=entities, claims=claims)


def directories_copy_from_workstations(evidence: Evidence) -> Iterator[Detection]:
    """Report a domain controller whose security authority calls the address of a machine that is no controller: medium.

    It asks there where the services are (port 135), soon after the account of that machine signed in from that address.
    Only controllers copy from each other so; a machine that poses as one has changes fetched from it.
    """
    logons = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType", "RemoteIP"))
    needed = ("DeviceName", "RemoteIP", "RemotePort", "InitiatingProcessFileName")
    calls = Frame.of(evidence, "DeviceNetworkEvents", needed)
    if logons is None or calls is None:
        return
    asked = calls.coded("InitiatingProcessFileName").lowered.rows_where("lsass.exe".__eq__) & calls.timed
    asked &= calls.amounts("RemotePort") == ENDPOINT_MAPPER
    asked &= calls.coded("ActionType").lowered.rows_where("connectionsuccess".__eq__)
    asked &= calls.coded("DeviceName").rows_where(lambda name: bool(CONTROLLER.search(computer_name(name))))
    asked &= calls.coded("RemoteIP").lowered.rows_where(is_private)
    came = _of_other_machines(logons) if asked.any() else {}
    for call in calls.in_order(np.flatnonzero(asked)):
        place = (computer_name(calls.text("DeviceName")[call]), calls.lower("RemoteIP")[call])
        near = [i for i in came.get(place, ()) if abs(calls.seconds[call] - logons.seconds[i]) <= WINDOW_SECONDS]
        if near:
            del came[place]
            yield _feigned(calls, call, logons.text("AccountName")[near[0]])


def _of_other_machines(logons: Frame) -> dict[tuple[str, str], list[int]]:
    """Return the logons of machines that are no controllers, by the host reached and the address."""
    came = logons.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & logons.timed
    accounts = logons.coded("AccountName")
    came &= accounts.rows_where(lambda name: name.endswith("$") and not CONTROLLER.search(computer_name(name)))
    places: dict[tuple[str, str], list[int]] = {}
    for row in logons.in_order(np.flatnonzero(came)):
        places.setdefault((computer_name(logons.text("DeviceName")[row]), logons.lower("RemoteIP")[row]), []).append(
            row
        )
    return places


def _feigned(calls: Frame, call: int, account: str) -> Detection:
    host, address, when = calls.text("DeviceName")[call], calls.text("RemoteIP")[call], calls.moment(call)
    statement = f"{host} called {address}, where {account} came from, at {when} as controllers call each other"
    claims = [calls.shared(f"all of {host}", [call], "DeviceName", host)]
    entities = [Entity(kind="host", value=host), Entity(kind="account", value=account)]
    return FEIGNED.detection(calls, "medium", statement, [call], entities=entities, claims=claims)


def of_the_directory(account: str, host: str) -> bool:
    """Tell whether a machine's account is that of the machine reached, or both are controllers."""
    own, there = computer_name(account), computer_name(host)
    return own == there or bool(CONTROLLER.search(own) and CONTROLLER.search(there))


def _elsewhere(frame: Frame, row: int) -> bool:
    """Tell whether another machine's name came along."""
    name = frame.text("RemoteDeviceName")[row]
    return len(name) > 1 and computer_name(name) != computer_name(frame.text("AccountName")[row])


def _against_itself(frame: Frame, rows: Sequence[int], nobody: Mask) -> Iterator[Detection]:
    hosts, addresses = frame.text("DeviceName"), frame.lower("RemoteIP")
    own = [
        i
        for i in rows
        if computer_name(hosts[i]) == computer_name(frame.text("AccountName")[i]) and is_private(addresses[i])
    ]
    for row in own[:1]:
        age = frame.seconds[row] - frame.seconds
        near = nobody & (age >= 0) & (age <= WINDOW_SECONDS)
        before = [i for i in frame.in_order(np.flatnonzero(near)) if addresses[i] == addresses[row]]
        if len(before) >= EMPTY_LOGONS:
            yield _told(frame, EMPTIED, [row, *before[::-1]], f"after {len(before)} logons of nobody from there")
        elif _elsewhere(frame, row):
            yield _told(frame, AGAINST_ITSELF, [row], f"as {frame.text('RemoteDeviceName')[row]}")


def _on_a_controller(frame: Frame, rows: Sequence[int]) -> Iterator[Detection]:
    hosts, accounts = frame.text("DeviceName"), frame.text("AccountName")
    other = [i for i in rows if _elsewhere(frame, i) and computer_name(hosts[i]) != computer_name(accounts[i])]
    other = [i for i in other if of_the_directory(accounts[i], hosts[i])]
    strange = [i for i in other if not CONTROLLER.search(computer_name(frame.text("RemoteDeviceName")[i]))]
    if strange:
        yield _told(frame, COPIED, strange, f"as {frame.text('RemoteDeviceName')[strange[0]]}")


def _passed_on(frame: Frame, ntlm: Mask, machines: Mask) -> Iterator[Detection]:
    addresses, names = frame.coded("RemoteIP").lowered, frame.text("RemoteDeviceName")
    among = ntlm & addresses.rows_where(is_private)
    among &= frame.coded("RemoteDeviceName").rows_where(lambda name: len(name) > 1)
    for rows in runs(addresses.codes, np.flatnonzero(among), frame.seconds, 2):
        own = [i for i in rows.tolist() if machines[i] and not _elsewhere(frame, i)]
        if not own or len({computer_name(names[i]) for i in rows.tolist()}) > MOST_NAMES:
            continue
        row = own[0]
        others = [
            i for i in rows.tolist() if not machines[i] and computer_name(names[i]) != computer_name(names[row])
            and abs(frame.seconds[i] - frame.seconds[row]) <= WINDOW_SECONDS
        ]  # fmt: skip
        if others:
            yield _told(frame, PASSED_ON, [row, *others], f"where {names[others[0]]} came from as well")


def _told(frame: Frame, what: Sighting, rows: list[int], how: str) -> Detection:
    row = rows[0]
    account, host, address = (frame.text(name)[row] for name in ("AccountName", "DeviceName", "RemoteIP"))
    statement = f"{account} signed in to {host} by NTLM from {address} at {frame.moment(row)}, {how}"
    entities = [Entity(kind="account", value=account), Entity(kind="host", value=host)]
    entities += [Entity(kind="ip", value=address)] if address else []
    claims = [frame.counted(f"logons of {account}", equals("AccountName", account))]
    level: Level = "high" if what in (EMPTIED, COPIED) else "medium"
    return what.detection(frame, level, statement, rows, entities=entities, claims=claims)
