"""A disk that takes no more ends a run in one line; what was kept before is whole, and the run can be gone on with."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from soc_analyst.state.errors import OperatorError

__all__ = ["stopped_by_disk"]

OF_THE_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EMFILE}
)


@contextmanager
def stopped_by_disk(thread: str) -> Iterator[None]:
    """Raise OperatorError where the disk does not take what is to be kept."""
    try:
        yield
    except sqlite3.Error as error:
        raise _stopped(thread, str(error)) from error
    except OSError as error:
        if error.errno not in OF_THE_DISK:
            raise
        raise _stopped(thread, error.strerror or str(error)) from error


def _stopped(thread: str, why: str) -> OperatorError:
    return OperatorError(
        f"stopped, since the data folder could not be written ({why}); nothing kept is lost: make room, then "
        f"`soc-analyst resume {thread}`",
        where=f"thread {thread}",
    )
