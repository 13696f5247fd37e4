"""Checkpoints for the command line and for `hunt`: SQLite or Postgres; hosts bring their own saver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.sealing import Seal

from .database import Database
from .serializing import CaseSerializer

__all__ = ["open_checkpoints"]

BUSY_SECONDS = 30.0
"""How long a writer waits for another process."""


@asynccontextmanager
async def open_checkpoints(
    path: Path, *, thread: str = "", database: Database | None = None, seal: Seal | None = None
) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open the checkpoints of a thread: the SQLite file, made where it is missing, or the database if one is named."""
    serializer = CaseSerializer(seal)
    if database is None:
        async with aiosqlite.connect(path, timeout=BUSY_SECONDS) as connection:
            yield AsyncSqliteSaver(connection, serde=serializer)
        return
    try:
        from .postgres import open_postgres
    except ImportError as error:
        raise OperatorError(
            f"needs what is not installed ({error}): pip install 'soc-analyst[postgres]'",
            where=f"checkpoints {database.shown}",
        ) from error
    async with open_postgres(database, thread, serializer) as saver:
        yield saver
