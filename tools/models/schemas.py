"""JSON schemas of answers as providers take them: every field required, nothing beside them, everything bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

__all__ = ["answer_schema", "unbounded"]

Schema = dict[str, Any]

_DROPPED = frozenset({"default", "discriminator", "uniqueItems", "examples"})
_BOUNDS = {"minLength": "at least {} characters", "maxLength": "at most {} characters"}
"""Bounds that not every server knows, and what is told in their place."""
_BY_NAME = frozenset({"properties", "$defs", "patternProperties"})
"""Keywords whose members are named by the user, not by JSON schema."""


@lru_cache(maxsize=128)
def answer_schema(answer: type[BaseModel], *, bounds: bool = True) -> Schema:
    """Return the schema of an answer, one object for all; without `bounds` lengths of strings are told in words.

    Raises ValueError where a text or list has no bound, or an object takes fields of any name: a model would not end.
    """
    schema = answer.model_json_schema()
    if open_ends := tuple(unbounded(schema)):
        raise ValueError(f"the answer {answer.__name__} has no bound at {', '.join(open_ends[:5])}")
    strict = _strict(schema, bounds)
    assert isinstance(strict, dict)
    return strict


def unbounded(schema: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Yield the places of a schema where an answer may go on for ever."""
    kind = schema.get("type")
    closed = "enum" in schema or "const" in schema
    if kind == "string" and not closed and not schema.keys() & {"maxLength", "format"}:
        yield at or "the answer"
    if kind == "array" and "maxItems" not in schema:
        yield at or "the answer"
    if kind == "object" and "properties" not in schema and not closed:
        yield at or "the answer"
    for name, one in _members(schema):
        yield from unbounded(one, f"{at}.{name}".lstrip("."))


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for keyword, value in schema.items():
        if keyword in _BY_NAME:
            yield from value.items()
        elif keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
            yield from ((keyword, one) for one in value)
        elif keyword == "items" and isinstance(value, Mapping):
            yield "items", value


def _strict(node: object, bounds: bool) -> object:
    if isinstance(node, list):
        return [_strict(one, bounds) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    kept: Schema = {_spelled(name): _inner(name, value, bounds) for name, value in node.items() if _is_kept(name, node)}
    if kept.get("type") == "object":
        kept["additionalProperties"] = False
        kept["required"] = list(kept.get("properties", {}))
    return kept if bounds else _in_words(kept)


def _is_kept(name: str, node: Schema) -> bool:
    return name not in _DROPPED and not (name == "title" and isinstance(node[name], str))


def _spelled(name: str) -> str:
    return "anyOf" if name == "oneOf" else name


def _inner(name: str, value: object, bounds: bool) -> object:
    if name in _BY_NAME and isinstance(value, dict):
        return {own: _strict(one, bounds) for own, one in value.items()}
    return value if name in ("enum", "const", "required") else _strict(value, bounds)


def _in_words(schema: Schema) -> Schema:
    told = [words.format(schema[name]) for name, words in _BOUNDS.items() if name in schema]
    if not told:
        return schema
    kept = {name: value for name, value in schema.items() if name not in _BOUNDS}
    return {**kept, "description": " ".join([*filter(None, [schema.get("description")]), f"({', '.join(told)})"])}
