"""From what a model wrote to its answer: JSON found, read strictly, and fitted to the form without guessing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

__all__ = ["Read", "Unusable", "read_answer"]

A = TypeVar("A", bound=BaseModel)

_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)
_FENCE = re.compile(r"```(?:json|JSON)?\s*\n(.*?)(?:\n\s*```|\Z)", re.DOTALL)
_STARTS = 40
"""Places where an object may begin that are tried: text full of braces must not cost its square."""
_ROUNDS = 3
_TOLD = 8


class Unusable(ValueError):
    """Why an answer cannot be used: in words that a model can mend it by, and in a `short` that quotes nothing of it.

    `cut` says that it did not end, `plain` that it held no JSON at all.
    """

    def __init__(self, why: str, short: str, *, cut: bool = False, plain: bool = False) -> None:
        super().__init__(why)
        self.short = short
        self.cut = cut
        self.plain = plain


@dataclass(frozen=True)
class Read(Generic[A]):
    """An answer, and what was left out of it to make it fit."""

    value: A
    dropped: int = 0
    """Items of lists that did not fit the form."""


class _Twice(ValueError):
    """A key that an object holds twice."""


def read_answer(text: str, answer: type[A], *, lenient: bool = False) -> Read[A]:
    """Return the answer that a text holds; raise Unusable where it holds none.

    Unknown fields are left out, missing ones that may be null are null, and what is too long is cut to its bound.
    `lenient` also leaves out the items of lists that do not fit, and counts them.
    """
    values = list(_objects(text))
    if not values:
        raise Unusable("it holds no JSON object", "it is no JSON", plain=True, cut=text.count("{") > text.count("}"))
    fields = set(answer.model_fields)
    best = max(values, key=lambda value: len(fields & value.keys()))
    return _fitted(best, answer, lenient)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a text: it as a whole, else its fenced blocks, else what stands between prose."""
    text = _THOUGHT.sub("", text.removeprefix("\ufeff")).strip()
    whole = _decoded(text)
    if whole is not None:
        yield whole
        return
    fenced = [found for block in _FENCE.findall(text) if (found := _decoded(block.strip())) is not None]
    yield from fenced or _between(text)


def _between(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
    at = text.find("{")
    for _ in range(_STARTS):
        if at < 0:
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except _Twice as twice:
            raise Unusable(str(twice), "its JSON holds a key twice") from None
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(value, dict):
                yield value
        at = text.find("{", end)


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except _Twice as twice:
        raise Unusable(str(twice), "its JSON holds a key twice") from None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"an object holds the key {twice[:60]!r} more than once")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _fitted(value: dict[str, Any], answer: type[A], lenient: bool) -> Read[A]:
    dropped = 0
    for left in range(_ROUNDS, -1, -1):
        try:
            return Read(answer.model_validate_json(json.dumps(value)), dropped)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            mended = sum(_mend(value, fault) for fault in faults)
            if not mended and lenient:
                mended = _leave_out(value, faults)
                dropped += mended
            if not mended or not left:
                raise Unusable(_told(faults), "its JSON does not fit the form") from None
    raise AssertionError("unreachable")


def _mend(value: dict[str, Any], fault: Mapping[str, Any]) -> bool:
    """Mend a fault that leaves no doubt what is meant; return whether it was mended."""
    path = _path(value, fault["loc"])
    if not path:
        return _set_null(value, fault)
    holder, name = path[-1]
    if fault["type"] == "extra_forbidden" and isinstance(holder, dict):
        del holder[name]
    elif fault["type"] in ("string_too_long", "too_long"):
        holder[name] = holder[name][: fault["ctx"]["max_length"]]
    else:
        return fault["type"] == "missing" and _set_null(value, fault)
    return True


def _set_null(value: dict[str, Any], fault: Mapping[str, Any]) -> bool:
    """Put null where a field is missing; a field that may not be null stays a fault."""
    if fault["type"] != "missing":
        return False
    *above, name = fault["loc"]
    path = _path(value, tuple(above))
    holder = path[-1][0][path[-1][1]] if path else value
    if not isinstance(holder, dict) or name in holder:
        return False
    holder[name] = None
    return True


def _leave_out(value: dict[str, Any], faults: list[Any]) -> int:
    """Take out the outermost list item around each fault."""
    gone: dict[int, tuple[list[Any], set[int]]] = {}
    for fault in faults:
        for holder, name in _path(value, fault["loc"]):
            if isinstance(holder, list):
                gone.setdefault(id(holder), (holder, set()))[1].add(name)
                break
    for items, places in gone.values():
        items[:] = [item for n, item in enumerate(items) if n not in places]
    return sum(len(places) for _, places in gone.values())


def _path(value: Any, loc: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Return the steps of a place as (holder, name); names of union members, which pydantic adds, are passed over."""
    steps: list[tuple[Any, Any]] = []
    for name in loc:
        inside = isinstance(value, dict) and name in value
        if inside or (isinstance(value, list) and isinstance(name, int) and name < len(value)):
            steps.append((value, name))
            value = value[name]
    return steps


def _told(faults: list[Any]) -> str:
    lines = [f"{'.'.join(map(str, fault['loc']))[:80]}: {fault['msg'][:160]}" for fault in faults[:_TOLD]]
    more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    return "; ".join(lines) + more
