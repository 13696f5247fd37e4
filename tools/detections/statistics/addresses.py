"""What an address says of itself."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

__all__ = ["is_address", "is_private", "is_public"]


DOCUMENTED = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
"""Ranges for documentation (RFC 5737, RFC 3849): where they stand in a log, they stand for the Internet."""


@lru_cache(maxsize=65536)
def _kind(value: str) -> str:
    try:
        address = ip_address(value)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        return "other"
    if any(address in network for network in DOCUMENTED):
        return "public"
    return "private" if address.is_private else "public"


def is_address(value: str) -> bool:
    """Tell whether a text is an IP address."""
    return _kind(value) != ""


def is_private(value: str) -> bool:
    """Tell whether an address belongs to a private network."""
    return _kind(value) == "private"


def is_public(value: str) -> bool:
    """Tell whether an address is one of the Internet's."""
    return _kind(value) == "public"
