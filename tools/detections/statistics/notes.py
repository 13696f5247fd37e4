"""One text left in folder after folder: what extortionists write."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .coded import Indexes, runs, together
from .files import CACHES
from .frame import Frame, Sighting, equals, widest

__all__ = ["one_note_is_left_in_many_folders"]

WINDOW_SECONDS = 10 * 60
FOLDERS_TO_REPORT = 10
CHANGED_TO_BE_HIGH = 10

NOTE = Sighting(
    id="stat-one-note-in-many-folders",
    title="Same text left in many folders",
    techniques=("T1486",),
    tactics=("impact",),
    false_positives=("A template or a notice that an administrator puts into every folder",),
)
TEXT = re.compile(r"\.(txt|hta|html?|rtf|url|png|bmp)$")
ORDINARY = re.compile(
    r"^(index|default|license|licence|copying|notice|readme|changelog|changes|authors|requirements|robots|about|version|top_level"
    r"|entry_points|cmakelists|package|thumbs?|folder|cover|icon|logo|preview|screenshot|background|favicon)[\w.-]*$"
)
BUILDERS = re.compile(
    r"^(git|node|npm|python[\w.]*|pip[\w.]*|java|javaw|dotnet|devenv|msbuild|code|cargo|go|7z\w*|winrar|tar|robocopy|msiexec"
    r"|tiworker|trustedinstaller|onedrive|dropbox|googledrivefs|rsync|setup|update\w*|steam)(\.exe)?$"
)


def one_note_is_left_in_many_folders(evidence: Evidence) -> Iterator[Detection]:
    """Report a process that creates one text or picture in ten folders within ten minutes (medium).

    Names that packages and web sites carry in every folder, programs that unpack, build or synchronise, and caches do
    not count. High where the process also renamed or deleted ten other files in that time.
    """
    frame = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "ActionType", "FileName", "FolderPath"))
    if frame is None:
        return
    names, actions = frame.coded("FileName").lowered, frame.coded("ActionType").lowered
    processes = frame.coded("InitiatingProcessFileName").lowered
    left = names.rows_where(lambda name: TEXT.search(name) and not ORDINARY.match(name))
    left &= actions.rows_where("filecreated".__eq__) & ~processes.rows_where(BUILDERS.match) & frame.timed
    left &= ~frame.coded("FolderPath").rows_where(CACHES.search)
    by = together([frame.coded("DeviceName").lowered, processes, frame.coded("InitiatingProcessId")])
    key = np.unique(by * len(names.values) + names.codes, return_inverse=True)[1].astype(np.int64)
    changed = actions.rows_where(("filerenamed", "filedeleted").__contains__) & frame.timed
    for rows in runs(key, np.flatnonzero(left), frame.seconds, FOLDERS_TO_REPORT):
        start, end = widest(frame.seconds[rows].tolist(), [_folder(frame, i) for i in rows], WINDOW_SECONDS)
        inside = rows[start:end]
        if len({_folder(frame, i) for i in inside}) >= FOLDERS_TO_REPORT:
            near = np.abs(frame.seconds - frame.seconds[inside[0]]) <= WINDOW_SECONDS
            yield _seen(frame, inside, int((changed & near & (by == by[inside[0]])).sum()))


def _folder(frame: Frame, index: int) -> str:
    return frame.lower("FolderPath")[index].removesuffix(frame.lower("FileName")[index])


def _seen(frame: Frame, rows: Indexes, changed: int) -> Detection:
    first, last = int(rows[0]), int(rows[-1])
    host, name, process = (frame.text(c)[first] for c in ("DeviceName", "FileName", "InitiatingProcessFileName"))
    level: Level = "high" if changed >= CHANGED_TO_BE_HIGH else "medium"
    statement = (
        f"{process or 'a process'} on {host} left {name} in {len({_folder(frame, i) for i in rows})} folders between "
        f"{frame.moment(first)} and {frame.moment(last)}, and renamed or deleted {changed} files within ten minutes"
    )
    where = (equals("DeviceName", host), equals("FileName", name), equals("ActionType", "FileCreated"))
    claims = [
        frame.shared(f"on {host}", rows.tolist(), "DeviceName", host),
        frame.counted(f"files {name} created on {host}", *where),
    ]
    entities = [Entity(kind="host", value=host), Entity(kind="file", value=name)]
    return NOTE.detection(frame, level, statement, rows.tolist(), entities=entities, claims=claims)
