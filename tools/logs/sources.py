"""A file of logs as a relation of the engine, with the columns that the catalogue knows."""

from __future__ import annotations

import csv
import gzip
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, cast

import duckdb

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.tables import TableSchema

from .casting import quoted
from .folder import LogFile

__all__ = ["Raw", "Source", "literal", "open_source"]

HEAD = 1 << 20
"""Characters read to find out how a file is laid out."""
LARGEST_OBJECT = 64 << 20
"""Bytes of the largest JSON object that is read."""
TIME = "TimeGenerated"
TIME_IN_XDR = "Timestamp"
EXPORT_SUFFIX = re.compile(r"\s*\[.*\]$")
"""The portal writes `TimeGenerated [UTC]`."""


@dataclass(frozen=True)
class Raw:
    """A column as the file has it: a SQL expression over the source's relation, and its SQL type."""

    sql: str
    type: str


@dataclass(frozen=True)
class Source:
    """A file that can be selected from."""

    file: LogFile
    relation: str
    columns: Mapping[str, Raw]
    """By the catalogue's names."""
    time: tuple[Raw, ...]
    """What tells the time, best first."""
    ignored: tuple[str, ...]
    """Columns that the catalogue does not know."""
    unreadable: str
    """SQL that counts the lines that could not be read, once the relation has been read."""

    @property
    def name(self) -> str:
        """Name the file for people."""
        return self.file.path.name


def literal(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def open_source(engine: duckdb.DuckDBPyConnection, file: LogFile, schema: TableSchema) -> Source:
    """Find out what a file holds. Raise OperatorError where it cannot be read at all."""
    try:
        return _OPENERS[file.form](engine, file, schema)
    except (OSError, EOFError, UnicodeError, csv.Error, duckdb.Error) as error:
        raise unreadable(file, error) from error


def unreadable(file: LogFile, error: Exception) -> OperatorError:
    """Return the error of a file that is damaged or not what its name says."""
    reason = " ".join(str(error).split())
    reason = re.sub(r"^(\w+ )*Error: ", "", reason).replace(f'"{file.path}"', "").replace(f"'{file.path}'", "")[:160]
    kind = {"parquet": "Parquet", "csv": "CSV", "json": "JSON"}[file.form] + (" (gzip)" if file.gzipped else "")
    return OperatorError(
        f"cannot be read as {kind}: {reason}; it is damaged, cut short or of another format: export it again",
        where=str(file.path),
    )


def _parquet(engine: duckdb.DuckDBPyConnection, file: LogFile, schema: TableSchema) -> Source:
    relation = f"read_parquet({literal(str(file.path))}, binary_as_string = true)"
    described = engine.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    raws = [(str(name), Raw(quoted(str(name)), str(kind))) for name, kind, *_ in described]
    return _source(file, schema, relation, raws, unreadable="SELECT 0")


def _csv(_: duckdb.DuckDBPyConnection, file: LogFile, schema: TableSchema) -> Source:
    with _text(file) as text:
        head = text.readline(HEAD)
    separator = max(",;\t|", key=lambda mark: len(_known(next(csv.reader([head], delimiter=mark), []), schema)))
    with _text(file) as text:
        names = next(csv.reader(itertools.islice(text, 100), delimiter=separator), [])
    if not names:
        return _source(file, schema, "(SELECT 1 WHERE false)", [], unreadable="SELECT 0")
    rejects = f"rejected_{hashlib.sha256(str(file.path).encode()).hexdigest()[:16]}"
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(names)))
    relation = (
        f"read_csv({literal(str(file.path))}, auto_detect = false, header = true, delim = {literal(separator)},"
        f" quote = '\"', escape = '\"', columns = {{{columns}}}, ignore_errors = true, store_rejects = true,"
        f" rejects_table = '{rejects}', rejects_scan = '{rejects}_scan', compression = '{_compression(file)}')"
    )
    raws = [(name, Raw(f"c{i}", "VARCHAR")) for i, name in enumerate(names)]
    counted = f"SELECT count(DISTINCT line) FROM {rejects} WHERE scan_id = (SELECT max(scan_id) FROM {rejects}_scan)"
    return _source(file, schema, relation, raws, unreadable=counted)


def _json(engine: duckdb.DuckDBPyConnection, file: LogFile, schema: TableSchema) -> Source:
    layout = _layout(file)
    lenient = ", ignore_errors = true" if layout == "newline_delimited" else ""
    objects = (
        f"read_json_objects({literal(str(file.path))}, format = '{layout}'{lenient},"
        f" maximum_object_size = {LARGEST_OBJECT}, compression = '{_compression(file)}')"
    )
    keys = f"SELECT DISTINCT unnest(json_keys(json)) FROM {objects} WHERE json_type(json) = 'OBJECT'"
    names = sorted(str(name) for (name,) in engine.execute(keys).fetchall())
    wanted = [name for name in names if name in _known(names, schema)]
    paths = ", ".join(literal(f'$."{name}"') for name in wanted)
    relation = (
        f"(SELECT json_extract_string(json, [{paths}]::VARCHAR[]) AS v FROM {objects} WHERE json_type(json) = 'OBJECT')"
    )
    raws = [(name, Raw(f"v[{wanted.index(name) + 1}]" if name in wanted else "NULL", "VARCHAR")) for name in names]
    counted = f"SELECT count(*) FROM {objects} WHERE coalesce(json_type(json), '') != 'OBJECT'"
    return _source(file, schema, relation, raws, unreadable=counted)


def _source(
    file: LogFile, schema: TableSchema, relation: str, raws: Iterable[tuple[str, Raw]], *, unreadable: str
) -> Source:
    by_name: dict[str, Raw] = {}
    for name, raw in raws:
        by_name.setdefault(name, raw)
    known = _known(by_name, schema)
    columns = {column: by_name[name] for name, column in known.items() if column in schema.columns}
    by_column = {column: by_name[name] for name, column in known.items()}
    time = tuple(by_column[name] for name in (TIME, TIME_IN_XDR) if name in by_column)
    ignored = tuple(name for name in by_name if name not in known)
    return Source(file, relation, columns, time, ignored, unreadable)


def _known(names: Iterable[str], schema: TableSchema) -> dict[str, str]:
    """Return the catalogue's name of each name that it knows; a name written exactly wins over another spelling."""
    spellings = {column.casefold(): column for column in (*schema.columns, TIME, TIME_IN_XDR)}
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: name not in spellings.values()):
        column = spellings.get(EXPORT_SUFFIX.sub("", name.strip()).casefold())
        if column is not None and column not in found.values() and '"' not in name:
            found[name] = column
    return found


def _layout(file: LogFile) -> str:
    """Return how the objects of a JSON file follow one another."""
    with _text(file) as text:
        head = text.readline(HEAD).strip()
        while not head and (line := text.readline(HEAD)):
            head = line.strip()
    try:
        first = json.loads(head) if head else {}
    except (ValueError, RecursionError):
        if head.startswith("["):
            return "array"
        several_lines = file.path.name.casefold().removesuffix(".gz").endswith(".json") and head.startswith("{")
        return "unstructured" if several_lines else "newline_delimited"
    return "array" if isinstance(first, list) and all(isinstance(item, dict) for item in first) else "newline_delimited"


def _compression(file: LogFile) -> str:
    return "gzip" if file.gzipped else "none"


def _text(file: LogFile) -> IO[str]:
    if file.gzipped:
        return cast(IO[str], gzip.open(file.path, "rt", encoding="utf-8-sig", newline=""))
    return file.path.open(encoding="utf-8-sig", newline="")


_OPENERS = {"parquet": _parquet, "csv": _csv, "json": _json}
