"""The office in which every case plays: a dozen people, their machines, a few servers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DOMAIN", "OFFICE_ADDRESS", "PEOPLE", "PLACES", "SERVERS", "Person", "Place", "full_name", "private_address"]

DOMAIN = "northwind.example"
OFFICE_ADDRESS = "198.51.100.20"


@dataclass(frozen=True)
class Person:
    """Somebody with a workstation."""

    name: str
    display: str
    host: str
    work: str
    """The kind of work, which decides which programs run."""

    @property
    def upn(self) -> str:
        """Return the user principal name."""
        return f"{self.name}@{DOMAIN}"


@dataclass(frozen=True)
class Place:
    """Where sign-ins come from."""

    country: str
    city: str
    latitude: float
    longitude: float
    network: str


PEOPLE = (
    Person("amara", "Amara Obi", "ws-11", "sales"),
    Person("bjorn", "Bjorn Lind", "ws-12", "sales"),
    Person("chen", "Chen Wei", "ws-13", "finance"),
    Person("dalia", "Dalia Haddad", "ws-14", "finance"),
    Person("elena", "Elena Rossi", "ws-15", "people"),
    Person("farid", "Farid Amin", "ws-16", "developer"),
    Person("greta", "Greta Holm", "ws-17", "developer"),
    Person("hiro", "Hiro Tanaka", "ws-18", "sales"),
    Person("ivan", "Ivan Petrov", "ws-19", "support"),
)
SERVERS = {"dc-01": "10.20.0.10", "srv-file": "10.20.0.20", "srv-app": "10.20.0.30", "srv-web": "10.20.0.40"}
PLACES = {
    "office": Place("NL", "Utrecht", 52.09, 5.12, "64500"),
    "home": Place("NL", "Amersfoort", 52.16, 5.39, "64501"),
    "lagos": Place("NG", "Lagos", 6.52, 3.38, "64510"),
    "sofia": Place("BG", "Sofia", 42.70, 23.32, "64511"),
    "singapore": Place("SG", "Singapore", 1.35, 103.82, "64512"),
    "london": Place("GB", "London", 51.51, -0.13, "64513"),
}


def full_name(host: str) -> str:
    """Return the name of a machine as its sensor reports it."""
    return host if "." in host else f"{host}.{DOMAIN}"


def private_address(host: str) -> str:
    """Return the address of a machine."""
    short = host.split(".")[0]
    return SERVERS.get(short) or f"10.20.1.{short.rsplit('-', 1)[-1]}"
