"""Software on its way to hosts: installers, package caches, and the hours in which many hosts do the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .actors import acting_account, acting_agents
from .reasons import Reason

__all__ = ["by_installation"]

Row = Mapping[str, Any]
CACHE = re.compile(
    r"^[a-z]:\\(windows\\(ccmcache|imecache|softwaredistribution|installer|servicing|winsxs)\\"
    r"|programdata\\(package cache|chocolatey\\(lib|bin))\\"
    r"|program files\\windowsapps\\microsoft\.desktopappinstaller_)",
    re.IGNORECASE,
)
"""Folders, closed to users, in which software distribution lays what it installs."""
SYSTEM = frozenset({"system", "local system", "localsystem"})


def by_installation(rows: Sequence[Row]) -> Iterator[Reason]:
    """Yield that all of it is an installation from a cache of software distribution, under the system's account."""
    if not rows or not all(_installs(row) for row in rows):
        return
    acted = acting_agents(rows)
    told = "software distribution or Windows Update" if acted else "an installer from a cache of software distribution"
    yield Reason("means", f"done by {told}", proves=acted is not None)


def _installs(row: Row) -> bool:
    system = acting_account(row).lower() in SYSTEM or acting_account(row).endswith("$")
    paths = (str(row.get(name) or "") for name in ("InitiatingProcessFolderPath", "FolderPath"))
    return system and any(CACHE.match(path) for path in paths)
