"""Whom a row is about, under one name whichever table tells it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .looks import SubjectKind

__all__ = ["PLAIN_NAME", "plain_account", "plain_host"]

NOBODY = frozenset(
    {
        "", "-", "system", "local service", "network service", "anonymous logon", "localhost", "n/a", "none", "null",
        "unknown", "root", "lokaler dienst", "netzwerkdienst",
    }
)  # fmt: skip
"""Names that stand for no one machine or person, so that sharing them tells nothing."""
ADDRESS = re.compile(r"[\d.]+|[0-9a-f:]*:[0-9a-f:.]*")


def plain_host(name: str) -> str:
    """Return the short name of a machine: of `rg/web-01` and `WEB-01.contoso.com` it is `web-01`."""
    short = name.casefold().rpartition("/")[2].strip()
    return short if ADDRESS.fullmatch(short) else _somebody(short.partition(".")[0])


def plain_account(name: str) -> str:
    """Return the bare name of an account: of `CONTOSO\\bob` and `bob@contoso.com` it is `bob`."""
    return _somebody(name.casefold().rpartition("\\")[2].partition("@")[0].strip())


def _plain_address(text: str) -> str:
    return _somebody(text.casefold().strip())


def _somebody(name: str) -> str:
    return "" if name in NOBODY else name


PLAIN_NAME: Mapping[SubjectKind, Callable[[str], str]] = {
    "host": plain_host,
    "account": plain_account,
    "address": _plain_address,
}
