"""What the built-in pack comes to, kept whole under a stamp of its files, so that a warm start reads one file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from soc_analyst.tools.files import write_atomically

__all__ = ["content_of", "keep", "kept", "stamp_of_pack"]

NAME = "pack-2.json"


def stamp_of_pack() -> str | None:
    """Return a digest of names, sizes and times of the pack and of the code that reads it; None if it is not on disk.

    The time of the last change of status is among them, which no installer can set back.
    """
    folder = files(__package__)
    if not isinstance(folder, Path):
        return None
    digest = hashlib.sha256()
    for entry in sorted(_entries(folder), key=lambda entry: entry.path):
        found = entry.stat()
        digest.update(f"{entry.path}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}\n".encode())
    return digest.hexdigest()


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield this package's own files, and those of the pack, which stand one folder deep."""
    waiting = [(folder, 0)]
    while waiting:
        parent, deep = waiting.pop()
        with os.scandir(parent) as entries:
            for entry in entries:
                if entry.is_file():
                    yield entry
                elif deep or entry.name == "rules":
                    waiting.append((Path(entry.path), deep + 1))


def kept(folder: Path | None, stamp: str | None) -> Mapping[str, Any] | None:
    """Return what was kept under this stamp; a broken or older file is as good as none."""
    if folder is None or stamp is None:
        return None
    found = content_of(folder / NAME)
    content = found.get("content") if found.get("stamp") == stamp else None
    return content if isinstance(content, dict) else None


def content_of(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds; an empty one where it is missing or broken."""
    try:
        text = path.read_bytes()
        try:
            found = orjson.loads(text)
        except ValueError:
            # Half a character and numbers beyond all bounds stand in some rules; only the standard reader takes them.
            found = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(folder: Path | None, stamp: str | None, content: Mapping[str, Any]) -> None:
    """Keep a content under a stamp. A folder that cannot be written costs only time."""
    if folder is None or stamp is None:
        return
    text = json.dumps({"stamp": stamp, "content": content}, separators=(",", ":"))
    try:
        write_atomically(folder / NAME, text.encode())
    except OSError:
        return
