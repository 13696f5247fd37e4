"""Programs and running processes, and the columns in which Defender reports them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from .calendar import START
from .tenant import LOCAL_SERVICE, NETWORK_SERVICE, SYSTEM, Account, Host, number

__all__ = ["Process", "Program", "account_columns", "file_columns", "host_columns", "program", "standing"]

Row = dict[str, Any]

_BUILT_IN = frozenset({SYSTEM.name, LOCAL_SERVICE.name, NETWORK_SERVICE.name})


@dataclass(frozen=True, slots=True)
class Program:
    """An executable; its hashes belong to its name and vendor, so that they are the same wherever it runs."""

    name: str
    folder: str
    company: str = ""
    product: str = ""
    description: str = ""
    line: str = ""
    parent: str = ""
    original: str = ""

    @property
    def path(self) -> str:
        """Return folder and file name."""
        return f"{self.folder}\\{self.name}" if self.folder else self.name

    @property
    def size(self) -> int:
        """Return the length of the file in bytes."""
        return 40_000 + number(9_000_000, "size", self.name, self.company)

    def digest(self, algorithm: str) -> str:
        """Return a hash of the file."""
        content = f"{self.original or self.name}/{self.company}/{self.description}".lower().encode()
        return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()

    def as_file(self) -> Row:
        """Return the columns of the file."""
        return {
            "FileName": self.name,
            "FolderPath": self.path,
            "FileSize": self.size,
            "MD5": self.digest("md5"),
            "SHA1": self.digest("sha1"),
            "SHA256": self.digest("sha256"),
        }


@cache
def _software() -> dict[str, Program]:
    text = resources.files(__package__ or __name__).joinpath("software.yaml").read_text("utf-8")
    data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {name: _program(name, data["vendors"], *facts) for name, facts in data["programs"].items()}


def _program(name: str, vendors: dict[str, list[str]], folder: str, vendor: str, *more: str) -> Program:
    company, product = vendors[vendor]
    description, line, parent, original = (*more, "")[:4]
    return Program(name, folder, company, product, description, line, parent, original)


def program(name: str, *, folder: str | None = None, renamed: str = "") -> Program:
    """Return a known program, or an unknown unsigned one of this name in `folder`.

    `renamed` is the known program that hides behind the name.
    """
    known = _software().get(renamed or name, Program(name, ""))
    original = known.original or (renamed and known.name)
    return replace(known, name=name, original=original, folder=known.folder if folder is None else folder)


@dataclass(frozen=True, slots=True)
class Process:
    """A running process on a host."""

    program: Program
    line: str
    host: Host
    actor: Account
    pid: int
    created: datetime
    integrity: str = "Medium"
    logon: int = 999
    parent: Process | None = None

    def as_subject(self) -> Row:
        """Return the columns of a created process."""
        program = self.program
        return {
            **self.host_columns(),
            **account_columns("Account", self.actor),
            **program.as_file(),
            "ProcessVersionInfoCompanyName": program.company or None,
            "ProcessVersionInfoProductName": program.product or None,
            "ProcessVersionInfoProductVersion": _version(program),
            "ProcessVersionInfoFileDescription": program.description or None,
            "ProcessVersionInfoInternalFileName": _original(program),
            "ProcessVersionInfoOriginalFileName": _original(program),
            "ProcessCommandLine": self.line,
            "ProcessIntegrityLevel": self.integrity,
            "ProcessTokenElevation": _elevation(self),
            "LogonId": self.logon,
            **(self.parent.as_initiator() if self.parent else {}),
        }

    def as_initiator(self) -> Row:
        """Return the columns of the process that did something."""
        program, parent = self.program, self.parent
        return {
            **account_columns("InitiatingProcessAccount", self.actor),
            "InitiatingProcessFileName": program.name,
            "InitiatingProcessFolderPath": program.path,
            "InitiatingProcessFileSize": program.size,
            "InitiatingProcessMD5": program.digest("md5"),
            "InitiatingProcessSHA1": program.digest("sha1"),
            "InitiatingProcessSHA256": program.digest("sha256"),
            "InitiatingProcessCommandLine": self.line,
            "InitiatingProcessId": self.pid,
            "InitiatingProcessCreationTime": self.created,
            "InitiatingProcessIntegrityLevel": self.integrity,
            "InitiatingProcessTokenElevation": _elevation(self),
            "InitiatingProcessLogonId": self.logon,
            "InitiatingProcessSignatureStatus": "Valid" if program.company else "Unknown",
            "InitiatingProcessSignerType": "OsVendor" if program.company.startswith("Microsoft") else "Unknown",
            "InitiatingProcessVersionInfoCompanyName": program.company or None,
            "InitiatingProcessVersionInfoProductName": program.product or None,
            "InitiatingProcessVersionInfoProductVersion": _version(program),
            "InitiatingProcessVersionInfoFileDescription": program.description or None,
            "InitiatingProcessVersionInfoInternalFileName": _original(program),
            "InitiatingProcessVersionInfoOriginalFileName": _original(program),
            "InitiatingProcessParentFileName": parent.program.name if parent else None,
            "InitiatingProcessParentId": parent.pid if parent else None,
            "InitiatingProcessParentCreationTime": parent.created if parent else None,
        }

    def host_columns(self) -> Row:
        """Return the columns of the machine."""
        return host_columns(self.host)


def file_columns(path: str, *, renamed: str = "") -> Row:
    """Return the columns of a file: an executable has the hashes it has as a process, others those of their path."""
    folder, _, name = path.rpartition("\\")
    found = program(name, folder=folder, renamed=renamed)
    return (found if name.endswith(".exe") else replace(found, description=path)).as_file()


def host_columns(host: Host) -> Row:
    """Return the columns that every event of a machine carries."""
    group = "Azure" if host.azure else "Workstations" if host.role == "workstation" else "Servers"
    return {"DeviceId": host.device_id, "DeviceName": host.dns, "MachineGroup": group}


def account_columns(prefix: str, account: Account) -> Row:
    """Return the columns of an account under their common prefix."""
    return {
        f"{prefix}Domain": account.domain.lower(),
        f"{prefix}Name": account.name.lower(),
        f"{prefix}Sid": account.sid,
        f"{prefix}Upn": account.upn,
        f"{prefix}ObjectId": account.object_id,
    }


def _original(program: Program) -> str | None:
    return (program.original or program.name) if program.company else None


def _version(program: Program) -> str | None:
    if not program.company:
        return None
    if program.product.endswith("Operating System"):
        return "10.0.22621.3155"
    return ".".join(
        str(number(limit, part, program.product)) for limit, part in ((120, "major"), (9, "minor"), (9000, "build"))
    )


def _elevation(process: Process) -> str:
    if process.actor.name in _BUILT_IN:
        return "TokenElevationTypeDefault"
    return "TokenElevationTypeFull" if process.integrity == "High" else "TokenElevationTypeLimited"


@cache
def standing(host: Host, name: str, actor: Account, line: str = "", integrity: str = "") -> Process:
    """Return a process that runs on a host throughout, with the parents it usually has."""
    found = program(name)
    started = START - timedelta(hours=6) + timedelta(seconds=number(7000, "start", host.name, name))
    ancestor = _PARENT_ACTORS.get(found.parent, actor) if found.parent else None
    parent = standing(host, found.parent, ancestor) if ancestor else None
    level = integrity or ("System" if actor.name in _BUILT_IN else "Medium")
    pid = 4 * (100 + number(4000, "pid", host.name, name, line)) if name != "System" else 4
    logon = 999 if actor.name in _BUILT_IN else 100_000 + number(900_000, "logon", host.name, actor.name)
    return Process(found, line or found.line or name, host, actor, pid, started, level, logon, parent)


_PARENT_ACTORS = dict.fromkeys(
    (
        "System",
        "smss.exe",
        "wininit.exe",
        "winlogon.exe",
        "services.exe",
        "svchost.exe",
        "MsMpEng.exe",
        "MsSense.exe",
        "SearchIndexer.exe",
        "IntuneManagementExtension.exe",
        "Veeam.Backup.Manager.exe",
    ),
    SYSTEM,
)
