"""What a scripted model can reply: an answer, or one of the faults that real servers show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

__all__ = [
    "Broken",
    "Called",
    "Delayed",
    "Endless",
    "HttpError",
    "Reply",
    "Said",
    "denied",
    "failed",
    "filtered",
    "not_found",
    "out_of_quota",
    "rate_headers",
    "rate_limited",
    "too_long",
    "unsupported",
]


@dataclass(frozen=True)
class Said:
    """A text, word for word, whatever form was asked for."""

    text: str = ""
    finish: Literal["stop", "length", "content_filter"] = "stop"
    refusal: str | None = None
    cached: int = 0
    """Of the input tokens, those that are said to have been cached."""
    usage: bool = True
    """Whether the server tells what was used."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Called:
    """A call of a function, also of one that was never offered; `arguments` as text is sent as it is."""

    name: str
    arguments: Mapping[str, Any] | str
    cached: int = 0
    finish: Literal["tool_calls", "length"] = "tool_calls"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HttpError:
    """A refusal by status; `text` instead of a JSON error where one is given, as proxies do it."""

    status: int
    code: str | None = None
    message: str = "The request failed."
    type: str = "invalid_request_error"
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """A fault below the protocol.

    `reset` closes the connection hard, `cut` ends in the middle of the answer, `malformed` sends broken JSON, `html` a
    web page with status 200, `empty` no body, `foreign` JSON that is no completion.
    """

    kind: Literal["reset", "cut", "malformed", "html", "empty", "foreign"]


@dataclass(frozen=True)
class Endless:
    """A text that repeats `piece` until the client leaves, or up to `size` characters."""

    piece: str = "and so on "
    size: int = 10_000_000


@dataclass(frozen=True)
class Delayed:
    """Another reply, after so many seconds; before its headers, or before its last pieces where `late` says so."""

    seconds: float
    then: Said | Called | HttpError = Said("{}")
    late: bool = False


Reply = BaseModel | Mapping[str, Any] | str | Said | Called | HttpError | Broken | Endless | Delayed
"""A value or mapping is put into the form that was asked for; a bare text is said as it is."""


def rate_limited(retry_after: float | str | None = 1, **headers: str) -> HttpError:
    """Return a 429 that passes by itself."""
    told = {} if retry_after is None else {"retry-after": str(retry_after)}
    return HttpError(
        429, "rate_limit_exceeded", "Rate limit reached for requests.", "requests", headers={**told, **headers}
    )


def out_of_quota() -> HttpError:
    """Return a 429 that does not pass by itself."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return HttpError(429, "insufficient_quota", message, "insufficient_quota")


def denied(status: int = 401, message: str = "Incorrect API key provided.") -> HttpError:
    """Return the refusal of a key."""
    return HttpError(status, "invalid_api_key" if status == 401 else "permission_denied", message)


def not_found(model: str = "scripted") -> HttpError:
    """Return what is said of a model that is not there."""
    return HttpError(404, "model_not_found", f"The model '{model}' does not exist.")


def too_long(limit: int = 8192) -> HttpError:
    """Return what is said of a request over the context window."""
    message = f"This model's maximum context length is {limit} tokens. Please reduce the length of the messages."
    return HttpError(400, "context_length_exceeded", message)


def filtered() -> HttpError:
    """Return Azure's refusal of a prompt by its content filter."""
    return HttpError(400, "content_filter", "The response was filtered by the content management policy.")


def unsupported(what: str = "response_format") -> HttpError:
    """Return how a server refuses a parameter that it does not know."""
    return HttpError(400, "unsupported_parameter", f"'{what}' is not supported by this server.")


def failed(status: int = 503) -> HttpError:
    """Return a fault of the server."""
    return HttpError(status, "server_error", "The server is overloaded or not ready yet.", "server_error")


def rate_headers(
    *, requests: tuple[int, int, str] = (500, 499, "120ms"), tokens: tuple[int, int, str] = (200_000, 199_000, "300ms")
) -> dict[str, str]:
    """Return the `x-ratelimit-*` headers for limits given as (limit, what remains, time to reset)."""
    told = {}
    for name, (limit, remaining, reset) in {"requests": requests, "tokens": tokens}.items():
        told[f"x-ratelimit-limit-{name}"] = str(limit)
        told[f"x-ratelimit-remaining-{name}"] = str(remaining)
        told[f"x-ratelimit-reset-{name}"] = reset
    return told
