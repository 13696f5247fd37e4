"""How an answer is asked for: by JSON schema, by the call of a function, or in plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from .base import Form
from .candidates import facts
from .schemas import answer_schema
from .spec import ModelSpec
from .troubles import Trouble

__all__ = ["Manner", "Way", "first_manner", "instructions", "learned", "options", "output_of"]

Way = Literal["schema", "function", "json", "text"]
"""`json` asks for any JSON object and `text` for nothing at all; both carry the schema in words."""

_OPTIONAL = ("stream_options", "stream", "max_completion_tokens", "max_tokens", "temperature", "prompt_cache_key",
             "parallel_tool_calls", "strict")  # fmt: skip
_OF_FORM = frozenset({"json_schema", "response_format", "grammar", "schema", "tool_choice", "tools", "functions"})
_CAPABILITY: Mapping[Way, str] = {"schema": "structured", "function": "tools"}
REASONING = 8_000
"""Tokens that a model that reasons gets on top of those of its answer."""


@dataclass(frozen=True)
class Manner:
    """What a server takes, as far as it is known: the forms that are left to try, what it refused, how it is sent."""

    ways: tuple[Way, ...]
    refused: frozenset[str] = frozenset()
    bounds: bool = True

    @property
    def way(self) -> Way:
        """Return the form in use."""
        return self.ways[0]

    @property
    def streams(self) -> bool:
        """Return whether the answer is read as it is written."""
        return "stream" not in self.refused

    def next_way(self) -> Manner | None:
        """Return the manner with the next form, None where none is left."""
        return replace(self, ways=self.ways[1:]) if len(self.ways) > 1 else None

    def without(self, name: str) -> Manner:
        """Return the manner without a parameter."""
        return replace(self, refused=self.refused | {name})


def first_manner(spec: ModelSpec, preferred: Form) -> Manner:
    """Return how to begin with a model: by what the catalogue says it can, else each form in turn."""
    model = facts(spec)
    forms: tuple[Way, ...] = ("schema", "function") if preferred == "schema" else ("function", "schema")
    if model is None:
        return Manner((*forms, "json", "text"), bounds=spec.kind != "azure")
    able = tuple(way for way in forms if _CAPABILITY[way] in model.can)
    return Manner((*able, "json"), bounds=spec.kind != "azure")


def learned(manner: Manner, trouble: Trouble) -> Manner | None:
    """Return how to ask again after a refusal, or None where asking otherwise would not help."""
    if trouble.kind != "rejected":
        return None
    for name in trouble.names:
        if name in _OPTIONAL and name not in manner.refused:
            return manner.without(name)
        if name in _OF_FORM:
            return replace(manner, bounds=False) if manner.bounds and manner.way != "json" else manner.next_way()
    return manner.next_way()


def options(
    spec: ModelSpec, manner: Manner, answer: type[BaseModel], *, most: int, cache_key: str = ""
) -> dict[str, Any]:
    """Return the parameters of a call; `most` is the tokens that the answer may take, reasoning among them."""
    body: dict[str, Any] = {}
    body["max_tokens" if spec.kind == "server" else "max_completion_tokens"] = most
    if not _reasons(spec):
        body["temperature"] = 0
    if spec.kind == "openai" and cache_key:
        body["prompt_cache_key"] = cache_key
    body |= _form(manner, answer)
    body = {name: value for name, value in body.items() if name not in manner.refused}
    plain: dict[str, Any] = {"extra_body": body}
    if "stream_options" in manner.refused:
        plain["stream_usage"] = False
    return plain


def output_of(spec: ModelSpec, wanted: int) -> int:
    """Return the tokens that an answer may take of a model: those wanted, room to reason, no more than it can."""
    model = facts(spec)
    room = REASONING if _reasons(spec) else 0
    return wanted + room if model is None else min(wanted + room, model.output)


def instructions(manner: Manner, answer: type[BaseModel]) -> str:
    """Return what the request says of its form where the server is not told it otherwise."""
    if manner.way in ("schema", "function"):
        return ""
    schema = json.dumps(answer_schema(answer), ensure_ascii=False, separators=(",", ":"))
    return f"\n\nAnswer with one JSON object that obeys this JSON schema, and with nothing else:\n{schema}"


def _form(manner: Manner, answer: type[BaseModel]) -> Mapping[str, Any]:
    if manner.way == "text":
        return {}
    if manner.way == "json":
        return {"response_format": {"type": "json_object"}}
    schema = answer_schema(answer, bounds=manner.bounds)
    strict = {} if "strict" in manner.refused else {"strict": True}
    name, told = answer.__name__, (answer.__doc__ or "").strip().partition("\n")[0]
    if manner.way == "schema":
        return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": schema, **strict}}}
    function = {"name": name, "description": told, "parameters": schema, **strict}
    chosen = {"type": "function", "function": {"name": name}}
    return {"tools": [{"type": "function", "function": function}], "tool_choice": chosen, "parallel_tool_calls": False}


def _reasons(spec: ModelSpec) -> bool:
    """Return whether a model may reason and refuse a temperature: a deployment of any name on Azure may."""
    model = facts(spec)
    if model is None:
        return spec.kind == "azure"
    return "reasoning" in model.can
