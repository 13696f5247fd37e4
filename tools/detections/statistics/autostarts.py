"""Services, tasks and run keys that one host alone shows, in company with something telling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Claim, Detection, Level
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .coded import Coded, Indexes, joined, runs
from .frame import Frame, Sighting, differs, equals
from .obscurity import READ, read

__all__ = ["autostarts_are_new"]

HOSTS_TO_COMPARE = 5
ROWS_TO_COMPARE = 50
SIGNS_FOR_MEDIUM = 2
AT_MOST = 5

NEW = Sighting(
    id="stat-new-autostart",
    title="Service, task or run key that no other host shows",
    techniques=("T1543.003", "T1547.001", "T1053.005"),
    tactics=("persistence",),
    false_positives=("Software or an administrator's job on one machine only",),
)
SHELL = re.compile(
    r"\b(cmd|powershell|pwsh|wscript|cscript|mshta|rundll32|regsvr32|certutil|bitsadmin|msbuild|installutil|python\w*)"
    r"(\.exe)?\b",
    re.IGNORECASE,
)
WRITABLE = re.compile(
    r"\\(temp|tmp|appdata|users\\public|programdata|downloads|perflogs|music|pictures)\\|%(temp|tmp|appdata|public)%",
    re.I,
)
ADDRESS = re.compile(r"\b(?:https?|ftp)://|(?:(?<![\w.\\])|(?<=\\\\))\d{1,3}(?:\.\d{1,3}){3}(?![\w.])", re.IGNORECASE)
QUIET = re.compile(r"-w(in(dowstyle)?)?\s+(h|1)|-e(nc?|ncodedcommand|c)?\s+[a-z0-9+/=]{30}|\bscrobj|javascript:", re.I)
CLEANING = re.compile(
    r"^\W*\S*cmd(\.exe)?\W+(/q\s+)?/c\s+\W?(del|rd|rmdir)\s[^&|>]*$|advpack\.dll\W*,\s*DelNodeRunDLL32\b", re.IGNORECASE
)
VARYING = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f-]{27}\}?|s-1-[\d-]+|_[0-9a-f]{4,}$|\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where entries are written: the columns in which the pattern finds the name, and that of what is started."""

    noun: str
    table: str
    columns: tuple[str, ...]
    pattern: re.Pattern[str]
    command: str
    technique: str
    hint: str
    """What each text with an entry holds, for RE2."""

    def name(self, text: str) -> str:
        """Return the entry's name, or nothing where a text is of none."""
        found = self.pattern.search(text[:READ])
        return next(filter(None, found.groups()), "") if found else ""

    def started(self, text: str) -> str:
        """Return what is started: of a command line, what follows the name."""
        found = self.pattern.search(text[:READ]) if self.command in self.columns else None
        return text[found.end() if found else 0 : READ]


KEYS, LINE = ("RegistryKey", "RegistryValueName"), ("ProcessCommandLine",)
PLACES = (
    Place("run key", "DeviceRegistryEvents", KEYS, re.compile(
        r"\\currentversion\\(?:policies\\explorer\\)?run(?:once|onceex|services)?\0(.+)", re.IGNORECASE),
        "RegistryValueData", "T1547.001", r"\\run[a-z]*\x00"),
    Place("service", "DeviceRegistryEvents", KEYS, re.compile(
        r"\\(?:currentcontrolset|controlset\d+)\\services\\([^\\\0]+)\0imagepath$", re.IGNORECASE),
        "RegistryValueData", "T1543.003", r"\x00imagepath$"),
    Place("task", "DeviceProcessEvents", LINE, re.compile(
        r"/tn\s+(?:\"([^\"]+)|(\S+))", re.IGNORECASE),
        "ProcessCommandLine", "T1053.005", r"\bschtasks\b.*/create\b"),
    Place("service", "DeviceProcessEvents", LINE, re.compile(
        r"\bsc(?:\.exe)?\"?\s+(?:\\\\\S+\s+)?create\s+(?:\"([^\"]+)|(\S+))"
        r"|\bnew-service\s+(?:-name\s+)?[\"']?([\w.-]+)", re.IGNORECASE),
        "ProcessCommandLine", "T1543.003", r"\bsc(\.exe)?\"?\s.*\bcreate\b|\bnew-service\b"),
)  # fmt: skip


def autostarts_are_new(evidence: Evidence) -> Iterator[Detection]:
    """Report services, tasks and run keys whose name one host alone shows and whose command tells something.

    The baseline is the table: at least fifty rows of five hosts. What tells: a shell or script host, a folder that
    anybody can write to, an address, hidden or encoded text. Low with one, medium with two of them, at most five of a
    kind and the most telling first.
    """
    for place in PLACES:
        frame = Frame.of(evidence, place.table, ("DeviceName", *place.columns))
        if frame is None or len(frame.rows) < ROWS_TO_COMPARE:
            continue
        hosts = frame.coded("DeviceName").lowered
        if len(set(hosts.values)) > HOSTS_TO_COMPARE:
            found = sorted(_alone(frame, place, hosts), key=lambda each: (-len(each[1]), frame.times[each[0][0]]))
            yield from (_seen(frame, place, *each) for each in found[:AT_MOST])


def _alone(frame: Frame, place: Place, hosts: Coded) -> Iterator[tuple[Indexes, list[str], str]]:
    """Yield the rows, what tells and the name of entries that one host shows."""
    names = _names(frame, place)
    alike = names.mapped(lambda name: VARYING.sub("#", name.lower()))
    removed = frame.coded("ActionType").lowered.rows_where(lambda action: "deleted" in action)
    for rows in runs(alike.codes, np.flatnonzero(alike.rows_where(bool) & ~removed & frame.timed), frame.seconds):
        if len(np.unique(hosts.codes[rows])) > 1:
            continue
        signs = _signs(place.started(frame.text(place.command)[rows[0]]))
        if signs:
            yield rows, signs, names.values[names.codes[rows[0]]]


def _names(frame: Frame, place: Place) -> Coded:
    """Return the entry that each row writes, empty where it writes none."""
    if len(place.columns) == 1:
        lines = frame.lines(place.columns[0])
        return lines.mapped(place.name, lines.holding(place.hint))
    texts = joined(*map(frame.coded, place.columns))
    return texts.mapped(place.name, texts.holding(place.hint))


def _signs(command: str) -> list[str]:
    if CLEANING.search(command):
        return []
    tests = (
        ("a shell or script host", SHELL.search(command)),
        ("a folder that anybody can write to", WRITABLE.search(command)),
        ("an address", ADDRESS.search(command)),
        ("hidden or encoded text", QUIET.search(command) or read(command).strong),
    )
    return [what for what, found in tests if found]


def _seen(frame: Frame, place: Place, rows: Indexes, signs: list[str], name: str) -> Detection:
    first, hosts = int(rows[0]), {value for value in frame.coded("DeviceName").lowered.values if value}
    host = frame.text("DeviceName")[first]
    level: Level = "medium" if len(signs) >= SIGNS_FOR_MEDIUM else "low"
    statement = (
        f"{place.noun} {name} on {host} at {frame.moment(first)} and on none of {len(hosts) - 1} other hosts in "
        f"{len(frame.rows)} rows; with {', '.join(signs)}"
    )
    return NEW.detection(
        frame, level, statement, rows.tolist(), entities=[Entity(kind="host", value=host)],
        claims=_claims(frame, place, rows, name, host), techniques=(place.technique,),
    )  # fmt: skip


def _claims(frame: Frame, place: Place, rows: Indexes, name: str, host: str) -> Iterator[Claim]:
    column = "RegistryValueName" if place.noun == "run key" else place.columns[0]
    by_name = (
        equals(column, name) if place.noun == "run key" else Condition(column=column, op="contains", values=(name,))
    )
    yield frame.shared(f"on {host}", rows.tolist(), "DeviceName", host)
    yield frame.counted("rows of other hosts, which are the baseline,", differs("DeviceName", host))
    yield frame.counted(f"of them that name {name}", differs("DeviceName", host), by_name)
