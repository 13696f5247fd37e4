"""What the service and the way to it say when a query does not come back, in our words; no secret is in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.monitor.query import LogsQueryError

from soc_analyst.state.queries import Diagnostic
from soc_analyst.tools.secrets import without_secrets

from .connecting import why_unreached
from .refusals import SIGN_IN, why_not_signed_in
from .signing_in import NotSignedIn
from .words import CLOCK, FIND_ID, GRANT, OTHER_CLOUD, TAKES_NO_TOKEN, other_tenant

__all__ = ["ForeignAnswer", "Trouble", "is_transient", "of_error", "of_exception", "of_told", "passes", "retry_after"]

Trouble = Literal[
    "throttled", "no-credential", "denied", "no-workspace", "no-table", "no-column", "wrong-query", "timeout",
    "too-large", "memory", "incomplete", "unreachable", "server", "foreign-answer",
]  # fmt: skip

HINTS: Mapping[Trouble, str] = {
    "throttled": "Wait a minute, or ask fewer and narrower questions at once.",
    "no-credential": SIGN_IN,
    "denied": GRANT,
    "no-workspace": f"Check the Workspace ID (not the name) and the cloud's endpoint. {FIND_ID}",
    "no-table": "The workspace does not collect this table; connect its data source in Microsoft Sentinel.",
    "no-column": "The workspace's table has no such column.",
    "wrong-query": "Write the query another way.",
    "timeout": "Narrow the window or the conditions.",
    "too-large": "Narrow the window, the conditions or the columns.",
    "memory": "Narrow the window, the conditions or the columns.",
    "incomplete": "Narrow the window or the conditions.",
    "unreachable": "Check the network, the proxy and the endpoint.",
    "server": "Try again later.",
    "foreign-answer": "Something between here and the service answered, such as a proxy; check the endpoint.",
}
_NO_NAME = re.compile(
    r"(table or column|table|scalar|column)[^']{0,40} expression named '([^']{1,120})'", re.IGNORECASE
)
_TOO_LARGE = re.compile(
    r"E_QUERY_RESULT_SET_TOO_LARGE|0x80DA0003|exceed(?:s|ed)? the (?:set |allowed )?(?:size|record|limit)",
    re.IGNORECASE,
)
_NO_MEMORY = re.compile(r"lacks memory|E_LOW_MEMORY|E_RUNAWAY_QUERY|0x80DA0001|out of memory", re.IGNORECASE)
_OTHER_TENANT = re.compile(
    r"wrong issuer '[^']*?([0-9a-f-]{36})/?'.{0,60}?must match the tenant '[^']*?([0-9a-f-]{36})",
    re.IGNORECASE | re.DOTALL,
)
_OTHER_AUDIENCE = re.compile(r"wrong audience|audience validation failed|audience is invalid", re.IGNORECASE)
_TOKEN_TIME = re.compile(r"access token '?(expiry|not before)", re.IGNORECASE)
_TRIED = re.compile(r"(?m)^\s+(\w+)Credential: ")
_LONGEST = 240


class ForeignAnswer(ValueError):
    """What came back is of a type that the service never sends."""


def of_exception(error: BaseException) -> Diagnostic:
    """Return what an exception of the client means."""
    if isinstance(error, TimeoutError):
        return _told("timeout", "the query took longer than it may")
    if isinstance(error, NotSignedIn):
        return _told("no-credential", *why_not_signed_in(error))
    if isinstance(error, ClientAuthenticationError) and getattr(error, "status_code", None) not in (401, 403):
        tried = ", ".join(dict.fromkeys(_TRIED.findall(str(error)))) or _first_line(str(error))
        return _told("no-credential", f"no credential of this machine gave a token (tried {tried})")
    if isinstance(error, HttpResponseError):
        return _of_response(error)
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return _told("unreachable", *why_unreached(error))
    what = str(error) if isinstance(error, ForeignAnswer) else "it cannot be read"
    return _told("foreign-answer", f"what came back is no answer of Log Analytics ({what})")


def of_error(error: LogsQueryError) -> Diagnostic:
    """Return what the error inside a response means: of a query of a batch, or beside partial rows."""
    told = [_innermost_of(detail) for detail in error.details or ()]
    text = "; ".join(filter(None, told)) or str(error.message or "")
    return _of_token(text) or _of_words(str(error.code or ""), text)


def of_told(told: Mapping[str, Any]) -> Diagnostic:
    """Return what the error means that stands in a response beside the rows."""
    return of_error(LogsQueryError(code=told.get("code"), message=_innermost_of(told), details=told.get("details")))


def passes(error: LogsQueryError) -> bool:
    """Return whether a query of a batch may succeed when it is asked again."""
    return str(error.code or "") in ("ThrottledError", "InternalServerError", "ServiceUnavailableError")


def is_transient(error: BaseException) -> bool:
    """Return whether the same query may succeed when it is asked again as it stands."""
    if isinstance(error, ClientAuthenticationError | TimeoutError):
        return False
    if isinstance(error, HttpResponseError):
        # A body that broke off has the status of its head.
        return error.status_code in (429, 500, 502, 503) or _broke_off(error)
    return isinstance(error, ServiceRequestError | ServiceResponseError)


def retry_after(error: BaseException) -> float | None:
    """Return the seconds that the service asks to wait, if it does."""
    response = getattr(error, "response", None)
    given = response.headers.get("Retry-After") if response is not None else None
    try:
        return max(0.0, float(given)) if given else None
    except ValueError:
        return None


def _broke_off(error: HttpResponseError) -> bool:
    """Return whether the connection ended inside the body; the client tells it so, without a status."""
    return error.status_code in (None, 200) and "not completed" in str(error)


def _of_response(error: HttpResponseError) -> Diagnostic:
    status = error.status_code or 0
    if status in (401, 403) and (told := _of_token(_innermost(error))):
        return told
    if status == 429 and (seconds := retry_after(error)):
        return _told(*_BY_STATUS[429], f"Wait {seconds:,.0f} seconds, as it asks, or ask fewer questions at once.")
    if status == 401:
        return _told(*_BY_STATUS[401], TAKES_NO_TOKEN)
    if status in _BY_STATUS:
        kind, words = _BY_STATUS[status]
        return _told(kind, words)
    if status == 400:
        return _of_words("", _innermost(error))
    if status >= 500:
        return _told("server", f"the service failed with status {status}")
    if _broke_off(error):
        return _told("unreachable", "the answer broke off before its end")
    if status == 200:
        return _told("foreign-answer", "what came back is no answer of Log Analytics")
    return _told("foreign-answer", f"the answer has status {status}, which Log Analytics does not give")


def _of_token(text: str) -> Diagnostic | None:
    """Return what the service says against a token, or None where it says nothing of that kind."""
    if found := _OTHER_TENANT.search(text):
        return _told("denied", *other_tenant(found[1].lower(), found[2].lower()))
    if found := _TOKEN_TIME.search(text):
        when = "is over" if found[1].lower() == "expiry" else "does not hold yet"
        return _told("denied", f"the token {when} by the service's clock", CLOCK)
    if _OTHER_AUDIENCE.search(text):
        return _told("denied", "the token is for another service than the one at this endpoint", OTHER_CLOUD)
    if "access token is invalid" in text.lower():
        return _told(*_BY_STATUS[401], TAKES_NO_TOKEN)
    return None


_BY_STATUS: Mapping[int, tuple[Trouble, str]] = {
    401: ("denied", "the service does not take this credential's token"),
    403: ("denied", "this credential may not read the workspace"),
    404: ("no-workspace", "there is no such workspace at this endpoint"),
    408: ("timeout", "the service gave up on the query"),
    413: ("too-large", "the result is larger than the service gives out"),
    429: ("throttled", "the service takes no more queries for now"),
    504: ("timeout", "the service gave up on the query"),
}


_BY_CODE: Mapping[str, int] = {
    "InvalidTokenError": 401, "InsufficientAccessError": 403, "WorkspaceNotFoundError": 404, "PathNotFoundError": 404,
    "ThrottledError": 429, "GatewayTimeout": 504,
}  # fmt: skip
"""The status that a query of a batch would have had on its own."""


def _of_words(code: str, text: str) -> Diagnostic:
    if code == "InvalidTokenError":
        return _told(*_BY_STATUS[401], TAKES_NO_TOKEN)
    if code in _BY_CODE:
        return _told(*_BY_STATUS[_BY_CODE[code]])
    if code.startswith("InternalServer"):
        return _told("server", f"the service failed ({_first_line(text)})")
    if _TOO_LARGE.search(text):
        return _told("too-large", "the result is larger than the service gives out, so that rows are missing")
    if found := _NO_NAME.search(text):
        kind: Trouble = "no-table" if "table" in found[1].lower() else "no-column"
        what = "table" if kind == "no-table" else "column"
        return _told(kind, f"the workspace has no {what} {found[2]!r}")
    if "throttl" in f"{code} {text}".lower():
        return _told("throttled", "the service takes no more queries for now")
    if "timeout" in f"{code} {text}".lower() or "timed out" in text.lower():
        return _told("timeout", "the service gave up on the query")
    if _NO_MEMORY.search(text):
        return _told("memory", "the query needs more memory than the service gives it")
    if code == "PartialError":
        return _told("incomplete", f"the service says that rows are missing ({_first_line(text)})")
    return _told(
        "wrong-query", f"the service does not take the query ({_first_line(text) or code or 'no reason given'})"
    )


def _innermost_of(detail: Mapping[str, Any]) -> str:
    while detail.get("innererror"):
        detail = detail["innererror"]
    return str(detail.get("message") or "")


def _innermost(error: HttpResponseError) -> str:
    inner = error.error.innererror if error.error is not None else None
    told = _innermost_of(inner) if inner else ""
    return told or str(getattr(error.model, "message", None) or error.message or "")


def _told(kind: Trouble, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code=kind, message=message, hint=hint or HINTS[kind])


def _first_line(text: str) -> str:
    """Return a text as one short line; what looks like a token or a secret is left out."""
    line = without_secrets(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
