"""An archive packed by a command, and what then takes it out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .addresses import is_public
from .afar import odd_place
from .coded import Mask
from .following import Moments, after, with_rows
from .frame import Frame, Sighting, equals

__all__ = ["archives_are_packed_and_sent"]

SENT_SECONDS, CALL_SECONDS = 60 * 60, 10 * 60
DAYS_OF_HABIT, AT_MOST, ARCHIVES_OF_A_HOST = 3, 10, 200
PACKERS = re.compile(
    r"^(7z[ar]?|rar|winrar|wzzip|zip|tar|bsdtar|makecab|powershell|pwsh|powershell_ise|python[\w.]*)(\.exe)?$"
)
PACKING = re.compile(
    r"(7z[ar]?|rar|winrar)(\.exe)?\"?\s+(a|u|m)\s|\b(wz)?zip(\.exe)?\"?\s+-|\b(bsd)?tar(\.exe)?\"?\s+-?\w*[cu]\w*\s"
    r"|compress-archive|createfromdirectory|makecab",
    re.I,
)
ARCHIVE = re.compile(r"([^\s\\/\"'=,;]+\.(?:7z|rar|zip|tar|tgz|tar\.gz|cab|gz|001))(?=[\s\"',;)]|$)", re.IGNORECASE)
BY_HAND = frozenset({"explorer.exe", "7zfm.exe", "7zg.exe", "winrar.exe", "totalcmd64.exe", "totalcmd.exe"})
SITES = re.compile(
    r"(^|\.)(mega\.(nz|io|co\.nz)|userstorage\.mega\.co\.nz|transfer\.sh|gofile\.io|anonfiles?\.\w+|bayfiles\.com|file\.io|sendspace\.com"
    r"|temp\.sh|bashupload\.com|0x0\.st|catbox\.moe|pixeldrain\.com|ufile\.io|easyupload\.io|filebin\.net|dropmefiles\.com"
    r"|filetransfer\.io|qaz\.im|mediafire\.com|4shared\.com|workupload\.com|oshi\.at|tmpfiles\.org|uguu\.se|put\.io|pcloud\.com"
    r"|premiumize\.me|sendgb\.com|krakenfiles\.com|1fichier\.com|zippyshare\.com|files\.fm|swisstransfer\.com|api\.telegram\.org)$"
)
"""Places where anybody may leave a file; those where companies keep theirs are left to what a company allows."""

SENT = Sighting(
    id="stat-archive-packed-and-sent",
    title="Archive packed by a command, then a place reached where anybody may leave files",
    techniques=("T1567.002", "T1560.001"),
    tactics=("exfiltration", "collection"),
    false_positives=("A file too large for mail that somebody sends to a partner",),
)
CARRIED = Sighting(
    id="stat-archive-handed-to-a-stranger",
    title="Archive packed by a command and handed to a program that reaches the Internet",
    techniques=("T1048", "T1560.001"),
    tactics=("exfiltration", "collection"),
    false_positives=("A program of the company's own that uploads what it packed",),
)


@dataclass(frozen=True)
class Packed:
    """A row by which a command packed archives, whose names are in lower case."""

    frame: Frame
    row: int
    names: tuple[str, ...]

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        return float(self.frame.seconds[self.row])

    @property
    def account(self) -> str:
        """Whose command it was."""
        of_files = self.frame.rows.table == "DeviceFileEvents"
        return self.frame.text("InitiatingProcessAccountName" if of_files else "AccountName")[self.row]


def archives_are_packed_and_sent(evidence: Evidence) -> Iterator[Detection]:
    """Report an archive packed by a command, and within the hour its way out: medium.

    Either a place is reached where anybody may leave files, or a program outside the folders of Windows and of set-ups
    is told the archive's name and reaches the Internet within ten minutes. What a person packs by the desktop does not
    count, nor a place that the host reached on three days before.
    """
    starts = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FileName", "ProcessCommandLine"))
    calls = Frame.of(evidence, "DeviceNetworkEvents", ("DeviceName", "RemoteIP", "InitiatingProcessFileName"))
    if starts is None or calls is None:
        return
    out = calls.coded("RemoteIP").rows_where(is_public)
    ways = _Ways(
        Moments(calls, out & calls.coded("RemoteUrl").lowered.rows_where(lambda url: SITES.search(_host(url)))),
        Moments(calls, out),
        Moments(starts, starts.coded("FolderPath").lowered.rows_where(odd_place)),
    )
    told, tried = set[str](), Counter[str]()
    for host, packed in _archives(evidence, starts):
        tried[host] += 1
        if host in told or len(told) >= AT_MOST or tried[host] > ARCHIVES_OF_A_HOST:
            continue
        if found := _way_out(packed, host, ways):
            told.add(host)
            yield found


@dataclass(frozen=True)
class _Ways:
    """What may take an archive out: calls to sites, all calls to the Internet, and starts from odd places."""

    sites: Moments
    calls: Moments
    starts: Moments


def _archives(evidence: Evidence, starts: Frame) -> Iterator[tuple[str, Packed]]:
    """Yield the archives that commands pack, by the command or else by the file."""
    for host, rows in Moments(starts, _packing(starts)):
        for row in rows.tolist():
            if names := ARCHIVE.findall(starts.text("ProcessCommandLine")[row][:4096].lower()):
                yield host, Packed(starts, row, tuple(dict.fromkeys(names)))
    files = Frame.of(
        evidence, "DeviceFileEvents", ("DeviceName", "ActionType", "FileName", "InitiatingProcessFileName")
    )
    if files is None:
        return
    by = files.coded("InitiatingProcessFileName").lowered
    made = by.rows_where(lambda name: PACKERS.match(name) and name not in BY_HAND)
    made &= files.coded("ActionType").lowered.rows_where("filecreated".__eq__)
    made &= files.coded("FileName").lowered.rows_where(ARCHIVE.fullmatch)
    for host, rows in Moments(files, made):
        for row in rows.tolist():
            yield host, Packed(files, row, (files.lower("FileName")[row],))


def _packing(frame: Frame) -> Mask:
    kept = frame.coded("FileName").lowered.rows_where(PACKERS.match) & frame.timed
    kept &= frame.coded("InitiatingProcessFileName").lowered.rows_where(lambda name: name not in BY_HAND)
    rows = [
        row for row in np.flatnonzero(kept).tolist() if PACKING.search(frame.text("ProcessCommandLine")[row][:4096])
    ]
    mask = np.zeros(len(kept), np.bool_)
    mask[rows] = True
    return mask


def _way_out(packed: Packed, host: str, ways: _Ways) -> Detection | None:
    calls = ways.sites.frame
    for call in ways.sites.between(host, packed.time, packed.time + SENT_SECONDS):
        if not _is_habit(ways.sites, host, call):
            return _sent(packed, calls, call, _host(calls.lower("RemoteUrl")[call]))
    for start in ways.starts.between(host, packed.time, packed.time + SENT_SECONDS):
        if _is_told(ways.starts.frame, start, packed):
            call_row = _call(ways.starts, host, start, ways.calls)
            if call_row is not None:
                return _carried(ways.starts.frame, packed, start, calls, call_row)
    return None


def _host(url: str) -> str:
    return re.sub(r"^\w+://|[/:].*$", "", url)


def _is_habit(sites: Moments, host: str, call: int) -> bool:
    urls, times = sites.frame.lower("RemoteUrl"), sites.frame.seconds
    earlier, own = sites.between(host, float("-inf"), float(times[call])), _host(urls[call])
    same = (i for i in earlier if _host(urls[i]) == own)
    return len({times[i] // 86_400 for i in same} - {times[call] // 86_400}) >= DAYS_OF_HABIT


def _is_told(frame: Frame, row: int, packed: Packed) -> bool:
    """Tell whether a program is told the name of the archive."""
    line = frame.text("ProcessCommandLine")[row][:4096].lower()
    return any(name in line for name in packed.names) and not PACKING.search(line)


def _call(starts: Moments, host: str, start: int, reached: Moments) -> int | None:
    """Return the first connection of a program to the Internet within ten minutes."""
    name, time = starts.frame.lower("FileName")[start], float(starts.frame.seconds[start])
    calls = reached.between(host, time, time + CALL_SECONDS)
    return next((i for i in calls if reached.frame.lower("InitiatingProcessFileName")[i] == name), None)


def _sent(packed: Packed, calls: Frame, call: int, site: str) -> Detection:
    host, by = calls.text("DeviceName")[call], calls.text("InitiatingProcessFileName")[call]
    gap = round(float(calls.seconds[call]) - packed.time)
    statement = f"{_said(packed)}, and {by or 'a program'} reached {site} {gap} s later"
    named = Condition(column="RemoteUrl", op="contains", values=(site,))
    claims = [
        calls.counted(f"earlier connections of {host} to {site}", equals("DeviceName", host),
                      named, calls.before(call)),
        after("it is reached after the archive was packed", packed.frame, packed.row, calls, call),
    ]  # fmt: skip
    entities = [*_entities(packed), Entity(kind="domain", value=site)]
    seen = SENT.detection(packed.frame, "medium", statement, [packed.row], entities=entities, claims=claims)
    return with_rows(seen, calls, [call])


def _carried(starts: Frame, packed: Packed, start: int, calls: Frame, call: int) -> Detection:
    path, where = starts.text("FolderPath")[start], calls.text("RemoteUrl")[call] or calls.text("RemoteIP")[call]
    statement = (
        f"{_said(packed)}; {path} was told its name at {starts.moment(start)} and reached {where} at "
        f"{calls.moment(call)}"
    )
    host = starts.text("DeviceName")[start]
    claims = [
        after("the program starts after the archive was packed", packed.frame, packed.row, starts, start),
        after("it reaches out after it starts", starts, start, calls, call),
        starts.counted(f"earlier starts of {path} on {host}", equals("DeviceName", host), equals("FolderPath", path),
                       starts.before(start)),
    ]  # fmt: skip
    entities = [*_entities(packed), Entity(kind="file", value=path)]
    seen = CARRIED.detection(starts, "medium", statement, [start], entities=entities, claims=claims)
    return with_rows(with_rows(seen, calls, [call]), packed.frame, [packed.row])


def _said(packed: Packed) -> str:
    host, moment = packed.frame.text("DeviceName")[packed.row], packed.frame.moment(packed.row)
    return f"{packed.account or 'somebody'} packed {packed.names[0]} on {host} by a command at {moment}"


def _entities(packed: Packed) -> Sequence[Entity]:
    found = [Entity(kind="host", value=packed.frame.text("DeviceName")[packed.row])]
    return [*found, Entity(kind="account", value=packed.account)] if packed.account else found
