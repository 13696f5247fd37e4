"""Secrets taken out of text that people see: the known ones by value, others by their form."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["MARK", "without_secrets"]

MARK = "…"
SHORTEST = 6
"""Characters of the shortest value that is looked for: a shorter one would be found in ordinary words."""
_FORMS = (
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*)?"),  # a JSON Web Token
    re.compile(r"\bsk-[\w-]{8,}"),
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),  # user and password of a URL
)
_NAME = r"\w*(?:secret|password|passwd|pwd|token|api[-_]?key|accountkey|sharedaccesskey|signature|assertion|sas)"
_NAMED = re.compile(
    rf"(?i:({_NAME}[\"']?\s*=\s*[\"']?|[?&;]sig=))([^\s\"'&;,)]+)"
    rf"|(?i:({_NAME}[\"']?\s*:\s*[\"']?|\bbearer\s+))(?=[^\s\"']*\d)([^\s\"'&;,)]{{6,}})"
)
"""After an equals sign anything; after a colon or a blank, where prose goes on, only what has a digit in it."""


def without_secrets(text: str, known: Collection[str] = ()) -> str:
    """Return a text in which a mark stands for each known value, and for what is written as a secret."""
    for value in sorted((one for one in known if len(one) >= SHORTEST), key=len, reverse=True):
        text = text.replace(value, MARK)
    for form in _FORMS:
        text = form.sub(MARK, text)
    return _NAMED.sub(lambda found: f"{found[1] or found[3]}{MARK}", text)
