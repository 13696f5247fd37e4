"""Files renamed or deleted by the hundred in minutes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, Sighting, busiest

__all__ = ["files_are_deleted_in_mass", "files_are_renamed_in_mass"]

WINDOW_SECONDS = 5 * 60
RENAMES_TO_REPORT = 30
DELETIONS_TO_REPORT = 100
FOLDERS, OF_PEOPLE = 3, 20
CACHES = re.compile(
    r"\\(temp|tmp|cache\w*|inetcache|softwaredistribution|winsxs|installer|servicing|prefetch|logs?|node_modules|\.git|packages?|crashdumps|\$?recycle(\.bin)?)\b"
    r"|^c:\\windows\\",
    re.IGNORECASE,
)
DOCUMENTS = re.compile(
    r"\.(docx?|xlsx?|pptx?|pdf|txt|csv|jpe?g|png|mp4|zip|7z|sql|mdb|accdb|pst|ost|vhdx?|vmdk|bak|dwg|psd|rtf|odt|ods)$",
    re.I,
)
ASIDE = re.compile(
    r"^(lnk|tmp|temp|bak|backup|old|orig|new|saved?|part|partial|crdownload|gz|bz2|xz|zst|zip|7z|rar|asc|sig|gpg|p7m|p7s|md5|sha1|sha256"
    r"|json|xml|html?|md|meta|lock|log|swp|thumb|webp|url|zone|done|processed|imported|sent|archived?|error|failed|ok|copy|\d+)$"
)
"""Endings that programs put behind a document's own without taking the document away."""
OFFICE = re.compile(
    r"\.(docx?|docm|xlsx?|xlsm|pptx?|pdf|csv|mdb|accdb|pst|ost|sql|vsdx?|one|kdbx?|dwg|rtf|odt|ods|eml|msg)$", re.I
)
"""What people write themselves; pictures and plain texts come with software too."""
PROGRAMS = re.compile(r"\\program files( \(x86\))?\\|\\appdata\\|^/(usr|opt|var/lib)/", re.IGNORECASE)
KEEPERS = re.compile(
    r"\\(program files( \(x86\))?|appdata\\local\\(microsoft\\onedrive|programs|dropbox))\\.*(onedrive|dropbox"
    r"|drivefs|nextcloud|git|code|devenv|unins\w*)\.exe$|\\windows\\(system32|syswow64|winsxs\\.*|servicing)\\(msiexec|tiworker"
    r"|trustedinstaller)\.exe$|^/usr/(local/)?bin/git$",
    re.IGNORECASE,
)
"""Programs, in folders closed to users or of their own, that mirror a folder, change branches or take software away."""

RENAMED = Sighting(
    id="stat-mass-rename",
    title="Many documents given a new ending",
    techniques=("T1486",),
    tactics=("impact",),
    false_positives=("Conversion of a collection of files",),
)
DELETED = Sighting(
    id="stat-mass-file-delete",
    title="Many documents deleted",
    techniques=("T1485",),
    tactics=("impact",),
    false_positives=("Clean-up of a project folder, synchronisation clients",),
)


def files_are_renamed_in_mass(evidence: Evidence) -> Iterator[Detection]:
    """Report a process that gives thirty documents in three folders one ending of its own within five minutes.

    Files of any kind count where their name stays in front of it; endings that programs set themselves do not.
    """
    frame = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "ActionType", "FileName", "FolderPath"))
    if frame is None:
        return
    actions, names, before = frame.lower("ActionType"), frame.lower("FileName"), frame.lower("PreviousFileName")
    hosts, processes = frame.lower("DeviceName"), _processes(frame)

    def added(index: int) -> str:
        ending = names[index].rpartition(".")[2]
        stem = before[index].rpartition(".")[0]
        kept = (
            before[index]
            and not DOCUMENTS.search(names[index])
            and not ASIDE.match(ending)
            and (names[index].startswith(stem) or DOCUMENTS.search(before[index]))
        )
        changed = actions[index] == "filerenamed" and ending and not before[index].endswith(f".{ending}")
        return f"{hosts[index]}\0{processes[index]}\0{ending}" if changed and kept else ""

    for key, rows in frame.grouped(added).items():
        start, end = busiest(frame.at(rows), WINDOW_SECONDS)
        inside = rows[start:end]
        if len(inside) >= RENAMES_TO_REPORT and len(_folders(frame, inside)) >= FOLDERS:
            yield _renamed(frame, inside, key.rpartition("\0")[2])


def files_are_deleted_in_mass(evidence: Evidence) -> Iterator[Detection]:
    """Report a process that deletes a hundred documents in three folders within five minutes.

    Caches, installed programs, and what mirrors a folder or takes software away do not count, nor pictures and texts
    without twenty files that people write themselves.
    """
    frame = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "ActionType", "FileName", "FolderPath"))
    if frame is None:
        return
    actions, names, folders = frame.lower("ActionType"), frame.lower("FileName"), frame.text("FolderPath")
    hosts, processes = frame.lower("DeviceName"), _processes(frame)
    programs = frame.text("InitiatingProcessFolderPath")
    documents = [
        i for i, action in enumerate(actions)
        if action == "filedeleted" and DOCUMENTS.search(names[i]) and not CACHES.search(folders[i])
        and not PROGRAMS.search(folders[i]) and not KEEPERS.search(programs[i])
    ]  # fmt: skip
    for rows in frame.grouped(lambda i: hosts[i] and f"{hosts[i]}\0{processes[i]}", documents).values():
        start, end = busiest(frame.at(rows), WINDOW_SECONDS)
        inside = rows[start:end]
        people = sum(1 for i in inside if OFFICE.search(names[i]))
        if len(inside) >= DELETIONS_TO_REPORT and len(_folders(frame, inside)) >= FOLDERS and people >= OF_PEOPLE:
            yield _deleted(frame, inside)


def _processes(frame: Frame) -> list[str]:
    names, ids = frame.lower("InitiatingProcessFileName"), frame.text("InitiatingProcessId")
    return [f"{name}\0{id}" for name, id in zip(names, ids, strict=True)]


def _folders(frame: Frame, rows: list[int]) -> Counter[str]:
    paths = frame.lower("FolderPath")
    return Counter(paths[i].removesuffix(frame.lower("FileName")[i]) for i in rows)


def _renamed(frame: Frame, rows: list[int], ending: str) -> Detection:
    statement = (
        f"{_who(frame, rows)} gave {len(rows)} files in {len(_folders(frame, rows))} folders the ending .{ending}"
    )
    host = frame.text("DeviceName")[rows[0]]
    claims = [frame.shared(f"all on {host}", rows, "DeviceName", host)]
    return RENAMED.detection(
        frame, "high", f"{statement} {_when(frame, rows)}", rows, entities=_entities(frame, rows), claims=claims
    )


def _deleted(frame: Frame, rows: list[int]) -> Detection:
    statement = f"{_who(frame, rows)} deleted {len(rows)} documents in {len(_folders(frame, rows))} folders"
    host = frame.text("DeviceName")[rows[0]]
    claims = [frame.shared(f"all on {host}", rows, "DeviceName", host)]
    return DELETED.detection(
        frame, "medium", f"{statement} {_when(frame, rows)}", rows, entities=_entities(frame, rows), claims=claims
    )


def _who(frame: Frame, rows: list[int]) -> str:
    process = frame.text("InitiatingProcessFileName")[rows[0]] or "a process"
    return f"{process} on {frame.text('DeviceName')[rows[0]]}"


def _when(frame: Frame, rows: list[int]) -> str:
    return f"between {frame.moment(rows[0])} and {frame.moment(rows[-1])}"


def _entities(frame: Frame, rows: list[int]) -> list[Entity]:
    process = frame.text("InitiatingProcessFileName")[rows[0]]
    named = [Entity(kind="process", value=process)] if process else []
    return [Entity(kind="host", value=frame.text("DeviceName")[rows[0]]), *named]
