"""SQLite checkpoints for the command line and for `hunt`; hosts bring their own saver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from .serializing import checkpoint_serializer

__all__ = ["open_checkpoints"]

BUSY_SECONDS = 30.0
"""How long a writer waits for another process."""


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    """Open the checkpoint database, creating it where it is missing."""
    async with aiosqlite.connect(path, timeout=BUSY_SECONDS) as connection:
        yield AsyncSqliteSaver(connection, serde=checkpoint_serializer())
