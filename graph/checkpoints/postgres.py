"""Postgres checkpoints for several machines: one connection a run, which holds the thread for as long as it lives.

Needs the extra `postgres`; only `opening` imports this, and only where a database is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from soc_analyst.state.errors import OperatorError

from .database import Database
from .serializing import CaseSerializer, Text

__all__ = ["open_postgres"]

CONNECT_SECONDS = 10
SETUP_LOCK = "soc-analyst: making tables"
SETUP_TRIES, SETUP_PAUSE = 300, 0.1
TAKE = "select pg_try_advisory_lock(hashtextextended(%s, 0)) as taken"
LET_GO = "select pg_advisory_unlock(hashtextextended(%s, 0))"

Connection = AsyncConnection[DictRow]


class CaseSaver(AsyncPostgresSaver):
    """LangGraph's saver, except that texts go through the serializer as all other values do.

    LangGraph's own writes them as JSON beside the checkpoint, where they would stand uncompressed and unsealed.
    """

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write a checkpoint."""
        values = {
            name: Text(value) if isinstance(value, str) else value
            for name, value in checkpoint["channel_values"].items()
        }
        boxed: Checkpoint = {**checkpoint, "channel_values": values}
        return await super().aput(config, boxed, metadata, new_versions)


@asynccontextmanager
async def open_postgres(database: Database, thread: str, serializer: CaseSerializer) -> AsyncIterator[CaseSaver]:
    """Open the saver with the thread held: a second run of it is refused, on whatever machine it starts.

    Lock and checkpoints share one connection: a run that lost the lock can write no checkpoint either.
    """
    with _told(database):
        connection = await _connected(database)
    async with connection:
        with _told(database):
            if not await _taken(connection, f"soc-analyst thread {thread}"):
                raise OperatorError(
                    "is running already, here or on another machine; wait for it, or choose another --thread",
                    where=f"thread {thread}",
                )
            saver = CaseSaver(connection, serde=serializer)
            await _set_up(saver, connection)
            yield saver


async def _connected(database: Database) -> Connection:
    return await AsyncConnection.connect(
        database.url,
        autocommit=True,
        prepare_threshold=0,
        row_factory=dict_row,
        connect_timeout=CONNECT_SECONDS,
        fallback_application_name="soc-analyst",
    )


async def _taken(connection: Connection, name: str) -> bool:
    row = await (await connection.execute(TAKE, (name,))).fetchone()
    return bool(row and row["taken"])


async def _set_up(saver: CaseSaver, connection: Connection) -> None:
    """Make the tables where they are missing: one process at a time, and none that needs no right to."""
    if await _is_set_up(saver, connection):
        return
    for _ in range(SETUP_TRIES):
        # Tried again and again rather than waited for: who waits for a lock keeps others from making an index.
        if await _taken(connection, SETUP_LOCK):
            try:
                await saver.setup()
            finally:
                await connection.execute(LET_GO, (SETUP_LOCK,))
            return
        await asyncio.sleep(SETUP_PAUSE)
    raise OperatorError("another process has been making its tables for too long; look at it", where="--checkpoints")


async def _is_set_up(saver: CaseSaver, connection: Connection) -> bool:
    found = await (await connection.execute("select to_regclass('checkpoint_migrations') as name")).fetchone()
    if found is None or found["name"] is None:
        return False
    row = await (await connection.execute("select max(v) as v from checkpoint_migrations")).fetchone()
    return row is not None and row["v"] is not None and row["v"] >= len(saver.MIGRATIONS) - 1


@contextmanager
def _told(database: Database) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise OperatorError(
            f"cannot be used ({why[:300]}); check address, rights and password (PGPASSWORD, ~/.pgpass or "
            "SOC_ANALYST_CHECKPOINTS), or leave the option out for SQLite",
            where=f"checkpoints {database.shown}",
        ) from error
