"""Loading a folder of logs, once, into a DuckDB file of allowed columns."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from filelock import FileLock

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.tables import TableSchema

from .casting import SQL_TYPES, cast, is_given, is_safe, quoted, time_is_readable
from .folder import LogFile, LogFolder, digests_of, find_files, nothing_in
from .sources import Raw, Source, open_source, unreadable
from .tables import load_tables

__all__ = ["Loaded", "Reading", "builder", "load_folder", "read_into", "typed_select"]

VERSION = 1
"""Raised whenever the same files would be loaded differently."""
MEMORY = "2GB"
SORTED_UP_TO_ROWS = 300_000
SORTED_UP_TO_BYTES = 128 << 20
"""How much of a table is put in order of time, so that a window skips most of it; a larger sort would spill to disk.
Larger files are kept in their own order, which is that of time as a rule."""
ABOUT = "workspace"
"""The schema that holds what is known of the load; no query can name it."""


@dataclass(frozen=True)
class Loaded:
    """A DuckDB file that is ready to be opened read-only."""

    database: Path
    folder: Path


@dataclass(frozen=True)
class Reading:
    """What reading one file came to."""

    rows: int
    notes: tuple[str, ...] = ()


def load_folder(folder: Path, home: Path, schemas: Mapping[str, TableSchema], policy_hash: str) -> Loaded:
    """Return the DuckDB file of a folder, made now if its files or the policy are new. Blocks.

    Made beside its place under a lock and then renamed: other processes see it whole or not at all. Raise
    OperatorError for a folder without logs or a file that cannot be read.
    """
    found = find_files(folder)
    if not found.files:
        raise nothing_in(folder, found.notes)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            digests = digests_of(found.files, home / "digests.json")
            database = home / f"{_key(found, digests, schemas, policy_hash)}.duckdb"
            if not database.exists():
                _build(database, found, schemas)
    except OSError as error:
        raise OperatorError(f"cannot be written ({error.strerror}); check --data-dir", where=str(home)) from error
    return Loaded(database, folder)


@contextmanager
def builder(database: Path | None, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine that may read files, with bounded memory; it spills into `scratch`, which is removed after."""
    scratch.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    try:
        engine = duckdb.connect(str(database or ":memory:"), config=config)
        try:
            engine.execute("SET TimeZone = 'UTC'")
            yield engine
        finally:
            engine.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read_into(engine: duckdb.DuckDBPyConnection, target: str, file: LogFile, schema: TableSchema) -> Reading:
    """Append the rows of a file to a table of `schema`'s columns, and count what could not be used."""
    source = open_source(engine, file, schema)
    _check_time(source)
    try:
        engine.execute(f"INSERT INTO {target} {typed_select(source, schema)}")
        (bad_lines,) = engine.execute(source.unreadable).fetchone() or (0,)
        counts = engine.execute(_counts(source, schema)).fetchone() or (0, 0)
    except duckdb.OutOfMemoryException as error:
        raise OperatorError(
            "does not fit into memory while loading; split it into several files", where=str(file.path)
        ) from error
    except duckdb.Error as error:
        raise unreadable(file, error) from error
    return _told(source, schema, int(bad_lines), [int(count) for count in counts])


def typed_select(source: Source, schema: TableSchema) -> str:
    """Return SQL that selects the rows of a source that have a time, in the schema's types and order."""
    columns = ", ".join(
        f"{_column_sql(source, name, schema)} AS {quoted(name)}" for name in schema.columns if name != "TimeGenerated"
    )
    names = ", ".join(quoted(name) for name in schema.columns)
    inner = f"SELECT {_time_sql(source)} AS {quoted('TimeGenerated')}{', ' if columns else ''}{columns}"
    return f"SELECT {names} FROM ({inner} FROM {source.relation}) WHERE {quoted('TimeGenerated')} IS NOT NULL"


def create_table(engine: duckdb.DuckDBPyConnection, target: str, schema: TableSchema) -> None:
    """Make an empty table of the schema's columns."""
    columns = ", ".join(f"{quoted(name)} {SQL_TYPES[column.type]}" for name, column in schema.columns.items())
    engine.execute(f"CREATE TABLE {target} ({columns})")


def _key(found: LogFolder, digests: Sequence[str], schemas: Mapping[str, TableSchema], policy_hash: str) -> str:
    parts: list[object] = [VERSION, duckdb.__version__, policy_hash, list(found.notes)]
    parts += [[file.path.name, digest] for file, digest in zip(found.files, digests, strict=True)]
    parts += [[name, {c: column.type for c, column in schema.columns.items()}] for name, schema in schemas.items()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _build(database: Path, found: LogFolder, schemas: Mapping[str, TableSchema]) -> None:
    half = database.with_name(f".{database.stem}.{os.getpid()}.building")
    half.unlink(missing_ok=True)
    try:
        with builder(half, half.with_suffix(".spill")) as engine:
            notes = [*found.notes]
            for name, schema in schemas.items():
                notes += _load_table(engine, schema, [file for file in found.files if file.table == name])
            notes += _absent(found, schemas)
            _write_about(engine, schemas, notes, found.path)
        half.replace(database)
    finally:
        half.unlink(missing_ok=True)
        half.with_name(f"{half.name}.wal").unlink(missing_ok=True)


def _load_table(engine: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[LogFile]) -> list[str]:
    table = quoted(schema.name)
    create_table(engine, table, schema)
    if not files:
        return []
    in_order = "TimeGenerated" in schema.columns and _is_small(engine, files)
    target = "unordered" if in_order else table
    if in_order:
        engine.execute(f"CREATE TEMP TABLE {target} AS SELECT * FROM {table}")
    notes = [note for file in files for note in read_into(engine, target, file, schema).notes]
    if in_order:
        engine.execute(f"INSERT INTO {table} SELECT * FROM {target} ORDER BY {quoted('TimeGenerated')}")
        engine.execute(f"DROP TABLE {target}")
    return notes


def _is_small(engine: duckdb.DuckDBPyConnection, files: Sequence[LogFile]) -> bool:
    rows = 0
    for file in files:
        if file.form == "parquet":
            try:
                counted = engine.execute("SELECT sum(num_rows) FROM parquet_file_metadata(?)", [str(file.path)])
                rows += int((counted.fetchone() or (0,))[0] or 0)
            except duckdb.Error:
                # Reading the file will say what is wrong with it.
                return True
    return rows <= SORTED_UP_TO_ROWS and sum(file.path.stat().st_size for file in files) <= SORTED_UP_TO_BYTES


def _absent(found: LogFolder, schemas: Mapping[str, TableSchema]) -> list[str]:
    present = {file.table for file in found.files}
    missing = [name for name in schemas if name not in present]
    refused = sorted(present - set(schemas))
    notes = [f"no file for {', '.join(missing)}: those tables are empty"] if missing else []
    return notes + ([f"policy does not allow {', '.join(refused)}: not loaded"] if refused else [])


def _write_about(
    engine: duckdb.DuckDBPyConnection, schemas: Mapping[str, TableSchema], notes: Sequence[str], folder: Path
) -> None:
    timed = [name for name, schema in schemas.items() if "TimeGenerated" in schema.columns]
    newest = " UNION ALL ".join(f"SELECT max({quoted('TimeGenerated')}) AS t FROM {quoted(name)}" for name in timed)
    clock = engine.execute(f"SELECT max(t) FROM ({newest})").fetchone() if timed else None
    if clock is None or clock[0] is None:
        raise nothing_in(folder, [*notes])
    engine.execute(f"CREATE SCHEMA {ABOUT}")
    engine.execute(f"CREATE TABLE {ABOUT}.clock AS SELECT ?::TIMESTAMP AS newest", list(clock))
    engine.execute(f"CREATE TABLE {ABOUT}.notes (place INTEGER, note VARCHAR)")
    if notes:
        engine.executemany(f"INSERT INTO {ABOUT}.notes VALUES (?, ?)", [list(pair) for pair in enumerate(notes)])


def _check_time(source: Source) -> None:
    where = str(source.file.path)
    if not source.time and source.columns:
        raise OperatorError("has no TimeGenerated column; rename the column that holds the time", where=where)
    if not source.time and source.ignored:
        raise OperatorError(
            f"has no column of {source.file.table or 'any log table'}; the first line or the keys must name them",
            where=where,
        )
    for raw in source.time:
        if not time_is_readable(raw.type):
            raise OperatorError(f"TimeGenerated is of type {raw.type}; write it as a timestamp", where=where)


def _time_sql(source: Source) -> str:
    return f"coalesce({', '.join(cast(raw.sql, raw.type, 'datetime') for raw in source.time)}, NULL)"


def _column_sql(source: Source, name: str, schema: TableSchema) -> str:
    raw = source.columns.get(name, Raw("CAST(NULL AS VARCHAR)", "VARCHAR"))
    return cast(raw.sql, raw.type, schema.columns[name].type)


def _lossy(source: Source, schema: TableSchema) -> list[str]:
    """Return the columns whose values may not fit their type."""
    return [
        name
        for name, column in schema.columns.items()
        if name in source.columns and name != "TimeGenerated" and not is_safe(source.columns[name].type, column.type)
    ]


def _counts(source: Source, schema: TableSchema) -> str:
    """Return SQL for the rows of a source, those without a time, and the misfits of each lossy column."""
    parts = ["count(*)", f"count(*) FILTER ({_time_sql(source)} IS NULL)"]
    for name in _lossy(source, schema):
        raw = source.columns[name]
        parts.append(f"count(*) FILTER ({is_given(raw.sql, raw.type)} AND {_column_sql(source, name, schema)} IS NULL)")
    return f"SELECT {', '.join(parts)} FROM {source.relation}"


def _told(source: Source, schema: TableSchema, bad_lines: int, counts: Sequence[int]) -> Reading:
    read, timeless, *misfits = counts
    good, name = read - timeless, source.name
    if read + bad_lines and not good:
        raise OperatorError(
            f"none of its {read + bad_lines} rows can be used: {bad_lines} cannot be read, {timeless} have no valid"
            " TimeGenerated; check its format",
            where=str(source.file.path),
        )
    notes = []
    if bad_lines or timeless:
        notes.append(
            f"{name}: {bad_lines + timeless} of {read + bad_lines} rows left out"
            f" ({bad_lines} cannot be read, {timeless} have no valid TimeGenerated)"
        )
    notes += [
        f"{name}: {misfit} values of {column} are no {schema.columns[column].type} and were left empty"
        for column, misfit in zip(_lossy(source, schema), misfits, strict=True)
        if misfit
    ]
    if unknown := [column for column in source.ignored if column not in _expected(schema.name)]:
        notes.append(f"{name}: ignored unknown columns {', '.join(unknown[:20])}")
    if not read + bad_lines:
        notes.append(f"{name}: holds no rows")
    return Reading(good, tuple(notes))


SERVICE_COLUMNS = frozenset(
    {
        "AADTenantId", "AppGuardContainerId", "Computer", "FASchemaVersion_s", "MachineGroup", "ManagementGroupName",
        "MG", "OperationVersion", "RawData", "SourceSystem", "TenantId", "Timestamp", "Type", "_BilledSize",
        "_IsBillable", "_ItemId", "_ResourceId", "_SubscriptionId", "_TimeReceived",
    }
)  # fmt: skip
"""Columns that every export carries and no hunt asks for."""


def _expected(table: str) -> frozenset[str]:
    """Return the columns that are left out without a word: the service's own, and those policy withholds."""
    catalogue = load_tables()
    return SERVICE_COLUMNS.union(catalogue[table].columns) if table in catalogue else SERVICE_COLUMNS
