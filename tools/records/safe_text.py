"""Text from logs, made inert for people: no control characters, no live links."""

from __future__ import annotations

import re

__all__ = ["defanged", "inert", "inert_markdown", "printable"]

SCHEME = re.compile(r"\b(h)tt(ps?://)", re.IGNORECASE)
MARKUP = "\\`*_{}[]()#|~!$&"
BARE = re.compile(r"(?i)\b(www)(?=\.)|(?<=[a-z])(:)(?=//)")
"""Where some readers of Markdown see a link without any markup."""
HOST_OF_URL = re.compile(r"(hxxps?://)([^/\s\"'<>]+)", re.IGNORECASE)


def printable(text: str) -> str:
    """Replace control and direction characters, which could redraw a terminal or reverse a line, by a visible mark."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def defanged(text: str) -> str:
    """Write URLs so that nothing makes them a link: hxxps://evil[.]example/path."""
    inert = SCHEME.sub(lambda match: f"{match.group(1)}xx{match.group(2)}", text)
    return HOST_OF_URL.sub(lambda match: match.group(1) + match.group(2).replace(".", "[.]"), inert)


def inert(text: str) -> str:
    """Return text as a person may see it: defanged and printable."""
    return printable(defanged(text))


def inert_markdown(text: str) -> str:
    """Return text as one line of Markdown that means nothing but itself."""
    line = " ".join(inert(text).split())
    escaped = "".join(f"\\{character}" if character in MARKUP else character for character in line)
    escaped = BARE.sub(lambda match: f"{match.group()}\\" if match.group(1) else "\\:", escaped)
    return escaped.replace("<", "&lt;").replace(">", "&gt;")
