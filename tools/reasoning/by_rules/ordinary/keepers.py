"""What keeps a host running: its scheduler and services, its package manager, scripts in folders closed to users."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .actors import LOADERS, is_service
from .places import closed, open_to_users
from .reasons import Reason

__all__ = ["by_keeper"]

Row = Mapping[str, Any]
SERVICE_HOST = re.compile(r"^[a-z]:\\windows\\system32\\svchost\.exe$", re.IGNORECASE)
SERVICE_GROUP = re.compile(r"\s-k\s+\w", re.IGNORECASE)
KEEPING = re.compile(
    r"^/(?:usr/(?:s?bin|lib|libexec|local/s?bin)|s?bin|lib|opt|etc/cron\.\w+|var/lib/(?:dpkg/info|cloud|waagent))/\S+$"
)
"""Folders of a Unix host in which root alone can place programs and scripts."""
INTERPRETERS = re.compile(r"^(?:.*/)?(?:python[\d.]*|perl[\d.]*|ruby[\d.]*|bash|dash|sh)$")
SHELLS = re.compile(r"^(?:.*/)?(?:bash|dash|sh|zsh|su|sudo|sshd|login)$")
SERVING = re.compile(
    r"(?:^|/)(?:java|node|php[-\w.]*|apache2|httpd|nginx|tomcat[\d]*|postgres|mysqld|mariadbd|redis-server|mongod"
    r"|docker\w*|containerd[-\w]*|runc|kubelet|nc|ncat|socat|curl|wget)\b"
)
"""Programs that do what others ask of them: whoever reaches them acts through them."""


def by_keeper(rows: Sequence[Row]) -> Iterator[Reason]:
    """Yield that the host's own scheduler, services or package manager did all of it, as the system.

    What a task or a service starts was set up before: setting it up is what is told of.
    """
    if rows and all(_by_service_host(row) or _by_unix_keeper(row) for row in rows):
        yield Reason("actor", "done by the host's own scheduler, services or package manager", proves=True)


def _by_service_host(row: Row) -> bool:
    path, line = (str(row.get(f"InitiatingProcess{name}") or "") for name in ("FolderPath", "CommandLine"))
    whole = path if path.lower().endswith("svchost.exe") else f"{path}\\svchost.exe"
    named = str(row.get("InitiatingProcessFileName") or "").lower() == "svchost.exe"
    what = str(row.get("FolderPath") or "")
    # A script or shell that a task starts is whatever its author wrote; only programs of a closed folder speak for it.
    loads = str(row.get("FileName") or "").lower() in LOADERS
    return named and bool(SERVICE_HOST.match(whole) and SERVICE_GROUP.search(line)) and closed(what) and not loads


def _by_unix_keeper(row: Row) -> bool:
    """Return whether root, or a service, ran a program or script that root alone can place, and no shell or server."""
    path, line = (str(row.get(f"InitiatingProcess{name}") or "") for name in ("FolderPath", "CommandLine"))
    account = str(row.get("InitiatingProcessAccountName") or row.get("AccountName") or "").lower()
    if not path.startswith("/") or (account != "root" and not is_service(account)):
        return False
    acting = path
    if INTERPRETERS.match(path):
        words = [word for word in line.split()[1:] if not word.startswith("-")]
        acting = words[0] if words else ""
    said = bool(KEEPING.match(acting)) and not SHELLS.match(acting) and not SERVING.search(acting)
    return said and not open_to_users(acting)
