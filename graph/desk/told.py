"""The door to a model, which tells what each request took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from langgraph.config import get_stream_writer
from pydantic import BaseModel

from soc_analyst.tools.models.base import Answer, Asker, Request, Size

from ..progress import Event
from ..telling import model_answered, model_asked

__all__ = ["Told", "tell_asked"]

A = TypeVar("A", bound=BaseModel)


class Told:
    """An `Asker` that tells whoever streams the run what its requests took."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def ask(self, request: Request[A]) -> Answer[A]:
        """Return the answer."""
        answer = await self._asker.ask(request)
        if answer.calls:
            _writer()(model_answered(request.node, answer.calls))
        return answer

    async def size(self, request: Request[A]) -> Size:
        """Return what a request takes and what may be added to it."""
        return await self._asker.size(request)


def tell_asked(node: str, line: str) -> None:
    """Say what a call will take."""
    _writer()(model_asked(node, line))


def _writer() -> Callable[[Event], None]:
    """Return the way to whoever streams the run; outside of one, as in a replay, to nobody."""
    try:
        return get_stream_writer()
    except RuntimeError:
        return lambda _: None
