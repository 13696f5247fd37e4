"""SQLite checkpoints for the command line and for `hunt`; hosts bring their own saver."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from soc_analyst import state
from soc_analyst.state.base import Value

__all__ = ["CompressedSerializer", "open_checkpoints", "serializer"]

BUSY_SECONDS = 30.0
"""How long a writer waits for another process."""
COMPRESSED = "+zlib"


class CompressedSerializer:
    """Serialize as LangGraph does, and compress: the saver writes the whole state at every step."""

    def __init__(self, inner: JsonPlusSerializer) -> None:
        self.inner = inner

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return the kind and the compressed bytes of a value."""
        kind, content = self.inner.dumps_typed(obj)
        return f"{kind}{COMPRESSED}", zlib.compress(content)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value; one that was written without compression too."""
        kind, content = data
        if kind.endswith(COMPRESSED):
            return self.inner.loads_typed((kind.removesuffix(COMPRESSED), zlib.decompress(content)))
        return self.inner.loads_typed(data)


def serializer() -> CompressedSerializer:
    """Return a serializer that loads the values of a case and no other type of ours."""
    return CompressedSerializer(JsonPlusSerializer(allowed_msgpack_modules=_case_types()))


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    """Open the checkpoint database, creating it where it is missing."""
    async with aiosqlite.connect(path, timeout=BUSY_SECONDS) as connection:
        yield AsyncSqliteSaver(connection, serde=serializer())


def _case_types() -> list[type]:
    modules = (import_module(f"{state.__name__}.{found.name}") for found in iter_modules(state.__path__))
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Value) and kind is not Value
    ]
