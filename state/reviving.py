"""A case as a host hands it over: as values, or as the plain data that a strict serializer or an edit leaves."""

from __future__ import annotations

from functools import cache
from typing import Any, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

from .case import CaseState
from .errors import OperatorError

__all__ = ["revived"]

NOT_OURS = frozenset({"messages"})
"""Channels whose values are LangChain's to revive."""


def revived(state: CaseState) -> CaseState:
    """Return the case with each value of its type; raise OperatorError where one cannot be."""
    return cast(CaseState, {name: _as_typed(name, value) for name, value in state.items()})


def _as_typed(name: str, value: object) -> object:
    adapter = _adapters().get(name)
    if adapter is None:
        return value
    try:
        return adapter.validate_python(value, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in (name, *first["loc"]))
        raise OperatorError(f"{first['msg']}; edit it into what a case holds", where=f"state {where}") from None


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(CaseState, include_extras=True)
    return {name: TypeAdapter(kind) for name, kind in hints.items() if name not in NOT_OURS}
