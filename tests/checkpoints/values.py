"""Values of a case made at random, of every type that a checkpoint may hold."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import ValidationError

from soc_analyst.state.base import Value

__all__ = ["values_of"]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
}


@cache
def values_of(kind: type[Value]) -> st.SearchStrategy[Value]:
    """Return a strategy that fills every field of a type, nested values too."""
    fields = {name: _of(field.annotation) for name, field in kind.model_fields.items()}
    return st.fixed_dictionaries(fields).map(lambda given: _made(kind, given)).filter(lambda made: made is not None)


def _made(kind: type[Value], given: dict[str, Any]) -> Any:
    try:
        return kind(**given)
    except ValidationError:
        return None  # values that do not go together, as a type of its own may say


def _of(hint: Any) -> st.SearchStrategy[Any]:
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Value):
        return st.deferred(lambda: values_of(hint))
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is Annotated:
        return _of(inner[0])
    if origin in (Union, UnionType):
        return st.one_of([_of(one) for one in inner])
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(_of(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(_of, inner))
    if origin is dict:
        return st.dictionaries(_of(inner[0]), _of(inner[1]), max_size=2)
    raise TypeError(f"no values are known of {hint}")
