"""The findings log `_threats.jsonl`: append-only, one line a finding, each finding once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from soc_analyst.state.findings import Finding
from soc_analyst.tools.sealing import Seal

from .lines import GrowingFile

__all__ = ["Logged", "ThreatsLog"]


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
    """A JSON Lines file, safe under several writers and a crash at any byte: a torn last line is cut off."""

    path: Path
    seal: Seal | None = None

    def append(self, findings: Sequence[Finding], logged: Logged) -> int:
        """Write the findings that this thread has not logged yet, synced to disk; return how many."""
        if not findings:
            return 0
        file = GrowingFile(self.path, self.seal)
        with file.held():
            known = {(entry.get("thread_id"), entry.get("id")) for entry in file.entries()}
            new = [finding for finding in findings if (logged.thread_id, finding.id) not in known]
            file.add(_line(finding, logged) for finding in new)
        return len(new)

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """Yield the logged findings in order; a line that is no JSON object is passed over."""
        return GrowingFile(self.path, self.seal).entries()

    def lines(self) -> Iterator[tuple[int, Mapping[str, Any] | None]]:
        """Yield each line by its number from 1, with None where it is no JSON object; empty lines are none."""
        return GrowingFile(self.path, self.seal).numbered()


def _line(finding: Finding, logged: Logged) -> str:
    return json.dumps({**finding.model_dump(mode="json"), **logged.fields()}, ensure_ascii=False) + "\n"
