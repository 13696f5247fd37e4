"""The data folder: where everything that outlives a run is kept."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.evidence import EvidenceStore

__all__ = ["THREAD", "DataDir"]

THREAD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a thread id may be, which names a folder."""


@dataclass(frozen=True)
class DataDir:
    """Paths below one folder; nothing is created before `ready`."""

    root: Path

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
        return EvidenceStore(self.root / "evidence")

    def case(self, thread_id: str) -> Path:
        """Return the folder of a case; a thread id that could leave the data folder is refused."""
        if not THREAD.fullmatch(thread_id):
            raise OperatorError(
                "a thread id takes letters, digits, '.', '_' and '-', at most 128, and starts with a letter or digit",
                where=f"thread {thread_id[:40]!r}",
            )
        return self.cases / thread_id

    def ready(self) -> DataDir:
        """Create the folder where it is missing, and say at once if it cannot be written."""
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
