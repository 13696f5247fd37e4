"""Contoso: its people, machines, service accounts and Azure subscription. All of it invented."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

__all__ = ["DOMAIN", "SUBSCRIPTION", "TENANT", "Account", "Host", "Office", "Tenant", "guid", "tenant"]

DOMAIN = "contoso.com"
_SPACE = uuid.UUID("6f1f4f3e-3a58-4a0c-9a51-3f6c1c5b7a10")
_DOMAIN_SID = "S-1-5-21-2893640154-1640921876-3117425983"


def guid(*parts: object) -> str:
    """Return the identifier of a named thing, the same on every run."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


TENANT = guid("tenant")
WORKSPACE = guid("workspace")
SUBSCRIPTION = guid("subscription")


def number(limit: int, *parts: object) -> int:
    """Return a number below `limit` that belongs to a named thing."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8], "big") % limit


@dataclass(frozen=True, slots=True)
class Office:
    """A place of work; `east` is its distance from UTC in hours."""

    city: str
    state: str
    country: str
    east: int
    address: str
    subnet: str
    latitude: float
    longitude: float
    asn: str

    @property
    def rhythm(self) -> str:
        """Return the working hours here."""
        return f"office:{self.east}"


@dataclass(frozen=True, slots=True)
class Account:
    """A person, an administrator's second account, a service account or a part of Windows."""

    name: str
    display: str = ""
    domain: str = "CONTOSO"
    sid: str = ""
    department: str = ""
    office: Office | None = None
    admin: bool = False

    @property
    def upn(self) -> str | None:
        """Return the sign-in name; parts of Windows have none."""
        return f"{self.name}@{DOMAIN}" if self.domain == "CONTOSO" else None

    @property
    def object_id(self) -> str | None:
        """Return the directory's identifier."""
        return guid("account", self.name) if self.domain == "CONTOSO" else None


@dataclass(frozen=True, slots=True)
class Host:
    """A machine; `address` is its IPv4 address inside the company, `role` what it is for."""

    name: str
    role: str
    address: str
    owner: Account | None = None
    azure: bool = False

    @property
    def dns(self) -> str:
        """Return the name that Defender reports."""
        return f"{self.name.lower()}.{DOMAIN}"

    @property
    def device_id(self) -> str:
        """Return Defender's identifier."""
        return hashlib.sha1(f"device/{self.name}".encode(), usedforsecurity=False).hexdigest()


SYSTEM = Account("system", "SYSTEM", "NT AUTHORITY", "S-1-5-18")
LOCAL_SERVICE = Account("local service", "LOCAL SERVICE", "NT AUTHORITY", "S-1-5-19")
NETWORK_SERVICE = Account("network service", "NETWORK SERVICE", "NT AUTHORITY", "S-1-5-20")
APP_POOL = Account(
    "DefaultAppPool", "DefaultAppPool", "IIS APPPOOL", "S-1-5-82-3006700770-424185619-1745488364-794895919-4004696415"
)


@dataclass(frozen=True)
class Tenant:
    """Who and what there is, by name."""

    offices: dict[str, Office]
    accounts: dict[str, Account]
    hosts: dict[str, Host]
    services: dict[str, Account] = field(default_factory=dict)

    @property
    def people(self) -> tuple[Account, ...]:
        """Return the employees, without their second accounts."""
        return tuple(each for each in self.accounts.values() if each.office and not each.admin)

    @property
    def workstations(self) -> tuple[Host, ...]:
        """Return the machines that people sit at."""
        return tuple(host for host in self.hosts.values() if host.role == "workstation")

    @property
    def servers(self) -> tuple[Host, ...]:
        """Return the machines of the server room and of Azure."""
        return tuple(host for host in self.hosts.values() if host.role != "workstation")

    def desk_of(self, name: str) -> Host:
        """Return the workstation of a person."""
        return next(host for host in self.workstations if host.owner and host.owner.name == name)


def _sid(name: str) -> str:
    return f"{_DOMAIN_SID}-{1100 + number(60_000, 'sid', name)}"


def _account(name: str, display: str, **more: Any) -> Account:
    return Account(name, display, sid=_sid(name), **more)


@cache
def tenant() -> Tenant:
    """Return the company of `tenant.yaml`."""
    text = resources.files(__package__ or __name__).joinpath("tenant.yaml").read_text("utf-8")
    data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    offices = {name: Office(**office) for name, office in data["offices"].items()}
    people = {
        name: _account(name, display, department=department, office=offices[office])
        for department, staff in data["people"].items()
        for name, (display, office, _desk) in staff.items()
    }
    desks = {name: desk for staff in data["people"].values() for name, (_display, _office, desk) in staff.items()}
    admins = {
        f"adm-{name}": _account(
            f"adm-{name}", f"{people[name].display} (admin)", office=people[name].office, admin=True
        )
        for name in data["admins"]
    }
    services = {name: _account(name, display) for name, display in data["services"].items()}
    hosts = {desk: _workstation(desk, people[name]) for name, desk in desks.items()}
    hosts |= {name: Host(name, **server) for name, server in data["servers"].items()}
    return Tenant(offices, people | admins, hosts, services)


def _workstation(desk: str, owner: Account) -> Host:
    assert owner.office is not None
    return Host(desk, "workstation", f"{owner.office.subnet}.{20 + number(200, 'address', desk)}", owner)
