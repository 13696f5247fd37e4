"""Documents gathered in one place before they leave, and copies of them written under an ending of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .files import ASIDE, CACHES, DOCUMENTS, OFFICE
from .frame import Frame, Sighting, busiest

__all__ = ["copies_are_encrypted_aside", "documents_are_gathered"]

COPY_SECONDS, COPIES_TO_REPORT, FOLDERS_OF_COPIES = 5 * 60, 30, 3
GATHER_SECONDS, GATHERED_TO_REPORT = 10 * 60, 15
STAGING = re.compile(
    r"\\users\\public\\|\\windows\\temp\\|\\appdata\\local\\temp\\|\\programdata\\|\\perflogs\\|\\\$recycle\.bin\\|\\windows\\(debug|tasks)\\"
    r"|^/(tmp|var/tmp|dev/shm)/"
)
COPIERS = frozenset(
    {
        "robocopy.exe", "xcopy.exe", "cmd.exe", "powershell.exe", "pwsh.exe", "wscript.exe", "cscript.exe",
        "rundll32.exe", "cp", "rsync", "bash", "sh", "python", "python3", "python.exe",
    }
)  # fmt: skip
COPIED = Sighting(
    id="stat-encrypted-copies",
    title="Many documents written again under an ending of their own",
    techniques=("T1486",),
    tactics=("impact",),
    false_positives=("Conversion or encryption of a collection of files by its owner",),
)
GATHERED = Sighting(
    id="stat-documents-gathered",
    title="Many documents copied into a staging folder",
    techniques=("T1074.001",),
    tactics=("collection",),
    false_positives=("Installers and exports that unpack documents into a temporary folder",),
)


def copies_are_encrypted_aside(evidence: Evidence) -> Iterator[Detection]:
    """Report a process that writes thirty documents in three folders with one more ending within five minutes."""
    frame = _files(evidence)
    if frame is None:
        return
    actions, names, who = frame.lower("ActionType"), frame.lower("FileName"), _processes(frame)

    def written(i: int) -> str:
        kept, _, ending = names[i].rpartition(".")
        aside = actions[i] == "filecreated" and DOCUMENTS.search(kept) and not ASIDE.match(ending)
        return f"{who[i]}\0{ending}" if aside and not DOCUMENTS.search(names[i]) else ""

    for key, rows in frame.grouped(written).items():
        start, end = busiest(frame.at(rows), COPY_SECONDS)
        inside = rows[start:end]
        if len(inside) >= COPIES_TO_REPORT and len(_folders(frame, inside)) >= FOLDERS_OF_COPIES:
            what = f"with .{key.rpartition(chr(0))[2]} behind their name in {len(_folders(frame, inside))} folders"
            yield _told(frame, COPIED, "high", inside, what)


def documents_are_gathered(evidence: Evidence) -> Iterator[Detection]:
    """Report a shell or copier that writes fifteen documents of people below staging folders within ten minutes."""
    frame = _files(evidence)
    if frame is None:
        return
    actions, names, folders = frame.lower("ActionType"), frame.lower("FileName"), frame.lower("FolderPath")
    copiers, who = frame.lower("InitiatingProcessFileName"), _processes(frame)

    def copied(i: int) -> str:
        staged = actions[i] == "filecreated" and copiers[i] in COPIERS and STAGING.search(folders[i])
        return who[i] if staged and OFFICE.search(names[i]) and not _cached(folders[i]) else ""

    for rows in frame.grouped(copied).values():
        start, end = busiest(frame.at(rows), GATHER_SECONDS)
        if end - start >= GATHERED_TO_REPORT:
            yield _told(frame, GATHERED, "medium", rows[start:end], "below a folder where things are staged")


def _cached(folder: str) -> bool:
    """Tell whether a path names a cache below its staging folder, which is a cache by name itself."""
    staging = STAGING.search(folder)
    return bool(staging and CACHES.search("\\" + folder[staging.end() :]))


def _files(evidence: Evidence) -> Frame | None:
    return Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "ActionType", "FileName", "FolderPath"))


def _processes(frame: Frame) -> list[str]:
    columns = ("DeviceName", "InitiatingProcessFileName", "InitiatingProcessId")
    return ["\0".join(parts) for parts in zip(*(frame.lower(name) for name in columns), strict=True)]


def _folders(frame: Frame, rows: list[int]) -> set[str]:
    paths, names = frame.lower("FolderPath"), frame.lower("FileName")
    return {paths[i].removesuffix(names[i]) for i in rows}


def _told(frame: Frame, sighting: Sighting, level: Level, rows: list[int], what: str) -> Detection:
    host, process = frame.text("DeviceName")[rows[0]], frame.text("InitiatingProcessFileName")[rows[0]]
    statement = (
        f"{process or 'a process'} on {host} wrote {len(rows)} documents {what} between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])}"
    )
    entities = [Entity(kind="host", value=host), *([Entity(kind="process", value=process)] if process else [])]
    claims = [frame.shared(f"all on {host}", rows, "DeviceName", host)]
    return sighting.detection(frame, level, statement, rows, entities=entities, claims=claims)
