"""Which values are hidden, and what kind of thing each of them names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Literal

from soc_analyst.state.tables import Column, TableSchema

__all__ = ["WELL_KNOWN", "Kind", "Mode", "hidden_columns", "kind_of_account", "kind_of_address"]

Mode = Literal["off", "personal", "all"]
Kind = Literal["USER", "NAME", "SID", "ID", "HOST", "IP_PRIV", "IP_PUB", "PLACE", "RESOURCE", "TEXT"]

WELL_KNOWN = frozenset(
    {
        "admin", "administrator", "administrators", "all users", "anonymous logon", "daemon", "default",
        "default user", "defaultuser0", "everyone", "guest", "krbtgt", "local service", "n/a", "network service",
        "nobody", "none", "null", "public", "root", "service", "system", "test", "unknown", "user", "users",
        "wdagutilityaccount", "www-data",
    }
)  # fmt: skip
"""Names that every system has: they tell what acted, and nobody's name."""
_SID = re.compile(r"S-1-[0-9](-[0-9]{1,10}){1,15}\Z", re.IGNORECASE)
_PERSONAL_SID = re.compile(r"S-1-(5-21|12-1)-", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_VIRTUAL = re.compile(r"(dwm|umfd)-[0-9]+\Z|[^$]+\$\Z", re.IGNORECASE)
"""Accounts of the window manager and of machines."""
_PRIVATE = tuple(
    ip_network(one)
    for one in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
        "fe80::/10",
    )
)
"""RFC 1918, 3927, 6598, 4193 and 4291: addresses that are told apart from those of the outside."""


def hidden_columns(mode: Mode, table: TableSchema) -> Mapping[str, Column]:
    """Return the columns whose values are hidden: those that policy marks personal, or all that name something."""
    if mode == "off":
        return {}
    named = ("host", "account", "ip", "resource") if mode == "all" else ()
    return {name: column for name, column in table.columns.items() if column.personal or column.entity in named}


def kind_of_account(value: str) -> Kind | None:
    """Return what an account's value is, or None where it names nobody in particular."""
    if _SID.match(value):
        return "SID" if _PERSONAL_SID.match(value) else None
    if _GUID.match(value):
        return "ID"
    if " " in value.strip() and "@" not in value and "\\" not in value:
        return None if value.strip().lower() in WELL_KNOWN else "NAME"
    bare = value.rpartition("\\")[2].partition("@")[0].lower()
    return None if bare in WELL_KNOWN or _VIRTUAL.match(bare) or not bare else "USER"


def kind_of_address(value: str) -> Kind | None:
    """Return whether an address is private or public, or None where it is neither or no address."""
    try:
        address = ip_address(value)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified:
        return None
    inside = any(address in network for network in _PRIVATE if network.version == address.version)
    return "IP_PRIV" if inside else "IP_PUB"
