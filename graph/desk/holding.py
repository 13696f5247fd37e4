"""One run of a case at a time within a data folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from filelock import FileLock, Timeout

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.records.cases import CaseFolder
from soc_analyst.tools.records.folder import DataDir

__all__ = ["alone"]


@asynccontextmanager
async def alone(thread: str, data: DataDir) -> AsyncIterator[None]:
    """Keep a second run off the thread; the folder of the case is there within."""
    locking = asyncio.ensure_future(asyncio.to_thread(_locked, thread, data))
    try:
        lock = await asyncio.shield(locking)
    except asyncio.CancelledError:
        locking.add_done_callback(_let_go)
        raise
    try:
        yield
    finally:
        await asyncio.shield(asyncio.to_thread(lock.release))


def _let_go(locking: asyncio.Future[FileLock]) -> None:
    """Release the lock of a run that was called off while the lock was taken."""
    if not locking.cancelled() and locking.exception() is None:
        locking.result().release()


def _locked(thread: str, data: DataDir) -> FileLock:
    folder = CaseFolder(data.ready().case(thread))
    folder.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.lock, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise OperatorError(
            "is running already; wait for it, or choose another --thread", where=f"thread {thread}"
        ) from None
    return lock
