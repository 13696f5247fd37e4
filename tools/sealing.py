"""Encryption at rest: what is kept of a case, sealed with a key of the user's."""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from soc_analyst.state.errors import EvidenceError, OperatorError

__all__ = ["SETTING", "Seal", "closed", "is_sealed", "opened", "read_key"]

SETTING = "SOC_ANALYST_KEY_FILE"
MARK = b"soc-analyst sealed 1\n"
KEY_BYTES, NAME_BYTES, NONCE_BYTES = 32, 8, 12


class Seal:
    """AES-256-GCM with a random nonce, bound to the name of what is sealed: neither can be put in another's place."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._cipher = AESGCM(_derived(key, b"content"))
        self._name = _derived(key, b"name")[:NAME_BYTES]
        """What tells a wrong key from a changed file, and nothing of the key."""

    def __repr__(self) -> str:
        return "Seal()"

    def close(self, content: bytes, name: str) -> bytes:
        """Return a content sealed."""
        nonce = os.urandom(NONCE_BYTES)
        return MARK + self._name + nonce + self._cipher.encrypt(nonce, content, name.encode())

    def open(self, content: bytes, name: str) -> bytes:
        """Return what was sealed; raise OperatorError for another key, EvidenceError for a changed content."""
        at = len(MARK)
        key, nonce = content[at : at + NAME_BYTES], content[at + NAME_BYTES : at + NAME_BYTES + NONCE_BYTES]
        if len(nonce) == NONCE_BYTES and key != self._name:
            raise OperatorError(f"{name} was sealed with another key; name the file of that one", where=SETTING)
        try:
            return self._cipher.decrypt(nonce, content[at + NAME_BYTES + NONCE_BYTES :], name.encode())
        except (InvalidTag, ValueError) as error:
            raise EvidenceError(f"{name} was changed since it was sealed; ask again on a new --thread") from error


def opened(content: bytes, name: str, seal: Seal | None) -> bytes:
    """Return a content that may be sealed; one from before there was a key is returned as it is."""
    if not is_sealed(content):
        return content
    if seal is None:
        raise OperatorError(f"{name} is sealed; name the file of its key", where=SETTING)
    return seal.open(content, name)


def closed(content: bytes, name: str, seal: Seal | None) -> bytes:
    """Return a content sealed where there is a key."""
    return content if seal is None else seal.close(content, name)


def is_sealed(content: bytes) -> bool:
    """Return whether a content was sealed with any key."""
    return content.startswith(MARK)


def read_key(path: Path) -> bytes:
    """Read a key: 32 bytes as they are, or as 64 hexadecimal digits, or in base64."""
    try:
        with path.open("rb") as file:
            content = file.read(1024)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read ({error.strerror})", where=SETTING) from error
    for key in _spellings(content):
        if len(key) == KEY_BYTES:
            return key
    raise OperatorError(
        f"{path} holds no key: 32 bytes, as they are, in hexadecimal digits or in base64; "
        "`openssl rand -hex 32 > FILE` makes one",
        where=SETTING,
    )


def _spellings(content: bytes) -> list[bytes]:
    text, found = content.strip(), [content]
    with suppress(ValueError):
        found.append(bytes.fromhex(text.decode("ascii")))
    with suppress(ValueError):
        found.append(base64.b64decode(text, validate=True))
    return found


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"soc-analyst " + purpose).derive(key)
