"""The evidence store: rows and texts on disk under the digest of their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from soc_analyst.state.errors import EvidenceError
from soc_analyst.tools.files import write_atomically

__all__ = ["ROWS", "TEXT", "EvidenceStore"]

ROWS, TEXT = ".parquet", ".txt"


class EvidenceStore:
    """Content-addressed files below one folder; writing the same content twice is the same file.

    Methods block; call them off the event loop.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put_rows(self, rows: pa.Table) -> str:
        """Keep the rows and return their digest."""
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd")
        return self._put(sink.getvalue().to_pybytes(), ROWS)

    def rows(self, digest: str) -> pa.Table:
        """Return the rows kept under a digest; raise EvidenceError where they are not what was kept."""
        content = self._content(digest, ROWS)
        return pq.read_table(pa.BufferReader(content))

    def put_text(self, text: str) -> str:
        """Keep a text and return its digest."""
        return self._put(text.encode(), TEXT)

    def text(self, digest: str) -> str:
        """Return the text kept under a digest."""
        return self._content(digest, TEXT).decode()

    def fault(self, digest: str, suffix: str) -> str:
        """Return what is wrong with a kept file, empty where it is as it was written."""
        return self._read(digest, suffix)[1]

    def _content(self, digest: str, suffix: str) -> bytes:
        content, fault = self._read(digest, suffix)
        if fault:
            raise EvidenceError(f"evidence: {fault}; what rests on it cannot be told, ask again on a new --thread")
        return content

    def _read(self, digest: str, suffix: str) -> tuple[bytes, str]:
        path = self._path(digest, suffix)
        name = path.relative_to(self.root.parent).as_posix()
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return b"", f"{name} is gone"
        except OSError as error:
            return b"", f"{name} cannot be read ({error.strerror})"
        changed = hashlib.sha256(content).hexdigest() != digest
        return content, f"{name} was changed since it was written" if changed else ""

    def _put(self, content: bytes, suffix: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest, suffix)
        if self.fault(digest, suffix):
            write_atomically(path, content)
        return digest

    def _path(self, digest: str, suffix: str) -> Path:
        return self.root / digest[:2] / f"{digest}{suffix}"
