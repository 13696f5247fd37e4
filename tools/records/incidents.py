"""The log of what was written into workspaces, `_incidents.jsonl`: append-only, one line a thing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import Timeout

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.sealing import Seal

from .lines import GrowingFile

__all__ = ["IncidentsLog", "Line"]


@dataclass(frozen=True)
class Line:
    """One thing of a finding that is in a workspace now."""

    logged_at: datetime
    thread_id: str
    finding_id: str
    what: Literal["incident", "comment"]
    created: bool
    """Whether this run created it; else it was there already."""
    workspace: str
    """The resource id."""
    incident: str
    """The incident's GUID."""
    number: int | None
    url: str
    sha256: str
    """The hash that the yes was given to."""
    policy_hash: str


@dataclass(frozen=True)
class IncidentsLog:
    """A JSON Lines file, safe under several writers and a crash at any byte."""

    path: Path
    seal: Seal | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs off for as long as one writes; raise OperatorError where one is writing already."""
        try:
            with GrowingFile(self.path, self.seal).held():
                yield
        except Timeout:
            raise OperatorError("another run writes incidents; wait for it", where=str(self.path)) from None

    def add(self, line: Line) -> None:
        """Write a line, synced to disk. Only while `held`. What was there already is logged once."""
        if not line.created and any(_same(entry, line) for entry in self.entries()):
            return
        told = {**asdict(line), "logged_at": line.logged_at.isoformat().replace("+00:00", "Z")}
        try:
            GrowingFile(self.path, self.seal).add([json.dumps(told, ensure_ascii=False) + "\n"])
        except OSError as error:
            raise OperatorError(
                f"the {line.what} of {line.finding_id} is in the workspace now, but could not be logged here: "
                f"{error.strerror}",
                where=str(self.path),
            ) from error

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """Yield what was logged, in order."""
        return GrowingFile(self.path, self.seal).entries()


def _same(entry: Mapping[str, Any], line: Line) -> bool:
    return (entry.get("incident"), entry.get("what")) == (line.incident, line.what)
