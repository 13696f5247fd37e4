"""Scripts and lines of administrators: what one account runs on many hosts or on many days."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .places import closed
from .prevalence import Seen
from .reasons import Reason

__all__ = ["by_script", "script_of"]

NAMED = re.compile(
    r"(?:^|[\s\"'=&.])((?:[a-z]:|\\\\[^\\\s\"']+)\\[^\"'*?<>|:]*?\.(?:ps1|psm1|bat|cmd|vbs|wsf|js|py))\b", re.IGNORECASE
)
HOSTS, DAYS = 5, 3
"""Hosts, or days, on which the same script by the same account is a known one."""


def script_of(row: Mapping[str, Any]) -> str:
    """Return the script that a row's command line, or that of what acted, names by its whole path."""
    for name in ("ProcessCommandLine", "InitiatingProcessCommandLine"):
        found = NAMED.search(str(row.get(name) or ""))
        if found is not None:
            return found[1].lower()
    return ""


def by_script(rows: Sequence[Mapping[str, Any]], seen: Sequence[Seen | None]) -> Iterator[Reason]:
    """Yield that all of it is one script, or one line, which its account runs again and again; or one that lies closed.

    One day's hosts are not enough: an intruder reaches as many in an hour.
    """
    scripts = {script_of(row) for row in rows}
    script = min(scripts) if len(scripts) == 1 else ""
    known = [one for one in seen if one is not None]
    often = bool(known) and len(known) == len(seen) and all(one.days_by_account >= DAYS for one in known)
    widely = bool(script) and all(one.hosts_by_account >= HOSTS and one.days_by_account > 1 for one in known)
    if known and (often or widely):
        hosts, days = min(one.hosts_by_account for one in known), min(one.days_by_account for one in known)
        what = f"the script {script}" if script else "the same line"
        yield Reason("means", f"{what}, run by its account on {hosts} host(s) and {days} days")
    elif script and closed(script):
        yield Reason("means", f"the script {script} lies in a folder closed to users", counts=False)
