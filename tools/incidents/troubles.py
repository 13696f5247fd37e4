"""What it means when Azure Resource Manager does not do what was asked, in our words; no secret is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)

from soc_analyst.state.errors import BackendDenied, SocAnalystError, UnreachableError
from soc_analyst.tools.records.safe_text import inert

from .manager import Answer
from .target import Target

__all__ = ["Trouble", "is_absent", "of_answer", "of_exception"]

ROLE = "Microsoft Sentinel Responder"
_ACTION = re.compile(r"perform action '([\w./*-]{1,120})'")
_SECRET = re.compile(r"(?i)(bearer |secret|password|token)\S*[=: ]+\S+")
_TRIED = re.compile(r"(?m)^\s+(\w+)Credential: ")
_LONGEST = 200
_NO_GROUP = frozenset({"resourcegroupnotfound", "subscriptionnotfound", "invalidsubscriptionid"})
_NO_PLACE = _NO_GROUP | {
    "parentresourcenotfound", "workspacenotfound", "resourcenotfound", "missingsubscriptionregistration",
    "noregisteredproviderfound", "subscriptionnotregistered",
}  # fmt: skip
"""Codes of Azure Resource Manager (lower case) that say what lies above an incident is not there."""


@dataclass(frozen=True)
class Trouble:
    """Why something was not done, what to do about it, and whether it may have been done all the same."""

    message: str
    hint: str
    denied: bool = False
    unsure: bool = False
    """The request was sent and no answer came: whether it was done is not known."""

    def as_error(self, so_far: str = "") -> SocAnalystError:
        """Return the error to raise; `so_far` says what was written."""
        told = "; ".join(filter(None, (self.message, so_far, self.hint)))
        return BackendDenied(told) if self.denied else UnreachableError(told)


def of_exception(error: AzureError) -> Trouble:
    """Return what an exception of the client means."""
    if isinstance(error, ClientAuthenticationError):
        tried = ", ".join(dict.fromkeys(_TRIED.findall(str(error)))) or _line(str(error))
        return Trouble(
            f"no credential of this machine gave a token (tried {tried})",
            "run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
            denied=True,
        )
    if isinstance(error, ServiceRequestError):
        return Trouble(
            f"Azure Resource Manager could not be reached ({_line(str(error))})",
            "check the network, the proxy and SOC_ANALYST_MANAGEMENT_ENDPOINT",
        )
    if isinstance(error, ServiceResponseError | IncompleteReadError):
        return Trouble(f"no answer came ({_line(str(error))})", AGAIN, unsure=True)
    return Trouble(f"what came back is no answer of Azure Resource Manager ({_line(str(error))})", AGAIN, unsure=True)


AGAIN = "run the same command again: it finds what is there and adds what is missing"


def is_absent(answer: Answer) -> bool:
    """Return whether a resource is not there.

    Services tell that in several ways, some without a body; whether what it would be in is there, creating it tells.
    """
    code, _ = _error(answer.body)
    return answer.status == 404 and code.lower() not in _NO_GROUP


def of_answer(answer: Answer, target: Target) -> Trouble:
    """Return what an answer means that is not the one hoped for."""
    code, text = _error(answer.body)
    status = answer.status
    if status < 400 or (not answer.is_object and status not in _EVEN_BARE):
        what = f"status {status}" if status != 200 else "status 200 without what was asked for"
        return Trouble(f"something that is not Azure Resource Manager answered with {what}", PROXY, unsure=status < 400)
    if "not onboarded" in text.lower() or "not registered to 'microsoft.securityinsights'" in text.lower():
        return Trouble(
            f"the workspace {target.name} is not onboarded to Microsoft Sentinel",
            "add Microsoft Sentinel to it, or name another with --incident-workspace",
        )
    if status in (401, 403):
        return _denied(status, code, text, target)
    if status == 404 or code.lower() in _NO_PLACE:
        return Trouble(
            f"there is no workspace {target.name} with Microsoft Sentinel in resource group {target.group} of "
            f"subscription {target.subscription} ({code or 'NotFound'})",
            "check --incident-workspace, and that the tenant signed in to is its own",
        )
    return _of_status(status, f"{code}: {_line(text)}".strip(": ") or "no reason given", answer.retry_after)


_EVEN_BARE = frozenset({401, 403, 404, 408, 409, 412, 429, 500, 502, 503, 504})
"""Statuses that mean what they say also where no JSON comes along."""
PROXY = "check the proxy and SOC_ANALYST_MANAGEMENT_ENDPOINT"


def _denied(status: int, code: str, text: str, target: Target) -> Trouble:
    if status == 401:
        return Trouble(
            "Azure Resource Manager does not take this credential's token",
            "sign in to the workspace's own tenant and cloud (`az login --tenant …`)",
            denied=True,
        )
    action = _ACTION.search(text)
    what = action[1] if action else "write incidents"
    if code and code not in ("AuthorizationFailed", "LinkedAuthorizationFailed", "Forbidden"):
        return Trouble(f"Azure refuses it ({code}: {_line(text)})", "ask whoever runs the subscription", denied=True)
    return Trouble(
        f"this credential may not {f'do {what}' if action else what} in workspace {target.name}",
        f"ask for the role {ROLE} on the workspace or on its resource group {target.group}",
        denied=True,
    )


def _of_status(status: int, said: str, retry_after: str) -> Trouble:
    if status == 429:
        wait = f"{retry_after} seconds" if retry_after.isdigit() else "a few minutes"
        return Trouble("Azure Resource Manager takes no more requests for now", f"run it again in {wait}")
    if status in (408, 500, 502, 503, 504):
        return Trouble(f"Microsoft Sentinel failed with status {status} ({said})", AGAIN, unsure=True)
    if status in (409, 412):
        return Trouble(f"Microsoft Sentinel sees a conflict ({said})", AGAIN)
    return Trouble(f"Microsoft Sentinel does not take it (status {status}, {said})", "nothing can be done from here")


def _error(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return code and message of an error, of the innermost where one is told as JSON inside another."""
    error = body.get("error")
    if not isinstance(error, dict):
        return str(body.get("code") or ""), str(body.get("message") or "")
    code, text = str(error.get("code") or ""), str(error.get("message") or "")
    try:
        inner = json.loads(text)
    except ValueError:
        return code, text
    return _error(inner) if isinstance(inner, dict) and inner else (code, text)


def _line(text: str) -> str:
    """Return a text as one short line; what looks like a token or a secret is left out."""
    line = _SECRET.sub(r"\1…", " ".join(inert(text).split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
