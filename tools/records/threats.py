"""The findings log `_threats.jsonl`: append-only, one line a finding, each finding once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from soc_analyst.state.findings import Finding

__all__ = ["Logged", "ThreatsLog"]

LOCK_TIMEOUT = 30.0
"""Seconds to wait for another writer."""


@dataclass(frozen=True)
class Logged:
    """What stands beside a finding in the log."""

    logged_at: datetime
    thread_id: str
    question: str
    workspace: str
    model: str
    policy_hash: str

    def fields(self) -> dict[str, str]:
        """Return the fields as JSON values."""
        return {**self.__dict__, "logged_at": self.logged_at.isoformat().replace("+00:00", "Z")}


@dataclass(frozen=True)
class ThreatsLog:
    """A JSON Lines file, safe under several writers and a crash at any byte: a torn last line is cut off and said."""

    path: Path

    def append(self, findings: Sequence[Finding], logged: Logged) -> int:
        """Write the findings that this thread has not logged yet, synced to disk; return how many."""
        if not findings:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=LOCK_TIMEOUT):
            self._mend()
            known = {(entry.get("thread_id"), entry.get("id")) for entry in self.entries()}
            new = [finding for finding in findings if (logged.thread_id, finding.id) not in known]
            self._write(_line(finding, logged) for finding in new)
        return len(new)

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """Yield the logged findings in order; a line that is no JSON object is passed over."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for raw in file:
                entry = _parsed(raw)
                if entry is not None:
                    yield entry

    def _write(self, lines: Iterable[str]) -> None:
        with self.path.open("ab") as file:
            file.write("".join(lines).encode())
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
            if _parsed(tail) is not None:
                file.write(b"\n")
            else:
                file.truncate(content_end)
            file.flush()
            os.fsync(file.fileno())


def _line(finding: Finding, logged: Logged) -> str:
    return json.dumps({**finding.model_dump(mode="json"), **logged.fields()}, ensure_ascii=False) + "\n"


def _parsed(raw: bytes) -> Mapping[str, Any] | None:
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
