"""The run ledger: what was written for a case, each entry holding the hash of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soc_analyst.state.base import Value

from .lines import GrowingFile

__all__ = ["Chain", "Link", "digest_of"]

FIRST = "0" * 64
"""What the first entry holds in place of the hash of the one before."""


class Link(Value):
    """One file as it was written."""

    number: int
    """From 1."""
    name: str
    """The path below the folder of the case."""
    digest: str
    """SHA-256 of the content."""
    previous: str
    """The hash of the entry before."""
    hash: str

    @classmethod
    def after(cls, last: Link | None, name: str, digest: str) -> Link:
        """Return the entry that follows another."""
        number, previous = (1, FIRST) if last is None else (last.number + 1, last.hash)
        return cls(
            number=number, name=name, digest=digest, previous=previous, hash=_hash(number, name, digest, previous)
        )

    @property
    def whole(self) -> bool:
        """Return whether the entry is as it was written."""
        return self.hash == _hash(self.number, self.name, self.digest, self.previous)

    def follows(self, last: Link | None) -> bool:
        """Return whether the entry was written after that one and no other."""
        expected = (1, FIRST) if last is None else (last.number + 1, last.hash)
        return (self.number, self.previous) == expected


class Chain:
    """The entries of a case, one a line. Methods block; call them off the event loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = GrowingFile(path)

    def add(self, name: str, digest: str) -> None:
        """Write down that a file was written; what the file's last entry says already is not said again."""
        with self._file.held():
            links = list(self.links())
            if _digests(links).get(name) != digest:
                self._file.add([Link.after(links[-1] if links else None, name, digest).model_dump_json() + "\n"])

    def links(self) -> Iterator[Link]:
        """Yield the entries that can be read, in order."""
        for entry in self._file.entries():
            link = _link(entry)
            if link is not None:
                yield link

    def digests(self) -> dict[str, str]:
        """Return the digest of each file as it was written last."""
        return _digests(self.links())

    def head(self) -> str:
        """Return the hash of the last entry, which stands for all before it; empty where there is none."""
        return next((link.hash for link in reversed(list(self.links()))), "")

    def broken_at(self) -> int | None:
        """Return the first line that is not as it was written, from 1; None where all are."""
        last: Link | None = None
        if not self.path.exists():
            return None
        for number, raw in enumerate(self.path.read_bytes().splitlines(), start=1):
            try:
                link = Link.model_validate_json(raw)
            except ValidationError:
                return number
            if not link.whole or not link.follows(last):
                return number
            last = link
        return None


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a content in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _digests(links: Iterable[Link]) -> dict[str, str]:
    return {link.name: link.digest for link in links}


def _hash(number: int, name: str, digest: str, previous: str) -> str:
    return digest_of(f"{number}\n{name}\n{digest}\n{previous}".encode())


def _link(entry: Mapping[str, Any]) -> Link | None:
    try:
        return Link.model_validate(entry)
    except ValidationError:
        return None
