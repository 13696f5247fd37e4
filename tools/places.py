"""Where files are kept: a folder, or a URL that fsspec knows; sealed where there is a key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.files import write_atomically
from soc_analyst.tools.sealing import Seal, closed, opened

__all__ = ["Bucket", "Files", "Folder", "Place", "place_at"]

OPTION = "--evidence"


class Place(Protocol):
    """Files by name, with `/` between folder and file. Methods block; call them off the event loop."""

    def read(self, name: str) -> bytes:
        """Return a file; raise FileNotFoundError where there is none, another OSError where it cannot be read."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Write a whole file; on return it is kept."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, or one that it has mounted."""

    root: Path

    def read(self, name: str) -> bytes:
        """Return a file."""
        return (self.root / name).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        """Write a file: beside it, synced, renamed, and the folder synced."""
        write_atomically(self.root / name, content)


@dataclass(frozen=True)
class Bucket:
    """A store that fsspec knows.

    An object store shows a whole object or none. Where another kind of store shows half a file after a crash, its
    digest tells, and it is written anew when it is put the next time.
    """

    system: Any
    root: str

    def read(self, name: str) -> bytes:
        """Return a file."""
        content: bytes = self.system.cat_file(f"{self.root}/{name}")
        return content

    def put(self, name: str, content: bytes) -> None:
        """Write a file with one call."""
        path = f"{self.root}/{name}"
        self.system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.system.pipe_file(path, content)


@dataclass(frozen=True)
class Files:
    """The files of a place, sealed where there is a key: each under its name, so that none stands for another."""

    place: Place
    prefix: str
    """What stands before a name as it is sealed under."""
    seal: Seal | None = None

    def read(self, name: str) -> bytes:
        """Return a file as it was put."""
        return opened(self.place.read(name), f"{self.prefix}/{name}", self.seal)

    def put(self, name: str, content: bytes) -> None:
        """Write a whole file or none."""
        self.place.put(name, closed(content, f"{self.prefix}/{name}", self.seal))


@lru_cache(maxsize=16)
def place_at(where: str) -> Place:
    """Return the place that a path or URL names; raise OperatorError where it cannot be one."""
    parts = urlsplit(where)
    if parts.scheme == "file":
        return Folder(Path(url2pathname(parts.path)))
    if "://" not in where:
        return Folder(Path(where))
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise OperatorError("needs fsspec: pip install 'soc-analyst[remote]'", where=OPTION) from error
    try:
        system, root = url_to_fs(where)
    except (ImportError, ValueError) as error:
        told = " ".join(str(error).split())
        raise OperatorError(f"{parts.scheme}:// cannot be used ({told})", where=OPTION) from error
    return Bucket(system, str(root).rstrip("/"))
