"""Where a program or script lies: in a folder closed to users, or in one where anybody can put things."""

from __future__ import annotations

import re

__all__ = ["closed", "open_to_users", "vendor"]

CLOSED = re.compile(
    r"^[a-z]:\\(program files( \(x86\))?|windows)\\"
    r"|^\\\\[^\\]+\\(sysvol|netlogon)\\"
    r"|^/(usr|opt|lib|lib64|bin|sbin|etc)/",
    re.IGNORECASE,
)
OPEN = re.compile(
    r"\\users\\|\\programdata\\(?!(microsoft|package cache|chocolatey)\\)|\\perflogs\\|\\\$recycle\.bin\\|\\recycler\\"
    r"|\\windows\\(temp|tasks|tracing|debug|system32\\(tasks|spool|microsoft\\crypto)|syswow64\\tasks)\\"
    r"|^[a-z]:\\(temp|tmp|public|intel|downloads?|recovery)\\|\\(temp|tmp|downloads|appdata|desktop)\\"
    r"|%(temp|tmp|appdata|localappdata|public|userprofile)%|\$env:(temp|tmp|appdata|localappdata|public|userprofile)"
    r"|(^|[\s'\"=])/(tmp|var/tmp|dev/shm|home|run/user|root)/",
    re.IGNORECASE,
)
"""Folders in which users, or whoever got in as one of them, can write by Windows' and Linux' own permissions."""
DOTS = re.compile(r"[\\/]\.\.[\\/]|~\d(?=[\\/]|$)|::\$|\\\\\?\\|\\\\\.\\")
"""Ways to write a path that leads elsewhere than it says."""
VENDOR = re.compile(r"^[a-z]:\\program files(?: \(x86\))?\\([^\\]+)\\", re.IGNORECASE)


def open_to_users(text: str) -> bool:
    """Return whether a path or command line names a folder open to users, or hides where it leads."""
    return bool(OPEN.search(text) or DOTS.search(text))


def closed(path: str) -> bool:
    """Return whether a path leads into a folder that only administrators can write to."""
    return bool(CLOSED.match(path)) and not open_to_users(path)


def vendor(path: str) -> str:
    """Return the vendor's own folder below Program Files, or nothing."""
    found = VENDOR.match(path)
    return found[1].lower() if found and not open_to_users(path) else ""
