"""What two tables tell together: archives carried off on a stick, and a service whose program was written over."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .coded import Mask, runs
from .frame import Frame, Sighting, busiest

__all__ = ["archives_are_carried_off", "programs_of_services_are_written_over"]

ARCHIVES, COPY_SECONDS, PLUGGED_SECONDS, STARTED_SECONDS = 3, 10 * 60, 60 * 60, 60 * 60
STICK = re.compile(r"\\enum\\(usbstor|swd\\wpdbusenum)\\|\\windows portable devices\\devices\\")
CARRIED = re.compile(r"^[d-z]:\\.*\.(7z|rar|zip|tar|gz|tgz|cab|iso|vhdx?|\d{3}|gpg|aes|enc)$")
COPIER = re.compile(
    r"^(robocopy|xcopy|cmd|powershell|pwsh|7z[ar]?|rar|winrar|rclone|wscript|cscript|python[\w.]*)\.exe$"
)
MANAGER = "\\services.exe"
INSTALLED = re.compile(r"^[a-z]:\\program files( \(x86\))?\\.+\.exe$")
WRITER = re.compile(
    r"\\(cmd|powershell|pwsh|xcopy|robocopy|certutil|curl|wscript|cscript)\.exe$"
    r"|\\users\\|\\windows\\temp\\|\\perflogs\\"
)
UNUSUAL = re.compile(
    r"^(cmd|powershell|pwsh|net1?|whoami|reg|sc|wscript|cscript|mshta|rundll32|regsvr32|nltest|schtasks)\.exe$"
)

ON_A_STICK = Sighting(
    id="stat-archives-carried-off",
    title="Archives copied to a drive just plugged in",
    techniques=("T1052.001",),
    tactics=("exfiltration",),
    false_positives=("Backups of a person to a drive of their own",),
)
WRITTEN_OVER = Sighting(
    id="stat-service-program-written-over",
    title="Program of a service written over, started and used for a command",
    techniques=("T1574.010", "T1569.002"),
    tactics=("persistence", "privilege-escalation"),
    false_positives=("A service under development that calls system tools",),
)


def archives_are_carried_off(evidence: Evidence) -> Iterator[Detection]:
    """Report three archives that a copying program puts on another drive in ten minutes, soon after a plug: medium.

    A drive for carrying must have been made known to Windows within the hour before.
    """
    files = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "FolderPath", "InitiatingProcessFileName"))
    keys = Frame.of(evidence, "DeviceRegistryEvents", ("DeviceName", "RegistryKey"))
    if files is None or keys is None:
        return
    plugged = keys.in_order(np.flatnonzero(keys.coded("RegistryKey").lowered.rows_where(STICK.search)))
    written = _action(files, ("filecreated", "filerenamed", "filemodified"))
    written &= files.coded("FolderPath").lowered.rows_where(CARRIED.match)
    written &= files.coded("InitiatingProcessFileName").lowered.rows_where(COPIER.match)
    hosts = files.coded("DeviceName").lowered
    for rows in runs(hosts.codes, np.flatnonzero(written), files.seconds, ARCHIVES) if plugged else ():
        start, end = busiest(files.at(rows.tolist()), COPY_SECONDS)
        inside = rows[start:end].tolist()
        ages = [files.seconds[inside[0]] - keys.seconds[i] for i in plugged
                if keys.lower("DeviceName")[i] == hosts.by_row[inside[0]]]  # fmt: skip
        if len(inside) >= ARCHIVES and any(0 <= age <= PLUGGED_SECONDS for age in ages):
            host = files.text("DeviceName")[inside[0]]
            statement = (
                f"{len(inside)} archives were put on {files.text('FolderPath')[inside[0]][:3]} of {host} between "
                f"{files.moment(inside[0])} and {files.moment(inside[-1])}, after a drive was plugged in"
            )
            claims = [files.shared(f"all are of {host}", inside, "DeviceName", host)]
            entities = [Entity(kind="host", value=host)]
            yield ON_A_STICK.detection(files, "medium", statement, inside, entities=entities, claims=claims)


def programs_of_services_are_written_over(evidence: Evidence) -> Iterator[Detection]:
    """Report an installed program that a shell or a user's program writes over, that the service manager then starts
    within the hour, and that starts a shell or an account tool: high. Set-ups do the first two, never the third."""
    files = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "FolderPath", "InitiatingProcessFolderPath"))
    runs_of = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FolderPath", "InitiatingProcessFolderPath"))
    if files is None or runs_of is None:
        return
    written = _action(files, ("filemodified", "filecreated", "filerenamed"))
    written &= files.coded("FolderPath").lowered.rows_where(INSTALLED.match)
    written &= files.coded("InitiatingProcessFolderPath").lowered.rows_where(WRITER.search)
    paths, hosts = files.coded("FolderPath").lowered, files.coded("DeviceName").lowered
    by_manager = runs_of.coded("InitiatingProcessFolderPath").lowered.rows_where(lambda path: path.endswith(MANAGER))
    services = {runs_of.lower("FolderPath")[i] for i in np.flatnonzero(by_manager).tolist()}
    written &= paths.rows_where(services.__contains__)
    for row in {(hosts.by_row[i], paths.by_row[i]): i for i in np.flatnonzero(written).tolist()}.values():
        started, used = _uses(runs_of, hosts.by_row[row], paths.by_row[row], files.seconds[row])
        if started and used:
            yield _over(runs_of, started[0], used, files.moment(row))


def _uses(frame: Frame, host: str, path: str, since: float) -> tuple[list[int], list[int]]:
    """Return when the service manager started a program of a host, and what this then started that is unusual."""
    here = frame.coded("DeviceName").lowered.rows_where(host.__eq__) & frame.timed
    here &= (frame.seconds >= since) & (frame.seconds <= since + STARTED_SECONDS)
    parents = frame.coded("InitiatingProcessFolderPath").lowered
    started = here & frame.coded("FolderPath").lowered.rows_where(path.__eq__)
    started &= parents.rows_where(lambda parent: parent.endswith(MANAGER))
    used = here & parents.rows_where(path.__eq__) & frame.coded("FileName").lowered.rows_where(UNUSUAL.match)
    return frame.in_order(np.flatnonzero(started)), frame.in_order(np.flatnonzero(used))


def _over(frame: Frame, row: int, used: list[int], when: str) -> Detection:
    host, path = frame.text("DeviceName")[row], frame.text("FolderPath")[row]
    statement = (
        f"{path} of {host} was written over at {when}, started as a service at {frame.moment(row)} and started "
        f"{frame.text('FileName')[used[0]]}"
    )
    claims = [frame.ordered("the service starts before what it starts", row, used[-1])]
    entities = [Entity(kind="host", value=host), Entity(kind="file", value=path)]
    return WRITTEN_OVER.detection(frame, "high", statement, [row, *used], entities=entities, claims=claims)


def _action(frame: Frame, actions: tuple[str, ...]) -> Mask:
    return frame.coded("ActionType").lowered.rows_where(actions.__contains__) & frame.timed
