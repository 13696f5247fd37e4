"""What varies from row to row of one template, taken out of many texts at once.

A kind of text has rungs: each makes a text more general than the one before, and the last makes all texts one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from .looks import Kind

__all__ = ["MOST_ALIKE", "RUNGS", "Rung"]

Rung = Callable[[pa.Array], pa.Array]

MOST_ALIKE: Mapping[Kind, int] = {
    "word": 256, "name": 2_000, "command": 8, "path": 8, "address": 6, "port": 8, "url": 8,
}  # fmt: skip
"""Distinct texts that otherwise equal rows may have before the next rung is taken for them."""

HEAD, TAIL = 600, 200
"""Characters of a longer text by which it is told from others."""

PRIVATE = r"\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01])|127\.\d{1,3}|169\.254)(?:\.\d{1,3}){2,3}\b"
ANY_V4 = r"\b\d{1,3}(?:\.\d{1,3}){3}\b"
SHARED_PROFILE = r"([\\/])users([\\/])(public|default|all users|administrator)\b"
PROFILE = r"[\\/](?:users|home)[\\/][^\\/\"'\s]+"
VARYING = "|".join(
    (
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r"s-1-5-21(?:-\d+)+",
        r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?z?",
        r"[a-z0-9+/_-]{48,}={0,2}",
        r"[^\\/\s\"'=]*\.tmp\b",
        r"\b(?:0x)?[0-9a-f]{8,}\b",
        r"\b[a-z]*\d+[a-z]+\d[a-z0-9]*\b",
        r"\d+",
    )
)


def _lower(texts: pa.Array) -> pa.Array:
    return pc.utf8_lower(texts)


def _bounded(texts: pa.Array) -> pa.Array:
    """Keep the head and the tail of long texts: what lies between is compared by nobody."""
    long = pc.greater(pc.utf8_length(texts), HEAD + TAIL)
    if not pc.any(long).as_py():
        return texts
    head, tail = pc.utf8_slice_codeunits(texts, 0, HEAD), pc.utf8_slice_codeunits(texts, -TAIL)
    return pc.if_else(long, pc.binary_join_element_wise(head, tail, pa.scalar(" … ", head.type)), texts)


def _masked(texts: pa.Array) -> pa.Array:
    """Put placeholders for user profiles, addresses, identifiers, times, temporary names and numbers."""
    plain = pc.utf8_lower(_bounded(texts))
    shared = pc.replace_substring_regex(plain, SHARED_PROFILE, r"\1users:\2\3")
    places = pc.replace_substring_regex(shared, PROFILE, "/users/<user>")
    private = pc.replace_substring_regex(places, PRIVATE, "<private>")
    public = pc.replace_substring_regex(private, ANY_V4, "<public>")
    return pc.replace_substring_regex(public, VARYING, "#")


def _first_words(texts: pa.Array) -> pa.Array:
    """Keep the program and its first argument."""
    return pc.replace_substring_regex(_masked(texts), r"^(\s*(?:\"[^\"]*\"|\S+)(?:\s+(?:\"[^\"]*\"|\S+))?).*", r"\1 …")


def _folder(texts: pa.Array) -> pa.Array:
    """Keep the folder and the ending."""
    return pc.replace_substring_regex(_masked(texts), r"^(.*[\\/])?[^\\/]*?(\.[^\\/.]*)?$", r"\1*\2")


def _ending(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(_masked(texts), r"^.*?(\.[^\\/.]*)?$", r"*\1")


def _site(texts: pa.Array) -> pa.Array:
    """Keep the host of a URL."""
    return pc.replace_substring_regex(_masked(texts), r"^([a-z]+://)?([^/?#]*).*", r"\2")


def _address_class(texts: pa.Array) -> pa.Array:
    known = pc.replace_substring_regex(texts, f"^(?:::ffff:)?{PRIVATE}$", "<private>")
    inner = pc.replace_substring_regex(known, r"(?i)^(?:::1|f[cd][0-9a-f]*:.*|fe80:.*)$", "<private>")
    return pc.replace_substring_regex(inner, r"^[0-9a-fA-F.:]+[.:][0-9a-fA-F.:]*$", "<public>")


def _port_class(texts: pa.Array) -> pa.Array:
    low = pc.replace_substring_regex(texts, r"^\d{1,3}$", "<1024")
    return pc.replace_substring_regex(low, r"^(?:\d{4,5})$", ">999")


def _any(texts: pa.Array) -> pa.Array:
    return pa.array(["*"] * len(texts), texts.type)


RUNGS: Mapping[Kind, Sequence[Rung]] = {
    "word": (_lower, _any),
    "name": (_masked, _any),
    "command": (_masked, _first_words, _any),
    "path": (_masked, _folder, _ending, _any),
    "address": (_lower, _address_class, _any),
    "port": (_lower, _port_class, _any),
    "url": (_masked, _site, _any),
}
