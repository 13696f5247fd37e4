"""What can go wrong with a model, what it means, and what to do: one line each, without secrets or text of a server."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

from .limits import Seen, read_headers

if TYPE_CHECKING:
    import openai

__all__ = ["FAULTS", "KINDS", "ForeignAnswer", "Kind", "NoCredential", "Trouble", "TroubleError", "trouble_of"]

Kind = Literal[
    "unreachable", "denied", "missing", "quota", "rate", "too_long", "refused", "malformed", "truncated", "timeout",
    "server", "rejected",
]  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """What a kind of trouble means. `tries` are attempts at one request, `asks` requests until a model is given up."""

    what: str
    advice: str
    tries: int = 1
    asks: int | None = None
    everywhere: bool = False
    """Whether all models of the same provider are in the same trouble."""


KINDS: Mapping[Kind, Meaning] = {
    "unreachable": Meaning(
        "could not be reached", "check the address, that the server runs, and the proxy", 2, 1, True
    ),
    "denied": Meaning("refused the key", "check {key}", 1, 1, True),
    "missing": Meaning("is not there", "check the model's name and whether your account has it", 1, 1),
    "quota": Meaning("has no quota left", "add credit, or choose another --model", 1, 1, True),
    "rate": Meaning("is over its rate limit", "wait, or set --tier to your account's", 5, 2),
    "too_long": Meaning("takes no request of this length", "narrow the question, or choose a larger --model"),
    "refused": Meaning("declined to answer", "word the question otherwise, or choose another --model"),
    "malformed": Meaning("gave no answer that can be used", "choose another --model if it stays so", 1, 3),
    "truncated": Meaning("did not come to an end", "narrow the question, or choose another --model", 1, 3),
    "timeout": Meaning("did not answer in time", "try again, or choose a faster --model", 2, 1),
    "server": Meaning("failed", "try again later", 4, 2),
    "rejected": Meaning("refused the request", "choose another --model, or see the server's log", 1, 2),
}


@dataclass(frozen=True)
class Trouble:
    """One fault. `detail` is of our own words, or the status and code of an answer."""

    kind: Kind
    detail: str = ""
    seen: Seen | None = None
    """What the refusal told of limits and of when to come back."""
    names: tuple[str, ...] = ()
    """The parameters of the request that the refusal names."""
    context: int | None = None
    """The tokens that the model says it takes."""
    foreign: bool = False
    """Whether what came is no answer of a model at all."""

    @property
    def meaning(self) -> Meaning:
        """Return what it means."""
        return KINDS[self.kind]

    @property
    def wait(self) -> float | None:
        """Return the seconds after which the provider wants to be asked again."""
        return self.seen.retry_after if self.seen else None

    def line(self, model: str, key: str) -> str:
        """Return what happened and what to do; `key` names the variable that holds the key."""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{model} {self.meaning.what}{detail}; {self.meaning.advice.format(key=key)}"


class TroubleError(Exception):
    """A trouble on its way to who decides what comes next."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.detail or trouble.kind)
        self.trouble = trouble


class ForeignAnswer(ValueError):
    """What came is no answer of a model: a web page, or more than any answer; the message is for people."""


class NoCredential(Exception):
    """azure-identity found nobody to sign in as."""


FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What reading a hostile answer can raise in the libraries, beside their own errors."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}\Z")
_CONTEXT = re.compile(
    r"(?:context|maximum|n_ctx)[^0-9]{0,60}?(\d{3,9})|(\d{3,9}) (?:tokens )?(?:context|n_ctx)", re.IGNORECASE
)
_TOO_LONG = ("context_length", "context length", "context size", "context window", "prompt is too long",
             "request too large", "exceed the configured limit", "exceed_context_size")  # fmt: skip
_FILTERED = ("content_filter", "content management policy", "responsibleai", "content_policy")
_QUOTA = ("insufficient_quota", "billing", "quota_exceeded", "credit")
_PARAMETERS = ("stream_options", "stream", "max_completion_tokens", "max_tokens", "temperature", "prompt_cache_key",
               "parallel_tool_calls", "strict", "json_schema", "response_format", "grammar", "schema", "tool_choice",
               "tools", "functions")  # fmt: skip


def trouble_of(error: BaseException) -> Trouble:
    """Return what an error of the client libraries means."""
    import httpx2
    import openai

    chain = tuple(_chain(error))
    foreign = next((one for one in chain if isinstance(one, ForeignAnswer)), None)
    if foreign is not None:
        return Trouble("malformed", str(foreign), foreign=True)
    if any(isinstance(one, NoCredential) for one in chain):
        return Trouble("denied", "azure-identity found no credential")
    if isinstance(error, openai.APIStatusError):
        return _by_status(error)
    if any(isinstance(one, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError) for one in chain):
        return Trouble("timeout")
    if any(isinstance(one, openai.APIConnectionError | httpx2.TransportError) for one in chain):
        return _by_connection(chain)
    if isinstance(error, openai.APIError) and error.body is not None:
        return _by_words(error, Trouble("server", _code(error)))
    return Trouble("malformed", "it is not in the form of a chat completion")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.__cause__ or error.__context__, seen + 1


def _by_connection(chain: tuple[BaseException, ...]) -> Trouble:
    import httpx2

    if any(isinstance(one, ssl.SSLError) for one in chain):
        return Trouble("unreachable", "its certificate is not trusted, or it speaks no TLS")
    if any(isinstance(one, httpx2.ProxyError) for one in chain):
        return Trouble("unreachable", "the proxy does not let it through")
    if any(isinstance(one, httpx2.ReadError | httpx2.WriteError | httpx2.RemoteProtocolError) for one in chain):
        return Trouble("server", "the connection broke off")
    return Trouble("unreachable", "no connection")


_BY_STATUS: Mapping[int, Kind] = {
    400: "rejected", 401: "denied", 402: "quota", 403: "denied", 404: "missing", 405: "missing", 407: "unreachable",
    408: "timeout", 409: "server", 413: "too_long", 415: "rejected", 422: "rejected", 429: "rate", 501: "rejected",
}  # fmt: skip


def _by_status(error: openai.APIStatusError) -> Trouble:
    status = error.status_code
    kind = _BY_STATUS.get(status, "server" if status >= 500 else "rejected")
    detail = " ".join(part for part in (str(status), _code(error)) if part)
    trouble = Trouble(kind, detail, _seen(error.response.headers))
    return trouble if kind in ("denied", "unreachable") else _by_words(error, trouble)


def _by_words(error: openai.APIError, trouble: Trouble) -> Trouble:
    """Return the trouble that the code and message of an error name; the message itself goes nowhere."""
    told = f"{error.code} {error.type} {error.message}"[:4000].lower()
    if trouble.kind != "missing" and any(word in told for word in _FILTERED):
        return replace(trouble, kind="refused")
    if any(word in told for word in _TOO_LONG):
        return replace(trouble, kind="too_long", context=_context(told))
    if trouble.kind in ("rate", "server") and any(word in told for word in _QUOTA):
        return replace(trouble, kind="quota")
    if trouble.kind == "server" and "rate_limit" in told:
        return replace(trouble, kind="rate")
    names = tuple(name for name in _PARAMETERS if name in f"{error.param} {told}".lower())
    if names and trouble.kind in ("rejected", "server"):
        return replace(trouble, kind="rejected", names=names)
    return trouble


def _code(error: openai.APIError) -> str:
    code = error.code or error.type or ""
    return (
        code if isinstance(code, str) and _CODE.match(code) and code != str(getattr(error, "status_code", "")) else ""
    )


def _context(told: str) -> int | None:
    found = _CONTEXT.search(told)
    return int(found[1] or found[2]) if found else None


def _seen(headers: Mapping[str, str]) -> Seen:
    """Read the headers of a refusal; a date to come back at is taken against the date that the answer bears."""
    try:
        now = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        now = None
    return read_headers(headers, now=now)
