"""Chat completions as OpenAI writes them: one JSON body, or server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from .asked import Asked
from .replies import Broken, Called, Delayed, Endless, HttpError, Reply, Said

__all__ = ["DONE", "Played", "body_of", "error_of", "events_of", "models_of", "played"]

Played = Said | Called | HttpError | Broken | Endless | Delayed

DONE = b"data: [DONE]\n\n"
HEAD = {"id": "chatcmpl-scripted", "created": 1_772_600_000}


def played(reply: Reply, asked: Asked) -> Played:
    """Return a reply in the form that was asked for."""
    if isinstance(reply, str):
        return Said(reply)
    if isinstance(reply, BaseModel):
        reply = reply.model_dump(mode="json")
    if isinstance(reply, Mapping):
        return Called(asked.answer, reply) if asked.form == "function" else Said(json.dumps(reply))
    return reply


def body_of(reply: Said | Called, asked: Asked) -> bytes:
    """Return a completion as one body."""
    choice = {"index": 0, "message": {"role": "assistant", **_message(reply)}, "finish_reason": reply.finish}
    usage = {"usage": _usage(reply, asked)} if isinstance(reply, Called) or reply.usage else {}
    return _json({**HEAD, "object": "chat.completion", "model": asked.model, "choices": [choice], **usage})


def events_of(reply: Said | Called, asked: Asked) -> Iterator[bytes]:
    """Yield a completion event by event, the usage last if it was asked for; DONE is the sender's."""
    yield _event(asked, {"role": "assistant", "content": ""})
    for delta in _deltas(reply):
        yield _event(asked, delta)
    yield _event(asked, {}, reply.finish)
    tells = isinstance(reply, Called) or reply.usage
    if tells and (asked.body.get("stream_options") or {}).get("include_usage"):
        yield _data({**HEAD, **_chunk(asked), "choices": [], "usage": _usage(reply, asked)})


def error_of(error: HttpError) -> bytes:
    """Return the body of a refusal."""
    if error.text is not None:
        return error.text.encode()
    told = {"message": error.message, "type": error.type, "param": None, "code": error.code}
    return _json({"error": told})


def models_of(names: tuple[str, ...]) -> bytes:
    """Return the list of models."""
    return _json({"object": "list", "data": [{"id": name, "object": "model", "owned_by": "script"} for name in names]})


def _message(reply: Said | Called) -> dict[str, Any]:
    if isinstance(reply, Called):
        return {"content": None, "tool_calls": [_call(reply)]}
    return {"content": None if reply.refusal else reply.text, "refusal": reply.refusal}


def _call(reply: Called) -> dict[str, Any]:
    given = reply.arguments if isinstance(reply.arguments, str) else json.dumps(reply.arguments)
    return {"id": "call_1", "type": "function", "function": {"name": reply.name, "arguments": given}}


def _deltas(reply: Said | Called) -> Iterator[dict[str, Any]]:
    if isinstance(reply, Said):
        if reply.refusal:
            yield {"refusal": reply.refusal}
        yield from ({"content": piece} for piece in _pieces("" if reply.refusal else reply.text))
        return
    call = _call(reply)
    given = call["function"].pop("arguments")
    yield {"tool_calls": [{"index": 0, **call, "function": {**call["function"], "arguments": ""}}]}
    yield from ({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in _pieces(given))


def _pieces(text: str) -> Iterator[str]:
    size = max(24, len(text) // 64)
    return (text[at : at + size] for at in range(0, len(text), size))


def _event(asked: Asked, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return _data({**HEAD, **_chunk(asked), "choices": choices, "usage": None})


def _chunk(asked: Asked) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "model": asked.model}


def _usage(reply: Said | Called, asked: Asked) -> dict[str, Any]:
    """Return what was used, at four characters a token."""
    said = reply.text if isinstance(reply, Said) else _call(reply)["function"]["arguments"]
    asked_tokens, said_tokens = max(1, len(asked.text) // 4), max(1, len(said) // 4)
    return {
        "prompt_tokens": asked_tokens,
        "completion_tokens": said_tokens,
        "total_tokens": asked_tokens + said_tokens,
        "prompt_tokens_details": {"cached_tokens": min(reply.cached, asked_tokens)},
    }


def _data(value: Mapping[str, Any]) -> bytes:
    return b"data: " + _json(value) + b"\n\n"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
