"""Whether this version can go on from a checkpoint that another one wrote."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from soc_analyst.state.base import Value
from soc_analyst.state.case import CaseState
from soc_analyst.state.errors import OperatorError

__all__ = ["require_readable"]


def require_readable(state: CaseState) -> None:
    """Raise OperatorError where a value lacks what this version needs; what is only unknown here was left out."""
    kept: dict[str, Any] = {**state}
    for channel, kind in _channels().items():
        for value in _each(kept.get(channel)):
            fault = _fault(value, kind)
            if fault:
                raise OperatorError(
                    f"its checkpoint was written by another version ({channel}: {fault}); go on with that version, or "
                    "ask again on a new --thread",
                    where=f"thread {state.get('thread_id', '')}".strip(),
                )


def _each(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        yield from value
    elif value is not None:
        yield value


def _fault(value: object, kind: type[Value]) -> str:
    """Return what is missing; empty for a value as this version makes them."""
    given = dict(value.__dict__) if isinstance(value, kind) else value
    try:
        kind.model_validate(given, extra="ignore")
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc']) or kind.__name__}: {first['msg']}"
    return "" if isinstance(value, kind) else f"holds no {kind.__name__}"


@lru_cache(maxsize=1)
def _channels() -> dict[str, type[Value]]:
    """Return the channels that hold our values, and of which type."""
    found = {name: _value_type(hint) for name, hint in get_type_hints(CaseState).items()}
    return {name: kind for name, kind in found.items() if kind is not None}


def _value_type(hint: Any) -> type[Value] | None:
    if isinstance(hint, type) and issubclass(hint, Value):
        return hint
    inner = (_value_type(part) for part in get_args(hint) if part is not Ellipsis)
    return next((kind for kind in inner if kind is not None), None)
