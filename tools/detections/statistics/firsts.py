"""Parents that start a program for the first time, in company with something telling."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .coded import Coded, Indexes, runs, together
from .frame import Frame, Sighting, equals
from .obscurity import READ, read

__all__ = ["parents_start_something_new"]

ROWS_OF_PAST = 300
DAYS_OF_PAST = 2
LAST_PART = 0.25
PARENT_ROWS = 20
"""Children that a parent must have had before for a new one to mean anything."""
SIGNS_FOR_MEDIUM = 2
AT_MOST = 5

FIRST = Sighting(
    id="stat-first-parent-child",
    title="Program started by a parent that never started it before",
    techniques=("T1059",),
    tactics=("execution",),
    false_positives=("New or updated software; the first run of an administrator's script",),
)
CHILDREN = re.compile(
    r"^(cmd|powershell\w*|pwsh|wscript|cscript|mshta|rundll32|regsvr32|msbuild|installutil|regasm|regsvcs|certutil|bitsadmin"
    r"|wmic|schtasks|sc|net1?|whoami|nltest|curl|wget|bash|sh|python[\d.]*|perl)(\.exe)?$"
)
SERVING = re.compile(
    r"^(winword|excel|powerpnt|outlook|onenote|msaccess|acrord32|acrobat|foxit\w*|w3wp|httpd|nginx|tomcat\d*|java|sqlservr"
    r"|mysqld|postgres|php-cgi|umworkerprocess|chrome|msedge|firefox|spoolsv|dns|lsass|winrar|7zfm)(\.exe)?$"
)
ADDRESS = re.compile(r"\b(?:https?|ftp)://|\\\\[\w.-]+\\\w|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)
WRITABLE = re.compile(r"\\(temp|tmp|appdata|users\\public|downloads|perflogs)\\|(?<!\w)/(tmp|var/tmp|dev/shm)/", re.I)
HIDDEN = re.compile(
    r"(?<!\w)[-/]w(in(dowstyle)?)?\s+(h(id(den)?)?|1)\b|-e(nc?|ncodedcommand|c)?\s+[a-z0-9+/=]{40}", re.I
)


def parents_start_something_new(evidence: Evidence) -> Iterator[Detection]:
    """Report shells and tools first started by a parent in the last quarter of the rows, where something else tells.

    The baseline is the table's own past: at least two days and three hundred rows, in which the parent started at least
    twenty others and never this one. What tells: a parent that serves documents or the network, an address, a folder
    that anybody can write to, a hidden window or encoded text, tricks of writing. Low with one, medium with two of
    them; none is no report. At most five, the most telling first.
    """
    frame = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FileName", "InitiatingProcessFileName"))
    if frame is None or not frame.timed.any():
        return
    seconds, start = frame.seconds, _last_part(frame)
    past = frame.timed & (seconds < start)
    if past.sum() < ROWS_OF_PAST or start - np.nanmin(seconds) < DAYS_OF_PAST * 86400:
        return
    names, parents = frame.coded("FileName").lowered, frame.coded("InitiatingProcessFileName").lowered
    pairs = together([parents, names])
    busy = np.bincount(parents.codes[past], minlength=len(parents.values)) >= PARENT_ROWS
    new = ~np.isin(pairs, pairs[past]) & frame.timed & busy[parents.codes]
    new &= names.rows_where(CHILDREN.match) & parents.rows_where(bool)
    found = [each for rows in runs(pairs, np.flatnonzero(new), seconds) if (each := _telling(frame, rows, parents))]
    for signs, row, rows in sorted(found, key=lambda each: (-len(each[0]), frame.times[each[1]]))[:AT_MOST]:
        yield _seen(frame, row, rows, signs, int(past.sum()))


def _last_part(frame: Frame) -> float:
    """Return when the last quarter of the rows' time begins."""
    first, last = float(np.nanmin(frame.seconds)), float(np.nanmax(frame.seconds))
    return last - LAST_PART * (last - first)


def _telling(frame: Frame, rows: Indexes, parents: Coded) -> tuple[list[str], int, Indexes] | None:
    """Return what tells at the most telling of these rows, if anything does."""
    serving = bool(SERVING.match(parents.values[parents.codes[rows[0]]]))
    best: list[str] = []
    row = int(rows[0])
    for i in rows[:100].tolist():
        signs = _signs(frame.text("ProcessCommandLine")[i][:READ], frame.text("FolderPath")[i])
        if len(signs) > len(best):
            best, row = signs, i
    signs = (["a parent that serves documents or the network"] if serving else []) + best
    return (signs, row, rows) if signs else None


def _signs(line: str, folder: str) -> list[str]:
    tests = (
        ("an address", ADDRESS.search(line)),
        ("a folder that anybody can write to", WRITABLE.search(line) or WRITABLE.search(folder)),
        ("a hidden window or encoded text", HIDDEN.search(line)),
        ("tricks of writing", read(line).strong),
    )
    return [what for what, found in tests if found]


def _seen(frame: Frame, row: int, rows: Indexes, signs: list[str], past: int) -> Detection:
    host, name, parent = (frame.text(c)[row] for c in ("DeviceName", "FileName", "InitiatingProcessFileName"))
    level: Level = "medium" if len(signs) >= SIGNS_FOR_MEDIUM else "low"
    statement = (
        f"{parent} started {name} on {host} at {frame.moment(row)}, {len(rows)} time(s) since "
        f"{frame.moment(int(rows[0]))} and never in {past} earlier rows; with {', '.join(signs)}"
    )
    by, before = equals("InitiatingProcessFileName", parent), frame.before(int(rows[0]))
    claims = [
        frame.counted(f"earlier starts of {name} by {parent}", by, equals("FileName", name), before),
        frame.counted(f"earlier starts by {parent}, which are the baseline,", by, before),
    ]
    entities = [Entity(kind="host", value=host), Entity(kind="process", value=name)]
    cited = [row, *(i for i in rows.tolist() if i != row)]
    return FIRST.detection(frame, level, statement, cited, entities=entities, claims=claims)
