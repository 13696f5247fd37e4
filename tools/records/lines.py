"""A JSON Lines file that only grows, safe under several writers and a crash at any byte."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from soc_analyst.tools.sealing import Seal, opened

__all__ = ["GrowingFile"]

SEALED = "sealed"
"""The one key of a line that is sealed."""
LOCK_TIMEOUT = 30.0
"""Seconds to wait for another writer."""


@dataclass(frozen=True)
class GrowingFile:
    """Objects, one a line, each sealed where there is a key. Methods block; call them off the event loop."""

    path: Path
    seal: Seal | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other writers off, with the last line whole: a torn one is cut off."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=LOCK_TIMEOUT):
            self._mend()
            yield

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """Yield the objects in order; a line that holds none is passed over."""
        yield from (entry for _, entry in self.numbered() if entry is not None)

    def numbered(self) -> Iterator[tuple[int, Mapping[str, Any] | None]]:
        """Yield the objects with the numbers of their lines, from 1; None for a line that holds none."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if raw.strip():
                    yield number, self._opened(parsed(raw))

    def _opened(self, entry: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if entry is None or entry.keys() != {SEALED}:
            return entry
        return parsed(opened(b64decode(str(entry[SEALED])), self.path.name, self.seal))

    def _closed(self, line: str) -> str:
        if self.seal is None:
            return line
        return json.dumps({SEALED: b64encode(self.seal.close(line.encode(), self.path.name)).decode()}) + "\n"

    def add(self, lines: Iterable[str]) -> None:
        """Write lines, each with its newline; on return they outlast a loss of power. Only while `held`."""
        with self.path.open("ab") as file:
            file.write("".join(map(self._closed, lines)).encode())
            file.flush()
            os.fsync(file.fileno())

    def _mend(self) -> None:
        """Cut off a last line that was never finished; a whole one that only lacks its newline is completed."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        with self.path.open("rb+") as file:
            content_end = _last_newline(file)
            file.seek(content_end)
            tail = file.read()
            if not tail:
                return
            if parsed(tail) is not None:
                file.write(b"\n")
            else:
                file.truncate(content_end)
            file.flush()
            os.fsync(file.fileno())


def parsed(raw: bytes) -> Mapping[str, Any] | None:
    """Return the object of a line, or None where it holds none."""
    try:
        entry = json.loads(raw)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _last_newline(file: Any, *, block: int = 65_536) -> int:
    """Return the position just after the last newline, 0 where there is none."""
    position = file.seek(0, os.SEEK_END)
    while position:
        start = max(0, position - block)
        file.seek(start)
        at = file.read(position - start).rfind(b"\n")
        if at >= 0:
            return int(start + at + 1)
        position = start
    return 0
