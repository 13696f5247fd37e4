"""The data folder: where everything that outlives a run is kept."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.evidence import EvidenceStore
from soc_analyst.tools.sealing import Seal

from .cases import CaseFolder, CaseHeader, all_cases
from .threats import ThreatsLog

__all__ = ["THREAD", "DataDir"]

THREAD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a thread id may be, which names a folder."""


@dataclass(frozen=True)
class DataDir:
    """Paths below one folder; nothing is created before `ready`."""

    root: Path
    seal: Seal | None = None
    """What all below is sealed with, if there is a key."""
    evidence_at: str = ""
    """Another place for rows and query texts: a folder, or a URL that fsspec knows."""

    @property
    def checkpoints(self) -> Path:
        """The command line's SQLite checkpoints."""
        return self.root / "checkpoints.sqlite"

    @property
    def threats(self) -> Path:
        """The findings log."""
        return self.root / "_threats.jsonl"

    @property
    def incidents(self) -> Path:
        """The log of what was written into workspaces."""
        return self.root / "_incidents.jsonl"

    @property
    def cases(self) -> Path:
        """One folder a case, named by its thread."""
        return self.root / "cases"

    @property
    def evidence(self) -> EvidenceStore:
        """Rows and query texts by digest, shared by all cases."""
        return EvidenceStore(self.root / "evidence", url=self.evidence_at, seal=self.seal)

    def case(self, thread_id: str) -> Path:
        """Return the folder of a case; a thread id that could leave the data folder is refused."""
        if not THREAD.fullmatch(thread_id):
            raise OperatorError(
                "a thread id takes letters, digits, '.', '_' and '-', at most 128, and starts with a letter or digit",
                where=f"thread {thread_id[:40]!r}",
            )
        return self.cases / thread_id

    def folder(self, thread_id: str) -> CaseFolder:
        """Return the files of a case."""
        return CaseFolder(self.case(thread_id), self.seal)

    def all_cases(self) -> Iterator[CaseFolder]:
        """Yield the cases, the latest first."""
        return all_cases(self.cases, self.seal)

    @property
    def threats_log(self) -> ThreatsLog:
        """The findings log, to read and to write."""
        return ThreatsLog(self.threats, self.seal)

    def of(self, header: CaseHeader) -> DataDir:
        """Return the folder as a case was asked with: where its evidence is."""
        return replace(self, evidence_at=str(header.options.get("evidence") or ""))

    def ready(self) -> DataDir:
        """Create the folder where it is missing; say at once if it cannot be written, or evidence nowhere be kept."""
        _ = self.evidence
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            reason = error.strerror or str(error)
            raise OperatorError(
                f"cannot be written ({reason}); choose another with --data-dir", where=f"data folder {self.root}"
            ) from error
        return self
