"""Who came to a machine from another one: by its logons, or by connections that it accepted on ports of management."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim
from soc_analyst.state.names import told_computer
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_private
from .coded import Indexes, Mask, joined, together
from .following import Moments, machines
from .frame import Frame, equals
from .sources import persons

__all__ = ["Arrival", "Arrivals"]

HOSTS_OF_MANAGEMENT, DAYS_OF_HABIT = 8, 3
REMOTE = frozenset({"network", "networkcleartext", "remoteinteractive", "remote interactive (rdp)"})
SITTING = frozenset({"interactive", "remoteinteractive", "remote interactive (rdp)", "cachedinteractive", "unlock"})
PORTS, DYNAMIC = frozenset({135, 445, 5985, 5986}), 49152
ACCEPTORS = frozenset({"services.exe", "svchost.exe", "system", "ntoskrnl.exe", "lsass.exe", ""})
SITTING_SECONDS = 12 * 60 * 60


@dataclass(frozen=True)
class Arrival:
    """A row by which somebody came to a machine."""

    frame: Frame
    row: int

    @property
    def account(self) -> str:
        """The account as the log writes it, empty for a connection."""
        return self.frame.text("AccountName")[self.row] if self.of_logon else ""

    @property
    def of_logon(self) -> bool:
        """Whether it is a logon, which names an account."""
        return self.frame.rows.table == "DeviceLogonEvents"

    @property
    def source(self) -> str:
        """The machine it comes from, by address or else by name."""
        named = self.frame.text("RemoteDeviceName")[self.row] if self.of_logon else ""
        return self.frame.text("RemoteIP")[self.row] or named

    @property
    def said(self) -> str:
        """What happened, for a statement."""
        host, moment = self.frame.text("DeviceName")[self.row], self.frame.moment(self.row)
        who = f"{self.account} came to {host}" if self.of_logon else f"port {self._port} of {host} was reached"
        return f"{who} from {self.source} at {moment}"

    @property
    def _port(self) -> str:
        return self.frame.text("LocalPort")[self.row].removesuffix(".0")

    def entities(self) -> list[Entity]:
        """Return who came, and from where."""
        found = [Entity(kind="account", value=self.account)] if self.account else []
        kind = "ip" if is_address(self.source) else "host"
        return found + ([Entity(kind=kind, value=self.source)] if self.source else [])

    def baseline(self) -> Claim:
        """Claim how often the same came to that machine before."""
        host = equals("DeviceName", self.frame.text("DeviceName")[self.row])
        before = self.frame.before(self.row)
        if self.of_logon:
            who = (equals("AccountName", self.account), equals("ActionType", "LogonSuccess"))
            return self.frame.counted(f"earlier logons of {self.account} there", host, *who, before)
        came = (equals("RemoteIP", self.source), equals("ActionType", "InboundConnectionAccepted"))
        return self.frame.counted(f"earlier connections from {self.source} there", host, *came, before)


class Arrivals:
    """All arrivals of persons from other machines, without those that are a habit or of a machine of management."""

    def __init__(self, evidence: Evidence) -> None:
        self._logons = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType"))
        self._calls = Frame.of(evidence, "DeviceNetworkEvents", ("DeviceName", "RemoteIP", "ActionType", "LocalPort"))
        self._came = Moments(self._logons, _came(self._logons)) if self._logons else None
        self._reached = Moments(self._calls, _reached(self._calls)) if self._calls else None
        self._sat = Moments(self._logons, _sat(self._logons)) if self._logons else None

    def __bool__(self) -> bool:
        return any(each is not None and len(each) for each in (self._came, self._reached))

    def of_account(self, host: str, account: str, time: float, seconds: float) -> Arrival | None:
        """Return the last logon of an account from elsewhere before, none where it sits at that machine itself."""
        name = account.lower()
        if self._sat is not None and self._has(self._sat, host, name, time, SITTING_SECONDS):
            return None
        found = self._has(self._came, host, name, time, seconds) if self._came is not None else []
        return Arrival(*found[-1]) if found else None

    def desktop(self, host: str, account: str, time: float, seconds: float) -> Arrival | None:
        """Return the last remote desktop of an account from elsewhere before."""
        found = self._has(self._came, host, account.lower(), time, seconds) if self._came is not None else []
        opened = [each for each in found if each[0].lower("LogonType")[each[1]].startswith("remote")]
        return Arrival(*opened[-1]) if opened else None

    def of_anybody(self, host: str, time: float, seconds: float) -> Arrival | None:
        """Return the last logon from elsewhere before, else the last connection to a port of management."""
        for moments in (self._came, self._reached):
            rows = moments.between(host, time - seconds, time) if moments is not None else []
            if moments is not None and rows:
                return Arrival(moments.frame, rows[-1])
        return None

    @staticmethod
    def _has(moments: Moments, host: str, name: str, time: float, seconds: float) -> Sequence[tuple[Frame, int]]:
        accounts = moments.frame.lower("AccountName")
        rows = moments.between(host, time - seconds, time)
        return [(moments.frame, row) for row in rows if accounts[row] == name]


def _sat(frame: Frame) -> Mask:
    return _succeeded(frame) & frame.coded("LogonType").lowered.rows_where(SITTING.__contains__)


def _succeeded(frame: Frame) -> Mask:
    return frame.coded("ActionType").lowered.rows_where("logonsuccess".__eq__) & frame.timed


def _came(frame: Frame) -> Mask:
    """Return the logons of persons from another machine, which is not a habit of theirs."""
    kept = _succeeded(frame) & frame.coded("LogonType").lowered.rows_where(REMOTE.__contains__)
    kept &= persons(frame.coded("AccountName").lowered)
    kept &= frame.coded("RemoteIP").lowered.rows_where(is_private) | _named_elsewhere(frame)
    return kept & ~_habits(frame, kept, ("AccountName", "RemoteIP"))


def _named_elsewhere(frame: Frame) -> Mask:
    names, hosts = frame.coded("RemoteDeviceName").lowered.mapped(told_computer), machines(frame)
    own = joined(names, hosts).rows_where(lambda pair: len(set(pair.split("\0"))) == 1)
    bare = frame.coded("RemoteIP").lowered.rows_where(lambda address: address in ("", "-"))
    return names.rows_where(bool) & ~own & bare


def _reached(frame: Frame) -> Mask:
    """Return the connections that services of management accepted from private addresses."""
    ports = frame.amounts("LocalPort")
    kept = frame.coded("ActionType").lowered.rows_where("inboundconnectionaccepted".__eq__) & frame.timed
    kept &= frame.coded("InitiatingProcessFileName").lowered.rows_where(ACCEPTORS.__contains__)
    kept &= frame.coded("RemoteIP").lowered.rows_where(is_private)
    kept &= np.isin(ports, sorted(PORTS)) | (ports >= DYNAMIC)
    return kept & ~_habits(frame, kept, ("RemoteIP",))


def _habits(frame: Frame, among: Mask, columns: tuple[str, ...]) -> Mask:
    """Return the rows of who comes to eight machines on each of three days, or to the same one on three days before."""
    rows = np.flatnonzero(among)
    usual = np.zeros(len(among), np.bool_)
    if not len(rows):
        return usual
    who, hosts = together([frame.coded(name).lowered for name in columns])[rows], machines(frame).codes[rows]
    days = (frame.seconds[rows] // 86_400).astype(np.int64)
    usual[rows] = _wide(who, hosts, days) | _again(who * (int(hosts.max()) + 1) + hosts, days)
    return usual


def _wide(who: Indexes, hosts: Indexes, days: Indexes) -> Mask:
    """Return the rows of who came to eight machines on each of three days."""
    pairs, day = np.unique(np.stack([who, days]), axis=1, return_inverse=True)
    visits = np.unique(np.stack([day.reshape(-1), hosts]), axis=1)[0]
    wide = np.bincount(visits, minlength=pairs.shape[1]) >= HOSTS_OF_MANAGEMENT
    return np.bincount(pairs[0][wide], minlength=int(who.max()) + 1)[who] >= DAYS_OF_HABIT


def _again(pair: Indexes, days: Indexes) -> Mask:
    """Return the rows before whose day the same pair was seen on three days."""
    seen = np.unique(np.stack([pair, days]), axis=1)
    starts = np.flatnonzero(np.diff(seen[0], prepend=seen[0][0] - 1))
    earlier = np.arange(seen.shape[1]) - np.repeat(starts, np.diff(np.append(starts, seen.shape[1])))
    step = int(days.max()) + 1
    places = np.searchsorted(seen[0] * step + seen[1], pair * step + days)
    again: Mask = earlier[places] >= DAYS_OF_HABIT
    return again
