"""Guesses so few that counts pass them by: who was guessed, by which program, and what followed tell them apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from statistics import median

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address, is_public
from .coded import Coded, Mask, runs, together
from .frame import Frame, Sighting, busiest, equals, widest
from .guessing import ACCOUNTS_TO_REPORT, FAILURES_TO_REPORT
from .sources import logon_sources, persons

__all__ = ["few_guesses_open_a_privileged_account", "few_names_are_refused", "one_program_tries_many_accounts"]

TABLE = "DeviceLogonEvents"
FEW_FAILURES, QUICK_SECONDS, OPENED_WITHIN_SECONDS = 5, 2 * 60, 10 * 60
FEW_NAMES, NAMES_SECONDS, TRIES_PER_NAME = 5, 5 * 60, 2
NAMES_OF_A_PROGRAM, PROGRAM_SECONDS = 5, 10 * 60
PRIVILEGED = re.compile(
    r"^(administrat(or|eur)|administrador|amministratore|admin|root|sysadmin|(adm|admin|da|t[012])[-_.].+|.+[-_.](adm|admin|da))$"
)
CLOSED = re.compile(r"^([a-z]:\\(windows|program files( \(x86\))?)\\|/(usr|opt|s?bin|lib)/)")
TRYING = re.compile(
    r"^(powershell(_ise)?|pwsh|cmd|wscript|cscript|mshta|rundll32|regsvr32|msbuild|installutil|notepad|dllhost|net1?|"
    r"python[\w.]*|perl|ruby)(\.exe)?$"
)

OPENED = Sighting(
    id="stat-few-guesses-then-in",
    title="Privileged account guessed in a few tries",
    techniques=("T1110.001", "T1078"),
    tactics=("credential-access",),
    false_positives=("An administrator at a machine new to it, who mistypes a new password",),
)
NAMES = Sighting(
    id="stat-few-names-refused",
    title="One source refused under several names",
    techniques=("T1110.003",),
    tactics=("credential-access",),
    false_positives=("A machine that several people share and that has lost its trust",),
)
PROGRAM = Sighting(
    id="stat-program-tries-accounts",
    title="One program tries several accounts",
    techniques=("T1110.003",),
    tactics=("credential-access",),
    false_positives=("A script that checks whether passwords were changed",),
)


def few_guesses_open_a_privileged_account(evidence: Evidence) -> Iterator[Detection]:
    """Report five to nine failures of an administrator within two minutes, then a success from there within ten.

    Only from another machine, from which the account had not come in before: at its own desk people mistype.
    """
    frame = _logons(evidence)
    if frame is None:
        return
    accounts, origins = frame.coded("AccountName").lowered, logon_sources(frame)
    done, failed = _action(frame, "logonsuccess"), _action(frame, "logonfailed")
    among = (done | failed) & persons(accounts) & origins.rows_where(bool)
    for rows in runs(together([accounts, origins]), np.flatnonzero(among), frame.seconds, FEW_FAILURES + 1):
        first = np.flatnonzero(done[rows])
        failures = rows[: int(first[0])].tolist() if len(first) else []
        if not FEW_FAILURES <= len(failures) < FAILURES_TO_REPORT:
            continue
        row = int(rows[int(first[0])])
        start, end = busiest(frame.at(failures), QUICK_SECONDS)
        soon = frame.seconds[row] - frame.seconds[failures[end - 1]] <= OPENED_WITHIN_SECONDS
        if end - start >= FEW_FAILURES and soon and _privileged(frame, row):
            yield _opened(frame, failures[start:end], row, origins.by_row[row])


def few_names_are_refused(evidence: Evidence) -> Iterator[Detection]:
    """Report five to seven accounts refused in five minutes, once or twice each, by a source that nobody came from.

    A shared exit of an office, a gateway or a scanner that signs in lets somebody in; the Internet tries all day, but
    not names that are at work here.
    """
    frame = _logons(evidence)
    if frame is None:
        return
    accounts, origins = frame.coded("AccountName").lowered, logon_sources(frame)
    entered = {origins.values[code] for code in np.unique(origins.codes[_action(frame, "logonsuccess")]).tolist()}
    failed = _action(frame, "logonfailed") & persons(accounts)
    at_work = {accounts.values[code] for code in np.unique(accounts.codes[_action(frame, "logonsuccess")]).tolist()}
    failed &= origins.rows_where(lambda source: bool(source) and source not in entered)
    failed &= ~origins.rows_where(is_public) | accounts.rows_where(at_work.__contains__)
    for rows in runs(origins.codes, np.flatnonzero(failed), frame.seconds, FEW_NAMES):
        own = rows.tolist()
        start, end = widest(frame.at(own), [accounts.by_row[i] for i in own], NAMES_SECONDS)
        tries = Counter(accounts.by_row[i] for i in own[start:end])
        if FEW_NAMES <= len(tries) < ACCOUNTS_TO_REPORT and median(tries.values()) <= TRIES_PER_NAME:
            yield _names(frame, NAMES, own[start:end], origins.by_row[own[0]], accounts)


def one_program_tries_many_accounts(evidence: Evidence) -> Iterator[Detection]:
    """Report five accounts that one program of a host tries within ten minutes.

    Only a shell, a script engine, a loader or a program outside the closed folders: services check the passwords of
    many by their nature.
    """
    frame = _logons(evidence)
    if frame is None:
        return
    accounts, programs = frame.coded("AccountName").lowered, frame.coded("InitiatingProcessFileName").lowered
    among = _action(frame, "logonattempted") | _action(frame, "logonfailed")
    among &= persons(accounts) & _trying(frame, programs)
    key = together([frame.coded(name).lowered for name in ("DeviceName", "InitiatingProcessFileName")])
    for rows in runs(key, np.flatnonzero(among), frame.seconds, NAMES_OF_A_PROGRAM):
        own = rows.tolist()
        start, end = widest(frame.at(own), [accounts.by_row[i] for i in own], PROGRAM_SECONDS)
        if len({accounts.by_row[i] for i in own[start:end]}) >= NAMES_OF_A_PROGRAM:
            yield _names(frame, PROGRAM, own[start:end], frame.text("InitiatingProcessFileName")[own[0]], accounts)


def _logons(evidence: Evidence) -> Frame | None:
    return Frame.of(evidence, TABLE, ("DeviceName", "AccountName", "ActionType"))


def _action(frame: Frame, action: str) -> Mask:
    rows: Mask = frame.coded("ActionType").lowered.rows_where(action.__eq__) & frame.timed
    return rows


def _trying(frame: Frame, programs: Coded) -> Mask:
    """Return the rows of programs that have no business with the passwords of many."""
    folders = frame.coded("InitiatingProcessFolderPath").lowered
    outside = folders.rows_where(lambda folder: len(folder) > 1 and not CLOSED.match(folder))
    named: Mask = programs.rows_where(lambda name: len(name) > 1)
    return named & (outside | programs.rows_where(lambda name: bool(TRYING.match(name))))


def _privileged(frame: Frame, row: int) -> bool:
    built_in = frame.text("AccountSid")[row].endswith("-500")
    local = frame.lower("IsLocalAdmin")[row] in ("true", "1")
    return built_in or local or bool(PRIVILEGED.match(frame.lower("AccountName")[row]))


def _opened(frame: Frame, failures: list[int], row: int, source: str) -> Detection:
    account, host = frame.text("AccountName")[row], frame.text("DeviceName")[row]
    statement = (
        f"{len(failures)} failed logons of {account} between {frame.moment(failures[0])} and "
        f"{frame.moment(failures[-1])} from {source}, then its first success from there at {frame.moment(row)}"
    )
    entities = [Entity(kind="account", value=account), _place(source), Entity(kind="host", value=host)]
    claims = [
        frame.shared(f"all are of {account}", [row, *failures], "AccountName", account),
        frame.ordered("the success comes after the failures", failures[-1], row),
    ]
    cited = [row, *failures[::-1]]
    return OPENED.detection(frame, "medium", statement, cited, entities=entities, claims=claims)


def _names(frame: Frame, what: Sighting, rows: list[int], by: str, accounts: Coded) -> Detection:
    host = frame.text("DeviceName")[rows[0]]
    cited = list({accounts.by_row[i]: i for i in rows}.values())
    names = [accounts.by_row[i] for i in cited]
    statement = (
        f"{by} tried {len(names)} accounts on {host} between {frame.moment(rows[0])} and {frame.moment(rows[-1])}: "
        f"{', '.join(names[:5])}"
    )
    entities = [Entity(kind="process", value=by) if what is PROGRAM else _place(by), Entity(kind="host", value=host)]
    entities += [Entity(kind="account", value=name) for name in names[:5]]
    column = next((name for name in ("RemoteIP", "RemoteDeviceName") if frame.lower(name)[rows[0]] == by), "")
    column = "InitiatingProcessFileName" if what is PROGRAM else column
    claims = [frame.ordered("from the first to the last", rows[0], rows[-1])]
    claims += [frame.counted(f"rows of {by}", equals(column, frame.text(column)[rows[0]]))] if column else []
    return what.detection(frame, "medium", statement, cited, entities=entities, claims=claims)


def _place(source: str) -> Entity:
    return Entity(kind="ip" if is_address(source) else "host", value=source)
