"""A folder of logs as a workspace: KQL on a locked-down DuckDB file."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.queries import ApprovedQuery, Diagnostic
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql import EngineRefusal, to_sql

from .base import QueryResult, Survey
from .loading import ABOUT, load_folder
from .reach import require_known_tables
from .results import as_kusto_types
from .volumes import counted

__all__ = ["EmbeddedWorkspace", "connect", "lacking"]

MEMORY = "2GB"
FLUSHED = "1MB"
"""Freed memory that the engine may keep: whole tables are read page by page, and each page frees what it took."""
MOST_THREADS = 8
BATCH = 10_000
"""Rows fetched at a time."""
_opening = threading.Lock()


class EmbeddedWorkspace:
    """A folder of logs, loaded once. Open it with `EmbeddedWorkspace.open`."""

    def __init__(
        self,
        spec: str,
        name: str,
        engine: duckdb.DuckDBPyConnection,
        tables: Mapping[str, TableSchema],
        policy_hash: str,
        now: datetime | None,
    ) -> None:
        self.spec = spec
        self.name = name
        self.tables = tables
        self.lacking: Mapping[str, tuple[str, ...]] = {}
        self._engine = engine
        self._columns = {table: tuple(schema.columns) for table, schema in tables.items()}
        self._policy_hash = policy_hash
        self._running: dict[asyncio.Future[QueryResult], threading.Event] = {}
        notes = engine.execute(f"SELECT note FROM {ABOUT}.notes ORDER BY place").fetchall()
        self.notes = tuple(str(note) for (note,) in notes)
        self._now = now or _after(engine.execute(f"SELECT newest FROM {ABOUT}.clock").fetchall()[0][0])

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        home: Path,
        tables: Mapping[str, TableSchema],
        policy_hash: str,
        now: datetime | None = None,
        spec: str = "",
    ) -> EmbeddedWorkspace:
        """Load the folder if that was not done before, and open what was loaded. Raise OperatorError if it cannot."""

        def opened() -> EmbeddedWorkspace:
            engine = connect(folder, home, tables, policy_hash)
            return cls(spec or str(folder), folder.resolve().name, engine, tables, policy_hash, now)

        return await asyncio.to_thread(opened)

    async def now(self) -> datetime:
        """Return the injected clock, or the whole second after the newest event."""
        return self._now

    async def run(self, query: ApprovedQuery, *, timeout: float) -> QueryResult:  # noqa: ASYNC109 - ends the query itself
        """Run an approved query; past `timeout` seconds it is interrupted and comes back as failed."""
        stop = threading.Event()
        running = asyncio.ensure_future(asyncio.to_thread(self._run, query, timeout, stop))
        self._running[running] = stop
        running.add_done_callback(self._running.pop)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            raise

    def allowance(self, table: str) -> timedelta | None:  # noqa: ARG002 - the same of every table
        """Return None: a folder is as it is."""
        return None

    async def survey(self, tables: Sequence[str], start: datetime, end: datetime) -> Survey:
        """Count the rows of tables in a window."""
        schemas = {name: self.tables[name] for name in tables if name in self.tables}

        def surveyed() -> Survey:
            with self._engine.cursor() as cursor:
                return counted(cursor, schemas, start, end)

        return await asyncio.to_thread(surveyed)

    async def aclose(self) -> None:
        """Stop what still runs, and close the engine."""
        for stop in self._running.values():
            stop.set()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.to_thread(self._engine.close)

    def _run(self, query: ApprovedQuery, timeout: float, stop: threading.Event) -> QueryResult:
        begun = time.monotonic()
        try:
            with self._engine.cursor() as cursor, _interrupted_after(cursor, timeout, stop):
                rows = self._rows(cursor, query)
            elapsed = 1000 * (time.monotonic() - begun)
            return QueryResult.of(as_kusto_types(rows), row_cap=query.row_cap, elapsed_ms=elapsed)
        except Exception as error:  # noqa: BLE001 - whatever the engine raises on a query is a result of that query
            return QueryResult.failed(_why(error, timeout), elapsed_ms=1000 * (time.monotonic() - begun))

    def _rows(self, cursor: duckdb.DuckDBPyConnection, query: ApprovedQuery) -> pa.Table:
        if query.policy_hash != self._policy_hash:
            reason = "the query was approved under another policy than the one this workspace was opened with"
            raise EngineRefusal(Diagnostic(code="other-policy", message=reason, hint="Plan the query again."))
        require_known_tables(query.kql, self.tables)
        sql = to_sql(query.kql, self._columns, self._now)
        relation = cursor.sql(sql.text, params=dict(sql.parameters))
        reader = relation.to_arrow_reader(BATCH)
        batches: list[pa.RecordBatch] = []
        while sum(batch.num_rows for batch in batches) <= query.row_cap:
            try:
                batches.append(_copied(reader.read_next_batch()))
            except StopIteration:
                break
        return pa.Table.from_batches(batches, schema=reader.schema)


def _copied(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Copy a batch of the engine: any column of it that is kept would keep all the others in memory."""
    columns = [pa.concat_arrays([column, column.slice(0, 0)]) for column in batch.columns]
    return pa.record_batch(columns, schema=batch.schema)


def lacking(query: ApprovedQuery, tables: Mapping[str, TableSchema]) -> tuple[Diagnostic, ...]:
    """Return why this engine could not run an approved query on any folder, or nothing.

    The reason has no place: it would be one of the canonical text, not of the text that was given.
    """
    try:
        to_sql(query.kql, {name: tuple(schema.columns) for name, schema in tables.items()}, query.end)
    except EngineRefusal as refusal:
        return (refusal.diagnostic.model_copy(update={"start": 0, "length": 0}),)
    return ()


def connect(folder: Path, home: Path, tables: Mapping[str, TableSchema], policy_hash: str) -> duckdb.DuckDBPyConnection:
    """Load a folder if that was not done before, and open what was loaded, read-only and locked down. Blocks."""
    database = load_folder(folder, home, tables, policy_hash).database
    try:
        return _locked_down(database)
    except duckdb.Error:
        # A damaged cache is nobody's loss: it is made again from the files.
        database.unlink(missing_ok=True)
    database = load_folder(folder, home, tables, policy_hash).database
    try:
        return _locked_down(database)
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:160]
        raise OperatorError(f"cannot be opened ({reason}); remove it and try again", where=str(database)) from error


def _locked_down(database: Path) -> duckdb.DuckDBPyConnection:
    """Open a database that can be read and nothing else: no files, no network, no settings, no spilling to disk."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "memory_limit": MEMORY,
        "threads": str(min(MOST_THREADS, os.cpu_count() or 1)),
        "temp_directory": "",
        "allocator_flush_threshold": FLUSHED,
        "allocator_bulk_deallocation_flush_threshold": FLUSHED,
    }
    # Within one process the engine shares an instance between openings, and the first of them has locked it already.
    with _opening:
        engine = duckdb.connect(str(database), read_only=True, config=config)
        (locked,) = engine.execute("SELECT current_setting('lock_configuration')").fetchone() or (False,)
        if not locked:
            engine.execute("SET GLOBAL TimeZone = 'UTC'")
            engine.execute("SET lock_configuration = true")
    return engine


@contextmanager
def _interrupted_after(cursor: duckdb.DuckDBPyConnection, seconds: float, stop: threading.Event) -> Iterator[None]:
    """Interrupt what the cursor does after so many seconds, or at once when `stop` is set from outside."""
    done = threading.Event()

    def watch() -> None:
        stop.wait(max(seconds, 0.0))
        # Again and again: an interrupt between two statements is forgotten by the engine.
        while not done.is_set():
            cursor.interrupt()
            done.wait(0.02)

    watcher = threading.Thread(target=watch, name="query-watchdog", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        stop.set()
        watcher.join()


def _after(newest: datetime) -> datetime:
    moment = newest.replace(microsecond=0, tzinfo=UTC)
    return moment + timedelta(seconds=1) if moment.year < 9999 else moment


def _why(error: Exception, timeout: float) -> Diagnostic:
    if isinstance(error, EngineRefusal):
        return error.diagnostic
    if isinstance(error, duckdb.InterruptException):
        message = f"the query took longer than {timeout:g} seconds and was stopped"
        return Diagnostic(code="timeout", message=message, hint="Narrow the window or the conditions.")
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        message = f"the query needs more than the {MEMORY} of memory it may use"
        return Diagnostic(code="memory", message=message, hint="Narrow the window, the conditions or the columns.")
    said, hint = next((words for kind, words in _SAID if isinstance(error, kind)), _UNKNOWN)
    return Diagnostic(code="engine-error", message=f"the embedded engine could not run this: {said}", hint=hint)


_UNKNOWN = ("it failed in a way of its own", "Write the query another way.")
_SAID: tuple[tuple[type[Exception], tuple[str, str]], ...] = (
    (
        duckdb.ConversionException,
        ("a value in the rows is not of the type that the query makes of it", "Test the column before you convert it."),
    ),
    (
        duckdb.OutOfRangeException,
        ("a number or a time becomes too large for its type", "Convert to real, or leave out extreme values."),
    ),
    (
        duckdb.InvalidInputException,
        ("a function was given a value that it does not take", "Test the column before you use it."),
    ),
    (
        duckdb.BinderException,
        ("two values in it are of types that do not go together", "Convert one of them, such as with tostring()."),
    ),
    (
        duckdb.IOException,
        ("what was loaded can no longer be read from the disk", "Open the workspace again."),
    ),
)
"""What to say of the engine's errors, whose own words are of another language; the first that fits."""
