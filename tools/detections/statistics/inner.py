"""Logons inside the network whose source does not fit the account."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addresses import is_private
from .borrowed import of_the_directory
from .coded import Mask, runs, together
from .frame import Frame, Sighting, equals, widest

__all__ = ["logons_do_not_fit_their_source"]

WINDOW_SECONDS, DESK_SECONDS = 10 * 60, 30 * 60
REFUSED_HOSTS, DESKS, ONWARDS, LOCAL_NAMES = 4, 3, 2, 5
TICKETS_OF_PAST = 5
"""Logons by ticket from one address that make it the machine's own."""
RESTRICTIONS = ("disabled", "locked", "expired", "restriction", "hours", "notgranted")

RELAYED = Sighting(
    id="stat-machine-account-relayed",
    title="Machine account used from another machine",
    techniques=("T1557.001",),
    tactics=("credential-access",),
    false_positives=("Clusters and aliases, whose account has another name than their nodes",),
)
REFUSED = Sighting(
    id="stat-closed-account-tried",
    title="Closed account tried on several hosts",
    techniques=("T1078",),
    tactics=("initial-access",),
    false_positives=("A job that runs on with an account that was closed",),
)
DESKS_OF_ONE = Sighting(
    id="stat-desktop-from-several-sources",
    title="One account opens the desktop of a host from several machines",
    techniques=("T1021.001",),
    tactics=("lateral-movement",),
    false_positives=("An account that several administrators share",),
)
OPENED_ONWARDS = Sighting(
    id="stat-desktops-opened-onwards",
    title="Desktops of several machines opened onwards as their administrator",
    techniques=("T1021.001",),
    tactics=("lateral-movement",),
    false_positives=("A host that administrators are meant to go through",),
)
AT_THE_SCREEN = Sighting(
    id="stat-local-names-tried",
    title="Several names tried at one host itself",
    techniques=("T1110",),
    tactics=("credential-access",),
    false_positives=("A class room or counter where many sign in",),
)


def logons_do_not_fit_their_source(evidence: Evidence) -> Iterator[Detection]:
    """Report six misfits of account and source, each of them medium.

    A machine's account that signs in by NTLM from a machine of another name, or from another address than the one from
    which all its tickets come; a closed account refused by four hosts
    within ten minutes from one address; one account that opens the desktop of a host from three private addresses
    within half an hour; the built-in administrator taken along from a desktop opened from afar to those of two others
    within ten minutes; five names refused at one host without an address within ten minutes.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType"))
    if frame is not None:
        yield from _relayed(frame)
        yield from _away_from_home(frame)
        yield from _spread(frame, REFUSED, ("AccountName", "RemoteIP"), "DeviceName", REFUSED_HOSTS, _closed(frame))
        yield from _spread(frame, DESKS_OF_ONE, ("AccountName", "DeviceName"), "RemoteIP", DESKS, _desktops(frame))
        onwards = _onwards(frame)
        yield from _spread(frame, OPENED_ONWARDS, ("DeviceName",), "RemoteDeviceName", ONWARDS, onwards)
        yield from _spread(frame, AT_THE_SCREEN, ("DeviceName",), "AccountName", LOCAL_NAMES, _at_the_screen(frame))


def _relayed(frame: Frame) -> Iterator[Detection]:
    accounts, names = frame.lower("AccountName"), frame.lower("RemoteDeviceName")
    among = _done(frame, "logonsuccess") & frame.coded("Protocol").lowered.rows_where(lambda text: "ntlm" in text)
    among &= frame.coded("AccountName").lowered.rows_where(lambda name: name.endswith("$") and len(name) > 1)
    among &= frame.coded("RemoteDeviceName").lowered.rows_where(lambda name: len(name) > 1)
    for rows in runs(frame.coded("AccountName").lowered.codes, np.flatnonzero(among), frame.seconds):
        other = [i for i in rows.tolist() if names[i].partition(".")[0] != accounts[i].rstrip("$")[:15]]
        other = [i for i in other if not of_the_directory(accounts[i], frame.text("DeviceName")[i])]
        if other:
            account, source = frame.text("AccountName")[other[0]], frame.text("RemoteDeviceName")[other[0]]
            statement = f"{account} signed in by NTLM from {source}, a machine of another name"
            entities = [Entity(kind="account", value=account), Entity(kind="host", value=source)]
            claims = [frame.shared(f"all logons are of {account}", other, "AccountName", account)]
            yield RELAYED.detection(frame, "medium", statement, other, entities=entities, claims=claims)


def _away_from_home(frame: Frame) -> Iterator[Detection]:
    """Look for machines that use NTLM from elsewhere under their own name, as a relay passes it on."""
    accounts, addresses = frame.coded("AccountName").lowered, frame.coded("RemoteIP").lowered
    protocols = frame.coded("Protocol").lowered
    machine = _done(frame, "logonsuccess") & accounts.rows_where(lambda name: name.endswith("$") and len(name) > 1)
    machine &= addresses.rows_where(lambda address: is_private(address) and ":" not in address)
    ticket, ntlm = protocols.rows_where("kerberos".__eq__), protocols.rows_where(lambda text: "ntlm" in text)
    for rows in runs(accounts.codes, np.flatnonzero(machine), frame.seconds, TICKETS_OF_PAST + 1):
        homes = addresses.codes[rows[ticket[rows]]]
        strange = rows[ntlm[rows] & ~np.isin(addresses.codes[rows], homes)]
        if len(homes) >= TICKETS_OF_PAST and len(np.unique(homes)) == 1 and len(strange):
            first = int(strange[0])
            account, source = frame.text("AccountName")[first], addresses.by_row[first]
            statement = (
                f"{account} signed in by NTLM from {source}; all its {len(homes)} logons by ticket come from "
                f"{addresses.values[int(homes[0])]}"
            )
            claims = [frame.shared(f"all logons are of {account}", strange.tolist(), "AccountName", account)]
            entities = [Entity(kind="account", value=account), Entity(kind="ip", value=source)]
            yield RELAYED.detection(frame, "medium", statement, strange.tolist(), entities=entities, claims=claims)


def _spread(
    frame: Frame, what: Sighting, of: tuple[str, ...], over: str, at_least: int, among: Mask
) -> Iterator[Detection]:
    """Look for many values of one column with the same of others."""
    values = frame.lower(over)
    seconds = DESK_SECONDS if what is DESKS_OF_ONE else WINDOW_SECONDS
    key = together([frame.coded(column).lowered for column in of])
    for rows in runs(key, np.flatnonzero(among & frame.timed), frame.seconds, at_least):
        own = rows.tolist()
        start, end = widest(frame.at(own), [values[i] for i in own], seconds)
        inside = own[start:end]
        if len({values[i] for i in inside}) >= at_least:
            owner = frame.text(of[0])[inside[0]]
            cited = list({values[i]: i for i in inside}.values())
            statement = (
                f"{owner}: {len(cited)} different {over} between {frame.moment(inside[0])} and "
                f"{frame.moment(inside[-1])}"
            )
            entities = [Entity(kind="account" if of[0] == "AccountName" else "host", value=owner)]
            claims = [
                frame.shared(f"all of {owner}", cited, of[0], owner),
                frame.counted(f"logons of {owner}", equals(of[0], owner)),
            ]
            yield what.detection(frame, "medium", statement, cited, entities=entities, claims=claims)


def _done(frame: Frame, action: str) -> Mask:
    return frame.coded("ActionType").lowered.rows_where(action.__eq__) & frame.timed


def _closed(frame: Frame) -> Mask:
    reasons = frame.coded("FailureReason").lowered
    closed = reasons.rows_where(lambda reason: any(word in reason.replace(" ", "") for word in RESTRICTIONS))
    return _done(frame, "logonfailed") & closed & frame.coded("RemoteIP").lowered.rows_where(is_private)


def _desktops(frame: Frame) -> Mask:
    kinds = frame.coded("LogonType").lowered.rows_where("remoteinteractive".__eq__)
    return _done(frame, "logonsuccess") & kinds & frame.coded("RemoteIP").lowered.rows_where(is_private)


def _onwards(frame: Frame) -> Mask:
    hosts = frame.coded("DeviceName").lowered
    kinds = frame.coded("LogonType").lowered.rows_where("remoteinteractive".__eq__)
    entered = {hosts.by_row[i] for i in np.flatnonzero(_done(frame, "logonsuccess") & kinds).tolist()}
    built_in = frame.coded("AccountName").lowered.rows_where(("administrator", "administrateur").__contains__)
    client = frame.coded("InitiatingProcessFileName").lowered.rows_where("mstsc.exe".__eq__)
    other = frame.coded("InitiatingProcessAccountName").lowered.rows_where(lambda name: name != "administrator")
    named = frame.coded("RemoteDeviceName").lowered.rows_where(lambda name: len(name) > 1)
    opened = hosts.rows_where(entered.__contains__) & built_in & client & other & named
    return _done(frame, "logonattempted") & opened


def _at_the_screen(frame: Frame) -> Mask:
    kinds = frame.coded("LogonType").lowered.rows_where("interactive".__eq__)
    nowhere = frame.coded("RemoteIP").lowered.rows_where(lambda address: address in ("", "-", "127.0.0.1", "::1"))
    return _done(frame, "logonfailed") & kinds & nowhere
