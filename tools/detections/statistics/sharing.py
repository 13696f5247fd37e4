"""Files that lose their own ending to a new one, by what no single program shows: over a share, or on several hosts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address
from .coded import Mask
from .files import ASIDE, CACHES, DOCUMENTS, KEEPERS, OFFICE, PROGRAMS, RENAMED
from .frame import Frame, Sighting, busiest, equals

__all__ = ["files_are_encrypted_over_shares"]

WINDOW_SECONDS, HOSTS_SECONDS, PAIR_SECONDS = 10 * 60, 60 * 60, 120
FILES, FOLDERS, KINDS, FILES_OF_ONE_KIND = 12, 3, 3, 20
HOSTS, DAYS_OF_HABIT = 3, 4
NOTES = 3
BY_WHOM = ("InitiatingProcessFileName", "RequestAccountName", "RequestSourceIP", "RequestProtocol")
SERVERS = frozenset({"", "system", "ntoskrnl.exe", "smbd", "smbd-notifyd", "samba"})
ENDING = re.compile(r"^[^\s.\\/]{2,40}$")
KNOWN = re.compile(
    r"^(dot[xm]?|xlt[xm]?|xls[bm]|doc[mx]?|ppt[mx]?|pot[xm]?|ods|odp|odg|gdoc|gsheet|pages|numbers|keynote|rtf|tex|bib|epub"
    r"|jpe?g|jfif|png|gif|bmp|tiff?|heic|heif|avif|svg|raw|cr[23]|nef|arw|dng|mp[34]|m4[av]|mov|avi|mkv|wav|flac|aac|ogg|webm"
    r"|dw[gfxlt]\d?|dxf|stl|stp|step|igs|iges|sld(prt|asm|drw)|ipt|iam|rvt|rfa|ifc|skp|3dm|bak\d*|sv\$|ac\$|plt"
    r"|c(pp|c|s|ss|xx)?|h(pp)?|py|js|ts|java|go|rs|rb|php|sql|sh|ps1|bat|cmd|vb|cfg|conf|ini|ya?ml|toml|css|scss|map|min"
    r"|exe|dll|msi|sys|lnk|url|eml|msg|ics|vcf|dat|db|sqlite\d?|mdf|ldf|ndf|parquet|avro|orc|dbf|idx|tar|tgz|iso|img|vhdx?|vmdk"
    r"|qbw|qbb|nd|tlg|shp|shx|prj|gdb|gpx|kml|hold|deleted|obsolete|disabled|inactive|v\d+|rev\w?|draft|final|signed|stamped|ocr"
    r"|pgp|age|lck|readonly|zip\d*|z\d\d|r\d\d|tsv|ready|ack|read|proc|complete|pending|queue|rej(ected)?)$"
)
"""Endings that files of people and of common programs have."""
NOTE = re.compile(
    r"(read|how|restor|recover|decr|encr|back|help|unlock|instruct|ransom|attention|important|contact|warning|info|file|data)"
    r".*\.(txt|hta|html?|rtf|url|bmp|png)$"
)

SHARED = Sighting(
    id="stat-files-encrypted-over-share",
    title="Documents of a share given a new ending by another machine",
    techniques=("T1486",),
    tactics=("impact",),
    false_positives=("Files of a share renamed in bulk by their owner to an ending of a program new to the company",),
)
SEVERAL = Sighting(
    id="stat-one-new-ending-on-several-hosts",
    title="Documents given one new ending on several hosts",
    techniques=("T1486",),
    tactics=("impact",),
    false_positives=("A program that the company takes into use and that keeps its files beside the documents",),
)
REWRITTEN = Sighting(
    id="stat-share-rewritten-beside-notes",
    title="Documents of a share rewritten beside one note in every folder",
    techniques=("T1486",),
    tactics=("impact",),
    false_positives=("A collection of documents updated together with a notice to its readers",),
)


@dataclass(frozen=True)
class Turned:
    """A file that has lost its ending: its row, the ending it had and the one it has, in lower case."""

    row: int
    old: str
    new: str
    whole: bool
    """Whether the old name stands in front of the new ending."""


def files_are_encrypted_over_shares(evidence: Evidence) -> Iterator[Detection]:
    """Report documents that get one new ending over a share or on several hosts: high.

    Over a share: twelve of three kinds, or twenty, in three folders within ten minutes, by one client of the file
    server; renamed, or written anew with the old ones deleted. Several hosts: as many on three within the hour, by
    whatever program. No file may be called so an hour before, nor on four days. Documents rewritten over a share
    count where three of their folders get the same note.
    """
    frame = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "ActionType", "FileName", "FolderPath"))
    if frame is None:
        return
    groups = defaultdict[str, list[Turned]](list)
    for each in _turned(frame):
        groups[each.new].append(each)
    served = _served(frame)
    for ending, turned in groups.items():
        if len(turned) >= FILES and not _is_known(frame, ending, turned[0].row):
            yield from _of_ending(frame, ending, turned, served)
    yield from _rewritten(frame, served)


def _of_ending(frame: Frame, ending: str, turned: Sequence[Turned], served: Mask) -> Iterator[Detection]:
    hosts = frame.lower("DeviceName")
    inside = _within(frame, turned, HOSTS_SECONDS)
    names = {hosts[each.row] for each in inside}
    if len(names) >= HOSTS and _enough(frame, inside):
        yield _seen(frame, SEVERAL, ending, inside)
        return
    for clients in _by(turned, lambda each: _client(frame, each.row) if served[each.row] else ""):
        inside = _within(frame, clients, WINDOW_SECONDS)
        if _enough(frame, inside):
            named = any(frame.text(column)[inside[0].row] for column in BY_WHOM)
            yield _seen(frame, SHARED if named else RENAMED, ending, inside)


def _turned(frame: Frame) -> Iterator[Turned]:
    """Yield in time order the documents that were renamed to, or replaced by, files of an ending nobody knows."""
    names, before = frame.lower("FileName"), frame.lower("PreviousFileName")
    actions = frame.coded("ActionType").lowered
    strange = frame.coded("FileName").lowered.rows_where(lambda name: _strange(name.rpartition(".")[2]))
    strange &= ~frame.coded("InitiatingProcessFolderPath").rows_where(KEEPERS.search)
    strange &= ~frame.coded("FolderPath").rows_where(lambda path: CACHES.search(path) or PROGRAMS.search(path))
    renamed = strange & actions.rows_where("filerenamed".__eq__)
    created = strange & actions.rows_where("filecreated".__eq__)
    gone = _gone(frame, actions.rows_where("filedeleted".__eq__)) if created.any() else {}
    for row in frame.in_order(np.flatnonzero(renamed | created)):
        name, ending = names[row], names[row].rpartition(".")[2]
        old = before[row] if renamed[row] else name.removesuffix(f".{ending}")
        if not (DOCUMENTS.search(old) or OFFICE.search(old)):
            continue
        if created[row] and abs(gone.get(_path(frame, row, old), -1e18) - frame.seconds[row]) > PAIR_SECONDS:
            continue
        yield Turned(row, old.rpartition(".")[2], ending, name.startswith(old))


def _strange(ending: str) -> bool:
    return bool(ENDING.match(ending)) and not (
        KNOWN.match(ending) or ASIDE.match(ending) or DOCUMENTS.search(f".{ending}") or OFFICE.search(f".{ending}")
    )


def _gone(frame: Frame, deleted: Mask) -> dict[str, float]:
    rows = frame.in_order(np.flatnonzero(deleted))
    return {_path(frame, row, frame.lower("FileName")[row]): float(frame.seconds[row]) for row in rows}


def _path(frame: Frame, row: int, name: str) -> str:
    return f"{frame.lower('DeviceName')[row]}\0{_folder(frame, row)}\0{name}"


def _folder(frame: Frame, row: int) -> str:
    return frame.lower("FolderPath")[row].removesuffix(frame.lower("FileName")[row]).rstrip("\\/")


def _served(frame: Frame) -> Mask:
    """Return the rows of what a file server did for another machine."""
    by = frame.coded("InitiatingProcessFileName").lowered.rows_where(SERVERS.__contains__)
    own = frame.coded("InitiatingProcessFolderPath").lowered.rows_where(
        lambda path: not path or path.rpartition("\\")[2] in SERVERS or path.rpartition("/")[2] in SERVERS
    )
    asked = frame.coded("RequestProtocol").lowered.rows_where(lambda protocol: "smb" in protocol)
    return (by & own) | asked


def _client(frame: Frame, row: int) -> str:
    account, address = frame.lower("RequestAccountName")[row], frame.lower("RequestSourceIP")[row]
    return f"{account}\0{address}" if account or address else f"\0\0{frame.lower('DeviceName')[row]}"


def _by(turned: Sequence[Turned], key: Callable[[Turned], str]) -> list[list[Turned]]:
    groups = defaultdict[str, list[Turned]](list)
    for each in turned:
        if name := key(each):
            groups[name].append(each)
    return list(groups.values())


def _within(frame: Frame, turned: Sequence[Turned], seconds: float) -> list[Turned]:
    start, end = busiest([float(frame.seconds[each.row]) for each in turned], seconds)
    return list(turned[start:end])


def _enough(frame: Frame, turned: Sequence[Turned]) -> bool:
    """Tell whether these are files of several folders and, what sets them apart from a conversion, of several kinds."""
    if len(turned) < FILES or len({_folder(frame, each.row) for each in turned}) < FOLDERS:
        return False
    whole = sum(1 for each in turned if each.whole)
    return len({each.old for each in turned}) >= KINDS or (len(turned) >= FILES_OF_ONE_KIND and whole == len(turned))


def _is_known(frame: Frame, ending: str, row: int) -> bool:
    """Tell whether files were called so long before, or are so day by day."""
    called = frame.timed & frame.coded("FileName").lowered.rows_where(lambda name: name.endswith(f".{ending}"))
    times = frame.seconds[called]
    return bool((times < frame.seconds[row] - HOSTS_SECONDS).any()) or len(np.unique(times // 86_400)) >= DAYS_OF_HABIT


def _rewritten(frame: Frame, served: Mask) -> Iterator[Detection]:
    """Look for documents that a client of a share rewrites while it leaves one note in their folders."""
    names, actions = frame.coded("FileName").lowered, frame.coded("ActionType").lowered
    notes = served & frame.timed & actions.rows_where("filecreated".__eq__) & names.rows_where(NOTE.search)
    if not notes.any():
        return
    written = served & frame.timed & actions.rows_where("filemodified".__eq__) & names.rows_where(OFFICE.search)
    hosts = frame.lower("DeviceName")
    texts = frame.grouped(lambda i: f"{hosts[i]}\0{_client(frame, i)}\0{names.by_row[i]}", np.flatnonzero(notes))
    files = frame.grouped(lambda i: f"{hosts[i]}\0{_client(frame, i)}", np.flatnonzero(written))
    for key, left in texts.items():
        start, end = busiest(frame.at(left), WINDOW_SECONDS)
        inside = left[start:end]
        folders = {_folder(frame, i) for i in inside}
        near = [
            i for i in files.get(key.rpartition("\0")[0], ())
            if abs(frame.seconds[i] - frame.seconds[inside[0]]) <= WINDOW_SECONDS and _folder(frame, i) in folders
        ]  # fmt: skip
        kinds = {names.by_row[i].rpartition(".")[2] for i in near}
        if len(folders) >= NOTES and len(near) >= FILES and len(kinds) >= 2:
            yield _noted(frame, inside, near)


def _noted(frame: Frame, notes: Sequence[int], files: Sequence[int]) -> Detection:
    host, note = frame.text("DeviceName")[notes[0]], frame.text("FileName")[notes[0]]
    statement = (
        f"{_whom(frame, notes[0])} rewrote {len(files)} documents on {host} between {frame.moment(files[0])} and "
        f"{frame.moment(files[-1])} and left {note} in {len({_folder(frame, i) for i in notes})} of their folders"
    )
    claims = [
        frame.shared(f"all on {host}", [*notes[:6], *files[:6]], "DeviceName", host),
        frame.counted(f"files {note} created", equals("FileName", note), equals("ActionType", "FileCreated")),
    ]
    cited = [*notes[:4], *files[:8]]
    return REWRITTEN.detection(frame, "high", statement, cited, entities=_entities(frame, cited), claims=claims)


def _seen(frame: Frame, what: Sighting, ending: str, turned: Sequence[Turned]) -> Detection:
    rows = [each.row for each in turned]
    hosts = list(dict.fromkeys(frame.text("DeviceName")[i] for i in rows))
    kinds = sorted({each.old for each in turned})
    statement = (
        f"{_whom(frame, rows[0])} gave {len(rows)} documents ({', '.join(kinds[:4])}) in "
        f"{len({_folder(frame, i) for i in rows})} folders of {', '.join(hosts[:3])} the ending .{ending} between "
        f"{frame.moment(rows[0])} and {frame.moment(rows[-1])}; no file was called so an hour before"
    )
    named = Condition(column="FileName", op="contains", values=(f".{ending}",))
    claims: list[Claim] = [
        frame.counted(f"rows that name a file with .{ending}", named),
        frame.counted("of them an hour and more before", named, _earlier(frame, rows[0])),
        frame.ordered("from the first to the last", rows[0], rows[-1]),
    ]
    spread = rows if len(hosts) == 1 else [next(i for i in rows if frame.text("DeviceName")[i] == h) for h in hosts]
    cited = list(dict.fromkeys((*spread[:8], *rows)))[:12]
    return what.detection(frame, "high", statement, cited, entities=_entities(frame, rows), claims=claims)


def _earlier(frame: Frame, row: int) -> Condition:
    moment = datetime.fromtimestamp(frame.seconds[row] - HOSTS_SECONDS, UTC)
    return Condition(column="TimeGenerated", op="<", values=(moment.isoformat(),))


def _whom(frame: Frame, row: int) -> str:
    account, address = frame.text("RequestAccountName")[row], frame.text("RequestSourceIP")[row]
    if account or address:
        return f"{account or 'somebody'} from {address or 'an unnamed machine'}"
    return frame.text("InitiatingProcessFileName")[row] or "a program without a name"


def _entities(frame: Frame, rows: Sequence[int]) -> list[Entity]:
    hosts = dict.fromkeys(frame.text("DeviceName")[i] for i in rows)
    found = [Entity(kind="host", value=host) for host in list(hosts)[:5]]
    account, address = frame.text("RequestAccountName")[rows[0]], frame.text("RequestSourceIP")[rows[0]]
    found += [Entity(kind="account", value=account)] if account else []
    return found + ([Entity(kind="ip", value=address)] if is_address(address) else [])
