"""Which files of a folder hold logs, and the digests of their content."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from soc_analyst.state.errors import OperatorError

from .tables import load_tables

__all__ = ["LogFile", "LogFolder", "digests_of", "find_files", "log_file", "table_named", "write_whole"]

Form = Literal["parquet", "csv", "json"]

FORMS: dict[str, Form] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
ACCEPTED = "<Table>.parquet, .csv, .jsonl or .json (.csv.gz and .jsonl.gz too)"
NOT_LOGS = frozenset({"truth", "cases", "readme"})
"""Files that stand beside the tables and are never logs."""


@dataclass(frozen=True)
class LogFile:
    """A file that can be read, and how; `table` is empty where its name tells none."""

    path: Path
    form: Form
    gzipped: bool
    table: str = ""


@dataclass(frozen=True)
class LogFolder:
    """The log files of a folder, and what there is to say of the others."""

    path: Path
    files: tuple[LogFile, ...]
    notes: tuple[str, ...]


def table_named(name: str) -> str:
    """Return the table that a file name begins with, whatever the case, or an empty string.

    A part may follow the table after anything but a letter or digit: `SigninLogs.2.parquet`, `SigninLogs (1).csv`.
    """
    for table in sorted(load_tables(), key=len, reverse=True):
        if re.match(rf"{re.escape(table)}(?![^\W_])", name, re.IGNORECASE):
            return table
    return ""


def log_file(path: Path) -> LogFile | None:
    """Return how to read a file by its name, or None where the name tells no format."""
    gzipped = path.suffix.casefold() == ".gz"
    inner = Path(path.stem) if gzipped else path
    form = FORMS.get(inner.suffix.casefold())
    if form is None or (gzipped and form == "parquet"):
        return None
    return LogFile(path, form, gzipped, table_named(path.name))


def find_files(folder: Path) -> LogFolder:
    """Return the log files of a folder in the order of their names. Raise OperatorError where it cannot be listed."""
    if not folder.exists():
        raise OperatorError("there is no such folder; name one that holds " + ACCEPTED, where=str(folder))
    if not folder.is_dir():
        raise OperatorError("is a file; name the folder that holds it", where=str(folder))
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise OperatorError(f"cannot be listed ({error.strerror}); check its permissions", where=str(folder)) from error
    candidates = [(path, log_file(path)) for path in paths if not path.name.startswith(".")]
    files = tuple(file for _, file in candidates if file is not None and file.table)
    notes = tuple(note for path, file in candidates if (note := _why_not(path, file)))
    return LogFolder(folder, files, notes)


def _why_not(path: Path, file: LogFile | None) -> str:
    if file is None:
        return f"{path.name}: ignored, no format that can be read" if table_named(path.name) else ""
    if file.table or path.name.split(".")[0].casefold() in NOT_LOGS:
        return ""
    return f"{path.name}: ignored, no table has this name"


def digests_of(files: Iterable[LogFile], cache: Path) -> tuple[str, ...]:
    """Return the SHA-256 of each file, reading only those that changed since `cache` was written.

    A file is unchanged if its path, size and time of change are. Raise OperatorError for one that cannot be read.
    """
    known = _read_cache(cache)
    found: dict[str, list[object]] = {}
    for file in files:
        path = str(file.path.resolve())
        try:
            stat = file.path.stat()
            mark: list[object] = [stat.st_size, stat.st_mtime_ns]
            old = known.get(path)
            found[path] = old if old is not None and old[:2] == mark else [*mark, _sha256(file.path)]
        except OSError as error:
            raise OperatorError(f"cannot be read ({error.strerror}); check it", where=str(file.path)) from error
    if any(known.get(path) != entry for path, entry in found.items()):
        write_whole(cache, json.dumps(known | found, indent=0))
    return tuple(str(entry[2]) for entry in found.values())


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    half = path.with_name(f".{path.name}.{hashlib.sha256(text.encode()).hexdigest()[:12]}")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def _read_cache(cache: Path) -> dict[str, list[object]]:
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {path: entry for path, entry in known.items() if isinstance(entry, list) and len(entry) == 3}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def nothing_in(folder: Path, notes: Sequence[str]) -> OperatorError:
    """Return the error of a folder without logs."""
    seen = f" ({notes[0]})" if notes else ""
    return OperatorError(f"holds no log tables{seen}; put files there named {ACCEPTED}", where=str(folder))
