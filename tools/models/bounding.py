"""A body that is read up to a bound."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from .troubles import ForeignAnswer

__all__ = ["Bounded"]


class Bounded(httpx2.AsyncByteStream):
    """Pass a body on and raise ForeignAnswer where it is longer than `most` bytes."""

    def __init__(self, body: httpx2.SyncByteStream | httpx2.AsyncByteStream, most: int) -> None:
        assert isinstance(body, httpx2.AsyncByteStream)
        self._body = body
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for piece in self._body:
            left -= len(piece)
            if left < 0:
                raise ForeignAnswer(f"its answer is longer than {self._most // 1_000_000} MB")
            yield piece

    async def aclose(self) -> None:
        """Close the connection's side of it."""
        await self._body.aclose()
