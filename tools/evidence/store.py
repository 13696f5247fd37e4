"""The evidence store: rows and texts on disk under the digest of their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from soc_analyst.state.errors import EvidenceError
from soc_analyst.tools.places import Files, Folder, place_at
from soc_analyst.tools.sealing import Seal

from .packing import packed_parquet

__all__ = ["ROWS", "TEXT", "EvidenceStore"]

ROWS, TEXT = ".parquet", ".txt"
FOLDER = "evidence"


class EvidenceStore:
    """Content-addressed files in one place; writing the same content twice is the same file.

    The digest is of the content before it is sealed. Methods block; call them off the event loop.
    """

    def __init__(self, root: Path, *, url: str = "", seal: Seal | None = None) -> None:
        self._files = Files(place_at(url) if url else Folder(root), FOLDER, seal)

    def put_rows(self, rows: pa.Table) -> str:
        """Keep the rows and return their digest."""
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd")
        return self._put(sink.getvalue().to_pybytes(), ROWS)

    def rows(self, digest: str) -> pa.Table:
        """Return the rows kept under a digest; raise EvidenceError where they are not what was kept."""
        content = self._content(digest, ROWS)
        return pq.read_table(pa.BufferReader(content))

    def packed_rows(self, digest: str) -> pa.Table:
        """Return the rows kept under a digest, columns whose texts repeat as numbers into the distinct ones."""
        return packed_parquet(pa.BufferReader(self._content(digest, ROWS)))

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
        name = f"{FOLDER}/{_name(digest, suffix)}"
        try:
            content = self._files.read(_name(digest, suffix))
        except FileNotFoundError:
            return b"", f"{name} is gone"
        except OSError as error:
            return b"", f"{name} cannot be read ({error.strerror or error})"
        except EvidenceError:
            return b"", f"{name} was changed since it was written"
        changed = hashlib.sha256(content).hexdigest() != digest
        return content, f"{name} was changed since it was written" if changed else ""

    def _put(self, content: bytes, suffix: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if self.fault(digest, suffix):
            self._files.put(_name(digest, suffix), content)
        return digest


def _name(digest: str, suffix: str) -> str:
    return f"{digest[:2]}/{digest}{suffix}"
