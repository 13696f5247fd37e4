"""A working session: what one person did from one console, or one account from one address, in one hour.

Somebody at work does many things, of which a rule finds one or two suspicious; an intruder's session is made of little
else. So a few signals among many plain commands are explained by what stands around them, and signals alone are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.findings import Detection, EvidenceRef, Level
from soc_analyst.tools.evidence import Evidence

from .actors import acting_account
from .alike import plain_text
from .deployment import SYSTEM
from .floor import may_be_lowered
from .plainness import is_plain
from .reasons import Reason

__all__ = ["Signals", "by_session"]

Row = Mapping[str, Any]
SPAN = timedelta(hours=1)
MOST = 5_000
"""Rows of one actor that are compared; of a busier one no session is told apart."""
BARE = re.compile(
    r'^"?(?:[^"]*[\\/])?(?:cmd|powershell|pwsh|bash|zsh|fish|sh)(?:\.exe)?"?'
    r"(?:\s+(?:-noexit|-nologo|-noprofile|/k|-l|-i|--login))*\s*$",
    re.IGNORECASE,
)
"""A console that waits for a person: it was started without a command or a script of its own."""
_OPENERS = (
    "explorer.exe windowsterminal.exe wt.exe conhost.exe cmd.exe powershell.exe pwsh.exe code.exe devenv.exe sshd.exe "
    "sshd bash zsh sudo su login tmux screen gnome-terminal-server terminal"
)
OPENED_BY = frozenset(_OPENERS.split())
NO_COMMAND = frozenset({"conhost.exe"})
WEIGHTS: Mapping[str, Mapping[Level, int]] = {
    "DeviceProcessEvents": {"medium": 4, "high": 8},
    "AzureActivity": {"medium": 1, "high": 2},
    "AuditLogs": {"medium": 1, "high": 2},
}
"""How many plain commands, or operations, must stand beside each signal. In written hours of administration a rule of
level medium speaks of one command in fifteen, in recorded intrusions of every second one; of the operations of a
tenant, where nearly each has a rule, of one in five against nearly all."""
LEAST = 3
"""Plain commands that a session must hold at the least."""
MOST_CITED = 6
"""Cited rows looked at one by one."""
CARRIED_OUT = frozenset({"T1020", "T1029", "T1041", "T1048", "T1052", "T1537", "T1567"})
DONE = frozenset({"success", "succeeded", "start", "started", "accepted"})


@dataclass(frozen=True)
class Session:
    """By which columns a table tells that one person did it, what was done, and whether it succeeded."""

    actor: tuple[str, ...]
    what: str
    outcome: str = ""


SESSIONS: Mapping[str, Session] = {
    "DeviceProcessEvents": Session(
        ("DeviceName", "InitiatingProcessAccountName", "InitiatingProcessFileName", "InitiatingProcessCommandLine",
         "InitiatingProcessId"), "ProcessCommandLine"),
    "AzureActivity": Session(("Caller", "CallerIpAddress"), "OperationNameValue", "ActivityStatusValue"),
    "AuditLogs": Session(("InitiatedBy",), "OperationName", "Result"),
}  # fmt: skip


class Signals:
    """Which rows signals cite, and at what level."""

    def __init__(self, detections: Iterable[Detection], evidence: Evidence) -> None:
        self.levels: dict[tuple[str, int], Level] = {}
        self.grave: set[tuple[str, int]] = set()
        """Rows of a signal that no ordinary work explains."""
        self.weak: set[tuple[str, int]] = set()
        self.actors: dict[tuple[object, ...], list[tuple[int, Row]]] = {}
        """What each actor did, looked up once."""
        for each in detections:
            for ref in each.rows:
                self._add(each, ref, evidence)

    def _add(self, detection: Detection, ref: EvidenceRef, evidence: Evidence) -> None:
        key = (ref.table, ref.row)
        if detection.level in ("low", "informational"):
            self.weak.add(key)
            return
        if self.levels.get(key) != "high":
            self.levels[key] = detection.level
        row = evidence.row(ref)
        if not may_be_lowered(detection) or _carries_out(detection) or row is None or not is_plain(row):
            self.grave.add(key)


def _carries_out(detection: Detection) -> bool:
    """Return whether a signal surely shows data on its way out, of which plain operations beside it say nothing."""
    return detection.level == "high" and any(one.partition(".")[0] in CARRIED_OUT for one in detection.techniques[:1])


def by_session(detection: Detection, evidence: Evidence, signals: Signals) -> Iterator[Reason]:
    """Yield that what is cited is a small part of a session whose other commands are plain."""
    told = [_plain_beside(ref, evidence, signals) for ref in detection.rows[:MOST_CITED]]
    plain = min((one for one in told if one is not None), default=0)
    if plain and None not in told:
        text = f"a session of work, in which {plain} other commands or operations are plain"
        yield Reason("session", text, proves=True, proves_high=True)


def _plain_beside(ref: EvidenceRef, evidence: Evidence, signals: Signals) -> int | None:
    """Return how many plain commands stand beside a row, or None where they do not outweigh the signals."""
    session, row, rows = SESSIONS.get(ref.table), evidence.row(ref), evidence.get(ref.table)
    if session is None or row is None or rows is None or not _is_of_a_person(ref.table, row):
        return None
    key = (ref.table, *(row.get(name) for name in session.actor))
    if key not in signals.actors:
        signals.actors[key] = _of_actor(rows.rows, session, row)
    found = [(number, each) for number, each in signals.actors[key] if _near(each["TimeGenerated"], row)]
    if not found or any((ref.table, number) in signals.grave for number, _ in found):
        return None
    host = ref.table == "DeviceProcessEvents"
    against: dict[str, int] = {}
    plain: set[str] = set()
    weak: set[str] = set()
    for number, each in found:
        text, level = plain_text(str(each[session.what] or "")), signals.levels.get((ref.table, number))
        if level is not None:
            against[text] = max(against.get(text, 0), WEIGHTS[ref.table].get(level, 0))
        elif host and (ref.table, number) in signals.weak:
            weak.add(text)
        elif _succeeded(each, session):
            plain.add(text)
    count = len(plain - weak - against.keys())
    margin = 0 if host else 1
    return count if count >= max(LEAST, sum(against.values()) + margin) else None


def _of_actor(rows: pa.Table, session: Session, row: Row) -> list[tuple[int, Row]]:
    """Return the rows of the same actor with their places; none where a column is not told, or where they are many."""
    if not {*session.actor, session.what, "TimeGenerated"} <= set(rows.column_names):
        return []
    same = [
        pc.is_null(rows[name]) if row.get(name) is None else pc.fill_null(pc.equal(rows[name], row[name]), False)
        for name in session.actor
    ]
    places = pc.indices_nonzero(reduce(pc.and_, same))
    if len(places) > MOST:
        return []
    wanted = dict.fromkeys((session.what, session.outcome, "FileName", "TimeGenerated"))
    columns = [name for name in wanted if name in rows.column_names]
    return list(zip(places.to_pylist(), rows.select(columns).take(places).to_pylist(), strict=True))


def _near(moment: object, row: Row) -> bool:
    other = row.get("TimeGenerated")
    return isinstance(moment, datetime) and isinstance(other, datetime) and abs(moment - other) <= SPAN


def _is_of_a_person(table: str, row: Row) -> bool:
    """Return whether a person sat at this session: for a host, at a console opened by hand."""
    if table != "DeviceProcessEvents":
        return bool(row.get(SESSIONS[table].actor[0]))
    account = acting_account(row).lower()
    opened = str(row.get("InitiatingProcessParentFileName") or "").lower()
    console = BARE.match(str(row.get("InitiatingProcessCommandLine") or ""))
    return bool(console and account) and account not in SYSTEM and (not opened or opened in OPENED_BY)


def _succeeded(row: Row, session: Session) -> bool:
    if session.outcome:
        return str(row.get(session.outcome) or "").lower() in DONE
    return str(row.get("FileName") or "").lower() not in NO_COMMAND
