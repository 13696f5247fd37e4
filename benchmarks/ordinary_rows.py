"""Read the ordinary events of `tests/rules/ordinary` as rows of the tables of Log Analytics.

A file holds activities: what one host or one tenant does in an hour. Each line of a section is a row:

    process:   [(account)] parent command line :: command line
    files:     [(account)] command line :: FileCreated PATH [<- URL or former path]
    registry:  [(account)] command line :: RegistryValueSet KEY : NAME = DATA
    network:   [(account)] command line :: ConnectionSuccess IP[:PORT] [URL] [<LOCALPORT]
    logons:    LogonSuccess TYPE ACCOUNT [from IP [DEVICE]] [reason=WHY]
    signins, audits, azure, flows, alerts:   key=value …

Files in `everyday` hold hours as they mostly are, those beside it hours that are full of administration; `routine` and
`changes` hold the same kinds, written later and blind of the rules; `weekdays` hold hours of a working week, written
after those and blind again.
`x20 ` before a line makes twenty rows of it, in which `{n}` counts from 1. An activity is of the tuning or of the test
half by a hash of its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from ordinary_cloud import alert, azure, flow, signin
from ordinary_directory import audit

__all__ = ["Window", "windows"]

ORDINARY = Path(__file__).parents[1] / "tests" / "rules" / "ordinary"
START = datetime(2024, 1, 16, 9, tzinfo=UTC)
SYSTEM32 = "C:\\Windows\\System32\\"
AT_HOME = {
    "powershell.exe": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
    "explorer.exe": "C:\\Windows\\explorer.exe",
    "chrome.exe": "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    "wmiprvse.exe": "C:\\Windows\\System32\\wbem\\WmiPrvSE.exe",
    "msedge.exe": "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
    "firefox.exe": "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
    "wmic.exe": "C:\\Windows\\System32\\wbem\\WMIC.exe",
    "outlook.exe": "C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE",
    "excel.exe": "C:\\Program Files\\Microsoft Office\\root\\Office16\\EXCEL.EXE",
    "winword.exe": "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE",
    "node.exe": "C:\\Program Files\\nodejs\\node.exe",
    "git.exe": "C:\\Program Files\\Git\\cmd\\git.exe",
    "java.exe": "C:\\Program Files\\Eclipse Adoptium\\jdk-17.0.9.9-hotspot\\bin\\java.exe",
    "python.exe": "C:\\Users\\dev-omar\\AppData\\Local\\Programs\\Python\\Python311\\python.exe",
    "dotnet.exe": "C:\\Program Files\\dotnet\\dotnet.exe",
    "7z.exe": "C:\\Program Files\\7-Zip\\7z.exe",
    "w3wp.exe": "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
    "csc.exe": "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\csc.exe",
    "mssense.exe": "C:\\Program Files\\Windows Defender Advanced Threat Protection\\MsSense.exe",
    "msmpeng.exe": "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.23110.3-0\\MsMpEng.exe",
    "winscp.com": "C:\\Program Files (x86)\\WinSCP\\WinSCP.com",
    "system": "System",
    "ccmexec.exe": "C:\\Windows\\CCM\\CcmExec.exe",
    "procdump64.exe": "C:\\tools\\procdump64.exe",
    "trustedinstaller.exe": "C:\\Windows\\servicing\\TrustedInstaller.exe",
    "setup.tmp": "C:\\Users\\dan\\AppData\\Local\\Temp\\is-Q1.tmp\\setup.tmp",
}
"""Where a program lies that a line names without its folder; others lie in System32."""


PARENTS = {
    "cmd.exe": "explorer.exe",
    "powershell.exe": "explorer.exe",
    "svchost.exe": "services.exe",
    "wmiprvse.exe": "svchost.exe",
    "wsmprovhost.exe": "svchost.exe",
    "gpscript.exe": "svchost.exe",
    "bash": "sshd",
    "services.exe": "wininit.exe",
}
"""What usually starts a program, where no row says."""


@dataclass
class Window:
    """An hour of one host or of a tenant: the rows of each table."""

    name: str
    split: str
    collection: str
    """dense, changes: full of administration. everyday, routine, weekdays: hours as they mostly are."""
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    host: str
    account: str


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def windows(folder: Path = ORDINARY) -> Iterator[Window]:
    """Yield each activity as a window, with the everyday rows of its host around it."""
    for path in sorted(folder.rglob("*.yaml")):
        for activity in yaml.load(path.read_text(encoding="utf-8"), LOADER):
            yield _window(activity, path.parent.name if path.parent != folder else "dense")


def half(name: str) -> str:
    """Return to which half a name belongs."""
    return "test" if hashlib.sha256(name.encode()).digest()[0] & 1 else "tuning"


def _window(activity: Mapping[str, Any], collection: str) -> Window:
    name = str(activity["activity"])
    window = Window(name, half(name), collection)
    place = _Place(_host(name, activity.get("host", "srv")), str(activity.get("as", "system")))
    for section, read in SECTIONS.items():
        lines = [line for line in str(activity.get(section, "")).splitlines() if line.strip()]
        rows = [row for line in lines for row in _rows(line.strip(), read, place)]
        for position, (table, row) in enumerate(rows):
            spread = START + timedelta(seconds=int(position * 3_400 / max(1, len(rows))))
            row["TimeGenerated"] = spread + row.pop("_later", timedelta())
            for copied in ("CreatedDateTime", "ActivityDateTime"):
                if copied in row:
                    row[copied] = row["TimeGenerated"]
            window.tables.setdefault(table, []).append(row)
    _link_parents(window)
    return window


def _link_parents(window: Window) -> None:
    """Give rows the whole command line and the parent of what acted, where another row of the window started it.

    A line may name what acted in short: its program and some words of its command line.
    """
    started = window.tables.get("DeviceProcessEvents", ())
    for row in (row for rows in window.tables.values() for row in rows if "InitiatingProcessCommandLine" in row):
        name, short = row["InitiatingProcessFileName"].lower(), row["InitiatingProcessCommandLine"]
        words = [word.strip('"') for word in short.split(" ")[1:]]
        own = next(
            (
                each
                for each in started
                if each is not row
                and each["FileName"].lower() == name
                and all(word in each["ProcessCommandLine"] for word in words)
            ),
            None,
        )
        row["InitiatingProcessParentFileName"] = PARENTS.get(name, "")
        if own is not None:
            row["InitiatingProcessCommandLine"] = own["ProcessCommandLine"]
            row["InitiatingProcessFolderPath"] = own["FolderPath"]
            row["InitiatingProcessParentFileName"] = own["InitiatingProcessFileName"]


def _host(name: str, kind: str) -> str:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[1:3], "big") % 900 + 100
    return f"{kind}-{number:04d}.contoso.com"


def _rows(line: str, read: Callable[[str, _Place], Iterator[tuple[str, dict[str, Any]]]], place: _Place) -> Any:
    times = re.match(r"x(\d+) (.*)", line)
    count, text = (int(times[1]), times[2]) if times else (1, line)
    for number in range(1, count + 1):
        yield from read(text.replace("{n}", str(number)), place)


def _acting(line: str, place: _Place) -> tuple[str, str, str]:
    """Return the account, the acting command line and what it did."""
    named = re.match(r"\(([^)]+)\) (.*)", line)
    account, text = (named[1], named[2]) if named else (place.account, line)
    actor, what = text.split(" :: ", 1)
    return account, actor.strip(), what.strip()


def _image(command: str) -> tuple[str, str]:
    """Return the path and the name of the program that a command line starts."""
    quoted = re.match(r'"([^"]+)"', command)
    known = re.match(
        r"((?:[A-Za-z]:\\|\\\\|/)(?:(?! -| /|\s\"|\.exe ).)*?(?:\.(?:exe|tmp|com|service|cmd|bat|ps1)\b|$)|/\S+)",
        command,
    )
    path = quoted[1] if quoted else known[1] if known else command.split(" ")[0]
    name = re.split(r"[\\/]", path)[-1]
    if not re.search(r"[\\/]", path):
        name = name if "." in name or name in ("systemd", "System") else f"{name}.exe"
        path = AT_HOME.get(name.lower(), f"/usr/lib/systemd/{name}" if name == "systemd" else SYSTEM32 + name)
    return path, name


def _initiating(account: str, command: str) -> dict[str, Any]:
    path, name = _image(command)
    domain, user = _names(account)
    return {
        "InitiatingProcessFileName": name,
        "InitiatingProcessFolderPath": path,
        "InitiatingProcessCommandLine": command,
        "InitiatingProcessAccountDomain": domain,
        "InitiatingProcessAccountName": user,
        "InitiatingProcessId": _number(command) % 20_000 + 400,
        "InitiatingProcessIntegrityLevel": "System" if user == "system" else "Medium",
    }


def _names(account: str) -> tuple[str, str]:
    return ("nt authority", "system") if account == "system" else ("contoso", account)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:3], "big")


def _device(place: _Place, action: str) -> dict[str, Any]:
    return {"DeviceName": place.host, "DeviceId": f"{_number(place.host):040x}", "ActionType": action}


def _process(line: str, place: _Place) -> Iterator[tuple[str, dict[str, Any]]]:
    account, parent, command = _acting(line, place)
    path, name = _image(command)
    domain, user = _names(account)
    made = {
        "FileName": name,
        "FolderPath": path,
        "ProcessCommandLine": command,
        "AccountDomain": domain,
        "AccountName": user,
        "ProcessId": _number(command) % 20_000 + 500,
        "ProcessIntegrityLevel": "System" if user == "system" else "Medium",
        "SHA1": hashlib.sha1(path.lower().encode(), usedforsecurity=False).hexdigest(),
        "SHA256": hashlib.sha256(path.lower().encode()).hexdigest(),
    }
    yield "DeviceProcessEvents", _device(place, "ProcessCreated") | _initiating(account, parent) | made


def _file(line: str, place: _Place) -> Iterator[tuple[str, dict[str, Any]]]:
    account, actor, what = _acting(line, place)
    action, target = what.split(" ", 1)
    path, _, origin = target.partition(" <- ")
    row = _device(place, action) | _initiating(account, actor)
    row |= {
        "FolderPath": path,
        "FileName": re.split(r"[\\/]", path)[-1],
        "SHA256": hashlib.sha256(path.encode()).hexdigest(),
    }
    if origin.startswith("http"):
        row["FileOriginUrl"] = origin
    elif origin:
        folder, _, name = origin.rpartition("\\" if "\\" in origin else "/")
        row |= {"PreviousFolderPath": folder, "PreviousFileName": name}
    yield "DeviceFileEvents", row


def _registry(line: str, place: _Place) -> Iterator[tuple[str, dict[str, Any]]]:
    account, actor, what = _acting(line, place)
    action, rest = what.split(" ", 1)
    key, _, value = rest.partition(" : ")
    name, _, data = value.partition(" = ")
    said = {
        "RegistryKey": key,
        "RegistryValueName": name,
        "RegistryValueData": data,
        "RegistryValueType": "Dword" if data.isdigit() else "String",
    }
    yield "DeviceRegistryEvents", _device(place, action) | _initiating(account, actor) | said


def _network(line: str, place: _Place) -> Iterator[tuple[str, dict[str, Any]]]:
    account, actor, what = _acting(line, place)
    action, remote, *rest = what.split()
    ip, _, port = remote.rpartition(":") if ":" in remote else (remote, "", "0")
    local = next((int(word[1:]) for word in rest if word.startswith("<")), 49_152 + _number(line) % 9_000)
    url = next((word for word in rest if not word.startswith("<")), "")
    said = {
        "RemoteIP": ip,
        "RemotePort": int(port),
        "RemoteUrl": url,
        "LocalIP": "10.20.3.44",
        "LocalPort": local,
        "Protocol": "Tcp",
        "RemoteIPType": "Private" if re.match(r"10\.|192\.168|169\.254", ip) else "Public",
        "LocalIPType": "Private",
    }
    yield "DeviceNetworkEvents", _device(place, action) | _initiating(account, actor) | said


def _logon(line: str, place: _Place) -> Iterator[tuple[str, dict[str, Any]]]:
    match = re.match(r"(\S+) (\S+) (\S+)(?: from (\S+)(?: ([^\s=]+))?)?(?: reason=(\S+))?$", line)
    if match is None:
        raise ValueError(f"not a logon: {line}")
    action, kind, account, ip, device, why = match.groups()
    domain, user = _names(account)
    said = {
        "LogonType": kind,
        "AccountDomain": domain,
        "AccountName": user,
        "RemoteIP": ip,
        "RemoteDeviceName": device,
        "RemoteIPType": "Private" if ip else None,
        "FailureReason": why,
        "Protocol": "Kerberos" if kind == "Network" else "Negotiate",
        "InitiatingProcessFileName": "lsass.exe",
        "InitiatingProcessFolderPath": "C:\\Windows\\System32\\lsass.exe",
    }
    yield "DeviceLogonEvents", _device(place, action) | {key: value for key, value in said.items() if value}


def _tenant(read: Callable[[str], Iterator[tuple[str, dict[str, Any]]]]) -> Callable[[str, _Place], Any]:
    return lambda line, _: read(line)


SECTIONS: Mapping[str, Callable[[str, _Place], Any]] = {
    "process": _process,
    "files": _file,
    "registry": _registry,
    "network": _network,
    "logons": _logon,
    "signins": _tenant(signin),
    "audits": _tenant(audit),
    "azure": _tenant(azure),
    "flows": _tenant(flow),
    "alerts": _tenant(alert),
}
