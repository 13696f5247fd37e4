"""The serializer of checkpoints: the values of a case and nothing else of ours, compressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from soc_analyst import state
from soc_analyst.state.base import Value
from soc_analyst.tools.sealing import Seal, closed, opened

__all__ = ["CaseSerializer", "Text", "case_types", "checkpoint_serializer"]

COMPRESSED = "+zlib"
NAME = "checkpoint"
"""What the content of a checkpoint is sealed under, with its kind."""


@dataclass(frozen=True)
class Text:
    """A text that a saver is to hand to the serializer, where it would write a plain one itself."""

    value: str


class CaseSerializer(JsonPlusSerializer):
    """Serialize as LangGraph does, and compress: a saver may write the whole state at every step.

    Types that are not on the list are never made, whether LANGGRAPH_STRICT_MSGPACK is set or not.
    """

    def __init__(self, seal: Seal | None = None) -> None:
        super().__init__(allowed_msgpack_modules=case_types())
        self._seal = seal

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return the kind and the bytes of a value: compressed, and sealed where there is a key."""
        kind, content = super().dumps_typed(obj.value if isinstance(obj, Text) else obj)
        kind, content = f"{kind}{COMPRESSED}", zlib.compress(content)
        return kind, closed(content, f"{NAME} {kind}", self._seal)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value; one that was written without compression or before there was a key, too."""
        kind, content = data[0], opened(data[1], f"{NAME} {data[0]}", self._seal)
        if kind.endswith(COMPRESSED):
            return super().loads_typed((kind.removesuffix(COMPRESSED), zlib.decompress(content)))
        return super().loads_typed((kind, content))


def checkpoint_serializer(key: bytes | None = None) -> JsonPlusSerializer:
    """Return a serializer for a host's own saver: `SomeSaver(…, serde=checkpoint_serializer())`.

    With a key of 32 bytes all that it writes is sealed.
    """
    return CaseSerializer(None if key is None else Seal(key))


@lru_cache(maxsize=1)
def case_types() -> tuple[type[Value], ...]:
    """Return all types that a checkpoint of a case may hold, besides those of LangGraph and of Python."""
    modules = (import_module(f"{state.__name__}.{found.name}") for found in iter_modules(state.__path__))
    return tuple(dict.fromkeys(kind for module in modules for kind in _values(vars(module))))


def _values(names: dict[str, Any]) -> Iterator[type[Value]]:
    for kind in names.values():
        if isinstance(kind, type) and issubclass(kind, Value) and kind is not Value:
            yield kind
