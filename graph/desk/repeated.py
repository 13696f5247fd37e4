"""The door to a model, through which the same is asked another time."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel

from soc_analyst.tools.models.base import Answer, Asker, Request, Size

__all__ = ["Again"]

A = TypeVar("A", bound=BaseModel)


class Again:
    """An `Asker` whose answers are those of one attempt: an answer to an earlier one is not taken for it."""

    def __init__(self, asker: Asker, attempt: int) -> None:
        self._asker = asker
        self._attempt = attempt

    async def ask(self, request: Request[A]) -> Answer[A]:
        """Return the answer of this attempt."""
        return await self._asker.ask(replace(request, attempt=self._attempt))

    async def size(self, request: Request[A]) -> Size:
        """Return what a request takes and what may be added to it."""
        return await self._asker.size(request)
