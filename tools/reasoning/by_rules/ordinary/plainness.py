"""Whether a row says openly what it does: what is hidden, fetched or lies open to users is nobody's routine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .places import open_to_users

__all__ = ["is_plain"]

HIDDEN = re.compile(
    r"\s[-/]e(nc|ncodedcommand|c)?\s+[a-z0-9+/=]{16,}|frombase64|\biex\b|invoke-expression|[a-z0-9+/]{60,}={0,2}"
    r"|-w(indowstyle)?\s+h|\[char\]|-bxor|-join|\bcertutil\b.*-(decode|urlcache)|\|\s*(ba)?sh\b|\^\w\^|\\x[0-9a-f]{2}",
    re.IGNORECASE,
)
FETCHED = re.compile(
    r"https?://|ftp://|\\\\\d+\.\d+\.\d+\.\d+\\|downloadstring|downloadfile|invoke-webrequest|\biwr\b|\bwget\b|\bcurl\b",
    re.IGNORECASE,
)
TOLD_BY = ("ProcessCommandLine", "FolderPath", "InitiatingProcessCommandLine", "InitiatingProcessFolderPath",
           "RegistryValueData", "PreviousFolderPath")  # fmt: skip
OFFENSIVE = re.compile(
    r"mimikatz|sekurlsa|lsass|\bsam\b|ntds|comsvcs|procdump|rubeus|bloodhound|sharphound|psexesvc|cobalt|meterpreter"
    r"|impacket|secretsdump|vssadmin|shadowcopy|wevtutil|disableantispyware|set-mppreference|add-mppreference|amsi",
    re.IGNORECASE,
)
"""Words of credential theft, of recovery and defences taken away: no context makes a routine of them."""


def is_plain(row: Mapping[str, Any]) -> bool:
    """Return whether all that the row tells of is openly said, local and in no folder open to users."""
    texts = [str(row[name]) for name in TOLD_BY if row.get(name)]
    return not any(
        HIDDEN.search(text) or FETCHED.search(text) or OFFENSIVE.search(text) or open_to_users(text) for text in texts
    )
