"""The evidence store: rows and texts on disk under the digest of their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from soc_analyst.tools.files import write_atomically

__all__ = ["EvidenceStore"]


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
        return self._put(sink.getvalue().to_pybytes(), ".parquet")

    def rows(self, digest: str) -> pa.Table:
        """Return the rows kept under a digest."""
        return pq.read_table(self._path(digest, ".parquet"))

    def put_text(self, text: str) -> str:
        """Keep a text and return its digest."""
        return self._put(text.encode(), ".txt")

    def text(self, digest: str) -> str:
        """Return the text kept under a digest."""
        return self._path(digest, ".txt").read_text(encoding="utf-8")

    def _put(self, content: bytes, suffix: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest, suffix)
        if not path.exists():
            write_atomically(path, content)
        return digest

    def _path(self, digest: str, suffix: str) -> Path:
        return self.root / digest[:2] / f"{digest}{suffix}"
