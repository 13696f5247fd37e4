"""Text that stands in base64 inside a line, as PowerShell and the shells of Unix take it, written out in its place."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

__all__ = ["WORD", "unwrapped"]

SHORTEST = 24
MOST_BYTES = 65_536
WORD = re.compile(rf"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{{{SHORTEST},}}={{0,2}}(?![A-Za-z0-9+/_=-])")
READABLE = 0.9
"""So much of a text must be letters, digits and signs of ASCII; other controls than line ends are a program's."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
COMPRESSED = {b"\x1f\x8b": 31, b"\x78\x9c": 15, b"\x78\xda": 15, b"\x78\x01": 15}


def unwrapped(line: str) -> str:
    """Return the line with each word of base64 that holds readable text replaced by that text."""
    return WORD.sub(lambda found: _text(found[0]) or found[0], line)


def _text(word: str) -> str:
    bare = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return _readable(_inflated(raw))


def _inflated(raw: bytes) -> bytes:
    """Return what compressed bytes hold, at most so much of it; other bytes as they are."""
    window = COMPRESSED.get(raw[:2])
    try:
        return zlib.decompressobj(window).decompress(raw, MOST_BYTES) if window else raw
    except zlib.error:
        return raw


def _readable(raw: bytes) -> str:
    wide = raw[1:2] == b"\0"
    try:
        text = raw.decode("utf-16-le" if wide else "utf-8")
    except UnicodeDecodeError:
        return ""
    if CONTROL.search(text):
        return ""
    plain = sum(" " <= one <= "~" or one in "\r\n\t" for one in text)
    return text if len(text) >= SHORTEST // 4 and plain >= READABLE * len(text) else ""
