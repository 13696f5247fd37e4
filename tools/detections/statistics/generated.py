"""Names that a formula made and nobody would choose, asked one after another until one answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .coded import runs, together
from .frame import Frame, Sighting, widest

__all__ = ["generated_names_are_asked"]

NAMES, WINDOW_SECONDS = 4, 10 * 60
LEAST_LETTERS, MOST_VOWELS = 9, 0.3
UNSAID = re.compile(r"[bcdfghjklmnpqrstvwxz]{4}")
VOWELS = re.compile(r"[aeiouy]")
HEXADECIMAL = re.compile(r"(?=.*\d)(?=.*[a-z])[a-z0-9]{14,}")
BROWSERS = re.compile(
    r"^(chrome|msedge|firefox|brave|opera|vivaldi|iexplore|msedgewebview2|safari|arc|chromium)(\.exe)?$"
)
SECOND_LEVELS = frozenset({"co", "com", "net", "org", "gov", "edu", "ac"})

GENERATED = Sighting(
    id="stat-generated-names",
    title="One program asks names that a formula made",
    techniques=("T1568.002",),
    tactics=("command-and-control",),
    false_positives=("A program that tests how names are resolved",),
)


def generated_names_are_asked(evidence: Evidence) -> Iterator[Detection]:
    """Report four names of letters nobody can say, of as many domains, reached for by one program in ten minutes.

    Medium. Browsers are left out, since pages bring them to names of all kinds.
    """
    frame = Frame.of(evidence, "DeviceNetworkEvents", ("DeviceName", "RemoteUrl", "InitiatingProcessFileName"))
    if frame is None:
        return
    domains = frame.coded("RemoteUrl").mapped(_generated)
    programs = frame.coded("InitiatingProcessFileName").lowered
    among = domains.rows_where(bool) & frame.timed
    among &= programs.rows_where(lambda name: bool(name) and not BROWSERS.match(name))
    key = together([frame.coded("DeviceName").lowered, programs])
    for rows in runs(key, np.flatnonzero(among), frame.seconds, NAMES):
        own = rows.tolist()
        start, end = widest(frame.at(own), [domains.by_row[i] for i in own], WINDOW_SECONDS)
        names = list(dict.fromkeys(domains.by_row[i] for i in own[start:end]))
        if len(names) >= NAMES:
            yield _told(frame, own[start:end], names)


def _generated(url: str) -> str:
    """Return the domain of an address whose own label looks made by a formula, or nothing."""
    host = url.lower().partition("://")[2] or url.lower()
    labels = re.split(r"[/:?]", host)[0].strip(".").split(".")
    if len(labels) < 2:
        return ""
    at = -3 if len(labels) > 2 and labels[-2] in SECOND_LEVELS else -2
    own = labels[at]
    unsaid = own.isalpha() and len(own) >= LEAST_LETTERS and UNSAID.search(own)
    unsaid = unsaid and len(VOWELS.findall(own)) <= MOST_VOWELS * len(own)
    return ".".join(labels[at:]) if own.isascii() and (unsaid or HEXADECIMAL.fullmatch(own)) else ""


def _told(frame: Frame, rows: list[int], names: list[str]) -> Detection:
    host, program = frame.text("DeviceName")[rows[0]], frame.text("InitiatingProcessFileName")[rows[0]]
    statement = (
        f"{program} of {host} reached for {len(names)} names between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])}: {', '.join(names[:5])}"
    )
    entities = [Entity(kind="host", value=host), Entity(kind="process", value=program)]
    claims = [frame.shared(f"all are of {program}", rows, "InitiatingProcessFileName", program)]
    return GENERATED.detection(frame, "medium", statement, rows, entities=entities, claims=claims)
