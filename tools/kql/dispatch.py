"""Methods with one body for each kind of node."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any, Generic, TypeVar

__all__ = ["by_kind"]

Given = TypeVar("Given")
Made = TypeVar("Made")


class by_kind(Generic[Given, Made]):
    """Choose a method's body by the class of its argument; `register` adds one for the class it is annotated with.

    As `functools.singledispatchmethod` does, which builds a wrapper at every access: half of the time of rendering.
    """

    def __init__(self, body: Callable[[Any, Given], Made]) -> None:
        self.register = (bodies := singledispatch(body)).register
        self._dispatch = bodies.dispatch
        self._known: dict[type, Callable[[Any, Given], Made]] = {}

    def __get__(self, owner: object, _: type) -> Callable[[Given], Made]:
        known = self._known

        def call(given: Given) -> Made:
            kind = type(given)
            body = known.get(kind)
            if body is None:
                body = known[kind] = self._dispatch(kind)
            return body(owner, given)

        return call
