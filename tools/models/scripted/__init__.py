"""A shipped model for tests: a script of answers, and a server on this machine that speaks them as OpenAI does."""

from .asked import Asked
from .replies import (
    Broken,
    Called,
    Delayed,
    Endless,
    HttpError,
    Reply,
    Said,
    denied,
    failed,
    filtered,
    not_found,
    out_of_quota,
    rate_headers,
    rate_limited,
    too_long,
    unsupported,
)
from .script import Script, ScriptError, Step
from .server import ScriptedServer

__all__ = [
    "Asked",
    "Broken",
    "Called",
    "Delayed",
    "Endless",
    "HttpError",
    "Reply",
    "Said",
    "Script",
    "ScriptError",
    "ScriptedServer",
    "Step",
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
