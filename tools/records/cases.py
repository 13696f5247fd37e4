"""The folder of a case: what was asked, what became of each query, and the report."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from soc_analyst.state.base import UtcTime, Value
from soc_analyst.state.errors import EvidenceError
from soc_analyst.state.queries import QueryRecord
from soc_analyst.state.report import Report
from soc_analyst.tools.places import Files, Folder
from soc_analyst.tools.sealing import Seal

from .chain import Chain, digest_of
from .dossier import Dossier

__all__ = ["CaseFolder", "CaseHeader", "all_cases", "current_report"]

KEY_BYTES = 32
CALLS = "calls"
Kept = TypeVar("Kept", bound=Value)


class CaseHeader(Value):
    """What was asked, and with which options, so that `resume` needs nothing but the thread."""

    thread_id: str
    question: str
    started: UtcTime
    options: dict[str, Any]


class CaseFolder:
    """One case on disk, with a ledger of what was written. Methods block; call them off the event loop."""

    def __init__(self, path: Path, seal: Seal | None = None) -> None:
        self.path = path
        self.seal = seal
        self._files = Files(Folder(path), f"cases/{path.name}", seal)

    @property
    def lock(self) -> Path:
        """The file that one run at a time holds locked."""
        return self.path / "running.lock"

    @property
    def calls(self) -> Path:
        """The folder of paid calls of a language model."""
        return self.path / CALLS

    @property
    def chain(self) -> Chain:
        """The ledger of what was written."""
        return Chain(self.path / "ledger.jsonl")

    def open(self, header: CaseHeader) -> None:
        """Keep what was asked."""
        self._write("case.json", header.model_dump_json(indent=2).encode())

    def header(self) -> CaseHeader | None:
        """Return what was asked, or None where no such case is."""
        return self._read("case.json", CaseHeader)

    def key(self) -> bytes:
        """Return the key of this case's pseudonyms, made when it is first asked for."""
        path = self.path / "pseudonyms.key"
        if not path.exists():
            self._write(path.name, secrets.token_bytes(KEY_BYTES))
        return self.content(path.name)

    def content(self, name: str) -> bytes:
        """Return a file of the case as it was written, whether it is sealed or not."""
        return self._files.read(name)

    def keep(self, key: str, record: QueryRecord) -> None:
        """Keep what became of a query, so that it is never run twice."""
        self._write(f"queries/{key}.json", record.model_dump_json().encode())

    def kept(self, key: str) -> QueryRecord | None:
        """Return what became of a query, if it was run; a record that was changed since is none."""
        name = f"queries/{key}.json"
        if not (self.path / name).exists():
            return None
        try:
            content = self.content(name)
        except EvidenceError:
            return None
        told = self.chain.digests().get(name)
        if told is None:
            self.chain.add(name, digest_of(content))  # a crash came between the two
        return QueryRecord.model_validate_json(content) if told in (None, digest_of(content)) else None

    def close(self, report: Report, dossier: Dossier) -> None:
        """Keep the report, after what it was made of."""
        for path in sorted(self.calls.glob("*.json")):
            self.chain.add(f"{CALLS}/{path.name}", digest_of(self.content(f"{CALLS}/{path.name}")))
        self._write("dossier.json", dossier.model_dump_json(indent=2).encode())
        self._write("report.json", report.model_dump_json(indent=2).encode())

    def keep_text(self, name: str, text: str) -> None:
        """Keep a text of the case's own beside the others."""
        self._write(name, text.encode())

    def report(self) -> Report | None:
        """Return the report of a finished case."""
        return self._read("report.json", Report)

    def dossier(self) -> Dossier | None:
        """Return what the report was made of."""
        return self._read("dossier.json", Dossier)

    def finished(self) -> datetime | None:
        """Return when the report was written, in local file time as UTC."""
        path = self.path / "report.json"
        return datetime.fromtimestamp(path.stat().st_mtime).astimezone() if path.exists() else None

    @property
    def can_be_replayed(self) -> bool:
        """Return whether what the report was made of is kept."""
        return (self.path / "dossier.json").exists()

    def _read(self, name: str, kind: type[Kept]) -> Kept | None:
        path = self.path / name
        if not path.exists():
            return None
        try:
            return kind.model_validate_json(self.content(name))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the file"
            raise EvidenceError(
                f"case {self.path.name}: {name} cannot be read ({place}: {first['msg']}); "
                "it was changed, or another version wrote it"
            ) from error

    def _write(self, name: str, content: bytes) -> None:
        self._files.put(name, content)
        self.chain.add(name, digest_of(content))


def current_report(header: CaseHeader, report: Report | None) -> Report | None:
    """Return the report of the question that was asked last, None where that has none yet."""
    return report if report is not None and report.question == header.question else None


def all_cases(root: Path, seal: Seal | None = None) -> Iterator[CaseFolder]:
    """Yield the cases below a folder, the latest first."""
    headers = []
    for path in root.glob("*/case.json"):
        folder = CaseFolder(path.parent, seal)
        try:
            started = json.loads(folder.content(path.name)).get("started", "")
        except (ValueError, EvidenceError):
            continue
        headers.append((started, path.parent, folder))
    for _, _, folder in sorted(headers, key=lambda one: one[:2], reverse=True):
        yield folder
