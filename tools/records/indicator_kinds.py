"""What kind of thing an indicator is, by its form."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

__all__ = ["IndicatorKind", "kind_of"]

IndicatorKind = Literal["ipv4", "ipv6", "url", "domain", "md5", "sha1", "sha256", "email", "other"]
HASHES: dict[int, IndicatorKind] = {32: "md5", 40: "sha1", 64: "sha256"}
HEX = re.compile(r"[0-9a-fA-F]+\Z")
DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}\Z", re.IGNORECASE)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}\Z", re.IGNORECASE)


def kind_of(indicator: str) -> IndicatorKind:
    """Return what an indicator is; `other` for what none of the forms fits."""
    try:
        return "ipv4" if ipaddress.ip_address(indicator).version == 4 else "ipv6"
    except ValueError:
        pass
    if re.match(r"[a-z][a-z0-9+.-]*://", indicator, re.IGNORECASE):
        return "url"
    if HEX.match(indicator) and len(indicator) in HASHES:
        return HASHES[len(indicator)]
    if EMAIL.match(indicator):
        return "email"
    return "domain" if DOMAIN.match(indicator) else "other"
