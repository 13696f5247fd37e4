"""`workspace import`: files of any readable form as typed Parquet tables of a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.tables import TableSchema

from .casting import quoted
from .folder import ACCEPTED, LogFile, find_files, log_file
from .loading import builder, create_table, read_into
from .sources import literal, open_source, unreadable
from .tables import load_tables

__all__ = ["ImportSummary", "Imported", "import_files"]

ANY_TABLE = TableSchema(name="", description="", topics=(), columns={})


@dataclass(frozen=True)
class Imported:
    """What importing into one table came to."""

    table: str
    file: str
    """The file that was written; empty where there was nothing new."""
    added: int
    already_there: int
    """Rows left out because the folder holds identical ones."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportSummary:
    """What an import did, by table."""

    folder: Path
    tables: tuple[Imported, ...]

    def lines(self) -> tuple[str, ...]:
        """Return the summary for people, one line a fact."""
        said: list[str] = []
        for table in self.tables:
            there = f", {table.already_there:,} were there already" if table.already_there else ""
            name = self.folder / (table.file or table.table)
            said.append(f"{name}: {table.added:,} rows added{there}")
            said += table.notes
        return tuple(said)


def import_files(folder: Path, files: Sequence[Path]) -> ImportSummary:
    """Add the rows of files to the tables of a folder, all of them or, where a file cannot be read, none. Blocks.

    The table is told by a file's name, or by its `Type` column where that holds one table throughout. New rows go to
    `<Table>.parquet`, or beside it to `<Table>.2.parquet` and so on; rows identical to ones the folder already holds
    are left out, so that importing a file twice changes nothing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _import(folder, files)
    except OSError as error:
        raise OperatorError(f"cannot be written ({error.strerror}); check it", where=str(folder)) from error


def _import(folder: Path, files: Sequence[Path]) -> ImportSummary:
    catalogue = load_tables()
    with builder(None, folder / f".importing.{os.getpid()}") as engine:
        told = [_with_table(engine, path) for path in files]
        present = find_files(folder).files
        done: list[Imported] = []
        written: list[tuple[Path, Path]] = []
        try:
            for table in dict.fromkeys(file.table for file in told):
                new = [file for file in told if file.table == table]
                old = [file for file in present if file.table == table]
                target = _free_name(folder, table)
                half = folder / f".{target.name}.{os.getpid()}"
                written.append((half, target))
                done.append(_import_table(engine, catalogue[table], new, old, half, target))
            for (half, target), imported in zip(written, done, strict=True):
                if imported.file:
                    half.replace(target)
        finally:
            for half, _ in written:
                half.unlink(missing_ok=True)
    return ImportSummary(folder, tuple(done))


def _free_name(folder: Path, table: str) -> Path:
    """Return a name that no file has: what lies in the folder is never written again."""
    names = (f"{table}.parquet", *(f"{table}.{part}.parquet" for part in range(2, 100_000)))
    return next(folder / name for name in names if not (folder / name).exists())


def _import_table(
    engine: duckdb.DuckDBPyConnection,
    schema: TableSchema,
    new: Sequence[LogFile],
    old: Sequence[LogFile],
    half: Path,
    target: Path,
) -> Imported:
    """Write the rows of `new` that are not among those of `old` into `half`."""
    for name in ("old", "new"):
        create_table(engine, name, schema)
    notes = [note for file in new for note in read_into(engine, "new", file, schema).notes]
    for file in old:
        read_into(engine, "old", file, schema)
    (read,) = engine.execute("SELECT count(*) FROM new").fetchone() or (0,)
    engine.execute("CREATE TABLE added AS SELECT * FROM new EXCEPT ALL SELECT * FROM old")
    (added,) = engine.execute("SELECT count(*) FROM added").fetchone() or (0,)
    columns = ", ".join(_exported(name, schema) for name in schema.columns)
    engine.execute(
        f"COPY (SELECT {columns} FROM added ORDER BY {quoted('TimeGenerated')})"
        f" TO {literal(str(half))} (FORMAT parquet, COMPRESSION zstd)"
    )
    for name in ("old", "new", "added"):
        engine.execute(f"DROP TABLE {name}")
    written = target.name if added or not old else ""
    return Imported(schema.name, written, int(added), int(read) - int(added), tuple(notes))


def _exported(name: str, schema: TableSchema) -> str:
    """Return SQL for a column as it is written: times with their zone, JSON as text."""
    column = quoted(name)
    if schema.columns[name].type == "datetime":
        return f"{column} AT TIME ZONE 'UTC' AS {column}"
    if schema.columns[name].type == "dynamic":
        return f"CAST({column} AS VARCHAR) AS {column}"
    return column


def _with_table(engine: duckdb.DuckDBPyConnection, path: Path) -> LogFile:
    if not path.is_file():
        raise OperatorError("there is no such file; give Parquet, CSV or JSONL files", where=str(path))
    file = log_file(path)
    if file is None:
        raise OperatorError(f"is of no format that can be read; give {ACCEPTED}", where=str(path))
    return file if file.table else replace(file, table=_table_by_type(engine, file))


def _table_by_type(engine: duckdb.DuckDBPyConnection, file: LogFile) -> str:
    """Return the table that a file's `Type` column names throughout."""
    columns = load_tables()["SigninLogs"].columns
    source = open_source(engine, file, ANY_TABLE.model_copy(update={"columns": {"Type": columns["Type"]}}))
    found: list[str] = []
    if "Type" in source.columns:
        query = f"SELECT DISTINCT CAST({source.columns['Type'].sql} AS VARCHAR) FROM {source.relation} LIMIT 5"
        try:
            found = [str(name) for (name,) in engine.execute(query).fetchall() if name]
        except duckdb.Error as error:
            raise unreadable(file, error) from error
    names = {name.casefold(): name for name in load_tables()}
    if len(found) == 1 and found[0].casefold() in names:
        return names[found[0].casefold()]
    raise OperatorError(f"tells no table; name it after one of {', '.join(load_tables())}", where=str(file.path))
