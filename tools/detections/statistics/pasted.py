"""Commands entered into the Run box or the address bar of the desktop, by what they do within minutes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import Evidence

from .addresses import is_public
from .arrivals import Arrival, Arrivals
from .autostarts import WRITABLE
from .following import Moments, after, with_rows
from .frame import Frame, Sighting, equals

__all__ = ["commands_are_pasted_and_run"]

START_SECONDS, BARE_SECONDS, FULL_SECONDS, DESKTOP_SECONDS = 30, 60, 180, 60 * 60
DAYS_OF_HABIT, AT_MOST = 3, 10
KEY = re.compile(r"\\explorer\\(runmru|typedpaths)$")
LOADERS = re.compile(
    r"^(powershell|pwsh|cmd|mshta|wscript|cscript|rundll32|regsvr32|msiexec|curl|certutil|bitsadmin|conhost|forfiles|pcalua"
    r"|ssh|finger|ftp|tftp|wmic|msbuild|installutil|python\w*|node|wt|bash|wsl|cmstp|control)$"
)
ENTERED = re.compile(r"[\s\"'^]*(?:(?:[a-z]:|%\w+%)\\(?:[^\"\\]*\\)*)?([\w^-]+?)(?:\.exe)?[\"']?(?=[\s/,;]|$)")
FETCHERS = re.compile(r"^(curl|certutil|bitsadmin|mshta|msiexec|finger|ftp|tftp|ssh|scp|wget|regsvr32|rundll32)\.exe$")
REACHES = re.compile(r"https?:|ftp:|\\\\[^\\\s]+[@\\]|\b\d{1,3}(\.\d{1,3}){3}\b|\b[\w-]+(\.[\w-]+)+/\S", re.I)
RISKY = re.compile(
    r"\.(exe|dll|scr|com|pif|ps1|psm1|bat|cmd|vbs|vbe|js|jse|wsf|hta|msi|msix|zip|7z|rar|cab|iso|lnk|py|jar|a3x)$"
)
OWN_TEST = "__psscriptpolicytest"
KNOWN_NAMES = re.compile(
    r"(^|\.)(microsoft|windows|live|office|office365|msftconnecttest|windowsupdate|microsoftonline|msauth|digicert|verisign"
    r"|globalsign|sectigo|usertrust|identrust|lencr|entrust|powershellgallery|chocolatey|nuget)\.(com|net|org)$"
)
"""Names that Windows, its package sources and certificates make any console ask."""
OWN = {
    "powershell": "T1059.001", "pwsh": "T1059.001", "cmd": "T1059.003", "mshta": "T1218.005", "msiexec": "T1218.007",
    "rundll32": "T1218.011", "regsvr32": "T1218.010", "wscript": "T1059.005", "cscript": "T1059.005",
}  # fmt: skip

PASTED = Sighting(
    id="stat-pasted-and-run",
    title="Command entered into the Run box reached out or fetched a program at once",
    techniques=("T1204.004",),
    tactics=("execution",),
    false_positives=("Somebody of the support who fetches a tool by a command from the Run box",),
)


@dataclass(frozen=True)
class Effect:
    """What a command did: a row that shows it, and in words."""

    frame: Frame
    row: int
    kind: str
    said: str


class _Host:
    """What the tables tell of starts, connections and files, by machine and time."""

    def __init__(self, evidence: Evidence) -> None:
        starts = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FileName", "InitiatingProcessFileName"))
        calls = Frame.of(evidence, "DeviceNetworkEvents", ("DeviceName", "RemoteIP", "InitiatingProcessFileName"))
        files = Frame.of(evidence, "DeviceFileEvents", ("DeviceName", "FolderPath", "InitiatingProcessFileName"))
        self.starts = Moments(starts, starts.timed) if starts else None
        self.calls = Moments(calls, calls.coded("RemoteIP").rows_where(is_public)) if calls else None
        created = (
            files.coded("ActionType").lowered.rows_where("filecreated".__eq__)
            & files.coded("FolderPath").lowered.rows_where(lambda path: RISKY.search(path) and WRITABLE.search(path))
            if files
            else None
        )
        self.files = Moments(files, created) if files and created is not None else None


def commands_are_pasted_and_run(evidence: Evidence) -> Iterator[Detection]:
    """Report a shell or loader entered into the Run box that soon reaches the Internet or brings a program.

    Within three minutes, one where the name of a shell alone was entered: a connection to the Internet but to the names
    that any console asks, a fetching command, a program or script written to a folder of users, or started there just
    after. One of them is medium, two of a whole command high. Where a remote desktop of the account was opened within
    the hour it is told as the work of who came. A host on which it is entered on three earlier days has the habit.
    """
    keys = Frame.of(evidence, "DeviceRegistryEvents", ("DeviceName", "RegistryKey", "RegistryValueData"))
    if keys is None:
        return
    among = keys.coded("RegistryKey").lowered.rows_where(KEY.search)
    among &= keys.coded("RegistryValueData").lowered.rows_where(lambda text: program(text))
    typed = Moments(keys, among & ~keys.coded("ActionType").lowered.rows_where(lambda action: "deleted" in action))
    if not len(typed):
        return
    host, told = _Host(evidence), set[str]()
    arrivals = Arrivals(evidence)
    for row in typed.rows():
        name = typed.hosts.by_row[row]
        if name in told or len(told) >= AT_MOST or _is_habit(typed, row):
            continue
        started, effects = _effects(host, keys, row, name)
        if effects:
            told.add(name)
            yield _seen(keys, row, started, effects, _desktop(arrivals, started, name))


def program(text: str) -> str:
    """Return the shell or loader that a text entered names, without its ending; nothing where it is another thing."""
    found = ENTERED.match(text[:512].lower().removesuffix("\\1"))
    name = found.group(1).replace("^", "") if found else ""
    return name if LOADERS.match(name) else ""


def _is_habit(typed: Moments, row: int) -> bool:
    frame, own = typed.frame, program(typed.frame.lower("RegistryValueData")[row])
    today = frame.seconds[row] // 86_400
    earlier = typed.between(typed.hosts.by_row[row], float("-inf"), float(frame.seconds[row]))
    same = [i for i in earlier if program(frame.lower("RegistryValueData")[i]) == own]
    return len({frame.seconds[i] // 86_400 for i in same} - {today}) >= DAYS_OF_HABIT


def _effects(host: _Host, keys: Frame, row: int, name: str) -> tuple[tuple[Frame, int] | None, list[Effect]]:
    """Return the start of what was entered, and what it did."""
    own, time = program(keys.lower("RegistryValueData")[row]), float(keys.seconds[row])
    started = _started(host, name, own, time)
    if host.starts is not None and started is None:
        return None, []
    since = float(started[0].seconds[started[1]]) if started else time
    until = since + (BARE_SECONDS if is_bare(keys.lower("RegistryValueData")[row]) else FULL_SECONDS)
    names = {f"{own}.exe"}
    found = list(_children(host, name, since, until, names))
    return started, [*found, *_reached(host, name, since, until, names), *_wrote(host, name, since, until, names)]


def is_bare(text: str) -> bool:
    """Tell whether only the name of a program was entered."""
    return len(text.removesuffix("\\1").split()) < 2


def _started(host: _Host, name: str, own: str, time: float) -> tuple[Frame, int] | None:
    if host.starts is None:
        return None
    frame = host.starts.frame
    for row in host.starts.between(name, time - START_SECONDS, time + START_SECONDS):
        by_desktop = frame.lower("InitiatingProcessFileName")[row] == "explorer.exe"
        if by_desktop and frame.lower("FileName")[row].removesuffix(".exe") == own:
            return frame, row
    return None


def _children(host: _Host, name: str, since: float, until: float, names: set[str]) -> Iterator[Effect]:
    """Yield what the command starts that fetches or is no program of Windows, and note the shells it goes through."""
    if host.starts is None:
        return
    frame = host.starts.frame
    for row in host.starts.between(name, since, until):
        child, path, line = (
            frame.lower("FileName")[row],
            frame.lower("FolderPath")[row],
            frame.text("ProcessCommandLine")[row],
        )
        if frame.lower("InitiatingProcessFileName")[row] not in names:
            continue
        if FETCHERS.match(child) and REACHES.search(line[:4096]):
            yield Effect(frame, row, "fetched", f"{child} was told to fetch at {frame.moment(row)}")
        elif WRITABLE.search(path) and _is_fresh(host, name, path, float(frame.seconds[row])):
            yield Effect(frame, row, "started", f"{path} was started at {frame.moment(row)}")
        if LOADERS.match(child.removesuffix(".exe")):
            names.add(child)


def _is_fresh(host: _Host, name: str, path: str, time: float) -> bool:
    """Tell whether a file was written within the hour before."""
    if host.files is None:
        return False
    paths = host.files.frame.lower("FolderPath")
    return any(paths[row] == path for row in host.files.between(name, time - DESKTOP_SECONDS, time))


def _reached(host: _Host, name: str, since: float, until: float, names: set[str]) -> Iterator[Effect]:
    for row in host.calls.between(name, since, until) if host.calls is not None else ():
        frame = host.calls.frame if host.calls is not None else None
        if frame is None or frame.lower("InitiatingProcessFileName")[row] not in names:
            continue
        url = re.sub(r"^https?://|[/:].*$", "", frame.lower("RemoteUrl")[row])
        if not KNOWN_NAMES.search(url):
            where = url or frame.text("RemoteIP")[row]
            yield Effect(frame, row, "reached", f"{where} was reached at {frame.moment(row)}")
            return


def _wrote(host: _Host, name: str, since: float, until: float, names: set[str]) -> Iterator[Effect]:
    for row in host.files.between(name, since, until) if host.files is not None else ():
        frame = host.files.frame if host.files is not None else None
        if frame is None or frame.lower("InitiatingProcessFileName")[row] not in names:
            continue
        path = frame.text("FolderPath")[row]
        if OWN_TEST not in path.lower():
            yield Effect(frame, row, "wrote", f"{path} was written at {frame.moment(row)}")
            return


def _desktop(arrivals: Arrivals, started: tuple[Frame, int] | None, name: str) -> Arrival | None:
    """Return the remote desktop in which the command was entered, where one was opened within the hour."""
    if started is None:
        return None
    frame, row = started
    return arrivals.desktop(name, frame.text("AccountName")[row], float(frame.seconds[row]), DESKTOP_SECONDS)


def _seen(
    keys: Frame, row: int, started: tuple[Frame, int] | None, effects: Sequence[Effect], desktop: Arrival | None
) -> Detection:
    host, text = keys.text("DeviceName")[row], keys.text("RegistryValueData")[row]
    own, whole = program(text), not is_bare(text.lower())
    level: Level = "high" if whole and len({each.kind for each in effects}) > 1 else "medium"
    came = f"{desktop.said} by remote desktop; " if desktop else ""
    statement = (
        f"{came}{text[:120].removesuffix(chr(92) + '1')} was entered on {host} at {keys.moment(row)}, and within "
        f"{FULL_SECONDS if whole else BARE_SECONDS} s {'; '.join(each.said for each in effects[:3])}"
    )
    first = effects[0]
    place = equals("RegistryKey", keys.text("RegistryKey")[row])
    named = Condition(column="RegistryValueData", op="contains", values=(own,))
    claims = [
        keys.counted(
            f"entries with {own} on {host} before", equals("DeviceName", host), place, named, keys.before(row)
        ),
        after("it acts after it was entered", keys, row, first.frame, first.row)
        if keys.seconds[row] <= first.frame.seconds[first.row]
        else after("it was entered as it acts", first.frame, first.row, keys, row),
    ]
    brought = any(each.kind in ("wrote", "fetched") for each in effects)
    wanted = ("T1021.001" if desktop else "T1204.004", OWN.get(own, ""), "T1105" if brought else "")
    techniques = tuple(filter(None, wanted))
    entities = [Entity(kind="host", value=host), *(desktop.entities() if desktop else _account(started))]
    seen = PASTED.detection(keys, level, statement, [row], entities=entities, claims=claims, techniques=techniques)
    for frame, at in [*([started] if started else []), *((each.frame, each.row) for each in effects[:8])]:
        seen = with_rows(seen, frame, [at])
    return with_rows(seen, desktop.frame, [desktop.row]) if desktop else seen


def _account(started: tuple[Frame, int] | None) -> list[Entity]:
    account = started[0].text("AccountName")[started[1]] if started else ""
    return [Entity(kind="account", value=account)] if account else []
