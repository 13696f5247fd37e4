"""Indicators of compromise: values that occur in the cited rows and would be looked for elsewhere."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["indicators_in", "is_public", "occurs_in"]

URL = re.compile(r"\bhttps?://[^\s'\"<>|)\]}]+", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
FREE_TEXT = ("ProcessCommandLine", "InitiatingProcessCommandLine", "RegistryValueData", "RemoteUrl", "FileOriginUrl")
ADDRESS = ("RemoteIP", "IPAddress", "CallerIpAddress", "SrcIP_s", "DestIP_s", "FileOriginIP")
SYSTEM_FOLDER = re.compile(r"[a-z]:\\(windows|program files)", re.IGNORECASE)
"""Where the hash of a file names a common tool rather than the attacker's."""
HASH = ("SHA256", "SHA1", "MD5")
MOST = 20
TRAILING = ".,;:"


def indicators_in(rows: Iterable[Mapping[str, Any]], *, hashes: bool) -> tuple[str, ...]:
    """Return public addresses, URLs and, when asked, the strongest file hash of each row; most 20, in row order."""
    found: dict[str, None] = {}
    for row in rows:
        found.update(dict.fromkeys(_of_row(row, hashes=hashes)))
    return tuple(found)[:MOST]


def occurs_in(indicator: str, rows: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a value stands in one of the rows, without regard to case."""
    wanted = indicator.casefold()
    return any(wanted in str(value).casefold() for row in rows for value in row.values() if value)


def _of_row(row: Mapping[str, Any], *, hashes: bool) -> Iterator[str]:
    for column in ADDRESS:
        if is_public(str(row.get(column) or "")):
            yield str(row[column])
    for column in FREE_TEXT:
        text = str(row.get(column) or "")
        yield from (match.group().rstrip(TRAILING) for match in URL.finditer(text))
        yield from (match.group() for match in IPV4.finditer(text) if is_public(match.group()))
    if row.get("RemoteUrl") and is_public(str(row.get("RemoteIP") or "")):
        yield str(row["RemoteUrl"])
    if hashes and not SYSTEM_FOLDER.match(str(row.get("FolderPath") or "")):
        yield from [str(row[column]) for column in HASH if row.get(column)][:1]


def is_public(text: str) -> bool:
    """Return whether a text is an address on the public Internet, documentation ranges included."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    # Documentation ranges are not globally routable, yet stand for public addresses in samples and exercises.
    return address.is_global or any(address in net for net in _DOCUMENTATION if net.version == address.version)


_DOCUMENTATION = tuple(
    ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
